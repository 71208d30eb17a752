"""`--fit` on the commands: what it says, writes, and how it comes back in a command."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from simviz_core.cli.pair import pair_command
from simviz_core.cli.search import search_command
from simviz_core.figures import FigureStyle
from simviz_core.images import CROP, PAD
from simviz_core.networks import network_facts
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import Region

Run = Callable[..., tuple[int, str, str]]
NAME = "efficientnet_lite0"


@pytest.fixture
def pair(small_gallery: Path) -> list[str]:
    return [str(small_gallery / "chairs" / f"view_{number}.png") for number in (1, 2)]


def test_padding_holds_a_part_of_the_score(pair: list[str], run: Run) -> None:
    found = {}
    for fit in ("stretch", "pad", "crop"):
        status, out, err = run("pair", *pair, "--fit", fit, "--json", "-")
        assert (status, err) == (0, "")
        found[fit] = json.loads(out)
        assert found[fit]["fit"] == fit
        total = np.sum(found[fit]["query_map"])
        assert total == pytest.approx(found[fit]["similarity"], abs=1e-5)
    assert len({values["similarity"] for values in found.values()}) == 3
    # 64 × 48 pixels on a square: an eighth above and an eighth below, of seven rows of cells.
    rows = np.array(found["pad"]["query_map"]).sum(1)
    in_padding = rows[0] + rows[-1] - 0.125 * (rows[0] + rows[-1])
    assert found["pad"]["in_padding"]["query"] == pytest.approx(in_padding, abs=1e-6)
    assert "in_padding" not in found["crop"]
    _, out, _ = run("pair", *pair, "--fit", "pad")
    assert "In the padding, on no picture:" in out


def test_regions_are_of_the_original_whatever_the_fit(
    pair: list[str], small_gallery: Path, run: Run
) -> None:
    search = ["search", pair[0], "--gallery", str(small_gallery), "--fit", "crop", "--json", "-"]
    status, _, err = run(*search, "--region=0,0,8,48")
    assert status == 2
    assert "the region lies outside what the network sees of " in err
    assert "view_1.png, columns 11 to 53 and rows 3 to 45 of 64 × 48 pixels" in err
    status, out, err = run(*search, "--region=1,3,21,45", "--maps")
    assert status == 0
    assert "50.0% of the region lies outside what the network sees of the image" in err
    values = json.loads(out)
    assert values["region_note"] in err
    best = values["results"][0]
    assert np.sum(best["match_map"]) == pytest.approx(best["score"], abs=1e-5)
    status, out, _ = run("check", *pair, "--fit", "crop", "--region=1,3,21,45", "--json", "-")
    assert status == 0
    assert json.loads(out)["region_note"] == values["region_note"]


@pytest.mark.parametrize("fit", [PAD, CROP])
def test_a_command_names_the_fit_alone(pair: list[str], fit: str, run: Run) -> None:
    asked = network_facts(NAME).preprocessing.fitted(fit)
    settings = NetworkSettings(NAME, "average", 224, preprocessing=asked)
    command = pair_command(*pair, settings, FigureStyle())
    assert f"--fit {fit}" in command
    assert "--mean" not in command
    assert f"--fit {fit}" in search_command(
        pair[0], "gallery", Region(), settings, FigureStyle(), 3
    )
    words = [word for word in shlex.split(command)[3:] if word not in ("--figure", "pair.png")]
    _, out, _ = run(*words)
    assert json.loads(out)["fit"] == fit
