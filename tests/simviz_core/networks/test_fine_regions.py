"""Fine regions add up, are local, and are refused where they would not be what they say."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from simviz_core.decomposition import AveragePooling, MaxPooling
from simviz_core.errors import NetworkError
from simviz_core.images import load_image
from simviz_core.networks import FineNetwork, Preprocessing, SimilarityNetwork


class Block(nn.Module):
    """A residual block that halves the grid, as ResNet's, with one ReLU for both places."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.first, self.norm = nn.Conv2d(8, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8)
        self.act = inner
        self.second, self.side = nn.Conv2d(8, 8, 3, padding=1), nn.Conv2d(8, 8, 1, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        y = self.second(self.act(self.norm(self.first(x))))
        return self.act(y + self.side(x))


def small(inner: nn.Module) -> SimilarityNetwork:
    torch.manual_seed(2)
    stem = nn.Sequential(nn.Conv2d(3, 8, 3, stride=4, padding=1), nn.BatchNorm2d(8), nn.ReLU())
    trunk = nn.Sequential(stem, Block(inner))
    for module in trunk.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 2)
            nn.init.uniform_(module.bias, -0.5, 0.5)
            assert module.running_mean is not None
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
    return SimilarityNetwork("small", trunk.eval(), Preprocessing(), AveragePooling(), 64)


def left(grid: tuple[int, int]) -> Tensor:
    """The left third, cells cut by its edge in part."""
    edges = torch.linspace(0, grid[1], grid[1] + 1)
    return edges.clamp_max(grid[1] / 3).diff().expand(grid)


@pytest.mark.parametrize("inner", [nn.ReLU(inplace=True), nn.ReLU6(), nn.LeakyReLU(0.1)])
def test_region_and_complement_add_up(inner: nn.Module, demo_rooms: Path) -> None:
    network = small(inner)
    fine = FineNetwork(network)
    assert fine.grid == (16, 16)
    picture = load_image(demo_rooms / "hotel_01" / "view_0.jpg").pixels
    image = fine.image(picture)
    unit = network.decompose([picture])[0].unit_embedding
    total = image.vector(left) + image.vector(lambda grid: 1 - left(grid))
    torch.testing.assert_close(total, unit, atol=1e-5, rtol=0)
    torch.testing.assert_close(image.vector(torch.ones), unit, atol=1e-5, rtol=0)
    assert image.vector(torch.zeros).abs().max() < 1e-6


@pytest.mark.parametrize("pooling", [AveragePooling(), MaxPooling()])
def test_the_default_network_has_fine_regions(
    pooling: AveragePooling | MaxPooling, network: SimilarityNetwork, demo_rooms: Path
) -> None:
    fine = FineNetwork(replace(network, pooling=pooling))
    assert (fine.grid, fine.residual < 1e-5) == ((14, 14), True)
    picture = load_image(demo_rooms / "hotel_01" / "view_0.jpg").pixels
    image = fine.image(picture)
    total = image.vector(left) + image.vector(lambda grid: 1 - left(grid))
    unit = fine.network.decompose([picture])[0].unit_embedding
    torch.testing.assert_close(total, unit, atol=1e-5, rtol=0)


def test_the_original_network_stays_as_it_is(demo_rooms: Path) -> None:
    network = small(nn.ReLU(inplace=True))
    picture = load_image(demo_rooms / "hotel_01" / "view_0.jpg").pixels
    before = network.feature_map([picture])
    FineNetwork(network).image(picture).vector(left)
    torch.testing.assert_close(network.feature_map([picture]), before)


def test_what_is_not_linear_is_refused() -> None:
    with pytest.raises(NetworkError, match="GELU"):
        FineNetwork(small(nn.GELU()))


def test_a_hidden_activation_is_found_out() -> None:
    class Hidden(nn.Identity):
        def forward(self, x: Tensor) -> Tensor:
            return torch.relu(x)

    with pytest.raises(NetworkError, match="do not add up"):
        FineNetwork(small(Hidden()))
