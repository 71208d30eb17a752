"""What the similarity would be without some of an image's cells.

A cell's contribution says what it adds to the similarity while everything else stays as it is, the
length |e| among it. Taking the cell out also changes the length, so that the rest counts for more:
without a cell of a positive contribution the cosine may be *higher*. Both follow from A in closed
form, without a run of the network.
"""

import torch
from torch import Tensor

from simviz_core.decomposition.decomposed import DecomposedImage, norm
from simviz_core.decomposition.maps import similarity

NOTHING = 1e-5
"""What is left of an embedding, as a share of its length, that is rounding and has no direction."""


def similarity_without(i: DecomposedImage, j: DecomposedImage, weights: Tensor) -> Tensor:
    """The similarity of j with image i, some of whose cells' contributions are taken out.

    Args:
        i: The image that loses the cells.
        j: The image that it is compared with.
        weights: The share of each cell that is taken out, (H, W) or (..., H, W), 0..1.

    Returns:
        cos(e_i − A_R, e_j) with A_R = Σ_xy w[x,y] A_i[x,y], (...), −1..1; 0 where nothing is left.
    """
    part = torch.einsum("...hw,...hwd->...d", weights.to(i.contributions), i.contributions)
    return _product_of_rest(i.embedding - part, j.unit_embedding, i.norm)


def lost_map(i: DecomposedImage, j: DecomposedImage) -> Tensor:
    """What similarity would be lost without each cell of image i, one cell at a time.

    Returns:
        s − cos(e_i − A_i[x,y], e_j), (..., H_i, W_i), signed: negative where the similarity would
        be higher without the cell. The cells do not add up to anything.
    """
    return vector_lost_map(i, j.unit_embedding)


def vector_lost_map(i: DecomposedImage, vector: Tensor) -> Tensor:
    """The same for the product of ê_i with a vector, such as the difference of two embeddings.

    Args:
        i: The image that the map lies on.
        vector: v, (..., D).

    Returns:
        ê_i · v − ê' · v, with ê' the unit embedding without the cell, (..., H_i, W_i).
    """
    rest = i.embedding[..., None, None, :] - i.contributions
    whole = (i.unit_embedding * vector).sum(-1)
    lengths = i.norm[..., None, None]
    return whole[..., None, None] - _product_of_rest(rest, vector[..., None, None, :], lengths)


def similarity_lost(i: DecomposedImage, j: DecomposedImage, weights: Tensor) -> Tensor:
    """`similarity(i, j)` minus `similarity_without(i, j, weights)`, (...)."""
    return similarity(i, j) - similarity_without(i, j, weights)


def _product_of_rest(rest: Tensor, vector: Tensor, length: Tensor) -> Tensor:
    """The product of a vector with the unit vector of what is left of an embedding of a length."""
    left = norm(rest)
    return torch.where(left > NOTHING * length, (rest * vector).sum(-1) / left, 0.0)
