"""`index GALLERY`: embed a gallery, or bring its embeddings up to date."""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import Event, Thread
from typing import Any

from tqdm import tqdm

from simviz_core.cli.options.gallery import (
    add_indexed_gallery,
    asked_gallery,
    bring_together,
    say_values,
)
from simviz_core.cli.options.network import asked_network, settings_to_load
from simviz_core.cli.options.numbers import whole_number
from simviz_core.cli.options.output import add_json_option, write_json
from simviz_core.distributed import ClusterEmbedder
from simviz_core.errors import SettingsError
from simviz_core.gallery import Gallery, left_out_lines
from simviz_core.networks import POOLINGS, SimilarityNetwork
from simviz_core.networks.poolings import POOLING_PHRASES
from simviz_core.retrieval import (
    FEWEST_APPROXIMATE,
    Embed,
    EmbeddingTable,
    IndexReport,
    Recall,
    add_approximate_index,
    approximate_index,
)

RAY = "ray"
ENGINES = ("here", RAY)
MOST_NAMES = 20
"""Files that are named in the summary; the JSON names all."""


def add_options(index: argparse.ArgumentParser) -> None:
    """Describe the command and its options."""
    index.description = (
        "Embed a gallery's new and changed images. What a kill interrupts is taken up "
        "where it stopped."
    )
    add_indexed_gallery(index)
    index.add_argument(
        "--with-poolings",
        type=_poolings,
        default=(),
        metavar="RULE,…",
        help=f"fill the tables of these poolings, too, in the same run: {', '.join(POOLINGS)}",
    )
    index.add_argument(
        "--approximate",
        action="store_true",
        help="add an index for `search --approximate`, and measure what it finds; for "
        f"{FEWEST_APPROXIMATE:,} images and more",
    )
    index.add_argument(
        "--engine",
        choices=ENGINES,
        default=ENGINES[0],
        help="where images are embedded: in this process, or by the workers of a Ray cluster "
        "(requirements-scale.txt); default: %(default)s",
    )
    index.add_argument(
        "--address",
        metavar="HOST:PORT",
        help="of the Ray cluster, which has to see the gallery and the stored embeddings at the "
        "same places; default: RAY_ADDRESS, or else one on this machine for the time",
    )
    index.add_argument(
        "--workers",
        type=whole_number,
        metavar="N",
        help="processes of the cluster that embed; default: as many as it has room for",
    )
    add_json_option(index)
    index.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    embed = _asked_engine(options)
    gallery = asked_gallery(options)
    network = asked_network(options)
    others = [name for name in options.with_poolings if name != network.pooling.name]
    networks = [network, *map(network.with_pooling, others)]
    (table, *_), (report, *more) = bring_together(options, gallery, networks, embed)
    say_values([], gallery)
    recall = _add_approximate(gallery, network, table) if options.approximate else None
    kept = approximate_index(table)
    if kept is not None and not kept.is_current:
        print(
            "simviz: the embeddings have changed since their approximate index was made, which is "
            "not used any more; --approximate makes it anew",
            file=sys.stderr,
        )
    if options.json:
        ranges = [shown.as_json() for shown in gallery.value_ranges]
        weights = network.weights.line if network.weights else None
        values = {**_as_json(report), "value_ranges": ranges, "weights": weights}
        values |= {"engine": network.engine_in_use.line}
        values |= {"approximate": recall.as_json()} if recall else {}
        if others:
            of_others = zip(others, map(_as_json, more), strict=True)
            values |= {"pooling": network.pooling.name, "with_poolings": dict(of_others)}
        values |= {"gallery_reading": list(gallery.reading)} if gallery.reading else {}
        write_json(values, options.json)
    if options.json != "-":
        _print_summary(report)
        if recall is not None:
            print(f"approximate index: {recall.words}")
        for name, each in zip(others, more, strict=True):
            print(f"with {POOLING_PHRASES[name]}: {_counts(each)}")


def _add_approximate(gallery: Gallery, network: SimilarityNetwork, table: EmbeddingTable) -> Recall:
    """Add an approximate index, with a progress bar on standard error."""
    with tqdm(file=sys.stderr, delay=0.5, leave=False) as bar, _ticking(bar):

        def show(stage: str, done: int, total: int) -> None:
            if stage != bar.desc:
                bar.reset()
                bar.total = total or None
                bar.set_description_str(stage, refresh=False)
            bar.update(done - bar.n)

        return add_approximate_index(gallery, network, table, show)


@contextmanager
def _ticking(bar: tqdm) -> Iterator[None]:
    """Show the time of a progress bar also while nothing is counted."""
    is_over = Event()

    def tick() -> None:
        while not is_over.wait(1):
            bar.refresh()

    ticks = Thread(target=tick, name="simviz-progress", daemon=True)
    ticks.start()
    try:
        yield
    finally:
        is_over.set()
        ticks.join()


def _asked_engine(options: argparse.Namespace) -> Embed | None:
    """What embeds; None for this process.

    Raises:
        SettingsError: An option is of the other engine.
    """
    if options.engine == RAY:
        return ClusterEmbedder(
            settings_to_load(options), options.allow_code, options.address, options.workers
        )
    if options.address or options.workers:
        raise SettingsError(f"--address and --workers are for --engine {RAY}")
    return None


def _poolings(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    for name in names:
        if name not in POOLINGS:
            raise argparse.ArgumentTypeError(
                f"unknown pooling {name!r}; choose some of {', '.join(POOLINGS)}"
            )
    return names


def _as_json(report: IndexReport) -> dict[str, Any]:
    return {
        "images": report.images,
        "added": list(report.added),
        "updated": list(report.updated),
        "removed": list(report.removed),
        "relabelled": list(report.relabelled),
        "absent": list(report.absent),
        "unreadable": [{"path": name, "reason": reason} for name, reason in report.unreadable],
        "passed_over": list(report.passed_over),
        "left_out": [{"path": name, "reason": reason} for name, reason in report.left_out],
        "rebuilt": report.was_rebuilt,
        "repaired": list(report.repaired),
        "undeleted": report.undeleted,
        "seconds": report.seconds,
    }


def _print_summary(report: IndexReport) -> None:
    print(f"{_counts(report)}, in {report.seconds:.1f} s")
    if report.was_rebuilt:
        print("The stored embeddings were damaged and have been made anew.")
    if report.undeleted:
        print(
            f"{report.undeleted:,} files of earlier states are not deleted by the store; they take "
            "room and are no part of the table"
        )
    _print_names("stored embedding damaged, made anew", report.repaired)
    _print_names("updated", report.updated)
    _print_names("removed", report.removed)
    _print_names("relabelled", report.relabelled)
    _print_names("unreadable", [f"{name}: {reason}" for name, reason in report.unreadable])
    _print_names("not there now, kept", report.absent)
    _print_names("left out", list(left_out_lines(report.left_out)))
    _print_names("passed over, not images", report.passed_over)


def _counts(report: IndexReport) -> str:
    embedded = len(report.added) + len(report.updated) + len(report.repaired)
    return f"{report.images:,} images indexed, {embedded:,} of them now"


def _print_names(title: str, names: Sequence[str]) -> None:
    if names:
        print(f"{title} ({len(names):,})")
        for name in names[:MOST_NAMES]:
            print(f"  {name}")
        if len(names) > MOST_NAMES:
            print(f"  … and {len(names) - MOST_NAMES:,} more")
