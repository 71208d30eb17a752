import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from simviz_core.cli.pair import pair_command
from simviz_core.figures import FigureStyle
from simviz_core.networks.settings import NetworkSettings


@pytest.fixture
def pair(small_gallery: Path) -> list[str]:
    return [str(small_gallery / "chairs" / f"view_{number}.png") for number in (1, 2)]


Run = Callable[..., tuple[int, str, str]]


def test_json_holds_the_maps_and_the_check(pair: list[str], run: Run) -> None:
    status, out, err = run("pair", *pair, "--json", "-")
    assert (status, err) == (0, "")
    values = json.loads(out)
    assert values["query"] == pair[0]
    assert (values["network"], values["pooling"], values["size"]) == (
        "efficientnet_lite0",
        "average",
        224,
    )
    assert np.shape(values["query_map"]) == np.shape(values["match_map"]) == (7, 7)
    for name in ("query_map", "match_map"):
        total = np.sum(values[name]) + values["bias"]
        assert total == pytest.approx(values["similarity"], abs=1e-5)
    assert values["residual"] < 1e-5
    assert values["bias"] == 0


@pytest.mark.parametrize("pooling", ["average", "max", "gem", "sum"])
def test_settings_reach_the_network(pair: list[str], pooling: str, run: Run) -> None:
    arguments = ["pair", *pair, "--pooling", pooling, "--size", "320", "--json", "-"]
    status, out, _ = run(*arguments)
    values = json.loads(out)
    assert status == 0
    assert (values["pooling"], values["size"]) == (pooling, 320)
    assert np.shape(values["query_map"]) == (10, 10)


def test_an_image_and_itself_have_similarity_one(pair: list[str], run: Run) -> None:
    _, out, _ = run("pair", pair[0], pair[0], "--json", "-")
    assert json.loads(out)["similarity"] == pytest.approx(1, abs=1e-6)


def test_files_hold_the_same_numbers(pair: list[str], tmp_path: Path, run: Run) -> None:
    figure, numbers, arrays = (tmp_path / name for name in ("f.png", "n.json", "a.npz"))
    options = ["--figure", str(figure), "--json", str(numbers), "--npz", str(arrays), "--cells"]
    status, out, _ = run("pair", *pair, *options)
    assert (status, out) == (0, "")
    assert Image.open(figure).format == "PNG"
    values = json.loads(numbers.read_text())
    with np.load(arrays) as stored:
        np.testing.assert_array_equal(stored["query_map"], np.float32(values["query_map"]))
        assert stored["similarity"] == values["similarity"]


def test_partners_of_a_cell_are_its_row_of_the_pairs(
    pair: list[str], tmp_path: Path, run: Run
) -> None:
    arrays = tmp_path / "a.npz"
    options = ["--partners-of", "query,2,3", "--partners-of", "match,1,0,2,4"]
    status, out, _ = run("pair", *pair, *options, "--json", "-", "--npz", str(arrays))
    assert status == 0
    values = json.loads(out)
    one, several = values["cells"]
    with np.load(arrays) as stored:
        P = stored["cell_pairs"]
    np.testing.assert_array_equal(np.float32(one["map"]), P[2, 3])
    np.testing.assert_allclose(several["map"], P[..., 1:3, 0:5].sum((2, 3)), rtol=1e-6)
    assert np.sum(one["map"]) == pytest.approx(values["query_map"][2][3], abs=1e-6)
    assert one["contribution"] == values["query_map"][2][3]
    assert one["partner"]["contribution"] == P[2, 3].max()
    assert (several["image"], several["rows"], several["columns"]) == ("match", [1, 2], [0, 4])


def test_partners_have_a_line_of_the_figure(pair: list[str], tmp_path: Path, run: Run) -> None:
    plain, longer = tmp_path / "plain.png", tmp_path / "longer.png"
    assert run("pair", *pair, "--figure", str(plain))[0] == 0
    options = ["--partners-of", "query,2,3", "--figure", str(longer)]
    assert run("pair", *pair, *options)[0] == 0
    assert Image.open(longer).height > 1.7 * Image.open(plain).height


