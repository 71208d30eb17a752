"""Stretched, padded and cropped images on their way through a network, its maps and its regions."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from simviz_core.checkpoints.loading import load_for_settings
from simviz_core.decomposition import bias_term, similarity, similarity_map
from simviz_core.errors import SettingsError
from simviz_core.evidence import removed_region
from simviz_core.images import CROP, FITS, PAD, STRETCH, WHOLE, CentreCrop, Fit, LoadedImage
from simviz_core.networks import FineNetwork, SimilarityNetwork, load_network, network_facts
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import Region, outside_note, region_vector, weights_on

NAME = "timm/test_resnet"


@pytest.fixture(scope="module")
def network() -> SimilarityNetwork:
    """A small one, whose input is wider than high, and whose crop is its library's."""
    torch.manual_seed(0)
    return load_network(NAME, "average", (128, 96), pretrained=False)


def picture_of(size: tuple[int, int], seed: int = 0) -> Image.Image:
    chance = np.random.default_rng(seed)
    small = Image.fromarray(chance.integers(0, 255, (9, 9, 3), dtype=np.uint8))
    return small.resize(size, Image.Resampling.BICUBIC)


def loaded(picture: Image.Image) -> LoadedImage:
    return LoadedImage(picture, *picture.size, "room.jpg", "")


@settings(max_examples=12)
@given(
    first=st.tuples(st.integers(1, 400), st.integers(1, 400)),
    second=st.tuples(st.integers(1, 400), st.integers(1, 400)),
    fit=st.sampled_from(FITS),
)
def test_maps_add_up_whatever_the_fit(
    network: SimilarityNetwork, first: tuple[int, int], second: tuple[int, int], fit: Fit
) -> None:
    fitted = network.with_fit(fit)
    i, j = (fitted.decompose([picture_of(size, 1)])[0] for size in (first, second))
    total = similarity_map(i, j).sum() + bias_term(i, j)
    assert total.item() == pytest.approx(similarity(i, j).item(), abs=1e-5)


@pytest.mark.parametrize("size", [(300, 200), (90, 400), (128, 96)])
def test_a_crop_is_a_stretch_of_the_cropped_picture(
    network: SimilarityNetwork, size: tuple[int, int]
) -> None:
    cropped, picture = network.with_fit(CROP), picture_of(size)
    seen = cropped.frame(picture).seen(picture)
    assert torch.equal(cropped.feature_map([picture]), network.feature_map([seen]))
    width, height = size
    region = Region(
        ((width / 5, height / 3, width * 0.7, height * 0.6),), ((width / 2, 0, width, height / 2),)
    )
    left, top, _, _ = cropped.frame(picture).corners(*size)
    moved = Region(
        *(
            tuple((x0 - left, y0 - top, x1 - left, y1 - top) for x0, y0, x1, y1 in drawn)
            for drawn in (region.include, region.exclude)
        )
    )
    i = network.decompose([seen])[0]
    inside = weights_on(moved, loaded(seen), i.grid, WHOLE)
    found = weights_on(region, loaded(picture), i.grid, cropped.frame(picture))
    torch.testing.assert_close(found, inside)
    assert np.abs(region_vector(i, found)).max() > 0


def test_what_is_blanked_is_what_is_drawn(network: SimilarityNetwork) -> None:
    """On the picture, wherever that lies in the input; nothing of the padding goes along."""
    picture = loaded(picture_of((100, 300)))
    whole = Region(((0, 0, 100, 300),))
    removal = removed_region(whole, picture, network.with_fit(PAD), (3, 4))
    assert removal.pixels.sum() == 32 * 96
    assert removal.cells.sum().item() == pytest.approx(3)
    half = removed_region(Region(((0, 0, 50, 300),)), picture, network.with_fit(CROP), (3, 4))
    assert half.pixels.sum() == pytest.approx(128 * 96 / 2, rel=0.02)


def test_padding_is_what_the_network_sees_as_0(network: SimilarityNetwork) -> None:
    pixels = network.with_fit(PAD).pixels([Image.new("RGB", (30, 90), "red")])[0]
    step = max(0.5 / 255 / value for value in network.preprocessing.std)
    assert pixels[:, :, :40].abs().max() <= step + 1e-6
    assert pixels[0, :, 60:68].min() > 1


def test_the_fit_is_part_of_the_fingerprint_where_it_is_not_the_default(
    network: SimilarityNetwork,
) -> None:
    kept = {fit: network.with_fit(fit).fingerprint for fit in FITS}
    assert len(set(kept.values())) == len(FITS)
    other = replace(network.preprocessing, crop=CentreCrop(0.5))
    otherwise = replace(network, preprocessing=other)
    assert otherwise.fingerprint == kept[STRETCH] == network.fingerprint
    assert otherwise.with_fit(CROP).fingerprint != kept[CROP]
    assert otherwise.with_fit(PAD).fingerprint == kept[PAD]


