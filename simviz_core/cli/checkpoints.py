"""`checkpoints QUERY`: follow a query through the checkpoints of a run."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from tqdm import tqdm

from simviz_core.checkpoints.loading import keeping_networks, load_for_settings
from simviz_core.cli.options.gallery import (
    GALLERY_HELP,
    add_store_options,
    asked_gallery,
    bring_up_to_date,
    find_in,
    indexing_bar,
    say_values,
    warn_of_unreadable,
)
from simviz_core.cli.options.network import add_network_options
from simviz_core.cli.options.numbers import two_iterations, whole_number, whole_numbers
from simviz_core.cli.options.output import (
    add_csv_option,
    add_figure_options,
    add_json_option,
    figure_style,
    file_format,
    path_word,
    style_words,
    write_csv,
    write_json,
)
from simviz_core.cli.options.relative import add_relative_option, relative_words
from simviz_core.decomposition import DecomposedImage
from simviz_core.errors import CheckpointError, GalleryError, NetworkError, RunError, SettingsError
from simviz_core.figures import FigureStyle, against_figure, checkpoints_figure
from simviz_core.following import (
    ChangedQuery,
    CheckpointReport,
    FollowedQuery,
    FollowedReference,
    NeighbourChange,
    RunReport,
    check_reference,
    checkpoint_report,
    checkpoint_table,
    held_out_rows,
    most_changed,
    nearest_at,
    neighbour_as_json,
    neighbour_change,
    neighbour_rows,
    reports_as_json,
    run_rows,
    run_title,
)
from simviz_core.following.neighbour import Decompose
from simviz_core.gallery import Gallery, GalleryImage
from simviz_core.gallery.masks import GalleryMasks, find_masks
from simviz_core.images import LoadedImage, load_image
from simviz_core.networks import SimilarityNetwork, network_facts, size_text
from simviz_core.networks.poolings import pooling_words
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import (
    MOST_QUERIES,
    NOTHING,
    AllowedRows,
    EmbeddingTable,
    GalleryIndex,
    RelativeTo,
    RetrievalQuality,
    embedding_table,
    index_each,
    load_index,
    retrieval_quality,
)
from simviz_core.runs import (
    Run,
    RunCheckpoint,
    checkpoint_settings,
    describes_itself,
    open_run,
    with_pretrained,
)

FIRST_AND_LAST = (-1, -1)
"""Of `--why-changed` without iterations."""


def add_options(command: argparse.ArgumentParser) -> None:
    """Describe the command and its options."""
    command.description = (
        "Show what each checkpoint of a training finds for a query and where it looks, "
        "and what changes from one to the next. The gallery is indexed with each checkpoint first "
        "where it is not yet."
    )
    command.add_argument("query", metavar="QUERY", help="an image file")
    command.add_argument("--gallery", metavar="GALLERY", required=True, help=GALLERY_HELP)
    command.add_argument(
        "--run",
        metavar="DIR",
        dest="runs",
        required=True,
        action="append",
        help="a folder of checkpoints; a second one is shown below the first",
    )
    command.add_argument(
        "--match", metavar="IMAGE", help="follow the query with this image, instead of its class"
    )
    command.add_argument(
        "--top", type=whole_number, default=3, metavar="K", help="matches; default: %(default)s"
    )
    command.add_argument(
        "--all-classes",
        action="store_true",
        help="search all images, not only those of the classes that training never saw",
    )
    command.add_argument(
        "--iterations",
        type=whole_numbers,
        metavar="A,B,…",
        help="only the checkpoints of these iterations; default: all",
    )
    command.add_argument(
        "--before-training",
        action="store_true",
        help="begin with the pretrained network, where the run has no checkpoint of it",
    )
    command.add_argument(
        "--most-changed",
        type=whole_number,
        metavar="N",
        help="also name the N queries that changed most from the first checkpoint to the last; "
        "runs the first and the last network on all images",
    )
    command.add_argument(
        "--why-changed",
        nargs="?",
        const=FIRST_AND_LAST,
        type=two_iterations,
        metavar="A,B",
        help="also say why the nearest neighbour at iteration B is another than at A: each against "
        "the other, at both; the figure then shows this; default: the first and the last",
    )
    command.add_argument(
        "--objects",
        metavar="A,B,…",
        help="categories of the gallery's masks, to measure the maps' share of; default: objects",
    )
    add_relative_option(command)
    add_network_options(command)
    add_store_options(command)
    add_figure_options(command, "the checkpoints side by side")
    add_json_option(command)
    add_csv_option(command, "the curves over the checkpoints")
    command.set_defaults(run=_run)


def checkpoints_command(
    query: str,
    gallery: str,
    runs: Sequence[Run],
    style: FigureStyle,
    options: Sequence[str] = (),
    relative: RelativeTo = NOTHING,
) -> str:
    """The command that follows a query through the same runs, and prints the same numbers.

    Args:
        query: Path of the query's file.
        gallery: The gallery's folder or manifest.
        runs: The runs.
        style: How the figure shows the maps.
        options: Further options, as words.
        relative: What the maps are relative to.

    Returns:
        One line, quoted for a POSIX shell.
    """
    words = ["python", "-m", "simviz_core", "checkpoints", path_word(query)]
    words += ["--gallery", path_word(gallery)]
    for run in runs:
        words += ["--run", path_word(str(run.root))]
    if not all(describes_itself(run.root) for run in runs):
        words += ["--network", runs[0].network, "--pooling", runs[0].pooling]
        words += ["--size", size_text(runs[0].size)]
    words += [*options, *relative_words(relative)]
    return shlex.join([*words, "--figure", "checkpoints.png", *style_words(style), "--json", "-"])


def _run(options: argparse.Namespace) -> None:
    runs = [_open_run(folder, options) for folder in options.runs]
    gallery = asked_gallery(options)
    own = find_in(gallery, Path(options.query))
    check_reference(options.relative_to, own.label if own else None, bool(options.match))
    masks = find_masks(gallery)
    if options.objects and masks is None:
        raise GalleryError(f"the gallery {gallery.source} has no masks beside it")
    objects = _objects(options, masks)
    query = FollowedQuery(
        load_image(Path(options.query), value_ranges=gallery.value_ranges),
        own.id if own else None,
        own.label if own else None,
        load_image(Path(options.match), value_ranges=gallery.value_ranges)
        if options.match
        else None,
        masks.of_image(own.id, objects) if masks and own else None,
        _relative_to(options.relative_to, gallery),
    )
    others = [query.partner, query.relative_to.picture]
    say_values([query.picture, *(picture for picture in others if picture)], gallery)
    with keeping_networks():
        reports = [_follow(options, gallery, query, run) for run in runs]
    whys = [_why(options, query, report) for report in reports] if options.why_changed else []
    if options.figure and whys:
        _write_why_figure(options, whys)
    elif options.figure:
        rows = [run_rows(r, query.picture, query.label, query.partner) for r in reports]
        figure = checkpoints_figure(
            rows, figure_style(options), file_format(options.figure), reports[0].reference
        )
        Path(options.figure).write_bytes(figure)
    if options.json:
        shown = objects if query.mask is not None else ()
        values = reports_as_json(reports, options.query, options.match, shown)
        for of_run, why in zip(values["runs"], whys, strict=False):
            of_run["why_changed"] = neighbour_as_json(
                why.change, why.before, why.after, why.nearest
            )
        write_json(values, options.json)
    if options.csv:
        write_csv(checkpoint_table(reports), options.csv)
    if not (options.figure or options.json or options.csv):
        for report in reports:
            _print_summary(report)
        for why in whys:
            _print_why(why)


def _relative_to(choice: RelativeTo, gallery: Gallery) -> FollowedReference:
    """What the maps are relative to, with the picture of another image."""
    if choice.kind != "image":
        return FollowedReference(choice)
    picture = load_image(Path(choice.name or ""), value_ranges=gallery.value_ranges)
    return FollowedReference(choice, picture)


def _objects(options: argparse.Namespace, masks: GalleryMasks | None) -> tuple[str, ...]:
    """The categories that the maps' share is measured of."""
    if options.objects:
        return tuple(options.objects.split(","))
    return masks.objects if masks else ()


