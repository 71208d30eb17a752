"""Poolings that networks put together themselves, against the rules that they are."""

from collections.abc import Callable
from math import floor

import pytest
import torch
from networks_testing import SIZE, Network, built, found
from torch import Tensor, nn

from simviz_core.decomposition import (
    AveragePooling,
    CroWPooling,
    DecomposedImage,
    GeMPooling,
    MaxPooling,
    RMACPooling,
    decompose,
)
from simviz_core.networks import NetworkChoices
from simviz_core.networks.heads.composed import ComposedPooling
from simviz_core.networks.inspection.adapting import Adapted, adapt

Head = Callable[[Tensor], Tensor]


def composed(network: nn.Module) -> tuple[Adapted, ComposedPooling]:
    result = adapt(network, "mine", SIZE, NetworkChoices())
    assert isinstance(result, Adapted), result.line
    assert isinstance(result.pooling, ComposedPooling), result.reading.line
    assert result.reading.residual < 1e-5
    return result, result.pooling


def feature_map(seed: int = 0, images: int = 2) -> Tensor:
    """(N, 4, 6, 12), as the networks here have it after a ReLU; some of it is zero."""
    return torch.randn(images, 4, 6, 12, generator=torch.Generator().manual_seed(seed)).relu()


def average(F: Tensor) -> Tensor:
    return nn.functional.adaptive_avg_pool2d(F, 1).flatten(1)


def maximum(F: Tensor) -> Tensor:
    return nn.functional.adaptive_max_pool2d(F, 1).flatten(1)


@pytest.mark.parametrize(
    ("head", "parts"),
    [
        (lambda F: torch.cat([average(F), maximum(F)], 1), "joined"),
        (lambda F: 0.5 * (average(F) + maximum(F)), "mean"),
        (lambda F: torch.stack([F.mean((2, 3)), F.amax((2, 3))]).mean(0), "mean"),
    ],
)
def test_average_and_maximum_together(head: Head, parts: str) -> None:
    result, pooling = composed(built(head))
    F = feature_map()
    a, m = AveragePooling().contributions(F), MaxPooling().contributions(F)
    expected = torch.cat([a, m], -1) if parts == "joined" else (a + m) / 2
    torch.testing.assert_close(pooling.contributions(F), expected)
    torch.testing.assert_close(pooling.embed(F), expected.sum((1, 2)))
    assert (result.reading.verdict, result.reading.grid) == ("exact", (4, 6))


def test_layers_after_it_are_part_of_it() -> None:
    layers = nn.Sequential(nn.BatchNorm1d(24), nn.Dropout(0.25), nn.Linear(24, 7))
    network = built(lambda F: layers(torch.cat([maximum(F), average(F)], 1)), layers)
    result, pooling = composed(network)
    image = decompose(feature_map(), pooling)
    assert result.reading.dimension == 7
    assert image.constant.abs().max() > 0.01
    assert image.residual().max() < 1e-5
    expected = layers(torch.cat([maximum(held(feature_map())), average(held(feature_map()))], 1))
    torch.testing.assert_close(image.embedding, expected)


def held(F: Tensor) -> Tensor:
    """(N, H, W, C) as convolutions have it."""
    return F.permute(0, 3, 1, 2)


def test_stripes_are_their_rows() -> None:
    """A third of the height has its own components: cells elsewhere have no part in them."""

    def stripes(F: Tensor) -> Tensor:
        return nn.functional.adaptive_avg_pool2d(F, (2, 1)).flatten(1)

    _, pooling = composed(built(stripes))
    F = feature_map()
    A = pooling.contributions(F).unflatten(-1, (12, 2))
    torch.testing.assert_close(A[:, :2, :, :, 0], F[:, :2] / 12)
    torch.testing.assert_close(A[:, 2:, :, :, 1], F[:, 2:] / 12)
    assert not A[:, 2:, :, :, 0].any()
    assert not A[:, :2, :, :, 1].any()


def test_stripes_with_layers_and_powers_of_their_own() -> None:
    layers = nn.ModuleList(nn.Sequential(nn.Linear(12, 5), nn.BatchNorm1d(5)) for _ in range(2))

    def head(F: Tensor) -> Tensor:
        halves = F.chunk(2, 2)
        pooled = [half.clamp(min=1e-6).pow(3).mean((2, 3)).pow(1 / 3) for half in halves]
        pairs = zip(layers, pooled, strict=True)
        return nn.functional.normalize(torch.cat([layer(e) for layer, e in pairs], 1))

    result, pooling = composed(built(head, *layers))
    F = feature_map()
    image = decompose(F, pooling)
    assert image.residual().max() < 1e-5
    assert result.reading.verdict == "exact"
    pairs = zip(layers, F.split(2, 1), strict=True)
    parts = [layer(GeMPooling(3.0).embed(half)) for layer, half in pairs]
    length = torch.linalg.vector_norm(torch.cat(parts, 1), dim=1)
    upper = GeMPooling(3.0).contributions(F[:, :2])
    linear, norm = layers[0][0], layers[0][1]
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    expected = upper @ linear.weight.T * scale / length[:, None, None, None]
    torch.testing.assert_close(image.contributions[:, :2, :, :5], expected, rtol=1e-4, atol=1e-5)
    assert not image.contributions[:, 2:, :, :5].any()


