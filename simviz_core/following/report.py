"""What is shown and exported of a query that is followed through runs."""

import textwrap
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simviz_core import __version__
from simviz_core.figures import CheckpointColumn, MapPanel, RunRows
from simviz_core.following.relative import RelativeReport, relative_report_as_json
from simviz_core.following.timeline import Change, QuerySnapshot, changes
from simviz_core.gallery import GalleryImage
from simviz_core.images import LoadedImage
from simviz_core.networks.poolings import pooling_words
from simviz_core.networks.settings import NetworkSettings
from simviz_core.pairs import PairPadding, padding_as_json, padding_note
from simviz_core.retrieval import (
    AT,
    MatchMaps,
    Reference,
    RelativeMatchMaps,
    RetrievalQuality,
    is_hit,
    quality_as_json,
)
from simviz_core.runs import Run, RunCheckpoint, checkpoint_settings


@dataclass(frozen=True)
class CheckpointReport:
    """A query as one checkpoint sees it, or why it cannot.

    Attributes:
        checkpoint: The checkpoint.
        quality: Of the retrieval in the gallery; None where it has no classes.
        snapshot: What the checkpoint sees; None where it cannot be used.
        maps: Of each match.
        pair: The maps of the query and the image that it is followed with, if there is one.
        mask_share: Share of the map inside the objects' mask, 0..1; None where there is none.
        error: Why the checkpoint cannot be used.
        weights: What of its file is used and left out, in a line; None where that is not known.
        engine: What runs the network, in a line; None where that is not known.
        relative: The maps relative to a reference; None where that is nothing.
        in_padding: What of the query's map lies in the padding; None where it is not padded.
        paddings: What of the maps of each match does; None where neither picture is padded.
        pair_padding: The same of `pair`.
    """

    checkpoint: RunCheckpoint
    quality: RetrievalQuality | None = None
    snapshot: QuerySnapshot | None = None
    maps: tuple[MatchMaps, ...] = ()
    pair: MatchMaps | None = None
    mask_share: float | None = None
    error: str | None = None
    weights: str | None = None
    engine: str | None = None
    relative: RelativeReport | None = None
    in_padding: float | None = None
    paddings: tuple[PairPadding | None, ...] = ()
    pair_padding: PairPadding | None = None

    @property
    def shown_map(self) -> NDArray[np.float32]:
        """The query's map that is shown, (H, W): the relative one where there is one."""
        if self.relative is not None:
            return self.relative.query.values
        assert self.snapshot is not None
        return self.snapshot.map

    @property
    def shown_maps(self) -> tuple[MatchMaps, ...]:
        """The maps of each match that are shown."""
        if self.relative is None:
            return self.maps
        return tuple(map(_beyond, self.maps, self.relative.maps))

    @property
    def shown_pair(self) -> MatchMaps | None:
        """The maps of the query and the image that it is followed with that are shown."""
        if self.pair is None or self.relative is None or self.relative.pair is None:
            return self.pair
        return _beyond(self.pair, self.relative.pair)

    @property
    def differences(self) -> tuple[float | None, ...]:
        """What the query's map adds up to, and that of each match; None where maps are plain."""
        if self.relative is None:
            return (None,) * (1 + len(self.maps))
        found = (self.relative.query, *(each.query for each in self.relative.maps))
        return tuple(each.difference for each in found)


def _beyond(plain: MatchMaps, relative: RelativeMatchMaps) -> MatchMaps:
    match_map = plain.match_map if relative.match is None else relative.match.values
    return MatchMaps(relative.query.values, match_map)


def score_line(score: float, difference: float | None) -> str:
    """A score, and in brackets what a relative map adds up to where there is one."""
    return f"{score:.3f}" if difference is None else f"{score:.3f} ({difference:+.3f})"


@dataclass(frozen=True)
class ChangedQuery:
    """How much changed for one image as the query, from a run's first checkpoint to its last.

    Attributes:
        image: The query.
        change: What changed; its figures of the maps are None where they were not computed.
    """

    image: GalleryImage
    change: Change


