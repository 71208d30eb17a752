"""Methods of the package grad-cam, against our own rules and against their definitions."""

import sys
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from simviz_core.decomposition import AveragePooling, MaxPooling, Pooling
from simviz_core.errors import SettingsError
from simviz_core.evidence import METHODS, ExplainedImage, Target, methods_named, used_packages
from simviz_core.networks import Preprocessing, SimilarityNetwork

needs_package = pytest.mark.skipif(
    find_spec("pytorch_grad_cam") is None,
    reason="the package grad-cam is not installed (requirements-extras.txt)",
)


def tiny(pooling: Pooling) -> SimilarityNetwork:
    """Twelve channels on 4 × 6 cells; of the size on which the package runs in no time."""
    torch.manual_seed(2)
    trunk = nn.Sequential(nn.Conv2d(3, 12, 5, 8, 2), nn.BatchNorm2d(12), nn.ReLU()).eval()
    return SimilarityNetwork("tiny", trunk, Preprocessing(), pooling, (48, 32))


def explained(pooling: Pooling, seed: int = 0) -> ExplainedImage:
    noise = np.random.default_rng(seed).integers(0, 256, (4, 6, 3), dtype=np.uint8)
    return ExplainedImage(tiny(pooling), Image.fromarray(noise).resize((48, 32)))


def stretched(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """As the package shows a map: negative cells set to zero, then 0..1."""
    values = np.maximum(values, 0)
    return (values - values.min()) / (values - values.min()).max()


def package_map(name: str, image: ExplainedImage, target: Target) -> NDArray[np.floating]:
    (method,) = methods_named([f"grad-cam {name}"])
    return method.map(image, target)[0]


@needs_package
@pytest.mark.parametrize("pooling", [AveragePooling(), MaxPooling()], ids=["average", "max"])
def test_grad_cam_is_ours_of_the_cosine(pooling: Pooling) -> None:
    i, j = explained(pooling, 0), explained(pooling, 1)
    for target in (Target(j.unit), Target(i.unit - j.unit)):
        ours = METHODS["Grad-CAM"].map(i, target)[0]
        assert ours.max() > 0
        np.testing.assert_allclose(package_map("Grad-CAM", i, target), stretched(ours), atol=1e-5)


@needs_package
def test_hirescam_is_the_same_with_average_pooling_alone() -> None:
    i, j = explained(AveragePooling(), 0), explained(AveragePooling(), 1)
    target = Target(j.unit)
    itself = METHODS["relative to itself"].map(i, target)[0]
    np.testing.assert_allclose(package_map("HiResCAM", i, target), stretched(itself), atol=1e-5)
    i, j = explained(MaxPooling(), 0), explained(MaxPooling(), 1)
    target = Target(j.unit)
    pair = package_map("HiResCAM", i, target), package_map("Grad-CAM", i, target)
    assert np.abs(pair[0] - pair[1]).max() > 0.1


@needs_package
def test_ablation_cam_is_the_drop_without_a_channel() -> None:
    i, j = explained(AveragePooling(), 0), explained(AveragePooling(), 1)
    score = float(i.unit @ j.unit)
    expected = np.zeros(i.grid)
    for channel in range(12):
        F = i.F.clone()
        F[..., channel] = 0
        left = i.network.decompose_feature_map(F).unit_embedding @ j.unit
        expected += (score - float(left)) / score * i.F[..., channel].numpy()
    found = package_map("AblationCAM", i, Target(j.unit))
    np.testing.assert_allclose(found, stretched(expected), atol=1e-4)


@needs_package
def test_score_cam_weighs_by_the_score_of_what_a_channel_leaves() -> None:
    i, j = explained(AveragePooling(), 0), explained(AveragePooling(), 1)
    pixels = i.network.pixels([i.picture])
    scores = []
    for channel in i.F.permute(2, 0, 1):
        mask = torch.nn.functional.interpolate(
            channel[None, None], (32, 48), mode="bilinear", align_corners=True
        )
        mask = (mask - mask.min()) / (mask.max() - mask.min() + 1e-8)
        scores.append(i.network.unit_embeddings(pixels * mask)[0] @ j.unit)
    weights = torch.softmax(torch.stack(scores), 0)
    expected = (i.F * weights).sum(-1).numpy()
    # What the copies of one image gave is used for every target, and must not be mixed up.
    package_map("ScoreCAM", i, Target(-j.unit))
    found = package_map("ScoreCAM", i, Target(j.unit))
    np.testing.assert_allclose(found, stretched(expected), atol=1e-4)


@needs_package
def test_the_package_stands_for_all_of_its_methods() -> None:
    i, j = explained(AveragePooling(), 0), explained(AveragePooling(), 1)
    methods = methods_named(["grad-cam", "grad-cam LayerCAM", "random"])
    assert len({method.name for method in methods}) == len(methods) == 8
    for method in methods:
        values, seconds = method.map(i, Target(j.unit))
        assert values.shape == i.grid
        assert np.isfinite(values).all()
        assert seconds > 0
    assert list(used_packages(methods)) == ["grad-cam"]
    assert not used_packages(methods[-1:])


def test_without_the_package_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pytorch_grad_cam", None)
    with pytest.raises(SettingsError, match="python -m pip install grad-cam"):
        methods_named(["exact map", "grad-cam EigenCAM"])
    assert methods_named(["exact map"])