def regional(F: Tensor, levels: int = 3) -> Tensor:
    """R-MAC as it is often written: slices, or windows of a maximum, each divided by its length."""
    rows, columns = F.shape[2:]
    total = 0
    for level in range(1, levels + 1):
        side = floor(2 * min(rows, columns) / (level + 1))
        down = [floor(i * (rows - side) / max(level - 1, 1)) for i in range(level)]
        across = [floor(i * (columns - side) / level) for i in range(level + 1)]
        for y in down:
            for x in across:
                found = F[:, :, y : y + side, x : x + side]
                total = total + nn.functional.normalize(found.amax((2, 3)))
    assert isinstance(total, Tensor)
    return total


def test_regional_maxima_are_the_rule_that_can_be_chosen() -> None:
    result, pooling = composed(built(regional))
    F = feature_map()
    torch.testing.assert_close(pooling.embed(F), RMACPooling().embed(F))
    torch.testing.assert_close(pooling.contributions(F), RMACPooling().contributions(F))
    assert "normalize" in result.reading.frozen
    assert result.reading.verdict == "frozen"


def test_windows_of_a_maximum_are_carried_to_the_cells_below_them() -> None:
    """Written with windows, the finer feature map is taken, not that of the windows."""

    def head(F: Tensor) -> Tensor:
        windows = nn.functional.max_pool2d(F, 2, 2)
        return windows.flatten(2).sum(2) + maximum(F)

    result, pooling = composed(built(head))
    assert result.reading.grid == (4, 6)
    image = decompose(feature_map(), pooling)
    assert image.residual().max() < 1e-5


class VLAD(nn.Module):
    """NetVLAD, its residuals at once or cluster by cluster."""

    def __init__(self, is_loop: bool) -> None:
        super().__init__()
        self.assign = nn.Conv2d(12, 3, 1)
        self.centres = nn.Parameter(torch.zeros(3, 12))
        self.is_loop = is_loop

    def forward(self, F: Tensor) -> Tensor:
        F = nn.functional.normalize(F, dim=1)
        assigned = self.assign(F).flatten(2).softmax(1)
        cells = F.flatten(2)
        if self.is_loop:
            found = torch.zeros(len(F), 3, 12, dtype=F.dtype)
            for k in range(3):
                apart = cells - self.centres[k][:, None]
                found[:, k] = (apart * assigned[:, k : k + 1]).sum(-1)
        else:
            apart = cells[:, None] - self.centres[None, :, :, None]
            found = (apart * assigned[:, :, None]).sum(-1)
        return nn.functional.normalize(nn.functional.normalize(found, dim=2).flatten(1))


@pytest.mark.parametrize("is_loop", [False, True])
def test_netvlad(is_loop: bool) -> None:
    head = VLAD(is_loop)
    result, pooling = composed(built(head, head))
    unit = nn.functional.normalize(feature_map(), dim=-1)  # what is pooled
    image = decompose(unit, pooling)
    assigned = torch.einsum("nhwc,kc->nhwk", unit, head.assign.weight[:, :, 0, 0])
    assigned = (assigned + head.assign.bias).softmax(-1)
    apart = assigned[..., None] * (unit[..., None, :] - head.centres)  # (N, H, W, K, C)
    length = torch.linalg.vector_norm(apart.sum((1, 2)), dim=-1)  # of each cluster
    expected = apart / length[:, None, None, :, None] / 3**0.5
    torch.testing.assert_close(image.contributions, expected.flatten(-2), rtol=1e-4, atol=1e-5)
    assert result.reading.dimension == 36
    assert "normalize" in result.reading.frozen


def test_a_softmax_over_the_cells_is_a_weight_as_it_is() -> None:
    layer = nn.Conv2d(12, 1, 1)

    def head(F: Tensor) -> Tensor:
        weights = layer(F).flatten(2).softmax(-1)
        return torch.cat([(F.flatten(2) * weights).sum(-1), average(F)], 1)

    result, pooling = composed(built(head, layer))
    F = feature_map()
    weights = (F @ layer.weight[0, :, 0, 0] + layer.bias).flatten(1).softmax(-1)
    expected = F * weights.unflatten(1, (4, 6))[..., None]
    torch.testing.assert_close(pooling.contributions(F)[..., :12], expected)
    assert result.reading.verdict == "frozen"


class TwoLayers(Network):
    """Both its feature maps are pooled, and put one after the other."""

    def forward(self, pixels: Tensor) -> Tensor:
        fine = self.body[2](self.body[1](self.body[0](pixels)))
        coarse = self.body[4](self.body[3](fine))
        return torch.cat([fine.mean((2, 3)), coarse.amax((2, 3))], 1)