def test_regions_outside_the_crop_say_so(network: SimilarityNetwork) -> None:
    picture = loaded(picture_of((900, 300)))
    frame = network.with_fit(CROP).frame(picture.pixels)
    left, top, right, bottom = map(round, frame.corners(900, 300))
    outside = Region(((0, 0, left, 300),))
    with pytest.raises(SettingsError, match=rf"columns {left} to {right} and rows {top} to"):
        weights_on(outside, picture, (3, 4), frame)
    half = Region(((left - 50, top, left + 50, bottom),))
    assert weights_on(half, picture, (3, 4), frame).sum() > 0
    assert outside_note(half, picture, frame).startswith("50.0% of the region lies outside")
    assert outside_note(Region(((left, top, right, bottom),)), picture, frame) == ""
    assert outside_note(half, picture, WHOLE) == ""
    with pytest.raises(SettingsError, match="covers nothing of"):
        weights_on(Region(((900, 300, 950, 350),)), picture, (3, 4), frame)


def test_fine_regions_of_a_crop_are_those_of_the_cropped_picture() -> None:
    torch.manual_seed(0)
    network = load_network("timm/resnet18", "average", 96, pretrained=False)
    picture, region = picture_of((300, 250)), Region(((40, 60, 170, 200),))
    cropped = network.with_fit(CROP)
    frame = cropped.frame(picture)
    seen = frame.seen(picture)
    left, top, _, _ = frame.corners(*picture.size)
    moved = Region(((40 - left, 60 - top, 170 - left, 200 - top),))
    fine, plain = FineNetwork(cropped), FineNetwork(network)
    found = fine.image(picture).part(partial(weights_on, region, loaded(picture), frame=frame))
    expected = plain.image(seen).part(partial(weights_on, moved, loaded(seen), frame=WHOLE))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_an_ensemble_is_fitted_as_its_first_network() -> None:
    name = f"{NAME}+timm/test_efficientnet"
    asked = network_facts(name).preprocessing.fitted(PAD)
    chosen = NetworkSettings(name, "average", 96, is_random=True, preprocessing=asked)
    joined, picture = load_for_settings(chosen), picture_of((50, 90))
    assert joined.frame(picture) == chosen.frame(picture)
    assert joined.frame(picture).fill == network_facts(NAME).preprocessing.fill
    stretched = load_for_settings(replace(chosen, preprocessing=None))
    assert joined.fingerprint != stretched.fingerprint
    i = joined.decompose([picture])[0]
    assert similarity_map(i, i).sum().item() == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("name", "share", "keeps_proportions"),
    [
        ("efficientnet_lite0", 0.875, True),
        ("timm/resnet50.a1_in1k", 0.95, True),
        ("timm/dm_nfnet_f0.dm_in1k", 0.9, False),
        ("torchvision/resnet50.IMAGENET1K_V1", 0.875, True),
        ("torchvision/resnet50.IMAGENET1K_V2", 224 / 232, True),
    ],
)
def test_the_crop_is_that_of_the_networks_source(
    name: str, share: float, keeps_proportions: bool
) -> None:
    crop = network_facts(name).preprocessing.crop
    assert crop is not None
    assert crop.share == pytest.approx(share)
    assert crop.keeps_proportions == keeps_proportions


@pytest.mark.parametrize("size", [(640, 480), (300, 500)])
def test_a_crop_is_what_the_library_makes_of_a_picture(size: tuple[int, int]) -> None:
    """It cuts after it resizes, so that places differ by what both round: a pixel of the input."""
    import timm

    name, picture = "resnet18.a1_in1k", picture_of(size)
    facts = network_facts(f"timm/{name}")
    asked = replace(timm.get_pretrained_cfg(name), test_crop_pct=None).to_dict()
    theirs = timm.data.create_transform(**timm.data.resolve_data_config({}, pretrained_cfg=asked))
    cropped = facts.preprocessing.fitted(CROP)
    assert cropped is not None
    frame = cropped.frame(size, 224)
    ours = np.asarray(frame.resized(picture, (224, 224), cropped.interpolation), dtype=float)
    mean, std = (np.array(values) for values in (cropped.mean, cropped.std))
    expected = (theirs(picture).permute(1, 2, 0).numpy() * std + mean) * 255
    stretched = np.asarray(WHOLE.resized(picture, (224, 224)), dtype=float)
    assert np.abs(ours - expected).mean() < 0.15 * np.abs(stretched - expected).mean()
