"""Any network on the pages: by name, with a checkpoint, another pooling; and what is refused."""

import io
import json
import re
from pathlib import Path

import pytest
import torch
from page_testing import new_app, open_page, plain, sum_check, until_indexed, uploader
from streamlit.testing.v1 import AppTest

from simviz_core.cli.main import main
from simviz_core.networks import build_network
from simviz_core.networks.engines.in_use import by_torch

COMPARED = ("Average", "Max", "GeM")
PAIR, SEARCH, REGION = "pages/pair.py", "pages/search.py", "pages/region.py"
NAME, RANDOM = "timm/test_resnet", "random (untrained)"


def metric(app: AppTest, label: str) -> str:
    return next(metric.value for metric in app.metric if metric.label == label)


def captions(app: AppTest) -> str:
    return plain("\n".join(caption.value for caption in app.sidebar.caption))


@pytest.fixture
def named(app: AppTest) -> AppTest:
    """The Pair page with an untrained network of timm, entered by a link."""
    return open_page(app, PAIR, network=NAME, weights=RANDOM)


def test_the_network_says_what_was_found(named: AppTest) -> None:
    assert "timm test_resnet · 96 channels, 5 × 5 at 160 · average pooling · exact" in captions(
        named
    )
    assert f"Run by {by_torch('SIMVIZ_ENGINE=torch').line}" in captions(named)
    assert metric(named, "Similarity") == sum_check(named)[0]
    assert sum_check(named)[1] < 1e-5


def test_a_network_is_chosen_from_the_list(app: AppTest) -> None:
    app = open_page(app, PAIR, weights=RANDOM)
    before = metric(app, "Similarity")
    assert "timm/resnet50.a1_in1k" in app.selectbox("network").options
    app.selectbox("network").set_value(f"{NAME}.r160_in1k").run()
    assert not app.exception
    assert "timm test_resnet" in captions(app)
    assert metric(app, "Similarity") != before


