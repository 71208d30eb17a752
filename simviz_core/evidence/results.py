"""What was measured: kept item by item so that a run can be resumed, and summed up in a table."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from simviz_core.errors import SettingsError
from simviz_core.evidence.games.item import Outcome
from simviz_core.evidence.intervals import Interval, bootstrap_mean
from simviz_core.evidence.methods import BASELINE

OUTCOMES_FILE = "outcomes.jsonl"


@dataclass(frozen=True)
class Row:
    """One method in one game.

    Attributes:
        method: Its name.
        measures: By name, the mean with its interval; None where it is undefined for all items.
        differences: The mean of the items' differences from the exact map, likewise.
        seconds: Mean seconds of a map.
    """

    method: str
    measures: dict[str, Interval | None]
    differences: dict[str, Interval | None]
    seconds: float


@dataclass(frozen=True)
class GameTable:
    """All methods in one game.

    Attributes:
        game: Its name.
        items: How many items were played.
        groups: How many independent groups they are in.
        rows: One for each method.
    """

    game: str
    items: int
    groups: int
    rows: tuple[Row, ...]

    @property
    def measures(self) -> list[str]:
        """The names of the measures, in their order."""
        return list(dict.fromkeys(name for row in self.rows for name in row.measures))


class OutcomeFile:
    """Outcomes on disk: one line for each item, written whole, so that a kill loses one at most."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        """Open or begin the file of a folder.

        Args:
            folder: Is made where it is not there.
            settings: JSON-ready; a file of other settings is not added to.

        Raises:
            SettingsError: The folder holds the outcomes of other settings.
        """
        self.path = folder / OUTCOMES_FILE
        folder.mkdir(parents=True, exist_ok=True)
        self.played: dict[tuple[str, str], list[Outcome]] = {}
        if not self.path.is_file():
            self._add({"settings": settings})
            return
        lines = self.path.read_text(encoding="utf-8").splitlines()
        values = [found for line in lines if (found := _parsed(line)) is not None]
        if not values or values[0].get("settings") != json.loads(json.dumps(settings)):
            raise SettingsError(
                f"{self.path} holds what was measured with other settings; give the same ones to "
                "go on, or another --out"
            )
        for entry in values[1:]:
            outcomes = [Outcome(**outcome) for outcome in entry["outcomes"]]
            self.played[entry["game"], entry["item"]] = outcomes
        if lines and _parsed(lines[-1]) is None:
            # A line that a kill cut off; what follows must begin on a new one.
            with self.path.open("a", encoding="utf-8") as file:
                file.write("\n")

    def add(self, game: str, item: str, outcomes: Sequence[Outcome]) -> None:
        """Keep what an item gave."""
        self.played[game, item] = list(outcomes)
        self._add({"game": game, "item": item, "outcomes": [asdict(o) for o in outcomes]})

    def _add(self, values: dict[str, Any]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(values) + "\n")


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        values = json.loads(line)
    except ValueError:
        return None
    return values if isinstance(values, dict) else None


def tables_of(outcomes: Iterable[Outcome], seed: int = 0) -> list[GameTable]:
    """Sum outcomes up, game by game, in the order in which they were played."""
    games: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        games.setdefault(outcome.game, []).append(outcome)
    return [_table(game, found, seed) for game, found in games.items()]


def _table(game: str, outcomes: Sequence[Outcome], seed: int) -> GameTable:
    methods: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        methods.setdefault(outcome.method, []).append(outcome)
    base = {o.item: o for o in methods.get(BASELINE, [])}
    rows = tuple(_row(name, found, base, seed) for name, found in methods.items())
    items, groups = ({getattr(o, what) for o in outcomes} for what in ("item", "group"))
    return GameTable(game, len(items), len(groups), rows)


def _row(name: str, outcomes: Sequence[Outcome], base: dict[str, Outcome], seed: int) -> Row:
    names = list(dict.fromkeys(measure for o in outcomes for measure in o.values))
    measures, differences = {}, {}
    for measure in names:
        found = [(o.values[measure], o) for o in outcomes if o.values.get(measure) is not None]
        values = [float(value or 0) for value, _ in found]
        measures[measure] = bootstrap_mean(values, [o.group for _, o in found], seed)
        pairs = [
            (float(value or 0) - float(base[o.item].values[measure] or 0), o.group)
            for value, o in found
            if o.item in base and base[o.item].values.get(measure) is not None
        ]
        differences[measure] = bootstrap_mean([d for d, _ in pairs], [g for _, g in pairs], seed)
    seconds = sum(o.seconds for o in outcomes) / len(outcomes)
    return Row(name, measures, differences, seconds)


def tables_as_json(tables: Sequence[GameTable]) -> list[dict[str, Any]]:
    """Tables as JSON-ready values."""
    return [asdict(table) for table in tables]


def table_as_markdown(table: GameTable, measures: Sequence[str] | None = None) -> str:
    """One game as a Markdown table: the mean of each measure and its 95 % interval.

    Args:
        table: The game.
        measures: Which ones; None takes all.
    """
    names = list(measures or table.measures)
    lines = [
        f"| {table.game}, {table.items} items | {' | '.join(names)} | seconds |",
        "|---" * (len(names) + 1) + "|---:|",
    ]
    for row in table.rows:
        cells = [str(row.measures.get(name) or "–") for name in names]
        lines.append(f"| {row.method} | {' | '.join(cells)} | {row.seconds:.3f} |")
    return "\n".join(lines)
