"""`classmap` and `features`."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from simviz_core.cli.classmap import classmap_command
from simviz_core.cli.features import channels_command, features_command
from simviz_core.figures import FigureStyle
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import RelativeTo

Command = Callable[..., Any]


@pytest.fixture
def options(colour_gallery: Path, tiny_network: str) -> list[str]:
    return ["--gallery", str(colour_gallery), "--network", tiny_network]


def values_of(outcome: Any) -> dict[str, Any]:
    assert outcome.status == 0, outcome.err
    return json.loads(outcome.out)


def test_images_of_a_class_with_their_maps(
    run: Command, options: list[str], tmp_path: Path
) -> None:
    words = ["classmap", *options, "--class", "blue", "--contrast", "--figure", tmp_path / "c.png"]
    values = values_of(run(*words, "--json", "-"))
    assert len(values["images"]) == 4
    typicalities = [image["typicality"] for image in values["images"]]
    assert typicalities == sorted(typicalities, reverse=True)
    closest = values["classes"][0]["closest_class"]["label"]
    for image in values["images"]:
        assert image["count"] == 3
        assert np.sum(image["class_map"]) == pytest.approx(image["similarity_sum"], abs=1e-5)
        assert image["contrast"]["against"] == closest
        assert np.sum(image["contrast"]["map"]) == pytest.approx(
            image["contrast"]["difference"], abs=1e-5
        )
    with Image.open(tmp_path / "c.png") as figure:
        assert min(figure.size) > 200
    fewer = values_of(run("classmap", *options, "--class", "blue", "--top", 2, "--skip", 1,
                          "--json", "-"))  # fmt: skip
    assert [i["path"] for i in fewer["images"]] == [i["path"] for i in values["images"][1:3]]


def test_an_image_is_compared_with_its_own_class_or_another(
    run: Command, options: list[str], colour_gallery: Path
) -> None:
    image = colour_gallery / "cyan" / "2.png"
    (own,) = values_of(run("classmap", image, *options, "--json", "-"))["images"]
    assert (own["class"], own["count"]) == ("cyan", 3)
    words = ["classmap", image, *options, "--class", "dun", "--against", "fawn", "--json", "-"]
    (other,) = values_of(run(*words))["images"]
    assert (other["class"], other["count"], other["contrast"]["against"]) == ("dun", 4, "fawn")


def test_two_classes_are_contrasted_with_each_other(run: Command, options: list[str]) -> None:
    words = ["classmap", *options, "--class", "dun", "--class", "fawn", "--contrast", "--json", "-"]
    values = values_of(run(*words))
    against = {image["class"]: image["contrast"]["against"] for image in values["images"]}
    assert against == {"dun": "fawn", "fawn": "dun"}


def test_class_maps_relative_to_the_mean_or_to_a_class(
    run: Command, options: list[str], tmp_path: Path
) -> None:
    words = ["classmap", *options, "--class", "dun", "--class", "fawn", "--relative-to"]
    files = ["--figure", tmp_path / "c.png", "--csv", tmp_path / "c.csv", "--json", "-"]
    for image in values_of(run(*words, "mean", *files))["images"]:
        found = image["contrast"]
        assert found["relative_to"] == "mean"
        assert "gallery's 24 images" in found["colours"]
        assert found["difference"] == pytest.approx(
            image["typicality"] - found["reference_similarity"], abs=1e-6
        )
        assert np.sum(found["map"]) + found["bias"] == pytest.approx(found["difference"], abs=1e-5)
    assert "reference_similarity" in (tmp_path / "c.csv").read_text()
    with Image.open(tmp_path / "c.png") as figure:
        assert min(figure.size) > 200
    one = ["classmap", *options, "--class", "dun"]
    ours, theirs = (
        values_of(run(*one, *asked, "--json", "-"))["images"]
        for asked in (["--relative-to", "class:fawn"], ["--against", "fawn"])
    )
    assert ours == theirs
    assert "minus fawn: map sum" in run(*one, "--against", "fawn").out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "name an image, or a class"),
        (["--class", "dun", "--relative-to", "self"], "cannot be relative to self"),
        (["--class", "dun", "--relative-to", "class:dun"], "is nothing; name another"),
        (["--class", "dun", "--relative-to", "mean", "--contrast"], "goes without --contrast"),
        (["--class", "pink"], "no class 'pink'"),
        (["--class", "dun", "--against", "dun"], "cannot be contrasted with itself"),
        (["--class", "dun", "--class", "dun"], "two different classes"),
        (["--class", "dun", "--skip", "9"], "no more than 9 images"),
    ],
)
def test_what_cannot_be_shown_is_one_line(
    run: Command, options: list[str], words: list[str], message: str
) -> None:
    outcome = run("classmap", *options, *words)
    assert (outcome.status, outcome.out) == (2, "")
    assert message in outcome.err
    assert outcome.err.count("\n") == 1


def test_the_curve_has_its_fields_and_is_repeatable(
    run: Command, options: list[str], tmp_path: Path
) -> None:
    words = ["features", *options, "--pairs", "20", "--seed", "3", "--json", "-"]
    values = values_of(run(*words, "--figure", tmp_path / "f.png"))
    assert values["pairs"] == 20
    assert values["k"] == list(range(1, 17))
    assert values["mean_share"][-1] == pytest.approx(1)
    assert values["mean_share"][9] == values["top10_share"]
    assert len(values["std_share"]) == 16
    assert (tmp_path / "f.png").stat().st_size > 5000
    assert values_of(run(*words)) == values
    words[words.index("--seed") + 1] = "4"
    assert values_of(run(*words))["mean_share"] != values["mean_share"]
    everything = values_of(run("features", *options, "--json", "-"))
    assert everything["pairs"] == everything["possible_pairs"] == 36
    different = values_of(run("features", *options, "--different-classes", "--json", "-"))
    assert different["possible_pairs"] == 15 * 16
    assert "components carry" in run("features", *options).out


def test_channels_of_a_pair(
    run: Command, options: list[str], colour_gallery: Path, tmp_path: Path
) -> None:
    pair = [colour_gallery / "dun" / "0.png", colour_gallery / "dun" / "1.png"]
    words = ["features", *options, "--of-pair", *pair, "--channels", "16", "--json", "-"]
    values = values_of(run(*words, "--figure", tmp_path / "f.png"))
    total = sum(channel["contribution"] for channel in values["channels"])
    assert total == pytest.approx(values["similarity"], abs=1e-5)
    assert (tmp_path / "f.png").stat().st_size > 5000
    assert run(*words[:-2]).out.startswith("channel ")


def test_a_gallery_without_classes_has_no_pairs(
    run: Command, tiny_network: str, colour_gallery: Path
) -> None:
    flat = ["--gallery", colour_gallery / "dun", "--network", tiny_network]
    for words in (["features", *flat], ["features", *flat, "--different-classes"]):
        outcome = run(*words)
        assert outcome.status == 2
        assert "class" in outcome.err
    outcome = run("classmap", *flat, "--class", "dun")
    assert outcome.status == 2
    assert "has no classes" in outcome.err


def test_commands_to_copy() -> None:
    settings = NetworkSettings("vgg16", "max", 320)
    one = shlex.split(
        classmap_command("my g", ["a b"], settings, FigureStyle(), (0, 6), RelativeTo("class", "c"))
    )
    assert one[1:6] == ["-m", "simviz_core", "classmap", "--gallery", "my g"]
    assert {"--class=a b", "--relative-to=class:c"} <= set(one)
    two = shlex.split(
        classmap_command("g", ["a", "b"], settings, FigureStyle(), (6, 6), RelativeTo("class", "b"))
    )
    assert "--contrast" in two
    assert two[two.index("--skip") + 1] == "6"
    curve = shlex.split(features_command("g", settings, 100, 4, same_class=False))
    assert "--different-classes" in curve
    assert curve[curve.index("--seed") + 1] == "4"
    pair = shlex.split(channels_command("a.jpg", "b.jpg", "g", settings, FigureStyle(), 5))
    assert pair[pair.index("--of-pair") + 1 :][:2] == ["a.jpg", "b.jpg"]
