"""Why j and not k: two matches of one query, and the exact difference of the query's two maps.

The contrast is the query's map with match j relative to the unit embedding of match k, so there is
no rule of its own here: A_i · (ê_j − ê_k) / |e_i|, whose sum with the constant is s_ij − s_ik.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simviz_core.decomposition import DecomposedImage
from simviz_core.networks.settings import NetworkSettings
from simviz_core.pairs.explanation import PairExplanation, explain_pair
from simviz_core.retrieval.relative import RelativeMap, image_reference, relative_map_of


@dataclass(frozen=True)
class PairAgainst:
    """One match of a query against another one.

    Attributes:
        match: The query with match j, each with its own map.
        against: The query with match k.
        contrast: The query's map with j minus its map with k, signed; its sum with the constant is
            the difference of the two similarities.
    """

    match: PairExplanation
    against: PairExplanation
    contrast: RelativeMap

    @property
    def settings(self) -> NetworkSettings:
        """The network that was asked."""
        return self.match.settings

    @property
    def difference(self) -> float:
        """s_ij − s_ik; negative where k is the more similar one."""
        return self.match.similarity - self.against.similarity

    @property
    def difference_without_constant(self) -> float:
        """What the query's cells alone make of the difference: the sum of the contrast."""
        return float(self.contrast.values.sum(dtype=np.float64))

    @property
    def check(self) -> str:
        """The check that the contrast adds up to the difference of the scores, in one line."""
        constant = f" + constant {self.contrast.bias:+.4f}" if self.contrast.bias else ""
        return (
            f"map sum {self.difference_without_constant:+.4f}{constant} · difference "
            f"{self.difference:+.4f} = {self.match.similarity:.4f} − "
            f"{self.against.similarity:.4f} · residual {self.residual:.0e}"
        )

    @property
    def residual(self) -> float:
        """|sum of the contrast + constant − difference of the two similarities|."""
        total = self.difference_without_constant + self.contrast.bias
        return abs(total - self.difference)


def explain_against(
    query: DecomposedImage,
    match: DecomposedImage,
    against: DecomposedImage,
    settings: NetworkSettings,
) -> PairAgainst:
    """Explain why one match of a query is more similar than another, or less.

    Args:
        query: Image i.
        match: Image j.
        against: Image k.
        settings: The network that decomposed all three.

    Source: the difference of two of the paper's maps (section 3), which is linear in ê_j.
    """
    return PairAgainst(
        explain_pair(query, match, settings),
        explain_pair(query, against, settings),
        relative_map_of(query, match, image_reference(against, "")),
    )


def against_sentence(match: str, against: str) -> str:
    """What the colours of the contrast mean, in one sentence."""
    return (
        f"Red cells of the query speak for {match}, blue ones for {against}; where neither gains "
        "the map is transparent. All cells, with what belongs to none, add up to the difference of "
        "the two similarities."
    )


def verdict(found: PairAgainst, match: str, against: str) -> str:
    """Which of the two is more similar, in one sentence."""
    if found.difference == 0:
        return f"{match} and {against} are equally similar."
    nearer, other = (match, against) if found.difference > 0 else (against, match)
    return f"{nearer} is more similar than {other}, by {abs(found.difference):.4f}."


def against_as_json(found: PairAgainst, match: str, against: str) -> dict[str, Any]:
    """One match against another as JSON-ready values; maps as lists of rows.

    Args:
        found: What was found.
        match: The name of match j, as the user gave it.
        against: The name of match k.

    Returns:
        Both similarities, their difference, the contrast on the query with its constant and its
        check, the query's map with each match and the own map of each match.
    """
    return {
        "match": match,
        "against": against,
        "colours": against_sentence("the match", "the image it is set against"),
        "match_similarity": found.match.similarity,
        "against_similarity": found.against.similarity,
        "difference": found.difference,
        "contrast_map": found.contrast.values.tolist(),
        "constant": found.contrast.bias,
        "residual": found.residual,
        "query_map": found.match.query_map.tolist(),
        "against_query_map": found.against.query_map.tolist(),
        "match_map": found.match.match_map.tolist(),
        "against_map": found.against.match_map.tolist(),
    }


def against_arrays(found: PairAgainst) -> Mapping[str, NDArray[Any]]:
    """What an NPZ archive has of one match against another, beside what it has of the pair.

    Returns:
        `contrast_map` and `against_query_map` (H, W), `against_map` (H'', W''), float32, and the
        scalars `against_similarity`, `difference`, `contrast_constant` and `contrast_residual`.
    """
    return {
        "contrast_map": found.contrast.values,
        "against_query_map": found.against.query_map,
        "against_map": found.against.match_map,
        "against_similarity": np.asarray(found.against.similarity),
        "difference": np.asarray(found.difference),
        "contrast_constant": np.asarray(found.contrast.bias),
        "contrast_residual": np.asarray(found.residual),
    }
