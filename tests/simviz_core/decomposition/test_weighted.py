"""Poolings with weights, and layers that are affine at one image: against PyTorch's own layers."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from timm.layers import AttentionPool2d, AttentionPoolLatent
from torch import Tensor, nn

from simviz_core.decomposition import (
    AffineTail,
    AttentionPooling,
    AveragePooling,
    DecomposedImage,
    ElementwiseTail,
    LayerNormTail,
    PerCellLinear,
    Tail,
    apply_tails,
    bias_term,
    decompose,
    join,
    region_score,
    region_weights,
    similarity,
    similarity_map,
)
from simviz_core.networks.inspection.attention import read_attention

GRIDS = st.tuples(st.integers(1, 5), st.integers(1, 5))


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(deadline=None, max_examples=30)
@given(GRIDS, st.integers(1, 6), st.integers(1, 4), st.integers(0, 99))
def test_flattening_gives_each_cell_its_block(
    grid: tuple[int, int], channels: int, batch: int, seed: int
) -> None:
    rows, columns = grid
    layer = nn.Linear(channels * rows * columns, 7).double()
    F = random(batch, rows, columns, channels, seed=seed)
    rule = PerCellLinear(layer.weight.detach().unflatten(1, (channels, rows, columns)))
    expected = layer(F.permute(0, 3, 1, 2).flatten(1)).detach() - layer.bias.detach()
    torch.testing.assert_close(rule.embed(F), expected)
    torch.testing.assert_close(rule.contributions(F).sum((-3, -2)), expected)
    # A cell alone, all others zero, gives what is said to be its contribution.
    alone = torch.zeros_like(F)
    alone[:, -1, 0] = F[:, -1, 0]
    torch.testing.assert_close(rule.embed(alone), rule.contributions(F)[:, -1, 0])


def test_flattening_refuses_another_grid() -> None:
    with pytest.raises(ValueError, match=r"feature map of \(2, 3, 4\).*not \(3, 3, 4\)"):
        PerCellLinear(torch.ones(5, 4, 2, 3)).embed(torch.ones(1, 3, 3, 4))


@settings(deadline=None, max_examples=30)
@given(GRIDS, st.integers(0, 99))
def test_a_learnt_query_pools_as_timm_does(grid: tuple[int, int], seed: int) -> None:
    torch.manual_seed(seed)
    layer = AttentionPoolLatent(12, num_heads=3, mlp_ratio=2.0, norm_layer=nn.LayerNorm).eval()
    _shake(layer)
    read = read_attention(layer, grid)
    F = torch.randn(2, *grid, 12)
    outputs: list[Tensor] = []
    layer.proj.register_forward_hook(lambda module, args, output: outputs.append(output))
    layer(F.flatten(1, 2))
    _check(read.pooling, read.projection, F, outputs[0][:, 0])
    assert read.left_out is not None


@settings(deadline=None, max_examples=30)
@given(GRIDS, st.booleans(), st.integers(0, 99))
def test_the_mean_cell_as_query_pools_as_timm_does(
    grid: tuple[int, int], is_joint: bool, seed: int
) -> None:
    torch.manual_seed(seed)
    layer = AttentionPool2d(12, feat_size=grid, num_heads=3, qkv_separate=not is_joint).eval()
    _shake(layer)
    read = read_attention(layer, grid)
    F = torch.randn(2, *grid, 12)
    _check(read.pooling, read.projection, F, layer(F.permute(0, 3, 1, 2)))


@torch.no_grad()
def _shake(layer: nn.Module) -> None:
    for parameter in layer.parameters():
        parameter.add_(torch.randn_like(parameter) / 3)


def _check(
    rule: AttentionPooling, projection: AffineTail | None, F: Tensor, expected: Tensor
) -> None:
    assert projection is not None
    image = apply_tails(decompose(F, rule), [projection])
    torch.testing.assert_close(image.embedding, expected.detach(), rtol=1e-4, atol=1e-5)
    assert image.residual().max() < 1e-5
    torch.testing.assert_close(
        rule.contributions(F).sum((-3, -2)), rule.embed(F), rtol=1e-4, atol=1e-5
    )


def layer_norm(dimension: int) -> tuple[nn.Module, Tail]:
    layer = nn.LayerNorm(dimension, eps=1e-3).double()
    nn.init.normal_(layer.weight)
    nn.init.normal_(layer.bias)
    return layer, LayerNormTail(layer.weight.detach(), layer.bias.detach(), layer.eps)


@settings(deadline=None, max_examples=30)
@given(GRIDS, st.integers(2, 9), st.integers(0, 99))
def test_layer_norm_is_exact_once_its_deviation_is_taken_as_it_is(
    grid: tuple[int, int], channels: int, seed: int
) -> None:
    torch.manual_seed(seed)
    layer, tail = layer_norm(channels)
    F = random(3, *grid, channels, seed=seed)
    image = tail.carry(decompose(F, AveragePooling()))
    torch.testing.assert_close(image.embedding, layer(F.mean((1, 2))).detach())
    assert image.residual().max() < 1e-9
    assert tail.is_exact


@pytest.mark.parametrize("name", ["relu", "gelu", "silu", "hardswish", "tanh"])
@pytest.mark.parametrize("is_inference", [False, True])
def test_a_nonlinearity_leaves_a_remainder_and_says_so(name: str, is_inference: bool) -> None:
    function = getattr(torch, name) if name == "tanh" else getattr(nn.functional, name)
    with torch.inference_mode(is_inference):
        image = decompose(random(2, 3, 3, 8), AveragePooling())
        tail = ElementwiseTail(name)
        carried = tail.carry(image)
        torch.testing.assert_close(carried.embedding, function(image.embedding))
        assert carried.residual().max() < 1e-9
        # The effect of a small change of one cell.
        change = 1e-5 * image.contributions[:, 1, 2]
        effect = function(image.embedding + change) - function(image.embedding)
        torch.testing.assert_close(
            effect, 1e-5 * carried.contributions[:, 1, 2], rtol=1e-3, atol=1e-10
        )
    assert not tail.is_exact


def some_image(grid: tuple[int, int], dimension: int, seed: int) -> DecomposedImage:
    shift = AffineTail(torch.ones(dimension), random(dimension, seed=seed))
    return shift.carry(decompose(random(*grid, dimension, seed=seed), AveragePooling()))


@settings(deadline=None, max_examples=30)
@given(GRIDS, GRIDS, st.integers(0, 99))
def test_an_ensemble_is_the_mean_of_its_networks(
    one: tuple[int, int], other: tuple[int, int], seed: int
) -> None:
    i = [some_image(one, 4, seed), some_image(other, 6, seed + 1)]
    j = [some_image(one, 4, seed + 2), some_image(other, 6, seed + 3)]
    joined_i, joined_j = join(i), join(j)
    assert joined_i.grid == (max(one[0], other[0]), max(one[1], other[1]))
    mean = sum(similarity(a, b) for a, b in zip(i, j, strict=True)) / 2
    torch.testing.assert_close(similarity(joined_i, joined_j), mean)
    total = similarity_map(joined_i, joined_j).sum() + bias_term(joined_i, joined_j)
    torch.testing.assert_close(total, mean)


@settings(deadline=None, max_examples=30)
@given(GRIDS, st.integers(1, 3), st.tuples(*[st.floats(0, 10)] * 4))
def test_joining_changes_no_region_where_cells_divide_evenly(
    one: tuple[int, int], factor: int, box: tuple[float, float, float, float]
) -> None:
    other = (factor * one[0], factor * one[1])
    i = [some_image(one, 4, 1), some_image(other, 6, 2)]
    j = [some_image(one, 4, 3), some_image(other, 6, 4)]

    def score(a: DecomposedImage, b: DecomposedImage) -> Tensor:
        return region_score(a, b, region_weights([box], a.grid, (10, 10)))

    mean = sum(score(a, b) for a, b in zip(i, j, strict=True)) / 2
    torch.testing.assert_close(score(join(i), join(j)), mean)
