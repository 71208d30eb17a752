"""How well a network retrieves: embeddings of labelled images, and Recall@1."""

from collections.abc import Sequence

import torch
from torch import Tensor

from simviz_core.decomposition import unit_norm
from simviz_core.gallery import GalleryImage
from simviz_core.images import load_image
from simviz_core.networks import SimilarityNetwork

BATCH_SIZE = 16
"""Images that enter the network together."""


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


def recall_at_1(embeddings: Tensor, labels: Sequence[str]) -> float:
    """The share of images whose nearest other image is of their class.

    Every image is a query once, against all the others. An image that is alone in its class can
    be found wrongly, but is no query, since it has no right answer.

    Args:
        embeddings: Unit embeddings, (N, D).
        labels: The class of each, N.

    Returns:
        0..1.

    Raises:
        ValueError: No class has two images.
    """
    numbers = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    classes = torch.tensor([numbers[label] for label in labels])
    is_query = torch.bincount(classes)[classes] > 1
    if not is_query.any():
        raise ValueError("Recall@1 needs a class with two images")
    similarities = embeddings @ embeddings.mT
    nearest = similarities.fill_diagonal_(-torch.inf).argmax(1)
    return (classes[nearest] == classes)[is_query].double().mean().item()
