"""`pair --against`: why one match and not another, as a user calls it."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from simviz_core.cli.pair import pair_command
from simviz_core.figures import FigureStyle
from simviz_core.networks.settings import NetworkSettings

Run = Callable[..., tuple[int, str, str]]
SETTINGS = NetworkSettings("efficientnet_lite0", "average", 224)


@pytest.fixture
def files(small_gallery: Path) -> list[str]:
    return [str(small_gallery / name) for name in ("chairs/view_1.png", "chairs/view_2.png")]


def test_the_contrast_adds_up_to_the_difference_of_two_pairs(
    files: list[str], small_gallery: Path, tmp_path: Path, run: Run
) -> None:
    other = str(small_gallery / "lamps" / "view_1.png")
    figure, arrays = tmp_path / "against.png", tmp_path / "against.npz"
    words = ["pair", *files, "--against", other, "--figure", figure, "--npz", arrays]
    status, out, err = run(*words, "--json", "-")
    assert status == 0, err
    values = json.loads(out)
    found = values["against"]
    alone = json.loads(run("pair", files[0], other, "--json", "-")[1])
    assert found["against_similarity"] == pytest.approx(alone["similarity"], abs=1e-6)
    difference = values["similarity"] - alone["similarity"]
    assert found["difference"] == pytest.approx(difference, abs=1e-6)
    assert np.sum(found["contrast_map"]) + found["constant"] == pytest.approx(difference, abs=1e-5)
    maps = np.subtract(values["query_map"], alone["query_map"])
    np.testing.assert_allclose(found["contrast_map"], maps, atol=1e-6)
    np.testing.assert_allclose(np.load(arrays)["contrast_map"], maps, atol=1e-6)
    assert Image.open(figure).format == "PNG"
    status, out, _ = run("pair", *files, "--against", other)
    assert "is more similar than" in out
    assert f"difference {difference:+.4f}" in out


def test_it_goes_alone_and_says_so(files: list[str], run: Run) -> None:
    status, _, err = run("pair", *files, "--against", files[0], "--compare-poolings")
    assert (status, "--against goes without" in err) == (2, True)
    status, _, err = run("pair", *files, "--against", files[0], "--lost")
    assert (status, "not allowed with" in err) == (2, True)
    status, _, err = run("pair", *files, "--against", "nowhere.png")
    assert (status, "nowhere.png" in err) == (2, True)


def test_the_page_s_command_asks_for_it(files: list[str]) -> None:
    words = shlex.split(pair_command(*files, SETTINGS, FigureStyle(), against="a b.png"))
    assert words[words.index("--against") + 1] == "a b.png"
