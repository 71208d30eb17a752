"""Is 0.6 high? Where a score stands among a gallery's own similarities.

A cosine has no scale of its own: 0.6 is much for one network and little for another. So it is
placed among the similarities of all pairs of one class and of all pairs of different classes, from
the stored embeddings alone.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simviz_core.retrieval import GalleryIndex

MOST_IMAGES = 20_000
"""More images are sampled."""
BINS = 20_000
"""Of similarities from −1 to 1; a score is placed to 0.0001."""
ROWS = 512
"""Images that are compared with all others at once."""
RESAMPLED, DRAWS = 600, 200
"""Images and draws of the interval of the area under the ROC."""

Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Standing:
    """Where a score stands.

    Attributes:
        score: A similarity.
        same_below: The share of pairs of one class that are below it; None without classes.
        different_below: The share of pairs of different classes that are below it; of random pairs
            in a gallery without classes.
        false_alarms: How many images of other classes reach it for one query, on average.
        distributions: Among which it stands.
    """

    score: float
    same_below: float | None
    different_below: float
    false_alarms: float
    distributions: "SimilarityDistributions"

    @property
    def sentence(self) -> str:
        """In one sentence."""
        return standing_sentence(self, self.distributions.has_classes)


@dataclass(frozen=True, eq=False)
class SimilarityDistributions:
    """The similarities within a gallery, as counts of small steps.

    Attributes:
        same: Pairs of one class in each step from −1 to 1, (BINS,); zeros without classes.
        different: Pairs of different classes, (BINS,); all pairs without classes.
        images: How many images were compared.
        gallery_images: How many there are.
        has_classes: Whether any pair is of one class.
        area_interval: 95 % interval of the area under the ROC; None without classes.
    """

    same: Counts
    different: Counts
    images: int
    gallery_images: int
    has_classes: bool
    area_interval: tuple[float, float] | None

    @property
    def is_sampled(self) -> bool:
        """Whether some images were left out."""
        return self.images < self.gallery_images

    @cached_property
    def _same_below(self) -> NDArray[np.float64]:
        return _below(self.same)

    @cached_property
    def _different_below(self) -> NDArray[np.float64]:
        return _below(self.different)

    def standing(self, score: float) -> Standing:
        """Where a score stands."""
        step = int(bins_of(np.array([score]))[0])
        different = float(self._different_below[step])
        per_query = 2 * int(self.different.sum()) / self.images
        scale = self.gallery_images / self.images
        return Standing(
            score,
            float(self._same_below[step]) if self.has_classes else None,
            different,
            (1 - different) * per_query * scale,
            self,
        )

    @cached_property
    def equal_error(self) -> tuple[float, float] | None:
        """The threshold at which as many pairs of one class are below as others are above it, and
        that rate; None without classes."""
        if not self.has_classes:
            return None
        gap = np.abs(self._same_below - (1 - self._different_below))
        step = int(gap.argmin())
        rate = (self._same_below[step] + 1 - self._different_below[step]) / 2
        return -1 + 2 * step / BINS, float(rate)

    @cached_property
    def area(self) -> float | None:
        """The area under the ROC: the probability that a pair of one class is more similar than a
        pair of different classes; None without classes."""
        return _area(self.same, self.different) if self.has_classes else None

    def roc(self, points: int = 200) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """False alarms and hits, each a share, at thresholds from high to low, (points + 1,) each.

        It begins at (0, 0) and rises from there by all hits that no false alarm comes with.
        """
        false = np.concatenate([1 - self._different_below, [0.0]])[::-1]
        hits = np.concatenate([1 - self._same_below, [0.0]])[::-1]
        wanted = np.linspace(0, 1, points)
        found = np.interp(wanted, false, hits)
        found[0] = hits[false == 0].max()
        return np.concatenate([[0.0], wanted]), np.concatenate([[0.0], found])

    def histogram(self, steps: int = 100) -> dict[str, NDArray[np.float64]]:
        """Shares of pairs in coarser steps, for a plot: edges (steps + 1,), same, different."""
        edges = np.linspace(-1, 1, steps + 1)
        coarse = {
            name: counts.reshape(steps, -1).sum(1) / max(1, counts.sum())
            for name, counts in (("same", self.same), ("different", self.different))
        }
        return {"edges": edges, **coarse}

    def as_json(self) -> dict[str, Any]:
        """What the distributions come to, as JSON-ready values."""
        error = self.equal_error
        return {
            "images": self.images,
            "gallery_images": self.gallery_images,
            "pairs_of_one_class": int(self.same.sum()),
            "other_pairs": int(self.different.sum()),
            "has_classes": self.has_classes,
            "area_under_roc": self.area,
            "area_interval": self.area_interval,
            "equal_error_threshold": None if error is None else error[0],
            "equal_error_rate": None if error is None else error[1],
            "false_alarms_at_threshold": (
                None if error is None else self.standing(error[0]).false_alarms
            ),
            "resolution": 2 / BINS,
        }


def bins_of(similarities: NDArray[np.floating]) -> NDArray[np.int64]:
    """The step that each similarity falls into."""
    steps = np.floor((similarities.astype(np.float64) + 1) * (BINS / 2)).astype(np.int64)
    return np.clip(steps, 0, BINS - 1)


def similarity_distributions(index: GalleryIndex, seed: int = 0) -> SimilarityDistributions:
    """Compare all images of a gallery with one another, a sample of them where they are many.

    Args:
        index: The gallery's embeddings, of at least two images.
        seed: Of the sample and of the interval.
    """
    chance = np.random.default_rng(seed)
    total = len(index.images)
    rows = np.arange(total)
    if total > MOST_IMAGES:
        rows = np.sort(chance.choice(total, MOST_IMAGES, replace=False))
    matrix, classes = index.matrix[rows], index.class_of[rows]
    same, different = np.zeros(BINS, np.int64), np.zeros(BINS, np.int64)
    for start in range(0, len(rows), ROWS):
        stop = min(start + ROWS, len(rows))
        steps = bins_of(matrix[start:stop] @ matrix[start:].T)
        # Each pair once: what lies right of the diagonal.
        later = np.arange(start, len(rows))[None, :] > np.arange(start, stop)[:, None]
        own = classes[start:stop, None]
        alike = (own == classes[None, start:]) & (own >= 0)
        same += np.bincount(steps[later & alike], minlength=BINS)
        different += np.bincount(steps[later & ~alike], minlength=BINS)
    has_classes = bool(same.any() and different.any())
    interval = _area_interval(matrix, classes, chance) if has_classes else None
    return SimilarityDistributions(same, different, len(rows), total, has_classes, interval)


def _below(counts: Counts) -> NDArray[np.float64]:
    """The share of pairs below the lower edge of each step."""
    before = np.concatenate([[0], counts.cumsum()[:-1]])
    return before / max(1, int(counts.sum()))


def _area(same: NDArray[np.floating] | Counts, different: NDArray[np.floating] | Counts) -> float:
    before = np.concatenate([[0.0], np.cumsum(different)[:-1]])
    wins = (same * (before + different / 2)).sum()
    return float(wins / (same.sum() * different.sum()))


def _area_interval(
    matrix: NDArray[np.float32], classes: NDArray[np.int64], chance: np.random.Generator
) -> tuple[float, float] | None:
    """Where 95 % of the areas lie if images are resampled; of at most `RESAMPLED` images."""
    rows = chance.permutation(len(matrix))[:RESAMPLED]
    first, second = np.triu_indices(len(rows), 1)
    steps = bins_of((matrix[rows] @ matrix[rows].T)[first, second])
    of_rows = classes[rows]
    alike = (of_rows[first] == of_rows[second]) & (of_rows[first] >= 0)
    areas = []
    for _ in range(DRAWS):
        times = np.bincount(chance.integers(len(rows), size=len(rows)), minlength=len(rows))
        weights = (times[first] * times[second]).astype(np.float64)
        same = np.bincount(steps[alike], weights[alike], BINS)
        different = np.bincount(steps[~alike], weights[~alike], BINS)
        if same.any() and different.any():
            areas.append(_area(same, different))
    if len(areas) < DRAWS / 2:
        return None
    low, high = np.quantile(areas, [0.025, 0.975])
    return float(low), float(high)


def standing_sentence(standing: Standing, has_classes: bool) -> str:
    """Where a score stands, in one sentence."""
    if not has_classes or standing.same_below is None:
        return (
            f"{standing.score:.2f} is above {standing.different_below:.1%} of the gallery's pairs."
        )
    return (
        f"{standing.score:.2f} is above {standing.different_below:.1%} of the pairs of different "
        f"classes and above {standing.same_below:.1%} of the pairs of one class; for one query "
        f"{standing.false_alarms:.1f} images of other classes reach it."
    )


def standing_in(index: GalleryIndex, score: float) -> Standing | None:
    """Where a score stands in a gallery; None of a gallery of one image.

    Args:
        index: The gallery's embeddings.
        score: A similarity by the same network.
    """
    return similarity_distributions(index).standing(score) if len(index.images) > 1 else None


def standing_as_json(standing: Standing | None) -> dict[str, Any]:
    """Where a score stands, and among what, as JSON-ready values; None: that it is not known."""
    if standing is None:
        return {
            "score": None,
            "sentence": "Not known: no gallery of two images or more that is indexed with this "
            "network was given to compare with.",
        }
    return {
        "score": standing.score,
        "same_class_below": standing.same_below,
        "different_classes_below": standing.different_below,
        "false_alarms": standing.false_alarms,
        "sentence": standing.sentence,
        "gallery": standing.distributions.as_json(),
    }
