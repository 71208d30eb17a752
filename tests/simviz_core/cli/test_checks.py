"""`check` and `trust`, as a user calls them."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from simviz_core.cli.evidence.check import check_command
from simviz_core.cli.evidence.trust import trust_command
from simviz_core.evidence import (
    BlankedPart,
    all_cells_as_json,
    check_all_cells,
    check_occlusion,
    occlusion_as_json,
    trust,
)
from simviz_core.figures import FigureStyle
from simviz_core.gallery import Gallery
from simviz_core.images import load_image
from simviz_core.networks import SimilarityNetwork
from simviz_core.networks.settings import NetworkSettings
from simviz_core.pairs import cell_block
from simviz_core.retrieval import Region

Run = Callable[..., tuple[int, str, str]]
SETTINGS = NetworkSettings("efficientnet_lite0", "average", 224)
STYLE = FigureStyle()
PARTS = (
    BlankedPart(2),
    BlankedPart(block=cell_block("query,1,2,3,4")),
    BlankedPart(region=Region(((20, 30, 200, 150.5),), ((60, 60, 90, 90),))),
)


@pytest.fixture
def files(rooms: Gallery) -> list[str]:
    return [str(image.path) for image in rooms.images[:2]]


def as_shell(command: str) -> list[str]:
    """The words of a command after the program's name, its figure left out."""
    words = shlex.split(command)[3:]
    place = words.index("--figure")
    return words[:place] + words[place + 2 :]


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.words)
def test_a_part_is_blanked_as_the_page_blanks_it(
    part: BlankedPart, files: list[str], network: SimilarityNetwork, run: Run
) -> None:
    status, out, err = run(*as_shell(check_command(*files, SETTINGS, STYLE, part, "mean")))
    assert status == 0, err
    found = json.loads(out)
    query, match = (load_image(Path(file)) for file in files)
    images = network.decompose([query.pixels, match.pixels])
    removal = part.removal(network, query, images[0], images[1])
    check = check_occlusion(network, query.pixels, images[0], images[1], removal, "mean")
    expected = occlusion_as_json(check, part, *files, SETTINGS)
    assert set(found) == set(expected)
    for name in ("real_change", "predicted_change", "contribution", "similarity"):
        assert found[name] == pytest.approx(expected[name], abs=1e-6)
    assert found["real_change"] != 0
    assert found["fill"] == "mean"


def test_all_cells_and_what_one_sees(
    files: list[str], network: SimilarityNetwork, run: Run, tmp_path: Path
) -> None:
    figure = tmp_path / "cells.png"
    status, out, err = run("check", *files, "--all-cells", "--json", "-", "--figure", figure)
    assert status == 0, err
    found = json.loads(out)
    query, match = (load_image(Path(file)).pixels for file in files)
    images = network.decompose([query, match])
    scatter = check_all_cells(network, query, images[0], images[1])
    expected = all_cells_as_json(scatter, *files, SETTINGS)
    assert found["correlation"] == pytest.approx(expected["correlation"], abs=1e-4)
    with Image.open(figure) as opened:
        assert opened.width > 400
    status, out, err = run(
        *as_shell(check_command(*files, SETTINGS, STYLE, cell_block("query,0,6")))
    )
    assert status == 0, err
    seen = json.loads(out)
    assert seen["cell"] == [0, 6]
    assert 0 < seen["half_comes_from"] < seen["nine_tenths_come_from"] < 1
    assert seen["theoretical_field"]["right"] == 224


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--blank", "7,0"), "7 rows and 7 columns"),
        (("--blank", "all"), "strongest:K"),
        (("--sees", "1,2,3,4"), "no cell ROW,COLUMN"),
        (("--sees", "0,9"), "7 rows and 7 columns"),
        (("--region=900,900,950,950",), "covers nothing"),
        (("--region=1,1,9,9", "--all-cells"), "goes without"),
    ],
)
def test_what_cannot_be_checked_says_why(
    options: tuple[str, ...], words: str, files: list[str], run: Run
) -> None:
    status, _, err = run("check", *files, *options)
    assert status == 2
    assert words in err
    assert len(err.strip().splitlines()) == 1


def test_trust_is_measured_once(
    rooms: Gallery, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SIMVIZ_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(trust, "PAIRS", 2)
    monkeypatch.setattr(trust, "CHECKED", 1)
    words = as_shell(trust_command(str(rooms.source), SETTINGS))
    status, out, err = run(*words)
    assert status == 0, err
    report = json.loads(out)
    names = [finding["name"] for finding in report["findings"]]
    assert names == [
        "adds up",
        "like the self map",
        "like shuffled weights",
        "predicted against real",
    ]
    assert (report["gallery"], report["network"]) == (str(rooms.source), "efficientnet_lite0")

    def measured_again(*arguments: object) -> None:
        raise AssertionError

    monkeypatch.setattr("simviz_core.cli.evidence.trust.measure_trust", measured_again)
    figure = tmp_path / "trust.png"
    assert json.loads(run(*words)[1])["findings"] == report["findings"]
    assert run("trust", rooms.source, "--figure", figure)[0] == 0
    assert figure.stat().st_size > 5000
    _, out, _ = run("trust", rooms.source)
    assert "for reading the maps: Exact up to rounding" in out
    with pytest.raises(AssertionError):
        run("trust", rooms.source, "--again")


ENSEMBLE = ("--network", "timm/test_resnet+timm/test_convnext", "--random-weights")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("check", "FILES", "--sees", "1,1"), "an ensemble cannot be followed back"),
        (("trust", "GALLERY"), "an ensemble cannot be measured"),
        (("faithfulness", "GALLERY", "--pairs", "2", "--perturb", "2"), "cannot be measured"),
        (
            ("search", "FILE", "--gallery", "GALLERY", "--region", "0,0,50,50", "--fine"),
            "fine regions are for single networks",
        ),
    ],
)
def test_ensembles_are_refused_with_the_cause(
    words: tuple[str, ...],
    message: str,
    run: Run,
    files: list[str],
    small_gallery: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SIMVIZ_CACHE", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    given = {"FILES": files, "FILE": [str(small_gallery / "chairs" / "view_1.png")]}
    given["GALLERY"] = [str(small_gallery)]
    asked = [part for word in words for part in given.get(word, [word])]
    status, _, err = run(*asked, *ENSEMBLE)
    assert status != 0
    assert message in err