@dataclass(frozen=True)
class RunReport:
    """A query followed through one run.

    Attributes:
        run: The run.
        checkpoints: In the order of their iterations.
        most_changed: The queries that changed most, most first.
    """

    run: Run
    checkpoints: tuple[CheckpointReport, ...]
    most_changed: tuple[ChangedQuery, ...] = ()

    @property
    def seen(self) -> list[tuple[int, QuerySnapshot]]:
        """The iterations whose checkpoint can be used, with what it sees."""
        return [
            (report.checkpoint.iteration, report.snapshot)
            for report in self.checkpoints
            if report.snapshot is not None
        ]

    @property
    def reference(self) -> Reference | None:
        """What the maps are relative to, as the first checkpoint sees it; None for nothing."""
        found = (each.relative.reference for each in self.checkpoints if each.relative)
        return next(found, None)


def run_title(run: Run) -> str:
    """A run in one line: its folder's name, and what was trained how."""
    began = {True: "from scratch", False: "fine-tuned", None: ""}[run.from_scratch]
    parts = [run.root.resolve().name, run.network, pooling_words(run.pooling), began]
    return "   ·   ".join(part for part in parts if part)


def run_rows(
    report: RunReport, query: LoadedImage, label: str | None, partner: LoadedImage | None
) -> RunRows:
    """A report as the figure shows it.

    Args:
        report: With at least one checkpoint that can be used.
        query: The query.
        label: Its class.
        partner: The image that it was followed with, if any.

    Returns:
        A column for each checkpoint that can be used: the query with the map of its similarity,
        and below it the partner with its map, or the matches with theirs.
    """
    columns = []
    for checkpoint in report.checkpoints:
        snapshot = checkpoint.snapshot
        if snapshot is None:
            continue
        own, *differences = checkpoint.differences
        caption = f"similarity {score_line(snapshot.similarity, own)}"
        settings = checkpoint_settings(report.run, checkpoint.checkpoint)

        whole = snapshot.similarity if own is None else None
        panels = [_panel(settings, query, checkpoint.shown_map, caption, whole)]
        pair = checkpoint.shown_pair
        if pair is not None and partner is not None:
            panels.append(_panel(settings, partner, pair.match_map, "", whole))
        else:
            for match, maps, difference in zip(
                snapshot.ranking.matches, checkpoint.shown_maps, differences, strict=True
            ):
                name = match.image.label or match.image.path.name
                panels.append(
                    _panel(
                        settings,
                        match.image.load(),
                        maps.match_map,
                        f"{name} · {score_line(match.score, difference)}",
                        match.score if difference is None else None,
                        is_hit(label, match.image),
                    )
                )
        columns.append(
            CheckpointColumn(f"iteration {checkpoint.checkpoint.iteration:,}", tuple(panels))
        )
    lines = [
        part for line in weights_lines(report)[:2] for part in textwrap.wrap(line, 110, max_lines=2)
    ]
    return RunRows("\n".join([run_title(report.run), *lines]), tuple(columns))


def _panel(
    settings: NetworkSettings,
    picture: LoadedImage,
    values: NDArray[np.float32],
    caption: str,
    whole: float | None,
    is_hit: bool | None = None,
) -> MapPanel:
    """A picture with its map; `whole` is what that adds up to, None of a relative one."""
    note = padding_note(settings.frame(picture.pixels), values, whole)
    return MapPanel(settings.seen(picture.pixels), values, caption, is_hit, note)


def weights_lines(report: RunReport) -> list[str]:
    """What of a run's files is used, in lines; once where it is the same of all."""
    return list(
        {
            checkpoint.weights.replace(str(checkpoint.checkpoint.path), "each file"): None
            for checkpoint in report.checkpoints
            if checkpoint.weights
        }
    )


def order_of_change(changed: ChangedQuery) -> tuple[float, float]:
    """Sorts what changed most to the front: by neighbours, then by the divergence of the maps."""
    overlap, divergence = changed.change.neighbour_overlap, changed.change.jensen_shannon
    return (1.0 if overlap is None else overlap, -(divergence or 0.0))


def reports_as_json(
    reports: Sequence[RunReport], query: str, match: str | None, objects: Sequence[str] = ()
) -> dict[str, Any]:
    """Reports as JSON-ready values.

    Args:
        reports: Of one or more runs.
        query: The query's path, as the user gave it.
        match: Path of the image that it was followed with, if any.
        objects: The categories that the mask share is of.

    Returns:
        For each run its checkpoints with quality, results and maps (lists of rows), what of these
        lies `in_padding` where images are padded, and what changed from each to the next.
    """
    return {
        "query": query,
        "match": match,
        "objects": list(objects),
        "runs": [_run_as_json(report) for report in reports],
        "version": __version__,
    }


