"""What README promises, and which way the rooms of the code may look."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from simviz_core.cli import main
from simviz_core.cli.main import COMMANDS

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / "README.md").read_text(encoding="utf-8")


def imports(folder: str) -> set[tuple[str, str]]:
    """Every import below a folder, as (file, module)."""
    found = set()
    for path in sorted((REPOSITORY / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [name.name for name in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            found |= {(path.relative_to(REPOSITORY).as_posix(), name) for name in names}
    return found


def below(module: str, *rooms: str) -> bool:
    return any(module == room or module.startswith(f"{room}.") for room in rooms)


def test_decomposition_imports_nothing_of_the_project() -> None:
    outside = {
        (file, module)
        for file, module in imports("simviz_core/decomposition")
        if below(module, "simviz_core", "simviz_ui", "pages")
        and not below(module, "simviz_core.decomposition")
    }
    assert not outside


def test_the_core_knows_nothing_of_the_pages() -> None:
    upward = {
        (file, module)
        for file, module in imports("simviz_core")
        if below(module, "streamlit", "simviz_ui", "pages")
    }
    assert not upward


def test_pages_hold_no_mathematics() -> None:
    mathematics = {
        (file, module) for file, module in imports("pages") if below(module, "torch", "numpy")
    }
    assert not mathematics


def test_the_python_example_in_readme_runs() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    finished = subprocess.run(
        [sys.executable, "-c", example], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    score, total = (float(value) for value in re.findall(r"tensor\(([\d.]+)\)", finished.stdout))
    assert score == pytest.approx(total, abs=1e-4)


@pytest.mark.parametrize("command", [module.__name__.split(".")[-1] for module in COMMANDS])
def test_readme_names_every_option(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"python -m simviz_core {command} " in README
    with pytest.raises(SystemExit):
        main([command, "--help"])
    options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out)) - {"--help"}
    assert {option for option in options if f"`{option}" not in README} == set()


def test_pictures_in_readme_exist() -> None:
    for picture in re.findall(r"!\[.*?\]\((.*?)\)", README):
        assert (REPOSITORY / picture).stat().st_size > 10_000


def test_versions_are_pinned_and_torch_has_its_torchvision() -> None:
    lines = (REPOSITORY / "requirements.txt").read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if line and not line.startswith("#"))
    minor = {name: int(pinned[name].split(".")[1]) for name in ("torch", "torchvision")}
    assert minor["torchvision"] - minor["torch"] == 14, "torch 2.N goes with torchvision 0.(N + 14)"


def test_usage_statistics_are_off() -> None:
    config = tomllib.loads((REPOSITORY / ".streamlit" / "config.toml").read_text())
    assert config["browser"]["gatherUsageStats"] is False
