"""What follows the pooling: e' = W e + d, and so A' = A Wᵀ and b' = W b + d.

Fully connected layers, batch norm in evaluation mode and whitening are all of this form. Layer
norm is, too, once its standard deviation is taken as it is in the image at hand. A nonlinearity
is affine at the very input only: carried through one, the cells no longer account for the
embedding, and `ElementwiseTail.is_exact` says so.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn

from simviz_core.decomposition.decomposed import DecomposedImage, decompose
from simviz_core.decomposition.pooling import CELLS, Pooling, at_least_float32


class Tail(Protocol):
    """A layer after the pooling."""

    @property
    def title(self) -> str:
        """What it is called on the pages: "batch norm"."""

    @property
    def is_exact(self) -> bool:
        """Whether the cells account for all of the embedding but a constant."""

    def embed(self, e: Tensor) -> Tensor:
        """The layer itself: embeddings (..., D) to (..., D')."""

    def carry(self, image: DecomposedImage) -> DecomposedImage:
        """Carry a decomposed image of D components through the layer."""


@dataclass(frozen=True)
class AffineTail:
    """The map e' = W e + d.

    Attributes:
        weight: W, (D', D); or (D,) for a W that is diagonal.
        offset: d, (D',).
        title: What the layer is called.
    """

    weight: Tensor
    offset: Tensor
    title: str = "linear"
    is_exact: bool = True

    def embed(self, e: Tensor) -> Tensor:
        """W e + d; see `Tail.embed`."""
        return self.linear_part(e) + self.offset.to(e)

    def carry(self, image: DecomposedImage) -> DecomposedImage:
        """See `apply_tail`."""
        return apply_tail(image, self)

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


@dataclass(frozen=True)
class LayerNormTail:
    """Layer norm: e' = γ (e − mean of e) / σ(e) + β.

    The mean over the components is a linear map. The standard deviation σ is a number of the
    image: contributions take it as it is ("frozen"), as they take the length |e|.

    Attributes:
        weight: γ, (D,).
        offset: β, (D,).
        eps: Added to the variance.
        title: What the layer is called.
    """

    weight: Tensor
    offset: Tensor
    eps: float
    title: str = "layer norm"
    is_exact: bool = True

    def embed(self, e: Tensor) -> Tensor:
        """The layer itself; see `Tail.embed`."""
        e = at_least_float32(e)
        shape = self.weight.shape
        return nn.functional.layer_norm(e, shape, self.weight.to(e), self.offset.to(e), self.eps)

    def carry(self, image: DecomposedImage) -> DecomposedImage:
        """A' = γ (A − mean of A) / σ(e), b' likewise and + β; see `Tail.carry`."""
        deviation = (image.embedding.var(-1, correction=0) + self.eps).sqrt()
        weight = self.weight.to(image.embedding)

        def scaled(vectors: Tensor, deviation: Tensor) -> Tensor:
            return weight * (vectors - vectors.mean(-1, keepdim=True)) / deviation

        return DecomposedImage(
            contributions=scaled(image.contributions, deviation[..., None, None, None]),
            embedding=self.embed(image.embedding),
            constant=scaled(image.constant, deviation[..., None]) + self.offset.to(weight),
        )


BATCH_NORM_EPS = 1e-5
"""PyTorch's own; it is not kept with the weights."""
NONLINEARITIES: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": nn.functional.relu,
    "relu6": nn.functional.relu6,
    "gelu": nn.functional.gelu,
    "silu": nn.functional.silu,
    "hardswish": nn.functional.hardswish,
    "leaky_relu": nn.functional.leaky_relu,
    "elu": nn.functional.elu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
}


@dataclass(frozen=True)
class ElementwiseTail:
    """A nonlinearity, component by component: e' = f(e).

    Carried through it, a cell gets f'(e) A, the effect of a small change; what is left of f(e)
    goes to the constant. That is an approximation.

    Attributes:
        name: One of `NONLINEARITIES`.
    """

    name: str
    is_exact: bool = False

    @property
    def title(self) -> str:
        """The function's name."""
        return self.name

    def embed(self, e: Tensor) -> Tensor:
        """f(e); see `Tail.embed`."""
        return NONLINEARITIES[self.name](e)

    def carry(self, image: DecomposedImage) -> DecomposedImage:
        """A' = f'(e) A, b' = f(e) − Σ A'; see `Tail.carry`."""
        function = NONLINEARITIES[self.name]
        # Outside of inference mode, which knows no derivatives.
        with torch.inference_mode(False), torch.enable_grad():
            e = image.embedding.clone().requires_grad_()
            (slope,) = torch.autograd.grad(function(e).sum(), e)
        contributions = image.contributions * slope[..., None, None, :]
        embedding = self.embed(image.embedding)
        return DecomposedImage(contributions, embedding, embedding - contributions.sum(CELLS))


def apply_tails(image: DecomposedImage, tails: Sequence[Tail]) -> DecomposedImage:
    """Carry a decomposed image through layers, one after the other."""
    for tail in tails:
        image = tail.carry(image)
    return image


def linear_tail(layer: nn.Linear) -> AffineTail:
    """The tail of a fully connected layer, with or without a bias."""
    bias = layer.bias
    return affine_tail(layer.weight.detach(), None if bias is None else bias.detach())


def affine_tail(weight: Tensor, bias: Tensor | None) -> AffineTail:
    """The tail W e + d of a matrix, (D', D), and a shift, (D',); None for no shift."""
    weight = at_least_float32(weight)
    shift = weight.new_zeros(len(weight)) if bias is None else at_least_float32(bias)
    return AffineTail(weight, shift)


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
    return normalising_tail(
        layer.running_mean,
        layer.running_var,
        layer.weight.detach() if layer.affine else None,
        layer.bias.detach() if layer.affine else None,
        layer.eps,
    )


def normalising_tail(
    mean: Tensor,
    variance: Tensor,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = BATCH_NORM_EPS,
) -> AffineTail:
    """Batch norm in evaluation mode as an affine map, from its numbers.

    Args:
        mean: μ, the running mean, (D,).
        variance: σ², the running variance, (D,).
        weight: γ, the learnt scale, (D,); None for ones.
        bias: β, the learnt shift, (D,); None for zeros.
        eps: What is added to the variance.

    Returns:
        W = diag(γ / sqrt(σ² + eps)) and d = β − W μ.
    """
    mean = at_least_float32(mean)
    scale = torch.rsqrt(at_least_float32(variance) + eps)
    if weight is not None:
        scale = scale * weight
    shift = torch.zeros_like(mean) if bias is None else at_least_float32(bias)
    return AffineTail(scale, shift - scale * mean, "batch norm")


def whitening_tail(mean: Tensor, projection: Tensor) -> AffineTail:
    """The tail of whitening (or PCA): e' = P (e − μ).

    Args:
        mean: μ, (D,).
        projection: P, (D', D).

    Returns:
        W = P and d = −P μ.
    """
    projection = at_least_float32(projection)
    return AffineTail(projection, -projection @ at_least_float32(mean), "whitening")


def decompose_through(F: Tensor, pooling: Pooling, tail: Sequence[Tail]) -> DecomposedImage:
    """Decompose the embedding that a pooling and the layers after it make of a feature map."""
    return apply_tails(decompose(F, pooling), tail)
