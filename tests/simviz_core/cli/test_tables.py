"""`--csv`, and figures as SVG and PDF, of the commands that have them."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Command = Callable[..., Any]


@pytest.fixture
def options(colour_gallery: Path, tiny_network: str) -> list[str]:
    return ["--gallery", str(colour_gallery), "--network", tiny_network]


def rows_of(outcome: Any) -> list[dict[str, str]]:
    assert outcome.status == 0, outcome.err
    return list(csv.DictReader(io.StringIO(outcome.out, newline="")))


def test_every_ranking_of_a_comparison_is_in_the_table(
    run: Command, options: list[str], colour_gallery: Path
) -> None:
    query = colour_gallery / "blue" / "1.png"
    words = ["search", query, *options, "--top", 3, "--csv", "-"]
    rows = rows_of(run(*words, "--compare-poolings"))
    assert [row["ranking"] for row in rows] == [
        pooling for pooling in ("average", "max", "gem") for _ in range(3)
    ]
    (first, *_) = rows_of(run(*words, "--region=0,0,20,20"))
    assert first["rank"] == "1"
    assert first["is_hit"] in ("True", "False")
    assert abs(float(first["score"])) <= abs(float(first["similarity"])) + 1
    assert first["similarity_without_region"]


def test_tables_of_a_pair_of_classes_and_of_curves(
    run: Command, options: list[str], colour_gallery: Path, tmp_path: Path
) -> None:
    images = [colour_gallery / "blue" / f"{number}.png" for number in (1, 2)]
    features = rows_of(run("pair", *images, *options[2:], "--csv", "-"))
    contributions = [float(row["contribution"]) for row in features]
    assert contributions == sorted(contributions, reverse=True)
    assert float(features[-1]["cumulative_share"]) == pytest.approx(1, abs=1e-5)
    typical = rows_of(run("classmap", *options, "--class", "blue", "--csv", "-"))
    assert {row["class"] for row in typical} == {"blue"}
    curve = rows_of(run("features", *options, "--csv", "-", "--figure", tmp_path / "f.svg"))
    assert [row["k"] for row in curve[:3]] == ["1", "2", "3"]
    assert b"<svg" in (tmp_path / "f.svg").read_bytes()[:1000]


def test_the_figures_of_a_gallery(run: Command, options: list[str], colour_gallery: Path) -> None:
    rows = rows_of(run("evaluate", colour_gallery, *options[2:], "--csv", "-"))
    figures = {row["figure"]: float(row["value"]) for row in rows}
    assert figures["queries"] == 24
    assert 0 <= figures["map_at_r"] <= figures["recall_at_10"] <= 1


def test_a_figure_of_another_kind_is_refused(run: Command, options: list[str]) -> None:
    outcome = run("features", *options, "--figure", "curves.jpg")
    assert outcome.status == 2
    assert ".png, .svg, .pdf, not as .jpg" in outcome.err