def _open_run(folder: str, options: argparse.Namespace) -> Run:
    """The run; of bare checkpoints the network options tell the network."""
    size = options.size or network_facts(options.network).size
    run = open_run(folder, options.network, options.pooling, size)
    chosen = run.checkpoints
    if options.before_training:
        chosen = with_pretrained(run)
    if options.iterations is not None:
        chosen = tuple(c for c in chosen if c.iteration in options.iterations)
    if not chosen:
        raise RunError(f"{folder} has no checkpoint{' of these' if run.checkpoints else ' yet'}")
    return replace(run, checkpoints=chosen)


def _follow(
    options: argparse.Namespace, gallery: Gallery, query: FollowedQuery, run: Run
) -> RunReport:
    """Follow the query through one run."""
    _index_together(options, gallery, run)
    reports: list[CheckpointReport] = []
    usable: list[tuple[RunCheckpoint, GalleryIndex]] = []
    for checkpoint in run.checkpoints:
        try:
            report, index = _report(options, gallery, query, run, checkpoint, not usable)
        except (CheckpointError, NetworkError) as error:
            print(f"simviz: iteration {checkpoint.iteration}: {error}", file=sys.stderr)
            reports.append(CheckpointReport(checkpoint, error=str(error)))
            continue
        reports.append(report)
        usable.append((checkpoint, index))
    if not usable:
        raise RunError(f"none of the checkpoints in {run.root} can be used: {reports[0].error}")
    changed = _most_changed(options, run, usable[0], usable[-1]) if options.most_changed else []
    return RunReport(run, tuple(reports), tuple(changed[: options.most_changed]))


