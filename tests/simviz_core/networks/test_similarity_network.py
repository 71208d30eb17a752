from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from simviz_core.decomposition import bias_term, similarity, similarity_map
from simviz_core.errors import SettingsError
from simviz_core.images import load_image
from simviz_core.networks import (
    POOLINGS,
    SIZES,
    Preprocessing,
    SimilarityNetwork,
    load_network,
)


@pytest.fixture(scope="module")
def pictures() -> list[Image.Image]:
    return [Image.effect_noise(size, 80).convert("RGB") for size in ((320, 240), (200, 300))]


def test_pixels_are_scaled_as_the_network_expects(network: SimilarityNetwork) -> None:
    white, red = Image.new("RGB", (30, 20), "white"), Image.new("RGB", (30, 20), "red")
    pixels = network.pixels([white, red])
    assert pixels.shape == (2, 3, 224, 224)
    expected = torch.tensor([[1.0, 1.0, 1.0], [1.0, -1.0, -1.0]])[:, :, None, None]
    torch.testing.assert_close(pixels, expected.expand_as(pixels), rtol=0, atol=1e-6)


def test_blue_first_is_the_same_pixels_in_another_order(network: SimilarityNetwork) -> None:
    """Mean and std stay those of red, green and blue."""
    scaled = Preprocessing((0.1, 0.2, 0.3), (0.5, 0.6, 0.7))
    picture = Image.effect_noise((60, 40), 80).convert("RGB")
    picture.paste("red", (0, 0, 30, 40))
    red_first = replace(network, preprocessing=scaled)
    blue_first = replace(network, preprocessing=replace(scaled, channel_order="bgr"))
    plain, other = red_first.pixels([picture]), blue_first.pixels([picture])
    torch.testing.assert_close(other, plain.flip(1))
    assert not torch.equal(other, plain)
    assert red_first.fingerprint != blue_first.fingerprint


def test_the_whole_image_is_seen(network: SimilarityNetwork) -> None:
    """A mark in any corner of a long image reaches the network, in that corner."""
    for corner, (rows, columns) in {
        (0, 0): (slice(0, 112), slice(0, 112)),
        (590, 0): (slice(0, 112), slice(112, 224)),
        (0, 90): (slice(112, 224), slice(0, 112)),
        (590, 90): (slice(112, 224), slice(112, 224)),
    }.items():
        image = Image.new("RGB", (600, 100))
        image.paste("white", (*corner, corner[0] + 10, corner[1] + 10))
        seen = network.pixels([image])[0, 0] > 0
        assert seen.sum() > 0
        assert seen[rows, columns].sum() == seen.sum()


@pytest.mark.parametrize("name", ["efficientnet_lite0", "resnet50", "vgg16"])
@pytest.mark.parametrize("pooling", list(POOLINGS))
def test_maps_add_up_to_the_cosine(name: str, pooling: str, pictures: list[Image.Image]) -> None:
    torch.manual_seed(0)
    network = load_network(name, pooling, 224, pretrained=name == "efficientnet_lite0")
    query, match = network.decompose(pictures)[0], network.decompose(pictures)[1]
    score = similarity(query, match).item()
    for i, j in ((query, match), (match, query)):
        total = similarity_map(i, j).sum() + bias_term(i, j)
        assert total.item() == pytest.approx(score, abs=1e-5)


def test_the_embedding_is_the_layer_right_after_the_networks_own_pooling(
    network: SimilarityNetwork, pictures: list[Image.Image]
) -> None:
    whole: nn.Module = network.trunk.network
    with torch.inference_mode():
        pixels = network.pixels(pictures)
        expected: Tensor = whole.global_pool(whole.forward_features(pixels))
    torch.testing.assert_close(network.decompose(pictures).embedding, expected)


@pytest.mark.parametrize("size", SIZES)
def test_a_larger_input_gives_a_finer_grid(size: int, pictures: list[Image.Image]) -> None:
    network = load_network("efficientnet_lite0", size=size)
    assert network.decompose(pictures[:1]).grid == (size // 32, size // 32)


def test_a_batch_gives_what_single_images_give(
    network: SimilarityNetwork, pictures: list[Image.Image]
) -> None:
    batch = network.decompose(pictures)
    for position, picture in enumerate(pictures):
        single = network.decompose([picture])[0]
        torch.testing.assert_close(batch[position].embedding, single.embedding)
        torch.testing.assert_close(batch[position].contributions, single.contributions)


@pytest.mark.parametrize("pooling", list(POOLINGS))
def test_a_gallery_is_embedded_as_a_query_is(pooling: str, pictures: list[Image.Image]) -> None:
    """What is stored of an image agrees with what its maps are made from."""
    network = load_network("efficientnet_lite0", pooling)
    resized = [network.resized(picture) for picture in pictures]
    assert all((part.shape, part.dtype) == ((224, 224, 3), "uint8") for part in resized)
    pixels = network.normalised(resized)
    torch.testing.assert_close(pixels, network.pixels(pictures))
    units = network.unit_embeddings(pixels)
    assert (units.shape, units.dtype) == ((2, 1280), torch.float32)
    torch.testing.assert_close(units, network.decompose(pictures).unit_embedding)
    torch.testing.assert_close(units.norm(dim=1), torch.ones(2))


def test_unknown_settings_list_what_is_offered() -> None:
    with pytest.raises(SettingsError, match="average, max, gem, sum"):
        load_network("efficientnet_lite0", "median")
    with pytest.raises(SettingsError, match="224, 320, 448"):
        load_network("efficientnet_lite0", size=200)


def test_photos_of_one_class_are_more_similar(photos: Path, network: SimilarityNetwork) -> None:
    """A sanity check on real pictures: shoes are closer to shoes than to hats."""

    def embeddings(label: str) -> Tensor:
        paths = sorted((photos / label).iterdir())[:12]
        found = network.decompose([load_image(path).pixels for path in paths]).embedding
        return nn.functional.normalize(found)

    shoes, hats = embeddings("shoes"), embeddings("hat")
    within = (shoes @ shoes.T).fill_diagonal_(0).sum() / (12 * 11)
    assert within > (shoes @ hats.T).mean() + 0.05
