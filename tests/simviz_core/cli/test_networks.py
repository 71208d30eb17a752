"""`networks` and `inspect`, and the options that choose what of a network is used."""

import json
from pathlib import Path

import pytest
import torch

from simviz_core.cli.main import main
from simviz_core.networks import build_network

NAME = "timm/test_resnet"


def printed(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(words) == 0
    return capsys.readouterr().out


def refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    try:
        status = main(words)
    except SystemExit as stop:
        status = int(stop.code or 0)
    assert status == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    return lines[0]


def test_networks_are_listed_and_searched(capsys: pytest.CaptureFixture[str]) -> None:
    assert len(printed(["networks"], capsys).splitlines()) > 1500
    assert printed(["networks", "lite0"], capsys).splitlines()[0] == "efficientnet_lite0"
    listed = json.loads(printed(["networks", "timm/test_vit.*", "--json", "-"], capsys))
    assert listed == ["timm/test_vit.r160_in1k"]
    assert "no network has a name with 'xyzzy'" in refused(["networks", "xyzzy"], capsys)


def test_a_network_is_inspected(capsys: pytest.CaptureFixture[str]) -> None:
    line, *others = printed(["inspect", NAME, "--random-weights"], capsys).splitlines()
    assert line == "timm test_resnet · 96 channels, 5 × 5 at 160 · average pooling · exact"
    assert any(other.startswith("largest residual ") for other in others)
    assert any("random" in other for other in others), "the weights in use are named"
    found = json.loads(printed(["inspect", NAME, "--random-weights", "--json", "-"], capsys))
    assert (found["verdict"], found["grid"], found["line"]) == ("exact", [5, 5], line)
    assert found["residual"] < 1e-4


def test_the_default_network_is_inspected(capsys: pytest.CaptureFixture[str]) -> None:
    out = printed(["inspect", "efficientnet_lite0", "--pooling", "max", "--size", "320"], capsys)
    assert "EfficientNet-Lite0 · 1,280 channels, 10 × 10 at 320 · max pooling · exact" in out


def test_a_class_token_is_inspected_by_layer(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["inspect", "timm/test_vit", "--random-weights"]
    line, *others = printed(words, capsys).splitlines()
    assert "class token, layer norm · exact, attention as it is, up to" in line
    assert sum(other.startswith("layer ") for other in others) == 6
    found = json.loads(printed([*words, "--json", "-"], capsys))
    assert (found["verdict"], found["pooling"]) == ("frozen", "class_token")
    assert [each["layer"] for each in found["by_layer"]] == [1, 2, 3, 4, 5, 6]
    assert found["remainder"] > 0


def test_what_is_refused_is_one_line_and_json(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["inspect", "timm/pit_ti_224", "--random-weights"]
    assert "its embedding is the class token" in refused(words, capsys)
    assert main([*words, "--json", "-"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["pooling"]) == ("refused", None)
    assert "average" in found["alternatives"]
    assert "7 × 7 tokens" in printed([*words, "--pooling", "average"], capsys)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--network", "alexnet"], "none of efficientnet_lite0, resnet50, vgg16, nor a library's"),
        (["--network", "timm/alexnet"], "timm has no network 'alexnet'"),
        (["--network", NAME, "--size", "12"], "input size 12 cannot be used"),
        (["--network", NAME, "--mean", "1,2"], "'2' is not a number from 0 to 1"),
        (["--network", NAME, "--random-weights", "--layer", "x"], "no layer 'x'; it has conv1"),
        (["--network", "python:os:getcwd"], "would run code when loaded, so it is off"),
        (["--network", "python:os:getcwd", "--allow-code"], "returned str; it should return"),
        (["--pooling", "flatten"], "unknown pooling 'flatten'"),
    ],
)
def test_what_cannot_be_used_is_one_line(
    options: list[str], message: str, demo_rooms: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = [str(demo_rooms / "hotel_00" / f"view_{view}.jpg") for view in (0, 1)]
    assert message in refused(["pair", *images, *options], capsys)


def test_a_pair_is_explained_and_the_settings_are_told(
    demo_rooms: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(3)
    checkpoint = tmp_path / "mine.pth"
    torch.save(build_network(NAME, pretrained=False).state_dict(), checkpoint)
    images = [str(demo_rooms / "hotel_00" / f"view_{view}.jpg") for view in (0, 1)]
    words = ["pair", *images, "--network", NAME, "--checkpoint", str(checkpoint), "--size", "96x64"]
    plain = json.loads(printed([*words, "--json", "-"], capsys))
    assert (plain["network"], plain["size"], plain["tail"]) == (NAME, [96, 64], "auto")
    assert (len(plain["query_map"]), len(plain["query_map"][0])) == (2, 3)
    assert plain["residual"] < 1e-5
    scaled = [*words, "--mean", "0.1,0.2,0.3", "--std", "0.2,0.2,0.2"]
    scaled += ["--interpolation", "nearest"]
    other = json.loads(printed([*scaled, "--json", "-"], capsys))
    assert other["similarity"] != plain["similarity"]
    assert other["preprocessing"]["interpolation"] == "nearest"


def test_a_gallery_is_searched(
    small_gallery: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--network", f"{NAME}+timm/test_convnext", "--random-weights", "--json", "-"]
    query = str(small_gallery / "chairs" / "view_1.png")
    found = json.loads(
        printed(["search", query, "--gallery", str(small_gallery), "--maps", *options], capsys)
    )
    assert len(found["results"]) == 5
    best = found["results"][0]
    assert sum(map(sum, best["query_map"])) == pytest.approx(best["score"], abs=0.1)


def test_a_pair_by_class_tokens_says_so_and_splits_by_layer(
    demo_rooms: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    images = [str(demo_rooms / "hotel_00" / f"view_{view}.jpg") for view in (0, 1)]
    words = ["pair", *images, "--network", "timm/test_vit", "--random-weights"]
    words += ["--compare-poolings", "--pooling", "class_token"]
    found = json.loads(printed([*words, "--json", "-"], capsys))
    assert (found["pooling"], found["label"]) == ("class_token", "attention as it is")
    similarity, cells = found["similarity"], sum(map(sum, found["query_map"]))
    assert cells + found["bias"] == pytest.approx(similarity, abs=1e-5)
    assert found["share_in_no_cell"] == pytest.approx(found["bias"] / similarity)
    split = found["by_layer"]
    assert sum(layer["cells"] for layer in split["layers"]) == pytest.approx(cells, abs=1e-5)
    rest = sum(layer["no_cell"] for layer in split["layers"]) + split["start"] + split["after"]
    assert rest == pytest.approx(found["bias"], abs=1e-5)
    poolings = {each["pooling"]: each for each in found["poolings"]}
    assert list(poolings) == ["class_token", "average", "max", "gem"]
    assert poolings["class_token"]["similarity"] == similarity
    assert poolings["average"]["bias"] == 0
    assert "class token (attention as it is): similarity" in printed(words, capsys)


def test_a_gallery_is_searched_by_class_tokens(
    small_gallery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    query = str(small_gallery / "chairs" / "view_1.png")
    words = ["search", query, "--gallery", str(small_gallery), "--network", "timm/test_vit"]
    words += ["--random-weights", "--maps", "--json", "-"]
    found = json.loads(printed([*words, "--compare-poolings"], capsys))
    assert found["label"] == "attention as it is"
    best = found["results"][0]
    assert len(best["query_map"]) == 10
    assert sum(map(sum, best["query_map"])) != pytest.approx(best["score"], abs=1e-3)
    averages = json.loads(printed([*words, "--pooling", "average"], capsys))["results"]
    assert [each["score"] for each in averages] == pytest.approx(
        [each["score"] for each in found["poolings"][0]["results"]], abs=1e-6
    )
    region = json.loads(printed([*words, "--region", "10,10,60,60"], capsys))["results"][0]
    assert sum(map(sum, region["query_map"])) == pytest.approx(region["score"], abs=1e-4)
