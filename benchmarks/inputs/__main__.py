"""Try inputs of every kind, and write what happened: `python -m benchmarks.inputs checkpoints`.

Each part is a module here with `TITLE`, `make(folder)`, which makes its inputs, and `use(case)`,
which does with one what a user would and returns a few words. Each input is used in a process of
its own, for so many seconds at most.
"""

import argparse
import importlib
import multiprocessing
import re
import tempfile
from collections import Counter
from pathlib import Path
from queue import Empty
from types import ModuleType
from typing import Any

from benchmarks.inputs.cases import MESSAGE, Case
from simviz_core.errors import SimVizError

PARTS = ("checkpoints",)
TABLE = Path(__file__).resolve().parents[2] / "docs" / "inputs.md"
SECONDS = 120
UNHANDLED, HANGING = "unhandled", "took too long"


def _use(part: str, case: Case, answers: Any) -> None:
    try:
        answers.put(importlib.import_module(f"benchmarks.inputs.{part}").use(case))
    except SimVizError:
        answers.put(MESSAGE)
    except BaseException as error:
        answers.put(f"{UNHANDLED}: {type(error).__name__}")


def _outcome(part: str, case: Case) -> str:
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    process = context.Process(target=_use, args=(part, case, answers))
    process.start()
    try:
        return answers.get(timeout=SECONDS)
    except Empty:
        return HANGING
    finally:
        process.kill()
        process.join()


def _table(module: ModuleType, part: str) -> str:
    """Make and use the inputs of a part; its table in Markdown."""
    kinds: dict[str, Counter[str]] = {}
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cases = module.make(folder)
        for case in cases:
            outcome = _outcome(part, case)
            kinds.setdefault(case.kind, Counter())[outcome] += 1
            if outcome not in case.expected:
                wrong.append(f"{case.kind}, {case.path.name}: {outcome}")
        ran = (folder / "PWNED").exists()
    lines = [f"## {module.TITLE}", "", "| kind | inputs | what happened |", "|---|---:|---|"]
    for kind, outcomes in kinds.items():
        words = "; ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
        lines.append(f"| {kind} | {outcomes.total()} | {words} |")
    lines += ["", f"{len(cases)} inputs; other than expected: {'; '.join(wrong) or 'none'}."]
    lines.append(f"Code of a file was run: {'yes' if ran else 'never'}.")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write one part, or all, of the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=list(PARTS))
    for part in parser.parse_args().parts:
        module = importlib.import_module(f"benchmarks.inputs.{part}")
        text = (
            TABLE.read_text(encoding="utf-8") if TABLE.is_file() else "# Inputs that were tried\n"
        )
        table = _table(module, part)
        own = re.compile(rf"\n## {re.escape(module.TITLE)}\n.*?(?=\n## |\Z)", re.DOTALL)
        text = own.sub("", text).rstrip("\n") + "\n\n" + table
        TABLE.write_text(text, encoding="utf-8")
        print(table)


if __name__ == "__main__":
    main()