def test_two_layers_are_joined_on_the_finer_grid() -> None:
    torch.manual_seed(0)
    network = TwoLayers(lambda F: F).eval().requires_grad_(False)
    result, pooling = composed(network)
    assert (result.reading.grid, result.reading.channels) == ((8, 12), 20)
    pixels = torch.randn(2, 3, *SIZE)
    F = result.trunk(pixels).permute(0, 2, 3, 1)
    image = decompose(F, pooling)
    torch.testing.assert_close(image.embedding, network(pixels))
    fine, coarse = F[..., :8], F[:, ::2, ::2, 8:]
    torch.testing.assert_close(image.contributions[..., :8], AveragePooling().contributions(fine))
    # A coarse cell's part is shared out evenly to the four that it covers.
    shared = MaxPooling().contributions(coarse).repeat_interleave(2, 1).repeat_interleave(2, 2) / 4
    torch.testing.assert_close(image.contributions[..., 8:], shared)


def test_what_cannot_be_carried_is_left_out_where_all_leads_through_what_can() -> None:
    layers = nn.Sequential(nn.Linear(24, 9), nn.ReLU(), nn.Linear(9, 5))
    network = built(lambda F: layers(torch.cat([maximum(F), average(F)], 1)), layers)
    result, _ = composed(network)
    assert result.reading.dimension == 9
    assert "relu is left out" in (result.reading.note or "")


@pytest.mark.parametrize(
    "head",
    [
        lambda F: torch.cat([F.mean((2, 3)).relu().tanh(), F.mean((2, 3)).sigmoid()], 1),
        lambda F: maximum(F) * average(F).sigmoid() + (average(F) / 9).tanh(),
        lambda F: torch.cat([F[:, :, :2].std((2, 3)), F[:, :, 2:].std((2, 3))], 1),
    ],
)
def test_sums_over_no_cells_are_refused(head: Head) -> None:
    assert found(built(head)).verdict == "refused"


def test_an_embedding_that_is_the_same_for_all_images_tells_nothing() -> None:
    network = built(lambda F: torch.cat([average(F * 0) + 1, maximum(F * 0)], 1))
    assert found(network).verdict == "refused"


def test_gradients_flow_through_it() -> None:
    _, pooling = composed(built(lambda F: torch.cat([average(F), maximum(F)], 1)))
    F = feature_map().requires_grad_()
    (slope,) = torch.autograd.grad(pooling.embed(F)[:, 0].sum(), F)
    torch.testing.assert_close(slope[..., 0], torch.full((2, 4, 6), 1 / 24))


def test_any_number_of_images_and_dimensions() -> None:
    _, pooling = composed(built(regional))
    F = feature_map(images=6)
    together = decompose(F.unflatten(0, (2, 3)), pooling)
    one = decompose(F[4], pooling)
    torch.testing.assert_close(together.contributions[1, 1], one.contributions)
    torch.testing.assert_close(together.embedding[1, 1], one.embedding)


def test_two_networks_have_two_keys() -> None:
    keys = {composed(built(lambda F, n=n: regional(F, n)))[1].key for n in (2, 3)}
    assert len(keys) == 2
    assert composed(built(regional))[1].key == composed(built(regional))[1].key


@pytest.mark.parametrize("rule", [RMACPooling(), RMACPooling(1), CroWPooling()])
@pytest.mark.parametrize("grid", [(7, 7), (4, 6), (12, 5), (1, 3), (2, 9)])
def test_rules_of_retrieval_add_up(rule: RMACPooling | CroWPooling, grid: tuple[int, int]) -> None:
    F = torch.randn(3, *grid, 8, generator=torch.Generator().manual_seed(1)).relu()
    image: DecomposedImage = decompose(F.double(), rule)
    assert image.residual().max() < 1e-12


def test_regions_of_a_square_map() -> None:
    """The sizes and numbers that the paper gives: 1, 4 and 9 regions."""
    boxes = [
        (r.start, r.stop, c.start, c.stop) for r, c in RMACPooling().regions(torch.zeros(7, 7, 1))
    ]
    assert len(boxes) == 14
    assert boxes[0] == (0, 7, 0, 7)
    assert boxes[1] == (0, 4, 0, 4)
    assert boxes[4] == (3, 7, 3, 7)
    assert {stop - start for start, stop, _, _ in boxes[5:]} == {3}


def test_crow_weighs_a_rare_channel_more() -> None:
    F = torch.zeros(4, 4, 2)
    F[..., 0] = 1.0
    F[1, 2, 1] = 1.0
    weights = CroWPooling().channel_weights(F)
    assert weights[1] > weights[0]
    spatial = CroWPooling().cell_weights(F)
    assert spatial.argmax() == 6  # the cell where both are active
    torch.testing.assert_close(spatial[0, 0], (F.sum(-1)[0, 0] / F.sum(-1).norm()).sqrt())


def test_what_follows_a_maximum_component_by_component_is_the_cell_s_that_attains_it() -> None:
    _, pooling = composed(built(lambda F: torch.cat([(maximum(F) / 9).tanh(), average(F)], 1)))
    F = feature_map()
    image = decompose(F, pooling)
    attains = MaxPooling().contributions(F) > 0
    expected = torch.where(attains, (F / 9).tanh(), 0)
    torch.testing.assert_close(image.contributions[..., :12], expected)
