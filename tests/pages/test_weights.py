"""The weights in use stand beside the scores that they make, and do not travel on."""

from pathlib import Path

import pytest
import torch
from page_testing import open_page, plain, until_indexed
from streamlit.testing.v1 import AppTest

from simviz_core.networks import build_network

PAIR, SEARCH, REGION = "pages/pair.py", "pages/search.py", "pages/region.py"
NAME, RANDOM = "timm/test_resnet", "random (untrained)"


def in_use(app: AppTest) -> list[str]:
    """The lines on the weights in the page's main part."""
    return [
        plain(caption.value.removeprefix(":material/database: "))
        for caption in app.main.caption
        if caption.value.startswith(":material/database: ")
    ]


def similarity(app: AppTest) -> str:
    return next(metric.value for metric in app.metric if metric.label == "Similarity")


@pytest.fixture(scope="module")
def two_parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint with the weights of the last step and their average."""
    parts = {}
    for seed, name in enumerate(("model", "model_ema"), start=5):
        torch.manual_seed(seed)
        parts[name] = build_network(NAME, pretrained=False).state_dict()
    path = tmp_path_factory.mktemp("weights") / "mine.pth"
    torch.save(parts, path)
    return path


@pytest.fixture
def allowed(two_parts: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SIMVIZ_GALLERIES", str(two_parts.parent))
    return two_parts


@pytest.mark.parametrize("page", [SEARCH, REGION, "pages/classes.py", "pages/features.py"])
def test_every_page_with_scores_names_them(app: AppTest, page: str) -> None:
    app = until_indexed(open_page(app, page, network=NAME, weights=RANDOM))
    assert in_use(app) == ["Random (untrained) weights"]


def test_the_pretrained_ones_are_named_too(app: AppTest) -> None:
    assert in_use(open_page(app, PAIR)) == ["Pretrained weights"]


def test_the_parts_of_a_checkpoint_are_offered(app: AppTest, allowed: Path) -> None:
    app = open_page(app, PAIR, network=NAME, weights=str(allowed))
    (line,) = in_use(app)
    assert line.startswith(f"Weights of {allowed}, model (model_ema would fit, too)")
    of_model = similarity(app)
    box = app.selectbox("checkpoint_part")
    assert (box.value, box.options) == ("model", ["model", "model_ema"])
    box.set_value("model_ema").run()
    (line,) = in_use(app)
    assert line.startswith(f"Weights of {allowed}, model_ema (model would fit, too)")
    assert similarity(app) != of_model
    (command,) = [code.value for code in app.main.code]
    assert "--checkpoint-part model_ema" in command
    app.selectbox("checkpoint_part").set_value("model").run()
    assert similarity(app) == of_model


def test_a_link_names_the_part(app: AppTest, allowed: Path) -> None:
    app = open_page(app, PAIR, network=NAME, weights=str(allowed), checkpoint_part="model_ema")
    assert "model_ema (model would fit, too)" in in_use(app)[0]
    assert not app.warning


def test_a_part_that_is_not_there_is_said(app: AppTest, allowed: Path) -> None:
    app = open_page(app, PAIR, network=NAME, weights=str(allowed), checkpoint_part="teacher")
    (said,) = [plain(warning.value) for warning in app.warning]
    assert "has no part 'teacher' that fits" in said
    assert "model (model_ema would fit, too)" in in_use(app)[0]


def test_weights_do_not_travel_on_to_another_network(app: AppTest, allowed: Path) -> None:
    app = open_page(app, PAIR, network=NAME, weights=str(allowed), checkpoint_part="model_ema")
    app.selectbox("network").set_value("efficientnet_lite0").run()
    assert not app.exception
    assert app.session_state["weights"] == "pretrained"
    assert in_use(app) == ["Pretrained weights"]
    (said,) = [plain(warning.value) for warning in app.warning]
    assert f"{allowed} holds the weights of the network before" in said


def test_random_weights_are_asked_for_of_any_network(app: AppTest) -> None:
    app = open_page(app, PAIR, network=NAME, weights=RANDOM)
    app.selectbox("network").set_value("timm/test_resnet.r160_in1k").run()
    assert in_use(app) == ["Random (untrained) weights"]
    assert not app.warning


def test_files_that_are_not_listed_are_counted(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(101):
        torch.save({"weight": torch.zeros(1)}, tmp_path / f"model_{number:03d}.pth")
    monkeypatch.setenv("SIMVIZ_GALLERIES", str(tmp_path))
    open_page(app, PAIR)
    captions = " ".join(plain(caption.value) for caption in app.sidebar.caption)
    assert "101 checkpoints were found, and the first 100 are listed" in captions