def test_partners_are_printed(pair: list[str], run: Run) -> None:
    status, out, _ = run("pair", *pair, "--partners-of", "match,1,0,2,4")
    assert status == 0
    assert "match, rows 1–2, columns 0–4: 0." in out
    assert "strongest partner row" in out


def test_poolings_are_compared_with_the_numbers_that_each_has_alone(
    pair: list[str], tmp_path: Path, run: Run
) -> None:
    figure = tmp_path / "poolings.png"
    options = ["--compare-poolings", "--json", "-", "--figure", str(figure)]
    status, out, _ = run("pair", *pair, *options)
    assert status == 0
    assert Image.open(figure).format == "PNG"
    values = json.loads(out)
    assert values["pooling"] == "average"
    assert [value["pooling"] for value in values["poolings"]] == ["average", "max", "gem"]
    for value in values["poolings"]:
        _, out, _ = run("pair", *pair, "--pooling", value["pooling"], "--json", "-")
        alone = json.loads(out)
        for name in ("similarity", "query_map", "match_map", "residual"):
            assert value[name] == alone[name]
        assert value["query_spread"]["cells"] == 49


def test_the_comparison_is_printed(pair: list[str], run: Run) -> None:
    status, out, _ = run("pair", *pair, "--compare-poolings")
    assert status == 0
    assert "max pooling: similarity 0." in out
    assert out.count(" of 49 cells") == 6


def test_without_an_output_the_score_is_printed(pair: list[str], run: Run) -> None:
    status, out, _ = run("pair", *pair)
    assert status == 0
    assert "similarity 0." in out
    assert "residual" in out


@pytest.mark.parametrize(
    "options",
    [
        ["--network", "alexnet"],
        ["--pooling", "median"],
        ["--size", "200"],
        ["--size", "many"],
        ["--opacity", "1.5"],
        ["--colour-map", "pink"],
        ["--unknown"],
        ["--partners-of", "query"],
        ["--partners-of", "query,7,0"],
        ["--partners-of", "query,1,0", "--compare-poolings"],
        ["--figure", "/nowhere/figure.png"],
        ["--json", "/nowhere/numbers.json"],
    ],
)
def test_a_wrong_option_is_one_line_and_status_2(
    pair: list[str], options: list[str], run: Run
) -> None:
    status, out, err = run("pair", *pair, *options)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert options[-1].lstrip("-") in err


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "no file"), (b"", "empty"), (b"only text", "not an image"), (b"\xff\xd8\xff", "")],
)
def test_an_unreadable_image_is_one_line_and_status_2(
    pair: list[str],
    content: bytes | None,
    reason: str,
    tmp_path: Path,
    run: Run,
) -> None:
    wrong = tmp_path / "wrong.jpg"
    if content is not None:
        wrong.write_bytes(content)
    status, out, err = run("pair", pair[0], str(wrong), "--json", "-")
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert "wrong.jpg" in err
    assert reason in err


def test_no_command_is_an_error(run: Run) -> None:
    assert run()[0] == 2


def test_runs_as_a_module_and_the_command_reproduces_itself(
    pair: list[str], tmp_path: Path
) -> None:
    style = FigureStyle("jet", 0.35, smooth=False, shared_scale=False)
    command = pair_command(*pair, NetworkSettings("efficientnet_lite0", "max", 224), style)
    words = shlex.split(command)
    assert words[:4] == ["python", "-m", "simviz_core", "pair"]
    words[words.index("pair.png")] = str(tmp_path / "pair.png")
    finished = subprocess.run(
        [sys.executable, *words[1:]], capture_output=True, text=True, check=True
    )
    assert json.loads(finished.stdout)["pooling"] == "max"
    assert (tmp_path / "pair.png").stat().st_size > 10_000
