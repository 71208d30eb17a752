"""`index GALLERY`: embed a gallery, or bring its embeddings up to date."""

import argparse
from collections.abc import Sequence
from typing import Any

from simviz_core.cli.options.gallery import (
    add_indexed_gallery,
    asked_gallery,
    bring_up_to_date,
    say_values,
)
from simviz_core.cli.options.network import asked_network
from simviz_core.cli.options.output import Commands, OneLineParser, add_json_option, write_json
from simviz_core.gallery import left_out_lines
from simviz_core.retrieval import IndexReport

MOST_NAMES = 20
"""Files that are named in the summary; the JSON names all."""


def add_to(commands: "Commands[OneLineParser]") -> None:
    """Add the command."""
    index = commands.add_parser(
        "index",
        help="embed a gallery, or bring its embeddings up to date",
        description="Embed a gallery's new and changed images. What a kill interrupts is taken up "
        "where it stopped.",
    )
    add_indexed_gallery(index)
    add_json_option(index)
    index.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    gallery = asked_gallery(options)
    network = asked_network(options)
    _, report = bring_up_to_date(options, gallery, network)
    say_values([], gallery)
    if options.json:
        ranges = [shown.as_json() for shown in gallery.value_ranges]
        weights = network.weights.line if network.weights else None
        values = {**_as_json(report), "value_ranges": ranges, "weights": weights}
        values |= {"gallery_reading": list(gallery.reading)} if gallery.reading else {}
        write_json(values, options.json)
    if options.json != "-":
        _print_summary(report)


def _as_json(report: IndexReport) -> dict[str, Any]:
    return {
        "images": report.images,
        "added": list(report.added),
        "updated": list(report.updated),
        "removed": list(report.removed),
        "relabelled": list(report.relabelled),
        "unreadable": [{"path": name, "reason": reason} for name, reason in report.unreadable],
        "passed_over": list(report.passed_over),
        "left_out": [{"path": name, "reason": reason} for name, reason in report.left_out],
        "rebuilt": report.was_rebuilt,
        "repaired": list(report.repaired),
        "seconds": report.seconds,
    }


def _print_summary(report: IndexReport) -> None:
    embedded = len(report.added) + len(report.updated) + len(report.repaired)
    print(f"{report.images:,} images indexed, {embedded:,} of them now, in {report.seconds:.1f} s")
    if report.was_rebuilt:
        print("The stored embeddings were damaged and have been made anew.")
    _print_names("stored embedding damaged, made anew", report.repaired)
    _print_names("updated", report.updated)
    _print_names("removed", report.removed)
    _print_names("relabelled", report.relabelled)
    _print_names("unreadable", [f"{name}: {reason}" for name, reason in report.unreadable])
    _print_names("left out", list(left_out_lines(report.left_out)))
    _print_names("passed over, not images", report.passed_over)


def _print_names(title: str, names: Sequence[str]) -> None:
    if names:
        print(f"{title} ({len(names):,})")
        for name in names[:MOST_NAMES]:
            print(f"  {name}")
        if len(names) > MOST_NAMES:
            print(f"  … and {len(names) - MOST_NAMES:,} more")
