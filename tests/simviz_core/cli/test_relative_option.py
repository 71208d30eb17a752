"""`--relative-to` and `--lost`, as a user calls them."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from simviz_core.cli.pair import pair_command
from simviz_core.cli.search import search_command
from simviz_core.figures import FigureStyle
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import Region, RelativeTo

Run = Callable[..., tuple[int, str, str]]
SETTINGS = NetworkSettings("efficientnet_lite0", "average", 224)


@pytest.fixture
def files(small_gallery: Path) -> list[str]:
    return [str(small_gallery / "chairs" / f"view_{number}.png") for number in (1, 2)]


@pytest.mark.parametrize("choice", ["mean", "class", "class:lamps", "image:OTHER", "self"])
def test_a_pair_s_maps_add_up_to_the_difference(
    choice: str, files: list[str], small_gallery: Path, tmp_path: Path, run: Run
) -> None:
    choice = choice.replace("OTHER", str(small_gallery / "lamps" / "view_1.png"))
    figure = tmp_path / "pair.png"
    status, out, _ = run(
        "pair", *files, "--relative-to", choice, "--gallery", small_gallery,
        "--figure", figure, "--json", "-",
    )  # fmt: skip
    assert status == 0
    values = json.loads(out)
    relative = values["relative"]
    assert relative["relative_to"] == choice
    for side in ("query", "match"):
        found = relative[side]
        total = np.sum(found["map"]) + found["bias"]
        assert total == pytest.approx(found["difference"], abs=1e-5)
        expected = values["similarity"] - found["reference_similarity"]
        assert found["difference"] == pytest.approx(expected, abs=1e-6)
    assert "Red cells" in relative["colours"]
    standing = values["standing"]
    assert standing["score"] == values["similarity"]
    assert 0 <= standing["same_class_below"] <= 1
    assert standing["gallery"]["pairs_of_one_class"] == 6
    assert Image.open(figure).format == "PNG"


def test_what_needs_a_gallery_says_so(files: list[str], run: Run) -> None:
    status, _, err = run("pair", *files, "--relative-to", "mean")
    assert status == 2
    assert "name one with --gallery" in err
    status, _, err = run("pair", *files, "--relative-to", "median")
    assert status == 2
    assert "write nothing, mean" in err
    status, _, err = run("pair", *files, "--relative-to", "self", "--compare-poolings")
    assert status == 2
    assert "--compare-poolings" in err


def test_what_is_lost_is_shown_and_written(files: list[str], tmp_path: Path, run: Run) -> None:
    figure = tmp_path / "lost.png"
    blocks = ["--partners-of", "query,2,3", "--partners-of", "match,0,0,6,6"]
    status, out, _ = run("pair", *files, "--lost", *blocks, "--figure", figure, "--json", "-")
    values = json.loads(out)
    assert status == 0
    one, everything = values["cells"]
    assert one["lost"] == pytest.approx(values["lost"]["query_map"][2][3], abs=1e-6)
    assert one["without"] == pytest.approx(values["similarity"] - one["lost"], abs=1e-9)
    assert everything["without"] == 0
    assert Image.open(figure).format == "PNG"


def test_a_search_s_maps_are_relative_and_its_ranking_is_not(
    files: list[str], small_gallery: Path, tmp_path: Path, run: Run
) -> None:
    search = ["search", files[0], "--gallery", small_gallery, "--maps", "--json", "-"]
    plain = json.loads(run(*search)[1])
    figure = tmp_path / "search.png"
    status, out, _ = run(*search, "--relative-to", "mean", "--figure", figure)
    assert status == 0
    values = json.loads(out)
    assert [r["path"] for r in values["results"]] == [r["path"] for r in plain["results"]]
    for result, found in zip(values["results"], values["relative"]["results"], strict=True):
        difference = found["query"]["difference"]
        assert np.sum(found["query"]["map"]) == pytest.approx(difference, abs=1e-5)
        assert found["match"]["difference"] == pytest.approx(
            result["score"] - found["match"]["reference_similarity"], abs=1e-5
        )
    assert Image.open(figure).format == "PNG"


def test_a_region_s_json_says_what_the_similarity_would_be_without_it(
    files: list[str], small_gallery: Path, run: Run
) -> None:
    status, out, _ = run(
        "search", files[0], "--gallery", small_gallery, "--region=0,0,30,48", "--maps",
        "--relative-to", "self", "--json", "-",
    )  # fmt: skip
    assert status == 0
    values = json.loads(out)
    for result, found in zip(values["results"], values["relative"]["results"], strict=True):
        assert -1 <= result["similarity_without_region"] <= 1
        assert found["match"] is None
    assert "has no region" in values["relative"]["note"]


def test_the_commands_of_the_pages_ask_for_the_same(files: list[str]) -> None:
    pair = pair_command(
        *files, SETTINGS, FigureStyle(), relative=RelativeTo("class", "a b"), gallery="/g"
    )
    assert {"--relative-to=class:a b", "--gallery", "/g"} <= set(shlex.split(pair))
    assert "--lost" in pair_command(*files, SETTINGS, FigureStyle(), is_lost=True)
    search = search_command(
        files[0], "/g", Region(), SETTINGS, FigureStyle(), 3, relative=RelativeTo("mean")
    )
    assert "--relative-to=mean" in shlex.split(search)


def test_a_fine_region_says_so(files: list[str], small_gallery: Path, run: Run) -> None:
    search = ["search", files[0], "--gallery", small_gallery, "--region=0,0,30,48", "--json", "-"]
    coarse, fine = (json.loads(run(*search, *more)[1]) for more in ([], ["--fine"]))
    assert fine["fine"]["label"] == "gates as they are"
    scores = [[result["score"] for result in values["results"]] for values in (coarse, fine)]
    assert scores[0] != scores[1]
    status, _, err = run("search", files[0], "--gallery", small_gallery, "--fine")
    assert status == 2
    assert "--fine needs a --region" in err
