"""How well a network retrieves: embeddings of labelled images, Recall@1 and mAP@R."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from simviz_core.decomposition import unit_norm
from simviz_core.gallery import GalleryImage
from simviz_core.images import load_image
from simviz_core.networks import SimilarityNetwork

BATCH_SIZE = 16
"""Images that enter the network together."""


@dataclass(frozen=True)
class RetrievalScores:
    """How well images find others of their class, averaged over the queries.

    Attributes:
        recall_at_1: The share of queries whose nearest other image is of their class, 0..1.
        map_at_r: The mean average precision over a query's R nearest other images, where R is
            how many of its class there are, 0..1; 1 only if they all come first.
    """

    recall_at_1: float
    map_at_r: float


def embed_images(network: SimilarityNetwork, images: Sequence[GalleryImage]) -> Tensor:
    """Embed images of a gallery.

    Args:
        network: Embeds them.
        images: N of them, at least one.

    Returns:
        Unit embeddings, (N, D), float32, on the CPU.

    Raises:
        ImageError: An image cannot be read.
    """
    embeddings = []
    for start in range(0, len(images), BATCH_SIZE):
        pixels = [load_image(image.path).pixels for image in images[start : start + BATCH_SIZE]]
        embeddings.append(unit_norm(network.pooling.embed(network.feature_map(pixels))).cpu())
    return torch.cat(embeddings)


def retrieval_scores(embeddings: Tensor, labels: Sequence[str]) -> RetrievalScores:
    """Score the retrieval of every image against all the others, by exact cosine.

    An image that is alone in its class can be found wrongly, but is no query, since it has no
    right answer.

    Args:
        embeddings: Unit embeddings, (N, D).
        labels: The class of each, N.

    Returns:
        The scores.

    Raises:
        ValueError: No class has two images.

    Source: Musgrave, Belongie, Lim, "A Metric Learning Reality Check", ECCV 2020, for mAP@R.
    """
    numbers = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    classes = torch.tensor([numbers[label] for label in labels])
    relevant = torch.bincount(classes)[classes] - 1
    queries = torch.nonzero(relevant).flatten()
    if not len(queries):
        raise ValueError("retrieval cannot be scored: no class has two images")
    similarities = embeddings @ embeddings.mT
    similarities.fill_diagonal_(-torch.inf)
    nearest = similarities[queries].topk(int(relevant.max())).indices
    hits = (classes[nearest] == classes[queries, None]).double()
    rank = torch.arange(1, hits.shape[1] + 1)
    R = relevant[queries, None]
    precision = hits.cumsum(1) / rank
    average_precision = (precision * hits * (rank <= R)).sum(1) / R.squeeze(1)
    return RetrievalScores(hits[:, 0].mean().item(), average_precision.mean().item())