def _index_together(options: argparse.Namespace, gallery: Gallery, run: Run) -> None:
    """Index with all checkpoints, reading the images once; what fails is said in its place."""

    def target(checkpoint: RunCheckpoint) -> tuple[SimilarityNetwork, EmbeddingTable]:
        network = _network(run, checkpoint)
        return network, embedding_table(gallery, network.fingerprint, options.precision)

    with indexing_bar() as show:
        index_each(gallery, [partial(target, each) for each in run.checkpoints], show)


def _report(
    options: argparse.Namespace,
    gallery: Gallery,
    query: FollowedQuery,
    run: Run,
    checkpoint: RunCheckpoint,
    is_first: bool,
) -> tuple[CheckpointReport, GalleryIndex]:
    """Ask the query of one checkpoint; what of the gallery is unreadable is said for the first."""
    network = _network(run, checkpoint)
    table, unreadable = bring_up_to_date(options, gallery, network)
    if is_first:
        warn_of_unreadable(unreadable)
    index = load_index(gallery, table)
    rows = _rows_to_search(options, run, index)
    report = checkpoint_report(
        checkpoint,
        index,
        query,
        rows,
        options.top,
        partial(_decompose, network),
        _quality(index.part(rows)),
        network.frame,
    )
    weights = network.weights.line if network.weights else None
    return replace(report, weights=weights, engine=network.engine_in_use.line), index


def _decompose(network: SimilarityNetwork, images: Sequence[LoadedImage]) -> list[DecomposedImage]:
    batch = network.decompose([image.pixels for image in images])
    return [batch[place] for place in range(len(images))]


def _rows_to_search(options: argparse.Namespace, run: Run, index: GalleryIndex) -> AllowedRows:
    return held_out_rows(index, () if options.all_classes else run.held_out)


def _quality(index: GalleryIndex) -> RetrievalQuality | None:
    try:
        return retrieval_quality(index, MOST_QUERIES)
    except GalleryError:
        return None  # no class has two images


def _most_changed(
    options: argparse.Namespace,
    run: Run,
    first: tuple[RunCheckpoint, GalleryIndex],
    last: tuple[RunCheckpoint, GalleryIndex],
) -> list[ChangedQuery]:
    rows = _rows_to_search(options, run, first[1])
    with tqdm(desc="maps", unit=" images", file=sys.stderr, delay=0.5, leave=False) as bar:

        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        return most_changed(
            (partial(_network, run, first[0]), first[1]),
            (partial(_network, run, last[0]), last[1]),
            rows,
            show,
        )


