"""The methods against their definitions."""

from pathlib import Path

import numpy as np
import pytest
import torch

from simviz_core.decomposition import relative_map, self_reference, similarity_map
from simviz_core.evidence import METHODS, ExplainedImage, Target
from simviz_core.images import load_image
from simviz_core.networks import SimilarityNetwork


@pytest.fixture(scope="module")
def images(network: SimilarityNetwork, demo_rooms: Path) -> tuple[ExplainedImage, ExplainedImage]:
    paths = [demo_rooms / "hotel_01" / f"view_{number}.jpg" for number in (0, 1)]
    first, second = (ExplainedImage(network, load_image(path).pixels, 5) for path in paths)
    return first, second


def test_every_fast_method_makes_a_map_of_the_grid(
    images: tuple[ExplainedImage, ExplainedImage],
) -> None:
    i, j = images
    target = Target(j.unit, j.unit * 0.3, j.unit * 0.1)
    for method in METHODS.values():
        if not method.runs:
            values, seconds = method.map(i, target)
            assert values.shape == (7, 7)
            assert np.isfinite(values).all()
            assert seconds >= 0
    assert not METHODS["relative to the mean"].can_explain(Target(j.unit))


def test_the_maps_are_what_their_names_say(images: tuple[ExplainedImage, ExplainedImage]) -> None:
    i, j = images
    target = Target(j.unit)
    exact, itself = (
        METHODS[name].map(i, target)[0] for name in ("exact map", "relative to itself")
    )
    np.testing.assert_allclose(exact, similarity_map(i.decomposed, j.decomposed), atol=1e-7)
    reference = self_reference(i.decomposed, j.decomposed.unit_embedding)
    expected = relative_map(i.decomposed, j.decomposed.unit_embedding, reference)
    np.testing.assert_allclose(itself, expected, atol=1e-7)


def test_grad_cam_is_the_positive_part_relative_to_itself(
    images: tuple[ExplainedImage, ExplainedImage],
) -> None:
    i, j = images
    grad_cam = METHODS["Grad-CAM"].map(i, Target(j.unit))[0]
    itself = METHODS["relative to itself"].map(i, Target(j.unit))[0]
    np.testing.assert_allclose(grad_cam, np.maximum(itself, 0), atol=1e-7)


def test_baselines_know_nothing_of_the_match(
    images: tuple[ExplainedImage, ExplainedImage],
) -> None:
    i, j = images
    for name in ("self map", "activation norm", "centre prior", "random"):
        first, second = (METHODS[name].map(i, Target(v))[0] for v in (j.unit, -j.unit))
        np.testing.assert_array_equal(first, second)
    assert torch.equal(torch.from_numpy(first), torch.from_numpy(second))
