"""`search --also --without --weight`, as a user calls it."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from simviz_core.cli.options.parts import read_part
from simviz_core.cli.search_parts import parts_command
from simviz_core.figures import FigureStyle
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import QueryPart, Region

Run = Callable[..., tuple[int, str, str]]
SETTINGS = NetworkSettings("efficientnet_lite0", "average", 224)


@pytest.fixture
def files(small_gallery: Path) -> list[str]:
    return [str(small_gallery / name) for name in ("chairs/view_1.png", "lamps/view_2.png")]


def test_each_score_is_the_sum_of_what_its_parts_contribute(
    files: list[str], small_gallery: Path, tmp_path: Path, run: Run
) -> None:
    figure = tmp_path / "parts.png"
    search = ["search", files[0], "--gallery", small_gallery, "--region=8,4,40,30"]
    status, out, err = run(
        *search, "--also", f"{files[1]}:0,0,30,48;40,0,64,20;except:10,10,20,20",
        "--without", f"{files[1]}:40,20,64,48", "--weight", "0.5",
        "--maps", "--figure", figure, "--json", "-",
    )  # fmt: skip
    assert status == 0, err
    values = json.loads(out)
    assert [part["weight"] for part in values["parts"]] == [1, 1, -0.5]
    assert values["parts"][1]["excluded_regions"] == [[10, 10, 20, 20]]
    assert values["residual"] < 1e-5
    assert len(values["results"]) == 4, "neither image of the query is found"
    plain = json.loads(run(*search, "--json", "-", "--keep-query")[1])["results"]
    other = ["search", files[1], "--gallery", small_gallery, "--keep-query", "--json", "-"]
    cut = json.loads(run(*other, "--region=40,20,64,48")[1])["results"]
    for result in values["results"]:
        assert sum(result["contributions"]) == pytest.approx(result["score"], abs=1e-5)
        assert np.sum(result["match_map"]) == pytest.approx(result["score"], abs=1e-4)
        (same,) = [each for each in plain if each["path"] == result["path"]]
        assert result["contributions"][0] == pytest.approx(same["score"], abs=1e-5)
        (same,) = [each for each in cut if each["path"] == result["path"]]
        assert result["contributions"][2] == pytest.approx(-0.5 * same["score"], abs=1e-5)
    assert Image.open(figure).format == "PNG"


def test_the_summary_and_the_table_show_the_parts(
    files: list[str], small_gallery: Path, tmp_path: Path, run: Run
) -> None:
    search = ["search", files[0], "--weight=2", "--gallery", small_gallery, "--without", files[1]]
    status, out, _ = run(*search)
    assert status == 0
    assert f"part 1: + 2 × {files[0]}" in out
    assert f"part 2: − 1 × {files[1]}" in out
    assert "is no cosine" in out
    table = tmp_path / "ranking.csv"
    assert run(*search, "--csv", table)[0] == 0
    assert table.read_text().splitlines()[0] == "rank,path,label,score,part 1,part 2"


def test_what_cannot_be_is_said_in_one_line(
    files: list[str], small_gallery: Path, run: Run
) -> None:
    search = ["search", files[0], "--gallery", small_gallery]
    for words, expected in (
        (["--also", files[1], "--fine"], "go without"),
        (["--also", files[1], "--weight", "0"], "to subtract a part, give it with --without"),
        (["--also", f"{files[1]}:100,100,200,200"], "covers nothing of"),
        (["--without", "nowhere.png:1,2,3,4"], "nowhere.png"),
    ):
        status, _, err = run(*search, *words)
        assert (status, expected in err) == (2, True), err


def test_the_page_s_command_asks_for_the_same_parts() -> None:
    parts = [
        QueryPart("a b.png", Region(((1, 2, 3, 4),), ((1, 1, 2, 2),)), 0.5),
        QueryPart("c.png", Region(((-1, 0, 2.5, 2), (3, 3, 4, 4)), ((5, 5, 6, 6),)), 2),
        QueryPart("d.png", weight=-1),
    ]
    words = shlex.split(parts_command(parts, "/g", SETTINGS, FigureStyle(), 6, ["--keep-query"]))
    assert words[4] == "a b.png"
    assert {"--region=1,2,3,4", "--exclude-region=1,1,2,2", "--keep-query"} <= set(words)
    asked = words.index("--weight=0.5")
    assert words[asked + 1] == "--also=c.png:-1,0,2.5,2;3,3,4,4;except:5,5,6,6"
    assert words[asked + 2 : asked + 4] == ["--weight=2", "--without=d.png"]
    assert read_part(words[asked + 1].removeprefix("--also=")).region == parts[1].region
