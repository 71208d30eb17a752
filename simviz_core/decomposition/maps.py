"""Similarity maps, and the other ways to split the cosine of two decomposed images.

Throughout, i is the image that a map lies on and j the image that it is compared with. Leading
batch dimensions of i and j broadcast: one query against a batch of matches needs no loop.
"""

from torch import Tensor

from simviz_core.decomposition.decomposed import DecomposedImage, unit_norm


def similarity(i: DecomposedImage, j: DecomposedImage) -> Tensor:
    """The cosine similarity of two images, from their embeddings alone.

    Args:
        i: One image, contributions (..., H_i, W_i, D).
        j: One image, contributions (..., H_j, W_j, D).

    Returns:
        s = ê_i · ê_j, (...), -1..1.

    Source: the paper's equation 1.
    """
    return (i.unit_embedding * j.unit_embedding).sum(-1)


def vector_map(i: DecomposedImage, vector: Tensor) -> Tensor:
    """What each cell of image i contributes to the product of ê_i with a vector.

    Args:
        i: The image that the map lies on.
        vector: v, (..., D): another image's unit embedding, or the vector of a region of it.

    Returns:
        A_i · v / |e_i|, (..., H_i, W_i), signed. Its sum plus b_i · v / |e_i| is ê_i · v.
    """
    return _project(i.contributions, vector / i.norm[..., None])


def similarity_map(i: DecomposedImage, j: DecomposedImage) -> Tensor:
    """What each cell of image i contributes to its similarity with image j.

    Args:
        i: One image, contributions (..., H_i, W_i, D).
        j: One image, contributions (..., H_j, W_j, D).

    Returns:
        M_i|j = A_i · ê_j / |e_i|, (..., H_i, W_i), signed. Its sum plus `bias_term(i, j)` is
        `similarity(i, j)`.

    Source: the paper's equations 3 (average pooling) and 5, 6 (max pooling).
    """
    return vector_map(i, j.unit_embedding)


def bias_term(i: DecomposedImage, j: DecomposedImage) -> Tensor:
    """The part of the similarity that belongs to no cell of image i.

    Args:
        i: One image, contributions (..., H_i, W_i, D).
        j: One image, contributions (..., H_j, W_j, D).

    Returns:
        b_i · ê_j / |e_i|, (...); 0 unless an affine tail with a bias follows the pooling.
    """
    return vector_bias(i, j.unit_embedding)


def vector_bias(i: DecomposedImage, vector: Tensor) -> Tensor:
    """The part of the product of ê_i with a vector that belongs to no cell of image i.

    Args:
        i: The image.
        vector: v, (..., D), as for `vector_map`.

    Returns:
        b_i · v / |e_i|, (...).
    """
    return (i.constant * vector).sum(-1) / i.norm


def cell_to_cell(i: DecomposedImage, j: DecomposedImage) -> Tensor:
    """What each pair of a cell of i and a cell of j contributes to the similarity.

    Args:
        i: One image, contributions (..., H_i, W_i, D).
        j: One image, contributions (..., H_j, W_j, D).

    Returns:
        P = A_i A_jᵀ / (|e_i| |e_j|), (..., H_i, W_i, H_j, W_j). Summed over the cells of j and
        with `cell_to_constant(i, j)` added, it is `similarity_map(i, j)`; likewise with i and j
        exchanged.

    Source: the paper's equation 3, before its sums are taken.
    """
    products = i.contributions.flatten(-3, -2) @ j.contributions.flatten(-3, -2).mT
    products = products / (i.norm * j.norm)[..., None, None]
    return products.unflatten(-1, j.grid).unflatten(-3, i.grid)


def cell_to_constant(i: DecomposedImage, j: DecomposedImage) -> Tensor:
    """What the cells of i owe to the constant of j, which belongs to no cell of j.

    Returns:
        A_i · b_j / (|e_i| |e_j|), (..., H_i, W_i); 0 without a bias in the tail.
    """
    scale = (i.norm * j.norm)[..., None]
    return _project(i.contributions, j.constant / scale)


def contrast_map(i: DecomposedImage, j: DecomposedImage, k: DecomposedImage) -> Tensor:
    """Why image i is closer to j than to k, cell by cell.

    Returns:
        M_i|j − M_i|k, (..., H_i, W_i), signed; its sum plus the difference of the bias terms is
        the difference of the two similarities.
    """
    difference = j.unit_embedding - k.unit_embedding
    return _project(i.contributions, difference / i.norm[..., None])


def class_map(i: DecomposedImage, others: Tensor) -> Tensor:
    """The sum of an image's similarity maps with the other images of its class.

    Costs one product, whatever the size of the class, where the sum of the others' unit embeddings
    is kept: it is `vector_map` with that sum.

    Args:
        i: The image that the map lies on.
        others: Embeddings of the other images of the class, (K, D); not necessarily unit.

    Returns:
        Σ_j M_i|j = A_i · (Σ_j ê_j) / |e_i|, (..., H_i, W_i).

    Source: the paper's section 4.4 and Figure 8.
    """
    return vector_map(i, unit_norm(others).sum(0))


def feature_contributions(i: DecomposedImage, j: DecomposedImage) -> Tensor:
    """What each component of the embeddings contributes to the similarity.

    Returns:
        f_c = e_i,c e_j,c / (|e_i| |e_j|), (..., D), signed; their sum is the similarity.

    Source: the paper's section 4.1 and Figure 3.
    """
    return i.unit_embedding * j.unit_embedding


def cumulative_share(contributions: Tensor) -> Tensor:
    """The share of the similarity that the k strongest feature components carry.

    Args:
        contributions: Feature contributions, (..., D).

    Returns:
        For k = 1..D, the sum of the k largest contributions over the sum of all, (..., D). The
        last value is 1. With negative contributions the curve rises above 1 before it falls to it.
        Where the similarity is 0 the share is undefined: NaN.

    Source: the paper's Figure 3.
    """
    totals = contributions.sort(-1, descending=True).values.cumsum(-1)
    return totals / totals[..., -1:]


def channel_maps(i: DecomposedImage, j: DecomposedImage, channels: Tensor) -> Tensor:
    """Where on image i single components of the embedding contribute to the similarity.

    Args:
        i: The image that the maps lie on.
        j: The image that it is compared with.
        channels: Indices of the components, (K,).

    Returns:
        A_i[x,y,c] ê_j,c / |e_i| for each channel c, (..., K, H_i, W_i). Over all the channels
        they add up to `similarity_map(i, j)`.
    """
    weights = j.unit_embedding[..., channels] / i.norm[..., None]
    maps = i.contributions[..., channels] * weights[..., None, None, :]
    return maps.movedim(-1, -3)


def _project(contributions: Tensor, direction: Tensor) -> Tensor:
    """A · v for every cell: (..., H, W, D) and (..., D) give (..., H, W)."""
    cells = contributions.flatten(-3, -2) @ direction.to(contributions.dtype)[..., None]
    return cells.squeeze(-1).unflatten(-1, contributions.shape[-3:-1])
