"""Which classes are taken for which, and how well each class is found."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simviz_core.misses.table import NO_CLASS
from simviz_core.retrieval import AT, QueryOutcomes


@dataclass(frozen=True)
class Confusion:
    """A class whose queries are taken for another.

    Attributes:
        label: The queries' class.
        taken_for: The class of their nearest neighbours.
        count: How many queries.
        queries: Queries of the class that were asked.
    """

    label: str
    taken_for: str
    count: int
    queries: int

    @property
    def share(self) -> float:
        """Of the class's queries, those that are taken for the other, 0..1."""
        return self.count / self.queries


@dataclass(frozen=True)
class ClassQuality:
    """How well the images of one class are found.

    Attributes:
        label: The class.
        queries: Its images that were asked.
        misses: Those of them whose nearest neighbour is of another class.
        recall_at: Under K, the share of them with an image of the class among the K nearest.
        map_at_r: The mean of their average precision at R.
        most_taken_for: The class that most of the misses are taken for; None without a miss.
    """

    label: str
    queries: int
    misses: int
    recall_at: dict[int, float]
    map_at_r: float
    most_taken_for: str | None = None


def confusions(outcomes: QueryOutcomes) -> list[Confusion]:
    """Every class that is taken for another, most queries first; then in the gallery's order."""
    index = outcomes.index
    asked = np.bincount(index.class_of[outcomes.rows], minlength=len(index.classes))
    pairs = Counter(
        zip(
            index.class_of[outcomes.rows[~outcomes.is_hit]].tolist(),
            index.class_of[outcomes.nearest[~outcomes.is_hit]].tolist(),
            strict=True,
        )
    )
    order = sorted(pairs, key=lambda pair: (-pairs[pair], pair))
    return [
        Confusion(
            index.classes[of],
            NO_CLASS if taken < 0 else index.classes[taken],
            pairs[of, taken],
            int(asked[of]),
        )
        for of, taken in order
    ]


def class_qualities(outcomes: QueryOutcomes) -> list[ClassQuality]:
    """Each class that was asked, in the gallery's order."""
    index = outcomes.index
    of = index.class_of[outcomes.rows]
    counts = np.bincount(of, minlength=len(index.classes))

    def mean(values: NDArray[np.generic]) -> NDArray[np.float64]:
        sums = np.bincount(of, weights=values.astype(np.float64), minlength=len(counts))
        return sums / np.maximum(counts, 1)

    hits = {k: mean(outcomes.right_rank <= k) for k in AT}
    precision = mean(outcomes.average_precision)
    misses = np.bincount(of[~outcomes.is_hit], minlength=len(counts))
    taken_for: dict[str, str] = {}
    for confusion in confusions(outcomes):
        taken_for.setdefault(confusion.label, confusion.taken_for)
    return [
        ClassQuality(
            label,
            int(counts[place]),
            int(misses[place]),
            {k: float(shares[place]) for k, shares in hits.items()},
            float(precision[place]),
            taken_for.get(label),
        )
        for place, label in enumerate(index.classes)
        if counts[place]
    ]


def most_confused(outcomes: QueryOutcomes, count: int) -> list[str]:
    """The classes that take part in most confusions, at most so many, in the gallery's order."""
    found = confusions(outcomes)
    parts: Counter[str] = Counter()
    for confusion in found:
        parts[confusion.label] += confusion.count
        if confusion.taken_for != NO_CLASS:
            parts[confusion.taken_for] += confusion.count
    chosen = {label for label, _ in parts.most_common(count)}
    return [label for label in outcomes.index.classes if label in chosen]


def confusion_counts(outcomes: QueryOutcomes, labels: Sequence[str]) -> NDArray[np.int64]:
    """How many queries of each class have a nearest neighbour of which class.

    Args:
        outcomes: What every query finds.
        labels: Of the gallery's classes, L of them.

    Returns:
        (L, L + 1): a row for each class of queries; the last column is for all other classes, and
        for images without one. A row sums to the queries of its class.
    """
    index = outcomes.index
    place = np.full(len(index.classes) + 1, len(labels), dtype=np.int64)
    place[[index.place[label] for label in labels]] = np.arange(len(labels))
    rows, columns = (place[index.class_of[of]] for of in (outcomes.rows, outcomes.nearest))
    counts = np.zeros((len(labels) + 1, len(labels) + 1), dtype=np.int64)
    np.add.at(counts, (rows, columns), 1)
    return counts[:-1]
