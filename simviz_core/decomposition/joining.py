"""Ensembles: the unit embeddings of several networks, one after the other, as one embedding."""

from collections.abc import Sequence

import torch
from torch import Tensor

from simviz_core.decomposition.decomposed import DecomposedImage


def join(images: Sequence[DecomposedImage]) -> DecomposedImage:
    """Join what several networks made of the same image, or of the same batch.

    The cosine of two joined images is the mean of the networks' cosines, and a map is the sum of
    the networks' maps, each divided by their number. All maps are on the finest grid: a coarser
    cell is shared out to the cells that it covers, by area, which changes no sum; nor any region's
    score, where the finer cells divide the coarser ones evenly.

    Args:
        images: Of each network, contributions (..., H_m, W_m, D_m).

    Returns:
        Contributions (..., H, W, Σ D_m), with H and W the largest; the embedding is ê_1, ê_2, ….
    """
    rows = max(image.grid[0] for image in images)
    columns = max(image.grid[1] for image in images)
    contributions, constants = [], []
    for image in images:
        norm = image.norm[..., None]
        A = image.contributions / norm[..., None, None]
        down = _shares(image.grid[0], rows).to(A)
        across = _shares(image.grid[1], columns).to(A)
        contributions.append(torch.einsum("yh,...hwd,xw->...yxd", down, A, across))
        constants.append((image.constant / norm).expand_as(image.embedding))
    return DecomposedImage(
        torch.cat(contributions, -1),
        torch.cat([image.unit_embedding for image in images], -1),
        torch.cat(constants, -1),
    )


def _shares(coarse: int, fine: int) -> Tensor:
    """The share of each coarse cell that lies in each fine one: (fine, coarse)."""
    edges = torch.arange(fine + 1, dtype=torch.float64) * coarse / fine
    cells = torch.arange(coarse, dtype=torch.float64)
    high = torch.minimum(edges[1:, None], cells + 1)
    low = torch.maximum(edges[:-1, None], cells)
    return (high - low).clamp_min(0)
