"""Why it was k before and is j now: a query's nearest neighbours at two checkpoints of a run.

Both are set against one another at both checkpoints: what made k the nearer one before, and what
makes j the nearer one now, each the exact difference of the query's two maps at that checkpoint.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from simviz_core.decomposition import DecomposedImage
from simviz_core.errors import SettingsError
from simviz_core.figures import AgainstRow
from simviz_core.following.report import CheckpointReport
from simviz_core.gallery import GalleryImage
from simviz_core.images import LoadedImage
from simviz_core.networks.settings import NetworkSettings
from simviz_core.pairs import PairAgainst, against_as_json, explain_against

Decompose = Callable[[Sequence[LoadedImage]], Sequence[DecomposedImage]]


@dataclass(frozen=True)
class NeighboursAt:
    """The nearest neighbours before and now, as one checkpoint sees them.

    Attributes:
        iteration: Of the checkpoint.
        found: The neighbour now as the match, against the one before.
    """

    iteration: int
    found: PairAgainst


@dataclass(frozen=True)
class NeighbourChange:
    """A query's nearest neighbour at two checkpoints, and both at both of them.

    Attributes:
        was: The nearest neighbour at the first of the two, k.
        now: At the second, j.
        pictures: Of the neighbour now, of the query and of the neighbour before.
        at: What the first and the second checkpoint see.
    """

    was: GalleryImage
    now: GalleryImage
    pictures: tuple[LoadedImage, LoadedImage, LoadedImage]
    at: tuple[NeighboursAt, NeighboursAt]


def nearest_at(reports: Sequence[CheckpointReport], iteration: int) -> GalleryImage:
    """The query's nearest neighbour at a checkpoint.

    Raises:
        SettingsError: None of the checkpoints is of that iteration, or it cannot be used.
    """
    seen = {
        report.checkpoint.iteration: report.snapshot.ranking.matches
        for report in reports
        if report.snapshot is not None
    }
    if iteration not in seen:
        have = ", ".join(map(str, seen))
        raise SettingsError(f"no checkpoint of iteration {iteration} is shown; there are {have}")
    return seen[iteration][0].image


def neighbour_change(
    query: LoadedImage,
    was: GalleryImage,
    now: GalleryImage,
    checkpoints: tuple[
        tuple[int, NetworkSettings, Decompose], tuple[int, NetworkSettings, Decompose]
    ],
    load: Callable[[GalleryImage], LoadedImage] = GalleryImage.load,
) -> NeighbourChange | None:
    """Set the nearest neighbours of two checkpoints against one another, at both of them.

    Args:
        query: The query.
        was: The nearest neighbour at the first.
        now: The nearest neighbour at the second.
        checkpoints: Of each the iteration, its network's settings, and what decomposes images
            with it. The first is done with before the second is asked.
        load: Loads the picture of a neighbour.

    Returns:
        What each sees; None where the nearest neighbour is the same at both.

    Raises:
        ImageError: A neighbour's file cannot be read any more.
    """
    if was.id == now.id:
        return None
    pictures = (load(now), query, load(was))

    def seen_at(iteration: int, settings: NetworkSettings, decompose: Decompose) -> NeighboursAt:
        match, image, against = decompose(pictures)
        return NeighboursAt(iteration, explain_against(image, match, against, settings))

    before, after = checkpoints
    return NeighbourChange(was, now, pictures, (seen_at(*before), seen_at(*after)))


def neighbour_rows(change: NeighbourChange, query: str) -> list[AgainstRow]:
    """A change as the figure and the page show it: one row for each checkpoint.

    Args:
        change: The change.
        query: The query's name.
    """
    match, image, against = (picture.pixels for picture in change.pictures)
    seen_by = [seen.found.settings.seen for seen in change.at]
    return [
        AgainstRow(
            f"iteration {seen.iteration:,}",
            (see(match), see(image), see(against)),
            (change.now.id, query, change.was.id),
            seen.found,
        )
        for seen, see in zip(change.at, seen_by, strict=True)
    ]


def neighbour_as_json(
    change: NeighbourChange | None, before: int, after: int, nearest: GalleryImage
) -> dict[str, Any]:
    """A change as JSON-ready values.

    Args:
        change: The change; None where the nearest neighbour stayed.
        before: The first iteration.
        after: The second one.
        nearest: The neighbour that stayed, or the one before.

    Returns:
        `was` and `now`, and under `at` for each of the two iterations what `against_as_json` has,
        the neighbour now being the match.
    """
    values: dict[str, Any] = {"before": before, "after": after}
    if change is None:
        return values | {"was": str(nearest.path), "now": str(nearest.path), "at": []}
    was, now = str(change.was.path), str(change.now.path)
    return values | {
        "was": was,
        "now": now,
        "at": [
            {"iteration": seen.iteration, **against_as_json(seen.found, now, was)}
            for seen in change.at
        ],
    }
