"""A network's own head that is left out: how far what is shown agrees with it, in words."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from simviz_core.decomposition import Pooling, Tail, unit_norm
from simviz_core.networks.inspection.detection import device_of, probe_images
from simviz_core.networks.poolings import POOLING_PHRASES

IMAGES = 8
"""Random images that the two are compared on."""


def own_head_words(
    trunk: nn.Module,
    network: nn.Module,
    pooling: Pooling,
    tail: Sequence[Tail],
    size: tuple[int, int],
) -> str:
    """Compare a network's own embedding with the one that is shown instead of it.

    Args:
        trunk: (N, 3, height, width) to (N, C, H, W).
        network: The whole network; its output is its own embedding.
        pooling: The rule that was asked for.
        tail: The layers after it.
        size: Height and width of the images, in pixels.

    Returns:
        The mean cosine of the two embeddings, where they have as many components; else how the
        similarities of pairs of images by the one correlate with those by the other.
    """
    pixels = _images(size, network)
    with torch.inference_mode():
        own = network(pixels)
    begin = "the network's own head is left out"
    if not isinstance(own, Tensor) or own.dim() < 2 or own[0].numel() != max(own.shape[1:]):
        return f"{begin} (it puts out no one embedding to compare)"
    return f"{begin} ({_agreement(_embedding(trunk, pooling, tail, pixels), own.flatten(1))})"


def own_pooling_words(
    trunk: nn.Module,
    whole: nn.Module,
    own: Pooling,
    pooling: Pooling,
    tail: Sequence[Tail],
    size: tuple[int, int],
) -> str:
    """The same for a network of the catalogue, whose head is the pooling of its feature map.

    Args:
        trunk: Up to the feature map that is shown.
        whole: Up to the last feature map.
        own: The pooling that the network itself does of it.
        pooling: The rule that was asked for.
        tail: The layers after it.
        size: Height and width of the images, in pixels.

    Returns:
        As `own_head_words` does.
    """
    pixels = _images(size, whole)
    agreement = _agreement(
        _embedding(trunk, pooling, tail, pixels), _embedding(whole, own, (), pixels)
    )
    where = " of its last feature map" if trunk is not whole else ""
    return f"the network's own {POOLING_PHRASES[own.name]}{where} is left out ({agreement})"


def _images(size: tuple[int, int], network: nn.Module) -> Tensor:
    return probe_images(size, seed=1, count=IMAGES).to(device_of(network))


def _embedding(trunk: nn.Module, pooling: Pooling, tail: Sequence[Tail], pixels: Tensor) -> Tensor:
    with torch.inference_mode():
        e = pooling.embed(trunk(pixels).permute(0, 2, 3, 1))
        for layer in tail:
            e = layer.embed(e)
    return e


def _agreement(shown: Tensor, own: Tensor) -> str:
    """How two kinds of embeddings of the same images agree, (N, D) and (N, D'), in words."""
    shown, own = unit_norm(shown.float()), unit_norm(own.float())
    if shown.shape == own.shape:
        cosine = (shown * own).sum(-1).mean().item()
        measure = f"cosine of its embedding and the one shown {cosine:.3f}"
    else:
        pairs = torch.triu_indices(IMAGES, IMAGES, offset=1, device=shown.device)
        similarities = [(e @ e.T)[pairs[0], pairs[1]] for e in (shown, own)]
        r = torch.corrcoef(torch.stack(similarities))[0, 1].item()
        measure = f"the similarities of pairs by it and by the one shown correlate with r = {r:.3f}"
    return f"{measure}, on {IMAGES} random images"