def _run_as_json(report: RunReport) -> dict[str, Any]:
    run, seen = report.run, report.seen
    iterations = [iteration for iteration, _ in seen]
    return {
        "run": str(run.root),
        "network": run.network,
        "pooling": run.pooling,
        "size": run.size,
        "fit": run.fit,
        "checkpoints": [_checkpoint_as_json(checkpoint) for checkpoint in report.checkpoints],
        "changes": [
            {"from": before, "to": after, **asdict(change)}
            for before, after, change in zip(
                iterations,
                iterations[1:],
                changes([snapshot for _, snapshot in seen]),
                strict=False,
            )
        ],
        "most_changed": [
            {"path": str(found.image.path), "label": found.image.label, **asdict(found.change)}
            for found in report.most_changed
        ],
    }


def _checkpoint_as_json(report: CheckpointReport) -> dict[str, Any]:
    path = report.checkpoint.path
    values: dict[str, Any] = {
        "iteration": report.checkpoint.iteration,
        "checkpoint": str(path) if path else None,
        "weights": report.weights,
        "engine": report.engine,
    }
    if report.quality:
        values |= quality_as_json(report.quality)
    if report.snapshot is None:
        return {**values, "error": report.error}
    snapshot = report.snapshot
    return {
        **values,
        "similarity": snapshot.similarity,
        "residual": snapshot.residual,
        "map": snapshot.map.tolist(),
        **({} if report.in_padding is None else {"in_padding": report.in_padding}),
        "entropy": snapshot.entropy,
        "mask_share": report.mask_share,
        "neighbours": list(snapshot.neighbours),
        "results": [
            {
                "path": str(match.image.path),
                "label": match.image.label,
                "score": match.score,
                "query_map": maps.query_map.tolist(),
                "match_map": maps.match_map.tolist(),
                **padding_as_json(padding),
            }
            for match, maps, padding in zip(
                snapshot.ranking.matches, report.maps, report.paddings, strict=True
            )
        ],
        **_pair_as_json(report),
        **({"relative": relative_report_as_json(report.relative)} if report.relative else {}),
    }


def _pair_as_json(report: CheckpointReport) -> dict[str, Any]:
    """The map on the image that the query is followed with; the query's own is `map`."""
    if report.pair is None:
        return {}
    values: dict[str, Any] = {"partner_map": report.pair.match_map.tolist()}
    if report.pair_padding is not None:
        values["partner_in_padding"] = report.pair_padding.match
    return values


def checkpoint_table(reports: Sequence[RunReport]) -> list[dict[str, Any]]:
    """The curves over the checkpoints as rows of a table.

    Args:
        reports: Of one or more runs.

    Returns:
        A row for each checkpoint: the run, the iteration, quality, similarity, what is measured of
        the map, and what changed since the checkpoint before that can be used; or the error. Where
        the query is padded also what of the map lies `in_padding`; where maps are relative also to
        what, the similarity to that, and the difference to it.
    """
    return [row for report in reports for row in _rows_of_run(report)]


def _rows_of_run(report: RunReport) -> list[dict[str, Any]]:
    since = iter([None, *changes([snapshot for _, snapshot in report.seen])])
    rows = []
    for found in report.checkpoints:
        quality, snapshot = found.quality, found.snapshot
        change = next(since) if snapshot is not None else None
        recalls = quality.recall_at if quality else {}
        rows.append(
            {
                "run": str(report.run.root),
                "iteration": found.checkpoint.iteration,
                **{f"recall_at_{k}": recalls.get(k) for k in AT},
                "map_at_r": quality.map_at_r if quality else None,
                "similarity": snapshot.similarity if snapshot else None,
                "residual": snapshot.residual if snapshot else None,
                "entropy": snapshot.entropy if snapshot else None,
                "mask_share": found.mask_share,
                "pearson": change.pearson if change else None,
                "jensen_shannon": change.jensen_shannon if change else None,
                "neighbour_overlap": change.neighbour_overlap if change else None,
                "error": found.error,
                **({} if found.in_padding is None else {"in_padding": found.in_padding}),
                **_relative_columns(found),
            }
        )
    return rows


def _relative_columns(found: CheckpointReport) -> dict[str, Any]:
    if found.relative is None:
        return {}
    return {
        "relative_to": str(found.relative.reference.choice),
        "reference_similarity": found.relative.query.reference_similarity,
        "difference": found.relative.query.difference,
    }
