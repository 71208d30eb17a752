"""What an operation does to a class token that is a sum over cells."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from simviz_core.decomposition import (
    AffineTail,
    DecomposedImage,
    LayerNormTail,
    Tail,
    affine_tail,
    attended,
    attention_weights,
)
from simviz_core.decomposition.pooling import at_least_float32
from simviz_core.networks.inspection.class_tokens.rows import Row
from simviz_core.networks.inspection.tracing import Call

FIXED, ATTENTION, SAME, LAYER, SUM = "fixed", "attention", "same", "layer", "sum"
"""A result whose parts are in no cell; an attention; the same numbers in another shape; an affine
layer, or a layer norm; and a sum of two such results."""
MULTI_HEAD = "multi_head_attention_forward"
SCALED_DOT_PRODUCT = "scaled_dot_product_attention"
PRODUCTS = ("matmul",)
"""How networks multiply attention weights with values where they do both themselves."""
OTHER_NAMES = {f"{letter}{name}": name for letter in "ir" for name in ("add", "mul")}
OTHER_NAMES |= {"isub": "sub", "itruediv": "truediv", "idiv": "div"}
SCALINGS = ("mul", "add", "sub", "div", "truediv", "true_divide")
LAYERS = ("linear", "layer_norm", "matmul", *SCALINGS)


@dataclass(frozen=True)
class Cells:
    """Which of the tokens that are attended to are cells.

    Attributes:
        prefix: Tokens before them: class token and registers.
        grid: Rows and columns.
    """

    prefix: int
    grid: tuple[int, int]


@dataclass(frozen=True)
class Step:
    """An operation on the way of a class token through a network.

    Attributes:
        kind: What it does: one of the kinds above.
        call: The operation.
        row: Where the token is in its result; for attention, where it is among the queries.
        sources: Numbers of the steps whose results it takes.
        place: Of its arguments, the one that holds the token, where others are constants.
        cells: For attention.
        layer: Attention layers that were begun up to here: the number of the layer that this is
            part of, from 1; 0 for the start.
    """

    kind: str
    call: Call
    row: Row
    sources: tuple[int, ...] = ()
    place: int = 0
    cells: Cells | None = None
    layer: int = 0


def operation(call: Call) -> str:
    """An operation's name, whatever form it has: "add" for `+`, `+=` and `Tensor.add_`."""
    name = getattr(call.function, "__name__", "").partition(".")[0].strip("_")
    return OTHER_NAMES.get(name, name)


def apply_step(
    step: Step,
    states: Mapping[int, DecomposedImage],
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    result: Tensor,
) -> DecomposedImage:
    """Carry the token's decomposition through one operation.

    Args:
        step: What the operation is.
        states: Of the steps before.
        args: Its positional arguments, in this run.
        kwargs: Its keyword arguments.
        result: What it returned.

    Returns:
        Contributions (N, H, W, D), with no cells where nothing has come from any yet.
    """
    if step.kind == ATTENTION:
        return _attention(step, args, kwargs, result)
    token = at_least_float32(step.row.of(result)).clone()
    if step.kind == FIXED:
        return DecomposedImage(token.new_zeros(len(token), 0, 0, token.shape[-1]), token, token)
    sources = [states[number] for number in step.sources]
    if step.kind == SUM:
        sign = -1 if operation(step.call) == "sub" else 1
        return _sum(sources[0], sources[1], sign, token)
    (image,) = sources
    if step.kind == SAME:
        return image
    carried = tail_of(step, args, kwargs, result).carry(image)
    return DecomposedImage(carried.contributions, token, carried.constant)


