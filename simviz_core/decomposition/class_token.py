"""A class token as a sum: over layers, heads and tokens of attention weight × value.

Along the residual stream of a transformer the class token is what it started with, plus what each
layer adds to it: an attention's weighted sum of values, which splits over the tokens that it
attends to, and an MLP's output, which belongs to no token. With the attention weights, and the
deviations of layer norms on the way, as they are in the image, the token at the last layer is
exactly Σ A + b: A is what comes from the patch tokens, b what comes from MLPs, biases, the start,
and from the class token and registers themselves. The values depend on what their layer was
given, which may have come from anywhere in the image.

Source: Gandelsman, Efros, Steinhardt, "Interpreting CLIP's Image Representation via Text-Based
Decomposition", ICLR 2024, sections 3.1 and 3.2.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from simviz_core.decomposition.decomposed import DecomposedImage
from simviz_core.decomposition.pooling import at_least_float32

CLASS_TOKEN = "class_token"
"""The name of the pooling."""
SLOTS = 2
"""Rows below the cells of a map: of what lies in no cell, and of the token itself."""


@dataclass(frozen=True)
class ClassTokenPooling:
    """The class token of a transformer, read as a sum over its patch tokens.

    What it pools is no feature map but what a run of the network left behind: (..., H + 2, W, C),
    with the contribution of each cell and, in the first column of the two last rows, what lies in
    no cell and the token as the network made it; see `as_map`.
    """

    name: str = CLASS_TOKEN

    def embed(self, F: Tensor) -> Tensor:
        """The token as the network made it, (..., C)."""
        return at_least_float32(F[..., -1, 0, :])

    def contributions(self, F: Tensor) -> Tensor:
        """What comes from each patch token, (..., H, W, C)."""
        return at_least_float32(F[..., :-SLOTS, :, :])

    def contributions_and_constant(self, F: Tensor) -> tuple[Tensor, Tensor]:
        """The same, and what lies in no cell, (..., C)."""
        return self.contributions(F), at_least_float32(F[..., -SLOTS, 0, :])


def as_map(token: DecomposedImage) -> Tensor:
    """A decomposed class token as `ClassTokenPooling` takes it.

    Args:
        token: Contributions (..., H, W, C), embedding and constant (..., C).

    Returns:
        (..., H + 2, W, C).
    """
    rows = torch.zeros_like(token.contributions[..., :1, :, :]).repeat_interleave(SLOTS, -3)
    rows[..., 0, 0, :] = token.constant
    rows[..., 1, 0, :] = token.embedding
    return torch.cat([token.contributions, rows], -3)


def attention_weights(
    query: Tensor, key: Tensor, scale: float | None = None, mask: Tensor | None = None
) -> Tensor:
    """Scaled dot-product attention of one token to all.

    Args:
        query: Of the token, (..., heads, d).
        key: Of all tokens, (..., heads, L, d).
        scale: Of the products; None for 1 / √d.
        mask: Added to the scaled products, (..., heads, L); or of truth values, false where a
            token is left out.

    Returns:
        (..., heads, L); over the tokens they add up to 1.
    """
    query, key = at_least_float32(query), at_least_float32(key)
    scores = (key @ query[..., None]).squeeze(-1)
    scores = scores * (query.shape[-1] ** -0.5 if scale is None else scale)
    if mask is not None and mask.dtype == torch.bool:
        scores = scores.masked_fill(~mask, -torch.inf)
    elif mask is not None:
        scores = scores + mask
    return scores.softmax(-1)


def attended(
    weights: Tensor, values: Tensor, total: Tensor, prefix: int, grid: tuple[int, int]
) -> DecomposedImage:
    """Split what one attention layer hands on to a token over the tokens that it attends to.

    Args:
        weights: Of the token's heads to all tokens, (N, heads, L).
        values: (N, heads, L, d).
        total: Their weighted sums as the network made them, head after head, (N, heads · d).
        prefix: Tokens before the cells: class token and registers.
        grid: Rows and columns of the cells, H · W = L − prefix.

    Returns:
        Contributions (N, H, W, heads · d); what comes from the prefix is the constant.
    """
    parts = weights[..., None] * at_least_float32(values)
    parts = parts.transpose(-3, -2).flatten(-2)
    return DecomposedImage(
        contributions=parts[:, prefix:].unflatten(1, grid),
        embedding=at_least_float32(total),
        constant=parts[:, :prefix].sum(1),
    )


def share_in_no_cell(image: DecomposedImage) -> Tensor:
    """The part of an embedding's squared length that no cell accounts for, b · e / |e|², (...).

    It is the bias term of the image's similarity with itself; it may be below 0 or above 1.
    """
    return (image.constant * image.embedding).sum(-1) / image.norm**2
