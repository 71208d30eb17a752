from collections import OrderedDict
from pathlib import Path

import numpy as np
import torch
from torch import nn

from simviz_core.decomposition import AveragePooling, similarity_map
from simviz_core.evidence import cell_heat, receptive_field
from simviz_core.images import load_image
from simviz_core.networks import Preprocessing, SimilarityNetwork


def small_network(size: int = 64) -> SimilarityNetwork:
    """Fields of 3, then 3 + 2 · 2 = 7 pixels at a stride of 4, with padding."""
    torch.manual_seed(0)
    layers = OrderedDict(
        first=nn.Conv2d(3, 4, 3, stride=2, padding=1),
        norm=nn.BatchNorm2d(4),
        act=nn.ReLU6(),
        second=nn.Conv2d(4, 8, 3, stride=2, padding=1),
    )
    return SimilarityNetwork(
        "small", nn.Sequential(layers).eval(), Preprocessing(), AveragePooling(), size
    )


def test_the_theoretical_field_is_that_of_the_layers() -> None:
    network = small_network()
    field = receptive_field(network, 5, 8)
    assert field is not None
    # Cell c sees the pixels 4c − 3 to 4c + 3.
    assert (field.top, field.bottom, field.left, field.right) == (17, 24, 29, 36)
    corner = receptive_field(network, 0, 15)
    assert corner is not None
    assert (corner.top, corner.bottom, corner.left, corner.right) == (0, 4, 57, 64)
    assert field.share == 49 / 64**2


def test_changing_pixels_outside_the_field_changes_nothing() -> None:
    network = small_network()
    field = receptive_field(network, 5, 8)
    assert field is not None
    pixels = torch.rand(1, 3, 64, 64)
    changed = torch.rand(1, 3, 64, 64)
    rows, columns = slice(field.top, field.bottom), slice(field.left, field.right)
    changed[..., rows, columns] = pixels[..., rows, columns]
    before, after = (network.run_trunk(p)[0, 5, 8] for p in (pixels, changed))
    torch.testing.assert_close(before, after)


def test_the_heat_lies_in_the_field_and_is_strongest_around_the_cell(
    network: SimilarityNetwork, demo_rooms: Path
) -> None:
    pictures = [load_image(demo_rooms / "hotel_01" / f"view_{n}.jpg").pixels for n in (0, 1)]
    images = network.decompose(pictures)
    row, column = np.unravel_index(int(similarity_map(images[0], images[1]).argmax()), (7, 7))
    heat = cell_heat(network, pictures[0], images[1].unit_embedding, int(row), int(column))
    assert heat.shape == (56, 56)
    np.testing.assert_allclose(heat.sum(), 1, rtol=1e-4)
    around = heat[max(0, row * 8 - 8) : row * 8 + 16, max(0, column * 8 - 8) : column * 8 + 16]
    assert around.sum() > 1.4 * around.size / heat.size
    field = receptive_field(network, int(row), int(column))
    assert field is not None
    assert field.share > 0.3, "a deep network's cell sees far more than its 2 % of the image"
