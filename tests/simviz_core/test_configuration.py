"""The operator's settings."""

import os
import re
from pathlib import Path

import pytest

from simviz_core.cli.main import main
from simviz_core.configuration import VARIABLES, wrong_settings

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def test_every_variable_of_the_code_is_checked_and_in_the_table() -> None:
    code = [
        path.read_text("utf-8")
        for folder in ("simviz_core", "simviz_ui", "pages")
        for path in (REPOSITORY / folder).rglob("*.py")
    ]
    used = {name for text in code for name in re.findall(r'"(SIMVIZ_[A-Z_]+)"', text)}
    assert used == set(VARIABLES)
    page = (REPOSITORY / "docs" / "deployment.md").read_text("utf-8")
    assert set(re.findall(r"^\| `(SIMVIZ_[A-Z_]+)`", page, re.MULTILINE)) == used


def test_what_can_be_used_is_not_wrong(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert wrong_settings() == []
    for name, value in {
        "SIMVIZ_GALLERIES": f" {tmp_path} {os.pathsep}{os.pathsep}{tmp_path}",
        "SIMVIZ_CACHE": str(tmp_path / "not" / "yet"),
        "SIMVIZ_MEMORY": "2.5GB",
        "SIMVIZ_NETWORKS": "file:/models/mine.pt2; python:mine:network",
        "SIMVIZ_HUB": "facebook/dinov2-small; gpt2",
        "SIMVIZ_UPLOADS_GB": "0.5",
        "SIMVIZ_UPLOADS_HOURS": "",
    }.items():
        monkeypatch.setenv(name, value)
    assert wrong_settings() == []


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("SIMVIZ_GALLERIES", "/nowhere/at/all", "no folder here; mount it, or leave it out"),
        ("SIMVIZ_CACHE", f"{__file__}/cache", "is a file"),
        ("SIMVIZ_MEMORY", "much", "no size such as 500MB"),
        ("SIMVIZ_ENGINE", "tensorrt", "is none of openvino, torch"),
        ("SIMVIZ_NETWORKS", "/models/mine.pt2", "neither file:PROGRAM nor python:MODULE:FUNCTION"),
        ("SIMVIZ_HUB", "https://hub/a/b", "no repository such as"),
        ("SIMVIZ_UPLOADS_SESSION_GB", "-1", "is not a number above 0"),
        ("SIMVIZ_GALLERY", "/data", "is no setting of SimViz; SIMVIZ_GALLERIES is"),
    ],
)
def test_what_is_wrong_is_named_and_the_dashboard_does_not_start(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
    said: str,
) -> None:
    monkeypatch.setenv(name, value)
    (line,) = wrong_settings()
    assert line.startswith(name)
    assert said in line
    assert main(["app"]) == 2
    assert said in capsys.readouterr().err
