"""`errors GALLERY`: which queries find another class first, and which classes are confused."""

import argparse
import shlex
import sys
from dataclasses import replace
from functools import partial

from tqdm import tqdm

from simviz_core.checkpoints.loading import load_for_settings
from simviz_core.cli.options.gallery import (
    add_condition_options,
    add_indexed_gallery,
    add_selection_option,
    asked_conditions,
    asked_gallery,
    option_selection,
    selected_index,
)
from simviz_core.cli.options.network import (
    asked_network,
    asked_settings,
    settings_words,
)
from simviz_core.cli.options.numbers import whole_number
from simviz_core.cli.options.output import add_csv_option, add_json_option, write_json, write_text
from simviz_core.errors import SettingsError
from simviz_core.gallery import Conditions, Gallery
from simviz_core.misses import (
    COMPARED_KINDS,
    MISS_ORDERS,
    MissReport,
    compare_outcomes,
    confusions,
    list_misses,
    misses_as_csv,
    misses_as_json,
    sorted_misses,
)
from simviz_core.networks import POOLINGS, SimilarityNetwork
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import QueryOutcomes, quality_of, query_outcomes


def add_options(errors: argparse.ArgumentParser) -> None:
    """Describe the command and its options."""
    errors.description = (
        "Search a labelled gallery for each of its images, and list those that find "
        "an image of another class first, with the classes that are confused; or what becomes of "
        "each query under another pooling or checkpoint."
    )
    add_indexed_gallery(errors)
    add_condition_options(errors, "ask and find")
    add_selection_option(errors)
    errors.add_argument(
        "--compare-pooling",
        choices=POOLINGS,
        metavar="RULE",
        help="say which queries this pooling mends, and which it breaks",
    )
    errors.add_argument(
        "--compare-checkpoint",
        metavar="FILE",
        help="say which queries these weights mend, and which they break; pretrained names the "
        "network's own",
    )
    errors.add_argument(
        "--order",
        choices=MISS_ORDERS,
        default="margin",
        help="of the list: by the margin, widest or close first; by rank of the first right one; "
        "by precision, worst first; by class; by what it is taken for; default: %(default)s",
    )
    errors.add_argument(
        "--top", type=whole_number, default=20, metavar="K", help="misses printed; default: 20"
    )
    add_csv_option(errors, "all of them")
    add_json_option(errors)
    errors.set_defaults(run=_run)


def errors_command(
    gallery: str,
    settings: NetworkSettings,
    conditions: Conditions,
    order: str,
    compared: NetworkSettings | None = None,
    selection: str | None = None,
) -> str:
    """The command that lists the same misses.

    Args:
        gallery: The gallery's folder or manifest.
        settings: The network.
        conditions: On the columns of the gallery.
        order: One of `MISS_ORDERS`.
        compared: What it is compared with: another pooling, or other weights, and nothing else.
        selection: The name of the selection that stands for the gallery; None for all of it.

    Returns:
        One line, quoted for a POSIX shell.
    """
    words = ["python", "-m", "simviz_core", "errors", gallery, *settings_words(settings)]
    words += [] if selection is None else [f"--selection={selection}"]
    words += [*conditions.as_options(), "--order", order]
    if compared is not None:
        if compared.pooling != settings.pooling:
            words += ["--compare-pooling", compared.pooling]
        if compared.checkpoint != settings.checkpoint:
            words += ["--compare-checkpoint", compared.named_checkpoint or "pretrained"]
    return shlex.join([*words, "--csv", "errors.csv", "--json", "errors.json"])


def _run(options: argparse.Namespace) -> None:
    gallery = asked_gallery(options)
    conditions = asked_conditions(options, gallery)
    network = asked_network(options)
    settings = asked_settings(options, network)
    compared = _compared_settings(options, settings)
    outcomes = _outcomes(options, gallery, network, conditions)
    selection = option_selection(options, gallery)
    name = None if selection is None else selection.name
    report = MissReport(settings, outcomes, order=options.order, selection=name)
    if compared is not None:
        other = (
            network.with_pooling(compared.pooling)
            if compared.checkpoint == settings.checkpoint
            else load_for_settings(compared)
        )
        after = _outcomes(options, gallery, other, conditions)
        comparison = compare_outcomes(outcomes, after)
        compared = replace(compared, weights=other.weights)
        report = replace(report, compared_with=compared, comparison=comparison)
    if options.csv:
        write_text(misses_as_csv(report), options.csv)
    if options.json:
        write_json(misses_as_json(report), options.json)
    if "-" not in (options.csv, options.json):
        _print(report, options.top)


def _compared_settings(
    options: argparse.Namespace, settings: NetworkSettings
) -> NetworkSettings | None:
    changes = {}
    if options.compare_pooling:
        changes["pooling"] = options.compare_pooling
    if options.compare_checkpoint:
        file = options.compare_checkpoint
        changes |= {"checkpoint": None if file == "pretrained" else file, "part": None}
    compared = replace(settings, **changes, weights=None)
    if changes and compared == replace(settings, part=compared.part):
        raise SettingsError("that is the same network; compare it with another pooling or weights")
    return compared if changes else None


def _outcomes(
    options: argparse.Namespace,
    gallery: Gallery,
    network: SimilarityNetwork,
    conditions: Conditions,
) -> QueryOutcomes:
    index = selected_index(options, gallery, network)
    with tqdm(desc="searching", unit=" queries", file=sys.stderr, delay=0.5, leave=False) as bar:

        def show(bar: "tqdm[object]", done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        return query_outcomes(index, on_progress=partial(show, bar), conditions=conditions)


def _print(report: MissReport, top: int) -> None:
    misses = sorted_misses(list_misses(report.outcomes), report.order)
    quality = quality_of(report.outcomes)
    print(
        f"{len(misses):,} of {quality.queries:,} queries find another class first: Recall@1 "
        f"{quality.recall_at[1]:.4f}, mAP@R {quality.map_at_r:.4f}"
    )
    for miss in misses[:top]:
        print(
            f"{miss.margin:.4f}  {miss.query.id} is taken for {miss.taken_for}: {miss.nearest.id} "
            f"{miss.nearest_score:.4f}, {miss.right.id} {miss.right_score:.4f} at rank {miss.rank}"
        )
    if len(misses) > top:
        print(f"… and {len(misses) - top:,} more")
    for confusion in confusions(report.outcomes)[:top]:
        print(
            f"{confusion.count:4d} of {confusion.queries} of {confusion.label} are taken for "
            f"{confusion.taken_for}"
        )
    if report.comparison is not None and report.compared_with is not None:
        other = report.compared_with.title.partition("\n")[0]
        counts = [f"{report.comparison.counts[kind]:,} {kind}" for kind in COMPARED_KINDS]
        note = f"; this {report.comparison.note}" if report.comparison.note else ""
        print(f"with {other}: {', '.join(counts)}{note}")
        for kind in COMPARED_KINDS[:2]:
            for before, after in report.comparison.rows(kind)[:top]:
                print(f"{kind}  {before.query.id}: {before.nearest.id} → {after.nearest.id}")
