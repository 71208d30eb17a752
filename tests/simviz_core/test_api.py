"""What `from simviz_core import …` offers, and the code that docs show of it."""

import inspect
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import simviz_core
from docs.run_notebook import NOTEBOOK, Output, run_cells

PAGE = NOTEBOOK.with_name("api.md")


def test_every_public_name_is_there_and_explained() -> None:
    for name in simviz_core.__all__:
        value = getattr(simviz_core, name)
        assert name in dir(simviz_core)
        if not callable(value):
            continue
        text = inspect.getdoc(value) or ""
        assert text, name
        # Where an argument is more than its name and type say, it has a line of its own.
        is_kind = inspect.isclass(value)
        fields = [] if is_kind else list(inspect.signature(value).parameters)
        if len(fields) > 1:
            assert "Args:" in text, name


def test_what_is_not_public_is_no_name_of_the_package() -> None:
    with pytest.raises(ImportError, match="no_such_thing"):
        exec("from simviz_core import no_such_thing")


def test_the_code_of_the_page_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL):
        exec(compile(block, PAGE.name, "exec"), names)
    for figure in ("pair.png", "bed.png"):
        assert np.asarray(Image.open(tmp_path / figure)).std() > 10


def test_the_notebook_shows_what_its_cells_give() -> None:
    notebook = json.loads(NOTEBOOK.read_text("utf-8"))
    kept = [cell["outputs"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert NOTEBOOK.stat().st_size < 500_000
    for shown, again in zip(kept, run_cells(notebook), strict=True):
        assert [output["output_type"] for output in shown] == [o["output_type"] for o in again]
        assert numbers(shown) == pytest.approx(numbers(again), abs=2e-3)
    assert sum("image/jpeg" in output.get("data", {}) for cell in kept for output in cell) == 2


def numbers(outputs: list[Output]) -> list[float]:
    printed = "".join(line for output in outputs for line in output.get("text", ()))
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", printed)]
