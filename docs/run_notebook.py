"""Run the notebook's cells in order, and write what they show into it.

    python -m docs.run_notebook

Without Jupyter: the cells share one namespace, what they print and the value of their last line are
their outputs.
"""

import ast
import base64
import contextlib
import io
import json
from pathlib import Path
from typing import Any

NOTEBOOK = Path(__file__).with_name("simviz.ipynb")
Output = dict[str, Any]
"""As nbformat 4 has it."""


def run_cells(notebook: dict[str, Any]) -> list[list[Output]]:
    """What the code cells of a notebook show, when they are run from the first to the last.

    Args:
        notebook: As nbformat 4 has it; it is not changed.

    Returns:
        The outputs of each code cell.
    """
    names: dict[str, Any] = {}
    codes = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return [_run("".join(cell["source"]), names, place) for place, cell in enumerate(codes, 1)]


def _run(source: str, names: dict[str, Any], place: int) -> list[Output]:
    lines, last = ast.parse(source).body, None
    if lines and isinstance(lines[-1], ast.Expr):
        last = ast.Expression(lines.pop().value)  # type: ignore[attr-defined]
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(ast.Module(lines, []), f"<cell {place}>", "exec"), names)
        value = None if last is None else eval(compile(last, f"<cell {place}>", "eval"), names)
    outputs: list[Output] = []
    if text := printed.getvalue():
        text_lines = text.splitlines(keepends=True)
        outputs.append({"output_type": "stream", "name": "stdout", "text": text_lines})
    if value is not None:
        outputs.append(
            {
                "output_type": "execute_result",
                "execution_count": place,
                "metadata": {},
                "data": _shown(value),
            }
        )
    return outputs


def _shown(value: Any) -> dict[str, str]:
    """A value by its kinds of data; of a picture only the JPEG, which is small."""
    if hasattr(value, "_repr_jpeg_"):
        return {"image/jpeg": base64.b64encode(value._repr_jpeg_()).decode()}
    return {"text/plain": repr(value)}


if __name__ == "__main__":
    content = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    cells = [cell for cell in content["cells"] if cell["cell_type"] == "code"]
    for count, (cell, outputs) in enumerate(zip(cells, run_cells(content), strict=True), 1):
        cell |= {"outputs": outputs, "execution_count": count}
    NOTEBOOK.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
