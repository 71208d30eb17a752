"""Affine layers after the pooling: e' = W e + d, and so A' = A Wᵀ and b' = W b + d.

Fully connected layers, batch norm in evaluation mode and whitening are all of this form. A
nonlinearity between the pooling and the embedding is not: it has no tail here.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from simviz_core.decomposition.decomposed import DecomposedImage
from simviz_core.decomposition.pooling import at_least_float32


@dataclass(frozen=True)
class AffineTail:
    """The map e' = W e + d.

    Attributes:
        weight: W, (D', D); or (D,) for a W that is diagonal.
        offset: d, (D',).
    """

    weight: Tensor
    offset: Tensor

    def linear_part(self, vectors: Tensor) -> Tensor:
        """W v for vectors (..., D); returns (..., D')."""
        weight = self.weight.to(vectors)
        return vectors * weight if weight.dim() == 1 else vectors @ weight.mT

    def then(self, following: "AffineTail") -> "AffineTail":
        """The tail that applies this one first and `following` after it."""
        offset = following.linear_part(self.offset) + following.offset.to(self.offset)
        if following.weight.dim() == 1:
            scale = following.weight if self.weight.dim() == 1 else following.weight[:, None]
            return AffineTail(scale.to(self.weight) * self.weight, offset)
        # A diagonal W scales the columns of what follows it.
        weight = following.weight.to(self.weight)
        product = weight * self.weight if self.weight.dim() == 1 else weight @ self.weight
        return AffineTail(product, offset)


def apply_tail(image: DecomposedImage, tail: AffineTail) -> DecomposedImage:
    """Carry a decomposed image through an affine tail.

    Args:
        image: Contributions (..., H, W, D) and embedding (..., D).
        tail: The map from D to D' components.

    Returns:
        The decomposed image with A' = A Wᵀ, e' = W e + d, b' = W b + d, of D' components.

    Raises:
        ValueError: The tail expects another number of components.
    """
    found, expected = image.embedding.shape[-1], tail.weight.shape[-1]
    if found != expected:
        raise ValueError(f"the tail expects {expected} components; the embedding has {found}")
    offset = tail.offset.to(image.embedding)
    return DecomposedImage(
        contributions=tail.linear_part(image.contributions),
        embedding=tail.linear_part(image.embedding) + offset,
        constant=tail.linear_part(image.constant) + offset,
    )


def linear_tail(layer: nn.Linear) -> AffineTail:
    """The tail of a fully connected layer, with or without a bias."""
    weight = at_least_float32(layer.weight.detach())
    if layer.bias is None:
        return AffineTail(weight, weight.new_zeros(weight.shape[0]))
    return AffineTail(weight, at_least_float32(layer.bias.detach()))


def batch_norm_tail(layer: nn.BatchNorm1d) -> AffineTail:
    """The tail of a batch norm layer in evaluation mode, its eps included.

    Args:
        layer: A layer that keeps running statistics, with or without learnt scale and shift.

    Returns:
        W = diag(γ / sqrt(σ² + eps)) and d = β − W μ.

    Raises:
        ValueError: The layer keeps no running statistics, so that it is not affine at evaluation.
    """
    if layer.running_mean is None or layer.running_var is None:
        raise ValueError(
            "the batch norm keeps no running statistics; only one that does is affine at evaluation"
        )
    mean, variance = at_least_float32(layer.running_mean), at_least_float32(layer.running_var)
    scale = torch.rsqrt(variance + layer.eps)
    shift = torch.zeros_like(mean)
    if layer.affine:
        scale = scale * layer.weight.detach()
        shift = at_least_float32(layer.bias.detach())
    return AffineTail(scale, shift - scale * mean)


def whitening_tail(mean: Tensor, projection: Tensor) -> AffineTail:
    """The tail of whitening (or PCA): e' = P (e − μ).

    Args:
        mean: μ, (D,).
        projection: P, (D', D).

    Returns:
        W = P and d = −P μ.
    """
    projection = at_least_float32(projection)
    return AffineTail(projection, -projection @ at_least_float32(mean))