def tail_of(step: Step, args: Sequence[Any], kwargs: Mapping[str, Any], result: Tensor) -> Tail:
    """The layer of one operation on a token, with its weights as they are now."""
    name = operation(step.call)
    if name == "linear":
        weight, bias = _named(args, kwargs, ("input", "weight", "bias"))[1:]
        return affine_tail(weight, bias)
    if name == "layer_norm":
        names = ("input", "normalized_shape", "weight", "bias", "eps")
        _, shape, weight, bias, eps = _named(args, kwargs, names)
        ones = torch.ones(shape, dtype=result.dtype, device=result.device)
        return LayerNormTail(
            ones if weight is None else at_least_float32(weight),
            torch.zeros_like(ones) if bias is None else at_least_float32(bias),
            1e-5 if eps is None else eps,
        )
    other = [*args, *kwargs.values()][1 - step.place]
    if name == "matmul":
        return affine_tail(other.mT, None)
    values = torch.as_tensor(other, dtype=result.dtype, device=result.device)
    numbers = at_least_float32(step.row.of(values.expand(result.shape))[0])
    one, zero = torch.ones_like(numbers), torch.zeros_like(numbers)
    if name == "add":
        return AffineTail(one, numbers)
    if name == "sub":
        return AffineTail(one, -numbers) if step.place == 0 else AffineTail(-one, numbers)
    return AffineTail(numbers if name == "mul" else 1 / numbers, zero)


def _named(args: Sequence[Any], kwargs: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    found = dict(zip(names, args, strict=False)) | dict(kwargs)
    return [found.get(name) for name in names]


def _sum(one: DecomposedImage, other: DecomposedImage, sign: int, token: Tensor) -> DecomposedImage:
    both = [image.contributions for image in (one, other)]
    both[1] = sign * both[1]
    some = [values for values in both if values.shape[1]]
    # In place where that is safe: it is the sum that grows from layer to layer.
    contributions = some[0] + some[1] if len(some) == 2 else (some or both)[0]
    return DecomposedImage(contributions, token, one.constant + sign * other.constant)


def _attention(
    step: Step, args: Sequence[Any], kwargs: Mapping[str, Any], result: Tensor
) -> DecomposedImage:
    assert step.cells is not None
    where = step.cells.prefix, step.cells.grid
    name = operation(step.call)
    if name == MULTI_HEAD:
        return _multi_head(step, args, kwargs, result)
    total = step.row.of(result)
    if name == SCALED_DOT_PRODUCT:
        names = ("query", "key", "value", "attn_mask", "dropout_p", "is_causal", "scale")
        query, key, values, mask, _, _, scale = _named(args, kwargs, names)
        mask = None if mask is None else step.row.select(mask.expand(*query.shape[:3], -1))
        weights = attention_weights(step.row.select(query), key, scale, mask)
    else:
        weights, values = at_least_float32(step.row.select(args[0])), args[1]
    return attended(weights, values, total, *where)


def _multi_head(
    step: Step, args: Sequence[Any], kwargs: Mapping[str, Any], result: Tensor
) -> DecomposedImage:
    """Attention with its projections in one operation; tokens come first, (L, N, C)."""
    assert step.cells is not None
    assert step.row.index is not None
    called = inspect.signature(nn.functional.multi_head_attention_forward)
    given = called.bind(*args, **kwargs).arguments
    heads, token = given["num_heads"], step.row.index
    weights, bias = given["in_proj_weight"].chunk(3), given["in_proj_bias"]
    biases = [None] * 3 if bias is None else list(bias.chunk(3))
    tokens = given["query"][token : token + 1], given["key"], given["value"]
    query, key, values = (
        nn.functional.linear(x, weight, offset).unflatten(-1, (heads, -1)).permute(1, 2, 0, 3)
        for x, weight, offset in zip(tokens, weights, biases, strict=True)
    )
    mask = given.get("attn_mask")
    if mask is not None:
        mask = mask.reshape(-1, heads if mask.dim() == 3 else 1, *mask.shape[-2:])[:, :, token]
        mask = mask if mask.dtype != torch.bool else ~mask
    attention = attention_weights(query[:, :, 0], key, None, mask)
    total = (attention[..., None] * at_least_float32(values)).sum(-2).flatten(1)
    image = attended(attention, values, total, step.cells.prefix, step.cells.grid)
    carried = affine_tail(given["out_proj_weight"], given["out_proj_bias"]).carry(image)
    token_now = at_least_float32(step.row.of(result))
    return DecomposedImage(carried.contributions, token_now, carried.constant)
