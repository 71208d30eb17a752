"""Try inputs of every kind, and write what happened: `python -m benchmarks.inputs images`.

Each part is a module here with `TITLE`, `make(folder)`, which makes its inputs, and `use(case)`,
which does with one what a user would and returns a few words. Each input is used in a process of
its own, for so many seconds at most.
"""

import argparse
import importlib
import multiprocessing
import re
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from queue import Empty
from types import ModuleType
from typing import Any

from benchmarks.inputs.cases import MESSAGE, Case
from simviz_core.errors import SimVizError

PARTS = ("checkpoints", "images", "archives", "galleries", "manifests", "names", "links")
TABLE = Path(__file__).resolve().parents[2] / "docs" / "inputs.md"
SECONDS = 120
LONGEST_MESSAGE = 6000
"""In letters; names are up to 5,000 long here."""
HEADING = "# Inputs that were tried\n"
UNHANDLED, HANGING = "unhandled", "took too long"


def _use(part: str, case: Case, answers: Any) -> None:
    try:
        answers.put(importlib.import_module(f"benchmarks.inputs.{part}").use(case))
    except SimVizError as error:
        answers.put(
            MESSAGE if 0 < len(str(error)) < LONGEST_MESSAGE else f"{UNHANDLED}: no message"
        )
    except BaseException as error:
        answers.put(f"{UNHANDLED}: {type(error).__name__}")


def outcome_of(part: str, case: Case) -> str:
    """What happens to an input, in a process of its own."""
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


@dataclass(frozen=True)
class Tried:
    """What happened to the inputs of a part.

    Attributes:
        kinds: How often each thing happened, by kind.
        wrong: What happened otherwise than expected, in words.
        ran: Whether code of a file was run.
    """

    kinds: dict[str, Counter[str]]
    wrong: tuple[str, ...]
    ran: bool


def try_part(module: ModuleType, part: str, most: int | None = None) -> Tried:
    """Make the inputs of a part, and use them; `most` of them, evenly spread, or all."""
    kinds: dict[str, Counter[str]] = {}
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cases = module.make(folder)
        step = 1 if most is None else max(1, len(cases) // most)
        for case in cases[::step]:
            outcome = outcome_of(part, case)
            kinds.setdefault(case.kind, Counter())[outcome] += 1
            if outcome not in case.expected:
                wrong.append(f"{case.kind}, {case.path.name}: {outcome}")
        ran = (folder / "PWNED").exists()
    return Tried(kinds, tuple(wrong), ran)


def _table(module: ModuleType, tried: Tried) -> str:
    """The table of a part in Markdown."""
    lines = [f"## {module.TITLE}", "", "| kind | inputs | what happened |", "|---|---:|---|"]
    for kind, outcomes in tried.kinds.items():
        words = "; ".join(f"{count} {outcome}" for outcome, count in outcomes.items())
        lines.append(f"| {kind} | {outcomes.total()} | {words} |")
    count = sum(outcomes.total() for outcomes in tried.kinds.values())
    lines += ["", f"{count} inputs; other than expected: {'; '.join(tried.wrong) or 'none'}."]
    lines.append(f"Code of a file was run: {'yes' if tried.ran else 'never'}.")
    return "\n".join(lines) + "\n"


def with_section(text: str, title: str, table: str) -> str:
    """The page with a part's table in the place of its older one, or at the end."""
    own = re.compile(rf"(?<=\n)## {re.escape(title)}\n.*?(?=\n## |\Z)", re.DOTALL)
    if own.search(text):
        return own.sub(lambda _: table, text, count=1)
    return text.rstrip("\n") + "\n\n" + table


def main() -> int:
    """Write one part, or all, of the table; or only check some inputs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=[])
    parser.add_argument(
        "--check", type=int, metavar="N", help="try N inputs of each part, and write nothing"
    )
    options, status = parser.parse_args(), 0
    for part in options.parts or PARTS:
        module = importlib.import_module(f"benchmarks.inputs.{part}")
        tried = try_part(module, part, options.check)
        table = _table(module, tried)
        status |= bool(tried.wrong or tried.ran)
        if options.check is None:
            old = TABLE.read_text(encoding="utf-8") if TABLE.is_file() else HEADING
            TABLE.write_text(with_section(old, module.TITLE, table), encoding="utf-8")
        print(table)
    return status


if __name__ == "__main__":
    sys.exit(main())
