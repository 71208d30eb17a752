"""A torchvision that was not built for the torch beside it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from simviz_core.installation import torch_mismatch

BROKEN = 'raise RuntimeError("operator torchvision::nms does not exist")\n'
"""What a torchvision of another build does when it is loaded."""


def run_beside(
    folder: Path, version: str, wanted: str, code: str
) -> "subprocess.CompletedProcess[str]":
    """Run a command where another torchvision is found first."""
    (folder / "torchvision").mkdir()
    (folder / "torchvision" / "__init__.py").write_text(code)
    about = folder / f"torchvision-{version}.dist-info"
    about.mkdir()
    about.joinpath("METADATA").write_text(
        f"Metadata-Version: 2.1\nName: torchvision\nVersion: {version}\n"
        f"Requires-Dist: torch{wanted}\n"
    )
    return subprocess.run(
        [sys.executable, "-m", "simviz_core", "--version"],
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        text=True,
    )


def test_what_is_installed_here_fits() -> None:
    assert torch_mismatch() == ""


@pytest.mark.parametrize(
    ("version", "wanted"),
    [("0.27.0", "==2.12.0"), ("0.29.2+cpu", ">=2.14.0")],
    ids=["of another version", "of another build"],
)
def test_one_that_does_not_fit_is_told_in_one_line(
    tmp_path: Path, version: str, wanted: str
) -> None:
    finished = run_beside(tmp_path, version, wanted, BROKEN)
    assert finished.returncode == 1
    (line,) = finished.stderr.splitlines()
    assert f"torchvision {version}" in line
    assert f"wants torch{wanted}" in line
    assert "requirements.txt" in line


def test_one_that_works_all_the_same_is_taken(tmp_path: Path) -> None:
    finished = run_beside(tmp_path, "0.27.0", "==2.12.0", "")
    assert (finished.returncode, finished.stderr) == (0, "")