def test_the_page_shows_what_the_command_prints(
    named: AppTest, small_gallery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named.get_by_key("own_pooling").set_value("gem").run()
    named.text_input("any_size").set_value("96x64").run()
    assert not named.exception
    assert "2 × 3 at 96x64 · GeM pooling" in captions(named)
    paths = [str(small_gallery / named.session_state[key]) for key in ("query", "match")]
    options = ["--network", NAME, "--random-weights", "--pooling", "gem", "--size", "96x64"]
    assert main(["pair", *paths, *options]) == 0
    assert f"similarity {metric(named, 'Similarity')}" in capsys.readouterr().out
    assert main(["pair", *paths, *options, "--json", "-"]) == 0
    numbers = json.loads(capsys.readouterr().out)
    assert (numbers["network"], numbers["size"]) == (NAME, [96, 64])


def test_other_layers_give_other_cells(named: AppTest) -> None:
    named.text_input("layer").set_value("layer3").run()
    assert not named.exception
    assert "10 × 10 at 160" in captions(named)
    named.text_input("layer").set_value("nowhere").run()
    assert not named.exception
    assert any("no layer" in error.value for error in named.error)


def test_poolings_of_retrieval_say_what_is_as_it_is(
    app: AppTest, small_gallery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app = open_page(app, PAIR, pooling="rmac")
    assert "Exact with the lengths of regions as they are in each image." in captions(app)
    assert metric(app, "Similarity") == sum_check(app)[0]
    paths = [str(small_gallery / app.session_state[key]) for key in ("query", "match")]
    assert main(["pair", *paths, "--pooling", "rmac"]) == 0
    assert f"similarity {metric(app, 'Similarity')}" in capsys.readouterr().out


def test_colours_in_another_order(
    app: AppTest, small_gallery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    app = open_page(app, PAIR, channel_order="bgr")
    blue_first = metric(app, "Similarity")
    paths = [str(small_gallery / app.session_state[key]) for key in ("query", "match")]
    assert main(["pair", *paths, "--channel-order", "bgr"]) == 0
    assert f"similarity {blue_first}" in capsys.readouterr().out
    assert "--channel-order bgr" in app.code[0].value
    app.get_by_key("channel_order").set_value("rgb").run()
    assert not app.exception
    assert metric(app, "Similarity") != blue_first
    assert "--channel-order" not in app.code[0].value


PROGRAM = """
import torch
from torch import nn


class Two(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.early, self.late = nn.Conv2d(3, 8, 16, 16), nn.Conv2d(8, 12, 2, 2)
        self.classes = nn.Linear(20, 5)

    def forward(self, pixels):
        early = self.early(pixels).relu()
        late = self.late(early).relu()
        e = torch.cat([early.mean((2, 3)), late.amax((2, 3))], 1)
        return {"logits": self.classes(e), "feat": e, "other": late.mean((2, 3))}
"""


def test_several_outputs_and_layers(
    app: AppTest,
    small_gallery: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "two_layers_of_mine.py").write_text(PROGRAM)
    monkeypatch.syspath_prepend(tmp_path)
    name = "python:two_layers_of_mine:Two"
    monkeypatch.setenv("SIMVIZ_NETWORKS", name)
    app = open_page(app, PAIR, network=name)
    assert not app.exception
    assert "20 channels, 14 × 14 at 224 · a pooling of its own (mean, amax, cat)" in captions(app)
    assert "of its outputs, 'feat' is taken (logits, other left out)" in captions(app)
    assert metric(app, "Similarity") == sum_check(app)[0]
    app.text_input("output").set_value("other").run()
    assert "12 channels, 7 × 7 at 224 · average pooling" in captions(app)
    paths = [str(small_gallery / app.session_state[key]) for key in ("query", "match")]
    options = ["--network", name, "--allow-code", "--output", "other"]
    assert main(["pair", *paths, *options]) == 0
    assert f"similarity {metric(app, 'Similarity')}" in capsys.readouterr().out
    assert "--output other" in app.code[0].value
    app.text_input("output").set_value("none of them").run()
    assert "it has logits, feat, other" in " ".join(plain(error.value) for error in app.error)


def test_a_refused_network_says_why_and_what_to_choose(app: AppTest) -> None:
    app = open_page(app, PAIR, network="timm/pit_ti_224", weights=RANDOM)
    messages = [error.value for error in app.error]
    assert len(messages) == 2, "beside the choice, and where the maps would be"
    assert all("class token" in message and "choose average" in message for message in messages)
    app.get_by_key("own_pooling").set_value("average").run()
    assert not app.exception
    assert not app.error
    assert "7 × 7 tokens at 224 · average pooling · exact" in captions(app)
    assert metric(app, "Similarity") == sum_check(app)[0]


def test_a_class_token_says_what_lies_in_no_cell_and_by_layer(app: AppTest) -> None:
    app = open_page(app, PAIR, network="timm/test_vit", weights=RANDOM)
    assert not app.exception
    assert not app.error
    assert "class token, layer norm · exact, attention as it is" in captions(app)
    shown = next(plain(c.value) for c in app.main.caption if c.value.startswith("Sum of the map"))
    found = re.search(r"map (-?[\d.]+) \+ in no cell (-?[\d.]+) \((-?\d+)% of", shown)
    assert found is not None
    score = float(metric(app, "Similarity"))
    assert float(found[1]) + float(found[2]) == pytest.approx(score, abs=2e-4)
    assert float(found[3]) == pytest.approx(100 * float(found[2]) / score, abs=1)
    app.get_by_key("by_layer").set_value(True).run()
    assert not app.exception
    by_layer = next(plain(c.value) for c in app.main.caption if c.value.startswith("In cells"))
    assert f"In cells {found[1]}" in by_layer
    app.get_by_key("compare_poolings").set_value(True).run()
    assert not app.exception
    compared = {m.label: m.value for m in app.metric if " · similarity" in m.label}
    assert list(compared) == [f"{name} · similarity" for name in ("Class token", *COMPARED)]
    assert compared["Class token · similarity"] == metric(app, "Similarity")
    assert compared["Average · similarity"] != metric(app, "Similarity")


def test_an_approximation_is_labelled(app: AppTest) -> None:
    app = open_page(app, PAIR, network="torchvision/mobilenet_v3_small", weights=RANDOM)
    assert "'hardswish', which is not affine" in captions(app)
    assert not any("Approximate" in caption.value for caption in app.main.caption)
    app.get_by_key("tail").set_value("keep").run()
    assert not app.exception
    assert "approximate, " in captions(app)
    assert any("Approximate" in caption.value for caption in app.main.caption)


def test_a_gallery_is_searched_with_it(app: AppTest) -> None:
    for page in (SEARCH, REGION):
        app = until_indexed(open_page(app, page, network=NAME, weights=RANDOM))
        assert not app.error
        assert "timm test_resnet" in captions(app)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ("timm/no_such_network", "timm has no network"),
        ("nonsense", "unknown network"),
        ("python:os:getcwd", "would run code when loaded, so it is off"),
        ("file:/etc/passwd", "would run code when loaded, so it is off"),
        ("transformers/nothing", "neither inside the folders that may be opened here"),
    ],
)
def test_names_in_a_link_do_no_harm(app: AppTest, network: str, message: str) -> None:
    app = open_page(app, PAIR, network=network)
    assert any(message in error.value.replace("\\", "") for error in app.error)


def test_sizes_that_are_none_are_named(named: AppTest) -> None:
    named.text_input("any_size").set_value("large").run()
    assert not named.exception
    assert any("no input size" in error.value for error in named.error)


@pytest.fixture
def checkpoint(tmp_path: Path) -> bytes:
    torch.manual_seed(9)
    content = io.BytesIO()
    torch.save(build_network(NAME, pretrained=False).state_dict(), content)
    return content.getvalue()


def test_a_checkpoint_in_an_allowed_folder(
    app: AppTest, checkpoint: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMVIZ_GALLERIES", str(tmp_path))
    path = tmp_path / "mine.pth"
    path.write_bytes(checkpoint)
    app = open_page(app, PAIR, network=NAME, weights=RANDOM)
    before = metric(app, "Similarity")
    assert str(path) in app.selectbox("weights").options
    app.selectbox("weights").set_value(str(path)).run()
    assert not app.exception
    assert metric(app, "Similarity") != before
    assert sum_check(app)[1] < 1e-5


def test_a_checkpoint_elsewhere_is_not_opened(
    app: AppTest, checkpoint: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "allowed").mkdir()
    monkeypatch.setenv("SIMVIZ_GALLERIES", str(tmp_path / "allowed"))
    (tmp_path / "mine.pth").write_bytes(checkpoint)
    app = open_page(app, PAIR, weights=str(tmp_path / "mine.pth"))
    (said,) = [warning.value for warning in app.warning]
    assert "outside the folders that may be opened" in plain(said)
    assert "The pretrained ones are taken" in said
    assert app.session_state["weights"] == "pretrained"


def test_an_uploaded_checkpoint(named: AppTest, checkpoint: bytes) -> None:
    before = metric(named, "Similarity")
    uploader(named, "weights").upload("mine.pth", checkpoint).run()
    assert not named.exception
    uploaded, score = named.session_state["weights"], metric(named, "Similarity")
    assert uploaded.startswith("mine.pth (upload ")
    assert score != before
    exports = next(iter(named.session_state["simviz_exports"].values()))
    numbers = json.loads(exports.content(".json"))
    assert numbers["checkpoint"] == "mine.pth"
    assert "--checkpoint mine.pth " in exports.command
    for text in (exports.command, json.dumps(numbers), *(c.value for c in named.caption)):
        assert "simviz-uploads" not in text, "where it lies is nobody's business"
    uploader(named, "weights").upload("bad.pth", b"not a checkpoint").run()
    assert any("bad.pth" in plain(error.value) for error in named.error)
    assert not any("simviz-uploads" in error.value for error in named.error)
    assert named.session_state["weights"] == uploaded
    other = open_page(new_app(), PAIR, network=NAME, weights=uploaded)
    assert metric(other, "Similarity") == score
    assert uploaded in other.selectbox("weights").options


def test_an_upload_that_is_gone_is_explained(app: AppTest) -> None:
    app = open_page(app, PAIR, weights="mine.pth (upload 0123456789abcdef)")
    assert any("upload it again" in plain(warning.value) for warning in app.warning)


def test_the_default_networks_can_be_cut_and_untrained_too(app: AppTest) -> None:
    app = open_page(app, PAIR, weights=RANDOM, layer="network.blocks.4")
    assert "14 × 14 at 224" in captions(app)
    assert sum_check(app)[1] < 1e-5


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("transformers//etc", "whoever runs SimViz can allow it"),
        ("transformers//no/such/folder", "whoever runs SimViz can allow it"),
        ("transformers/someone/network", "whoever runs SimViz can allow it"),
        ("transformers/~nosuchuser", "there is no folder ~nosuchuser"),
    ],
)
def test_extras_reach_only_what_the_operator_allows(app: AppTest, name: str, message: str) -> None:
    open_page(app, PAIR, network=name)
    assert not app.exception
    assert any(message in plain(error.value) for error in app.error)
