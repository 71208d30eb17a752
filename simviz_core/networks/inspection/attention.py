"""Layers that pool by attention, read as an `AttentionPooling` and the projection after it."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from simviz_core.decomposition import AffineTail, AttentionPooling, linear_tail
from simviz_core.errors import NetworkError


@dataclass(frozen=True)
class AttentionReading:
    """A layer that pools by attention.

    Attributes:
        pooling: The weighted mean.
        projection: What it multiplies the heads' means with; None for nothing.
        projected_by: The layer of it, whose output is what the pooling and projection reproduce;
            None where that is the output of the whole.
        left_out: What the layer does after that, in words; None for nothing.
    """

    pooling: AttentionPooling
    projection: AffineTail | None
    projected_by: nn.Module | None
    left_out: str | None


def attention_parts(network: nn.Module) -> list[nn.Module]:
    """The layers of a network that pool by attention and can be read, with their projections."""
    layers = [layer for layer in network.modules() if is_attention_pooling(layer)]
    inner = ("proj", "attention")
    parts = [part for layer in layers for name, part in layer.named_children() if name in inner]
    return [*layers, *parts]


def is_attention_pooling(layer: nn.Module) -> bool:
    """Whether `read_attention` knows a layer."""
    from timm.layers import AttentionPool2d, AttentionPoolLatent

    # Libraries that are extras are known by the names of their layers, not imported.
    name = type(layer).__name__
    is_extra = hasattr(layer, "c_proj") if name == "AttentionPool2d" else hasattr(layer, "probe")
    of_extras = ("AttentionPool2d", "MultiheadAttentionPoolingHead")
    is_timm = isinstance(layer, AttentionPool2d | AttentionPoolLatent)
    return is_timm or (name.endswith(of_extras) and is_extra)


def read_attention(layer: Any, grid: tuple[int, int]) -> AttentionReading:
    """Read a layer that `is_attention_pooling`.

    Args:
        layer: In evaluation mode.
        grid: Rows and columns of the cells that it pools.

    Returns:
        What it does.

    Raises:
        NetworkError: It is built in a way that is not known.
    """
    from timm.layers import AttentionPool2d

    if isinstance(layer, AttentionPool2d):
        return _mean_query(layer, grid)
    if hasattr(layer, "c_proj"):
        return _clip(layer, grid)
    return _probe(layer) if hasattr(layer, "probe") else _latent(layer)


def _probe(layer: Any) -> AttentionReading:
    """The head of SigLIP in transformers: a learnt query, and an MLP after it."""
    attention = layer.attention
    if not isinstance(attention, nn.MultiheadAttention) or attention.in_proj_weight is None:
        raise NetworkError("its attention pooling is none that is known")
    weights = attention.in_proj_weight.detach().chunk(3)
    bias = attention.in_proj_bias
    biases = (weights[0].new_zeros(3 * len(weights[0])) if bias is None else bias.detach()).chunk(3)
    query = weights[0] @ layer.probe.detach()[0, 0] + biases[0]
    pooling = AttentionPooling(
        attention.num_heads, (weights[1], biases[1]), (weights[2], biases[2]), query
    )
    projection = linear_tail(attention.out_proj)
    return AttentionReading(pooling, projection, attention, "its MLP with a GELU")


def _latent(layer: Any) -> AttentionReading:
    """timm's AttentionPoolLatent (SigLIP): a learnt query; may have an MLP after it."""
    norms = (layer.q_norm, layer.k_norm)
    if layer.latent_len != 1 or not all(isinstance(norm, nn.Identity) for norm in norms):
        raise NetworkError("its attention pooling has several queries, or normalises them")
    query = layer.q(layer.latent)[0, 0] if isinstance(layer.q, nn.Linear) else layer.latent[0, 0]
    width = layer.kv.out_features // 2
    weight, bias = layer.kv.weight.detach(), _bias(layer.kv)
    position = None if layer.pos_embed is None else layer.pos_embed.detach()
    pooling = AttentionPooling(
        layer.num_heads,
        (weight[:width], bias[:width]),
        (weight[width:], bias[width:]),
        query.detach(),
        position=position,
    )
    is_projected = isinstance(layer.proj, nn.Linear)
    return AttentionReading(
        pooling,
        linear_tail(layer.proj) if is_projected else None,
        layer.proj,
        "its MLP with a GELU" if layer.mlp is not None else None,
    )


def _mean_query(layer: Any, grid: tuple[int, int]) -> AttentionReading:
    """timm's AttentionPool2d (CLIP's ResNets): the mean cell is the query."""
    from timm.layers import resample_abs_pos_embed

    if layer.cls_token is not None:
        raise NetworkError("its attention pooling has a class token")
    if layer.qkv is not None:
        weights, biases = layer.qkv.weight.detach().chunk(3), _bias(layer.qkv).chunk(3)
    else:
        parts = (layer.q, layer.k, layer.v)
        weights = tuple(part.weight.detach() for part in parts)
        biases = tuple(_bias(part) for part in parts)
    position = resample_abs_pos_embed(
        layer.pos_embed.detach()[None], grid, old_size=layer.feat_size, num_prefix_tokens=1
    )[0]
    pooling = AttentionPooling(
        layer.num_heads,
        (weights[1], biases[1]),
        (weights[2], biases[2]),
        weights[0],
        biases[0],
        position,
    )
    projection = linear_tail(layer.proj) if isinstance(layer.proj, nn.Linear) else None
    return AttentionReading(pooling, projection, None, None)


def _clip(layer: Any, grid: tuple[int, int]) -> AttentionReading:
    """open_clip's AttentionPool2d, which is for one grid."""
    position = layer.positional_embedding.detach()
    if len(position) != 1 + grid[0] * grid[1]:
        raise NetworkError("its attention pooling is for images of another size")
    query, key, value = (
        (part.weight.detach(), _bias(part)) for part in (layer.q_proj, layer.k_proj, layer.v_proj)
    )
    pooling = AttentionPooling(layer.num_heads, key, value, *query, position)
    return AttentionReading(pooling, linear_tail(layer.c_proj), None, None)


def _bias(layer: nn.Linear) -> Tensor:
    return torch.zeros(layer.out_features) if layer.bias is None else layer.bias.detach()
