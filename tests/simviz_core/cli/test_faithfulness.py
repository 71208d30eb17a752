import json
from collections.abc import Callable
from pathlib import Path

from PIL import Image

Run = Callable[..., tuple[int, str, str]]
FEW = ("exact map", "relative to itself", "random")


def test_the_command_writes_table_plot_and_json(demo_rooms: Path, tmp_path: Path, run: Run) -> None:
    out = tmp_path / "evidence"
    arguments = ["--twins", "demo/twins", "--games", "2", "--methods", ",".join(FEW), "--out", out]
    status, printed, _ = run("faithfulness", demo_rooms, *arguments)
    assert status == 0
    assert "twins: why the match, 2 items" in printed
    assert "| exact map |" in (out / "table.md").read_text()
    assert Image.open(out / "plot.png").format == "PNG"
    values = json.loads((out / "results.json").read_text())
    rows = {row["method"]: row["measures"] for row in values["games"][0]["rows"]}
    assert 0 <= rows["exact map"]["share of the change"]["mean"] <= 1
    assert run("faithfulness", demo_rooms, *arguments)[1] == printed


def test_the_command_blanks_and_shuffles(colour_gallery: Path, tmp_path: Path, run: Run) -> None:
    status, printed, _ = run(
        "faithfulness", colour_gallery, "--perturb", "1", "--methods", "exact map,random",
        "--collages", "1", "--out", tmp_path / "out",
    )  # fmt: skip
    assert status == 0
    assert "deletion, blur, normalised" in printed
    status, _, err = run("faithfulness", colour_gallery, "--masks", "--out", tmp_path / "other")
    assert status == 2
    assert "no masks" in err
    status, _, err = run("faithfulness", colour_gallery, "--methods", "magic")
    assert status == 2
    assert "unknown method 'magic'" in err
