"""`faithfulness GALLERY`: do the maps point at what makes a pair similar?"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from simviz_core import __version__
from simviz_core.cli.options.gallery import add_indexed_gallery, asked_gallery, up_to_date_index
from simviz_core.cli.options.network import (
    asked_network,
    asked_settings,
)
from simviz_core.cli.options.output import write_json
from simviz_core.errors import SettingsError
from simviz_core.evidence import (
    EXTRA_METHODS,
    METHODS,
    PACKAGE,
    GameTable,
    Plan,
    Progress,
    measure_faithfulness,
    methods_named,
    table_as_markdown,
    tables_as_json,
    used_packages,
)
from simviz_core.figures import MethodBars, method_bars_figure

SHOWN = {
    "collages": ("ROC area", "best quarter", "strongest cell", "share in quarter"),
    "perturbation": (
        "deletion, blur",
        "insertion, blur",
        "deletion, blur, normalised",
        "insertion, blur, normalised",
        "deletion, both, blur",
        "insertion, both, blur",
    ),
}
"""Measures that the table shows, where it does not show all; the JSON has all."""
COLLAGES = 30


def add_options(command: argparse.ArgumentParser) -> None:
    """Describe the command and its options."""
    command.description = (
        "Play games whose answer is known with the exact map, with what others use and "
        "with baselines, and write how well each did, with intervals. A run that was stopped goes "
        "on where it stopped. The gallery is indexed first where it is not yet."
    )
    command.add_argument(
        "--collages",
        type=_count,
        metavar="N",
        help="images of four photos of four classes, to be matched with one of them; default: "
        f"{COLLAGES}, or none where other games are asked for",
    )
    command.add_argument(
        "--twins", metavar="DIR", help="play the twins of this folder, such as demo/twins"
    )
    command.add_argument(
        "--games", type=_count, metavar="N", help="of --twins, evenly from the list; default: all"
    )
    command.add_argument(
        "--masks", action="store_true", help="test pairs of one class against the gallery's masks"
    )
    command.add_argument(
        "--pairs", type=_count, default=50, metavar="N", help="of --masks; default: %(default)s"
    )
    command.add_argument(
        "--perturb",
        type=_count,
        default=0,
        metavar="N",
        help="pairs whose cells are removed and put back, strongest first",
    )
    command.add_argument(
        "--randomise",
        type=_count,
        default=0,
        metavar="N",
        help="collages shown to networks whose weights are shuffled from the top down",
    )
    command.add_argument(
        "--methods",
        type=_methods,
        default=tuple(METHODS),
        metavar="NAME,NAME",
        help=f"only these of {', '.join(METHODS)} (default: all of them), "
        f"{', '.join(EXTRA_METHODS)}; {PACKAGE} stands for all of that package",
    )
    command.add_argument("--seed", type=_count, default=0, metavar="N", help="default: %(default)s")
    command.add_argument(
        "--out",
        metavar="FOLDER",
        default="faithfulness",
        help="write outcomes.jsonl, table.md, plot.png and results.json here; default: %(default)s",
    )
    add_indexed_gallery(command)
    command.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    others = options.twins or options.masks or options.perturb or options.randomise
    plan = Plan(
        collages=(0 if others else COLLAGES) if options.collages is None else options.collages,
        pairs=options.pairs if options.masks else 0,
        perturbed=options.perturb,
        randomised=options.randomise,
        twins=options.twins,
        games=options.games,
        methods=options.methods,
        seed=options.seed,
    )
    gallery = asked_gallery(options)
    network = asked_network(options)
    index, folder = up_to_date_index(options, gallery, network), Path(options.out)
    with tqdm(unit=" items", file=sys.stderr, delay=0.5, leave=False) as bar:

        def show(progress: Progress) -> None:
            bar.total = progress.total
            bar.set_description(progress.game, refresh=False)
            bar.update(progress.done - bar.n)

        tables = measure_faithfulness(plan, gallery, network, index, folder, show)
    settings = asked_settings(options, network)
    text = "\n\n".join(table_as_markdown(table, shown_measures(table)) for table in tables)
    packages = used_packages(plan.chosen())
    used = "".join(f", {name} {version}" for name, version in packages.items())
    heading = f"{options.gallery}: {settings.title}, seed {plan.seed}{used}; mean (95 % interval)"
    (folder / "table.md").write_text(f"{heading}\n\n{text}\n", encoding="utf-8")
    (folder / "plot.png").write_bytes(method_bars_figure(_bars(tables), heading))
    values = {
        "gallery": options.gallery,
        **settings.as_json(),
        "plan": asdict(plan),
        "packages": packages,
        "games": tables_as_json(tables),
        "version": __version__,
    }
    write_json(values, str(folder / "results.json"))
    print(f"{heading}\n\n{text}")


def shown_measures(table: GameTable) -> list[str]:
    """The measures of a game that its table shows."""
    return [name for name in SHOWN.get(table.game, table.measures) if name in table.measures]


def _bars(tables: Sequence[GameTable]) -> list[MethodBars]:
    return [
        MethodBars(
            f"{table.game}: {measure}",
            tuple(row.method for row in table.rows),
            tuple(
                None if found is None else (found.mean, found.low, found.high)
                for found in (row.measures.get(measure) for row in table.rows)
            ),
        )
        for table in tables
        for measure in shown_measures(table)
    ]


def _methods(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    try:
        methods_named(names)
    except SettingsError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return names


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)
