"""What single components (channels) of the embedding look at: in a pair, and in the gallery."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from simviz_core.decomposition import DecomposedImage, channel_maps, feature_contributions
from simviz_core.errors import SettingsError
from simviz_core.images import WHOLE, Frame
from simviz_core.pairs import PairPadding, padding_as_json, padding_of
from simviz_core.retrieval import GalleryIndex, Match, best_matches


@dataclass(frozen=True)
class PairChannel:
    """One channel of a pair's similarity.

    Attributes:
        channel: Its number, from 0.
        contribution: The product of its values in the two unit embeddings.
        share: Of the similarity; None where that is not above 0.
        query_map: What the query's cells contribute through this channel, (H, W), float32.
        match_map: What the match's cells contribute through it, (H', W').
        excited: The images of the gallery that excite it most; the score is their excitation.
        in_padding: What of the two maps lies in the padding; None where neither image is padded.
    """

    channel: int
    contribution: float
    share: float | None
    query_map: NDArray[np.float32]
    match_map: NDArray[np.float32]
    excited: tuple[Match, ...]
    in_padding: PairPadding | None = None


def strongest_channels(
    query: DecomposedImage,
    match: DecomposedImage,
    index: GalleryIndex,
    count: int,
    examples: int,
    frames: tuple[Frame, Frame] = (WHOLE, WHOLE),
) -> list[PairChannel]:
    """The channels that contribute most to a pair's similarity.

    Args:
        query: One image, contributions (H, W, D).
        match: One image, contributions (H', W', D).
        index: The gallery's embeddings by the same network, (N, D).
        count: How many channels, at most.
        examples: How many images of the gallery for each.
        frames: Where the cells of the query and of the match lie in their pictures.

    Returns:
        The channels, strongest first. The maps of all D channels would add up to the pair's maps.

    Raises:
        SettingsError: The index has another number of components.
    """
    features = feature_contributions(query, match).numpy(force=True)
    if index.matrix.shape[1] != features.size:
        raise SettingsError(
            f"the gallery's embeddings have {index.matrix.shape[1]:,} components, the pair's "
            f"{features.size:,}; use one network for both"
        )
    similarity = float(features.sum(dtype=np.float64))
    strongest = np.argsort(-features, kind="stable")[:count]
    chosen = torch.from_numpy(strongest)
    query_maps = channel_maps(query, match, chosen).numpy(force=True)
    match_maps = channel_maps(match, query, chosen).numpy(force=True)
    return [
        PairChannel(
            channel=int(channel),
            contribution=float(features[channel]),
            share=float(features[channel]) / similarity if similarity > 0 else None,
            query_map=query_maps[place],
            match_map=match_maps[place],
            excited=tuple(most_exciting(index, int(channel), examples)),
            in_padding=padding_of(frames, (query_maps[place], match_maps[place])),
        )
        for place, channel in enumerate(strongest)
    ]


def most_exciting(index: GalleryIndex, channel: int, count: int) -> list[Match]:
    """The images of a gallery that excite a channel most.

    Args:
        index: The gallery's embeddings, (N, D).
        channel: 0..D−1.
        count: How many images, at most.

    Returns:
        The images with the largest values of that component of the unit embedding, largest first.
    """
    everything = np.ones(len(index.images), dtype=bool)
    return best_matches(index, index.matrix[:, channel], count, everything)


def excitation_map(image: DecomposedImage, channel: int) -> NDArray[np.float32]:
    """Where an image excites a channel.

    Returns:
        A[x,y,c] / |e|, (H, W): what each cell adds to that component of the unit embedding.
    """
    values = image.contributions[..., channel] / image.norm
    return values.numpy(force=True).astype(np.float32)


def channels_as_json(channels: Sequence[PairChannel]) -> list[dict[str, Any]]:
    """The channels as JSON-ready values; maps are lists of rows."""
    return [
        {
            "channel": found.channel,
            "contribution": found.contribution,
            "share": found.share,
            "query_map": found.query_map.tolist(),
            "match_map": found.match_map.tolist(),
            **padding_as_json(found.in_padding),
            "excited_most": [
                {"path": str(match.image.path), "label": match.image.label, "value": match.score}
                for match in found.excited
            ],
        }
        for found in channels
    ]