@dataclass(frozen=True)
class _Why:
    """Why the nearest neighbour of a run's checkpoint is another one than before.

    Attributes:
        report: Of the run.
        before: The first iteration.
        after: The second one.
        nearest: The nearest neighbour at the first.
        change: The two, at both; None where it is the same at both.
    """

    report: RunReport
    before: int
    after: int
    nearest: GalleryImage
    change: NeighbourChange | None


def _why(options: argparse.Namespace, query: FollowedQuery, report: RunReport) -> _Why:
    seen = [iteration for iteration, _ in report.seen]
    before, after = options.why_changed
    if (before, after) == FIRST_AND_LAST:
        before, after = seen[0], seen[-1]
    was, now = (nearest_at(report.checkpoints, iteration) for iteration in (before, after))
    places = {found.checkpoint.iteration: found.checkpoint for found in report.checkpoints}

    def at(iteration: int) -> tuple[int, NetworkSettings, Decompose]:
        settings = checkpoint_settings(report.run, places[iteration])

        def decompose(images: Sequence[LoadedImage]) -> list[DecomposedImage]:
            return _decompose(_network(report.run, places[iteration]), images)

        return iteration, settings, decompose

    change = neighbour_change(query.picture, was, now, (at(before), at(after)))
    return _Why(report, before, after, was, change)


def _write_why_figure(options: argparse.Namespace, whys: Sequence[_Why]) -> None:
    rows = []
    for why in whys:
        name = f"{why.report.run.root.resolve().name}, " if len(whys) > 1 else ""
        for row in neighbour_rows(why.change, Path(options.query).name) if why.change else []:
            rows.append(replace(row, title=f"{name}{row.title}"))
    if not rows:
        raise SettingsError(
            f"the nearest neighbour is {whys[0].nearest.id} at iteration {whys[0].before} and at "
            f"{whys[0].after}; choose other iterations with --why-changed A,B for a figure"
        )
    title = " / ".join(dict.fromkeys(run_title(why.report.run) for why in whys))
    figure = against_figure(rows, title, figure_style(options), file_format(options.figure))
    Path(options.figure).write_bytes(figure)


def _print_why(why: _Why) -> None:
    if why.change is None:
        print(f"the nearest neighbour stays {why.nearest.path} from {why.before} to {why.after}")
        return
    print(f"nearest neighbour {why.change.was.path} at {why.before}, {why.change.now.path} now")
    for seen in why.change.at:
        print(f"  iteration {seen.iteration}: {seen.found.check}")


def _network(run: Run, checkpoint: RunCheckpoint) -> SimilarityNetwork:
    return load_for_settings(checkpoint_settings(run, checkpoint))


def _print_summary(report: RunReport) -> None:
    run = report.run
    print(f"{run.root}: {run.network}, {pooling_words(run.pooling)}, {size_text(run.size)} px")
    if report.reference is not None:
        print(f"relative to {report.reference.description}: {report.reference.sentence}")
    for checkpoint in report.checkpoints:
        iteration, snapshot = checkpoint.checkpoint.iteration, checkpoint.snapshot
        if snapshot is None:
            continue
        quality = checkpoint.quality
        figures = f"similarity {snapshot.similarity:.4f}"
        if checkpoint.in_padding is not None:
            figures += f", {checkpoint.in_padding:.3f} in padding"
        if quality:
            figures = (
                f"Recall@1 {quality.recall_at[1]:.4f}  mAP@R {quality.map_at_r:.4f}  {figures}"
            )
        print(f"iteration {iteration:6d}  {figures}")
        if checkpoint.relative:
            print(f"       relative: {checkpoint.relative.query.check()}")
        for place, match in enumerate(snapshot.ranking.matches, start=1):
            print(f"  {place:3d}  {match.score:.4f}  {match.image.path}")
    for changed in report.most_changed:
        overlap = changed.change.neighbour_overlap
        print(f"{overlap:.0%} of the neighbours stayed for {changed.image.path}")
