"""What of a pair's maps lies in the padding of its images: a share of the score on no picture."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from simviz_core.images import Frame
from simviz_core.pairs.explanation import PairExplanation


@dataclass(frozen=True)
class PairPadding:
    """What the cells in the padding contribute to a similarity; of a cell, by its share there.

    Attributes:
        query: Of the query's map.
        match: Of the match's map.
    """

    query: float
    match: float


def pair_padding(
    pair: PairExplanation, query: Image.Image, match: Image.Image
) -> PairPadding | None:
    """What of both maps lies in the padding.

    Args:
        pair: The explanation.
        query: RGB.
        match: RGB.

    Returns:
        The two sums; None where neither image is padded.
    """
    frames = pair.settings.frame(query), pair.settings.frame(match)
    return padding_of(frames, (pair.query_map, pair.match_map))


def padding_of(
    frames: tuple[Frame, Frame], maps: tuple[NDArray[np.float32], NDArray[np.float32]]
) -> PairPadding | None:
    """What of two maps lies in the padding.

    Args:
        frames: Where the query's map and the match's lie in their pictures.
        maps: The two, (H, W) and (H', W').

    Returns:
        The two sums; None where neither picture is padded.
    """
    if not any(frame.is_padded for frame in frames):
        return None
    return PairPadding(*(frame.in_padding(m) for frame, m in zip(frames, maps, strict=True)))


def padding_note(frame: Frame, values: NDArray[np.float32], whole: float | None) -> str:
    """How much of what a map adds up to lies in the padding.

    Args:
        frame: Where the map lies in its picture.
        values: The map, (H, W).
        whole: What it adds up to; None where that is no score.

    Returns:
        The share in words; "" where there is none.
    """
    if not frame.is_padded or not whole:
        return ""
    return f"{frame.in_padding(values) / whole:.0%} in padding"


def padding_words(similarity: float, padding: PairPadding) -> str:
    """How much of the similarity lies in the padding, in a sentence."""
    parts = []
    for name, part in (("query", padding.query), ("match", padding.match)):
        share = f" ({part / similarity:.1%})" if similarity else ""
        parts.append(f"{part:.4f}{share} of the {name}'s map")
    return f"In the padding, on no picture: {' and '.join(parts)}."


def padding_as_json(padding: PairPadding | None) -> dict[str, Any]:
    """The two sums under `in_padding`; nothing where there is no padding."""
    return {} if padding is None else {"in_padding": asdict(padding)}
