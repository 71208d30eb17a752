"""What of a pair's maps lies in the padding of its images: a share of the score on no picture."""

from dataclasses import asdict, dataclass
from typing import Any

from PIL import Image

from simviz_core.images import PAD
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
        The two sums; None of a network whose images are not padded.
    """
    if pair.settings.fit != PAD:
        return None
    of_query, of_match = pair.settings.frame(query), pair.settings.frame(match)
    return PairPadding(of_query.in_padding(pair.query_map), of_match.in_padding(pair.match_map))


def padding_words(pair: PairExplanation, padding: PairPadding) -> str:
    """How much of the similarity lies in the padding, in a sentence."""
    parts = []
    for name, part in (("query", padding.query), ("match", padding.match)):
        share = f" ({part / pair.similarity:.1%})" if pair.similarity else ""
        parts.append(f"{part:.4f}{share} of the {name}'s map")
    return f"In the padding, on no picture: {' and '.join(parts)}."


def padding_as_json(padding: PairPadding | None) -> dict[str, Any]:
    """The two sums under `in_padding`; nothing where there is no padding."""
    return {} if padding is None else {"in_padding": asdict(padding)}
