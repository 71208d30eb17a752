"""Which components of the embedding carry the similarity, over many random pairs.

The cosine of a pair is the sum of one product for each component. Sorted from the largest to the
smallest and added up, they say what share of the similarity the k strongest components carry; the
curve is the mean of that share over the pairs.

Contributions keep their signs. Where some are negative they come last, so the curve rises above
100 % before they take it back to exactly 100 % at k = D. Of pairs that are not similar at all the
share means nothing: those below `LEAST_SIMILARITY` are left out and counted.
"""

from dataclasses import dataclass
from math import isqrt
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simviz_core.decomposition import cumulative_share
from simviz_core.errors import GalleryError
from simviz_core.pairs import TOP_FEATURES
from simviz_core.retrieval import Coverage, GalleryIndex

PAIRS = 1000
"""Pairs that the paper averages over."""
LEAST_SIMILARITY = 0.01
"""A share of less than this would be a quotient by almost nothing, or by a negative number."""
PAIRS_AT_ONCE = 128
"""Pairs that are sorted together: at 2,048 components some 10 MB."""
NEGLIGIBLE = 1e-7
"""Contributions above minus this are rounding, not sign."""
SAME, DIFFERENT = "the same class", "different classes"


@dataclass(frozen=True)
class PairSample:
    """Pairs of different images of an index, drawn at random, no pair twice.

    Attributes:
        kind: `SAME` or `DIFFERENT`.
        first: Rows of the index, (P,).
        second: Rows of the index, (P,).
        possible: How many such pairs the index has.
        seed: Of the draw.
    """

    kind: str
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    possible: int
    seed: int


@dataclass(frozen=True)
class FeatureCurve:
    """The share of the similarity that the k strongest components carry, over pairs.

    Attributes:
        kind: Of the pairs.
        seed: Of their draw.
        possible: How many such pairs the gallery has.
        pairs: How many the curve is averaged over.
        left_out: How many more were drawn, but are not similar.
        signed_pairs: How many of `pairs` have negative contributions.
        mean_similarity: Of `pairs`.
        mean_share: For k = 1..D, (D,), float64; the last is 1.
        std_share: The standard deviation over the pairs, (D,), float64; the last is 0.
        coverage: How much of the gallery the pairs were drawn from.
    """

    kind: str
    seed: int
    possible: int
    pairs: int
    left_out: int
    signed_pairs: int
    mean_similarity: float
    mean_share: NDArray[np.float64]
    std_share: NDArray[np.float64]
    coverage: Coverage

    @property
    def top_share(self) -> float:
        """The mean share of the `TOP_FEATURES` strongest components."""
        return float(self.mean_share[min(TOP_FEATURES, self.mean_share.size) - 1])


def draw_pairs(
    index: GalleryIndex, same_class: bool, count: int = PAIRS, seed: int = 0
) -> PairSample:
    """Draw pairs of images at random: each pair is as likely as any other, and comes once.

    Args:
        index: The gallery's embeddings; images without a class are passed over.
        same_class: Whether both images are of one class, or of two.
        count: How many; where there are fewer, all of them.
        seed: The same seed draws the same pairs.

    Raises:
        GalleryError: No class has two images, or there are not two classes.
    """
    rows = np.argsort(index.class_of, kind="stable")
    rows = rows[index.class_of[rows] >= 0]
    sizes = np.bincount(index.class_of[rows], minlength=len(index.classes)).astype(np.int64)
    before = np.cumsum(sizes) - sizes
    # The pairs of each class; or those of each class with an image of the classes before it.
    numbers = sizes * (sizes - 1) // 2 if same_class else sizes * before
    ends = np.cumsum(numbers)
    possible = int(ends[-1]) if ends.size else 0
    if not possible:
        raise GalleryError(_what_is_missing(same_class))
    drawn = np.random.default_rng(seed).choice(possible, min(count, possible), replace=False)
    place = np.searchsorted(ends, drawn, side="right")
    number = drawn - (ends[place] - numbers[place])
    if same_class:
        second = _row_of_triangle(number)
        first = number - second * (second - 1) // 2 + before[place]
        second = second + before[place]
    else:
        first, second = number % before[place], number // before[place] + before[place]
    kind = SAME if same_class else DIFFERENT
    return PairSample(kind, rows[first], rows[second], possible, seed)


def feature_curve(index: GalleryIndex, sample: PairSample) -> FeatureCurve:
    """Average the shares of the strongest components over pairs.

    Args:
        index: The gallery's embeddings, (N, D).
        sample: Pairs of its images.

    Returns:
        The curve.

    Raises:
        GalleryError: None of the pairs is similar enough to have shares.

    Source: the paper's section 4.1 and Figure 3.
    """
    dimension = index.matrix.shape[1]
    total, squares = np.zeros(dimension), np.zeros(dimension)
    similarities: list[NDArray[np.float64]] = []
    signed_pairs = 0
    for start in range(0, len(sample.first), PAIRS_AT_ONCE):
        part = slice(start, start + PAIRS_AT_ONCE)
        first = index.matrix[sample.first[part]].astype(np.float64)
        contributions = first * index.matrix[sample.second[part]]
        sums = contributions.sum(1)
        contributions = contributions[sums >= LEAST_SIMILARITY]
        similarities.append(sums[sums >= LEAST_SIMILARITY])
        signed_pairs += int((contributions < -NEGLIGIBLE).any(1).sum())
        shares = cumulative_share(torch.from_numpy(contributions)).numpy()
        total += shares.sum(0)
        squares += (shares * shares).sum(0)
    similar = np.concatenate(similarities)
    if not similar.size:
        raise GalleryError(
            f"none of the {len(sample.first):,} pairs of {sample.kind} is similar "
            f"(all are below {LEAST_SIMILARITY}), so there is no share to be carried"
        )
    mean = total / similar.size
    return FeatureCurve(
        kind=sample.kind,
        seed=sample.seed,
        possible=sample.possible,
        pairs=similar.size,
        left_out=len(sample.first) - similar.size,
        signed_pairs=signed_pairs,
        mean_similarity=float(similar.mean()),
        mean_share=mean,
        std_share=np.sqrt(np.clip(squares / similar.size - mean * mean, 0, None)),
        coverage=index.coverage,
    )


def curve_as_json(curve: FeatureCurve) -> dict[str, Any]:
    """The curve as JSON-ready values."""
    return {
        "kind": curve.kind,
        "pairs": curve.pairs,
        "left_out": curve.left_out,
        "possible_pairs": curve.possible,
        "signed_pairs": curve.signed_pairs,
        "seed": curve.seed,
        "mean_similarity": curve.mean_similarity,
        "top10_share": curve.top_share,
        "k": list(range(1, curve.mean_share.size + 1)),
        "mean_share": curve.mean_share.tolist(),
        "std_share": curve.std_share.tolist(),
        **curve.coverage.as_json(),
    }


def _row_of_triangle(number: NDArray[np.int64]) -> NDArray[np.int64]:
    """The larger one of the two images of each pair, pairs being numbered (0,1) (0,2) (1,2) …"""
    return np.array([(1 + isqrt(1 + 8 * n)) // 2 for n in number.tolist()], dtype=np.int64)


def _what_is_missing(same_class: bool) -> str:
    if same_class:
        return "no class of the gallery has two images; add more to a class folder"
    return "the gallery has fewer than two classes; add a class folder"
