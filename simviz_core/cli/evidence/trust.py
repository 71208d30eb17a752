"""`trust GALLERY`: how far can the maps of this network be trusted on this gallery?"""

import argparse
import shlex
import sys
from dataclasses import asdict, replace
from pathlib import Path

from tqdm import tqdm

from simviz_core.cli.options.gallery import (
    add_indexed_gallery,
    asked_gallery,
    bring_up_to_date,
    loaded,
)
from simviz_core.cli.options.network import (
    asked_network,
    asked_settings,
    settings_words,
)
from simviz_core.cli.options.output import (
    add_csv_option,
    add_figure_option,
    add_json_option,
    file_format,
    path_word,
    write_csv,
    write_json,
)
from simviz_core.evidence import (
    TrustReport,
    charted,
    finding_basis,
    finding_number,
    measure_trust,
    read_trust,
    save_trust,
    trust_as_json,
    trust_figure,
)
from simviz_core.gallery import Gallery
from simviz_core.networks import SimilarityNetwork, require_single
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import EmbeddingTable, GalleryIndex


def add_options(command: argparse.ArgumentParser) -> None:
    """Describe the command and its options."""
    command.description = (
        "Measure how far the maps of a network can be trusted on a gallery, and say "
        "what each number means for reading them. The report is kept beside the index, and is "
        "there at once the next time. The gallery is indexed first where it is not yet."
    )
    command.add_argument(
        "--again", action="store_true", help="measure, also where there is a report already"
    )
    add_indexed_gallery(command)
    add_figure_option(command, "the findings as bars")
    add_csv_option(command, "the findings")
    add_json_option(command)
    command.set_defaults(run=_run)


def trust_command(gallery: str, settings: NetworkSettings) -> str:
    """The command that makes the same report.

    Args:
        gallery: The gallery's folder or manifest.
        settings: The network, its pooling and its size.

    Returns:
        One line, quoted for a POSIX shell.
    """
    words = ["python", "-m", "simviz_core", "trust", path_word(gallery), *settings_words(settings)]
    return shlex.join([*words, "--figure", "trust.png", "--json", "-"])


def _run(options: argparse.Namespace) -> None:
    gallery = asked_gallery(options)
    network = asked_network(options)
    require_single(network, "measured")
    table, indexed = bring_up_to_date(options, gallery, network)
    index = loaded(gallery, table, indexed)
    report = None if options.again else read_trust(table)
    if report is None:
        report = _measured(network, gallery, index, table)
    settings = asked_settings(options, network)
    if options.figure:
        title = f"{options.gallery} · {settings.title}"
        figure = trust_figure(charted(report), title, file_format(options.figure))
        Path(options.figure).write_bytes(figure)
    if options.json:
        write_json(trust_as_json(report, options.gallery, settings), options.json)
    if options.csv:
        write_csv(map(asdict, report.findings), options.csv)
    if not (options.figure or options.json or options.csv):
        _print(report)


def _measured(
    network: SimilarityNetwork, gallery: Gallery, index: GalleryIndex, table: EmbeddingTable
) -> TrustReport:
    # Files that cannot be read have no embedding.
    readable = replace(gallery, images=tuple(index.images))
    with tqdm(unit=" steps", file=sys.stderr, delay=0.5, leave=False) as bar:

        def show(done: int, total: int, step: str) -> None:
            bar.total = total
            bar.set_description(step, refresh=False)
            bar.update(done - bar.n)

        report = measure_trust(network, readable, index, show)
    save_trust(report, table)
    return report


def _print(report: TrustReport) -> None:
    for finding in report.findings:
        print(f"{finding.name}: {finding_number(finding)}. {finding_basis(finding)}")
        print(f"  measured: {finding.measured}")
        print(f"  for reading the maps: {finding.meaning}")
    found = report.distributions
    if found["area_under_roc"] is not None:
        low, high = found["area_interval"] or (None, None)
        ends = "" if low is None else f" ({low:.3f} to {high:.3f})"
        print(
            f"similarities: area under the ROC {found['area_under_roc']:.3f}{ends}; equal error "
            f"{found['equal_error_rate']:.1%} at {found['equal_error_threshold']:.3f}"
        )
