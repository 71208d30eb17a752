"""How well a network finds the classes that training never saw."""

from collections.abc import Sequence

import torch

from simviz_core.gallery import GalleryImage
from simviz_core.networks import SimilarityNetwork
from simviz_core.retrieval import GalleryIndex, RetrievalQuality, retrieval_quality

BATCH_SIZE = 16
"""Images that enter the network together."""


def held_out_quality(
    network: SimilarityNetwork, images: Sequence[GalleryImage]
) -> RetrievalQuality:
    """Embed images and ask for the nearest neighbours of each among them.

    Nothing is stored: a checkpoint is indexed when somebody opens its run.

    Args:
        network: Embeds them.
        images: At least one class with two images.

    Returns:
        Recall@K and mAP@R.

    Raises:
        ImageError: An image cannot be read.
        GalleryError: No class has two images.
    """
    embeddings = []
    for start in range(0, len(images), BATCH_SIZE):
        pixels = [image.load().pixels for image in images[start : start + BATCH_SIZE]]
        embeddings.append(network.unit_embeddings(network.pixels(pixels)).cpu())
    return retrieval_quality(GalleryIndex(tuple(images), torch.cat(embeddings).numpy()))
