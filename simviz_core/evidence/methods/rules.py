"""Ways to say which cells of an image made a score: ours, others' and baselines."""

import numpy as np
import torch
from torch import Tensor

from simviz_core.decomposition import (
    unit_norm,
    vector_lost_map,
    vector_map,
)
from simviz_core.evidence.masking import occlusion_runs, rise_runs
from simviz_core.evidence.methods.explained import (
    ExplainedImage,
    Method,
    Runs,
    Target,
    method_by_runs,
)

CENTRE_WIDTH = 0.25
"""Standard deviation of the centre prior, as a share of each side."""


def grad_cam(image: ExplainedImage, target: Target) -> Tensor:
    """Grad-CAM of the score: channels weighted by their mean gradient, negative cells set to zero.

    Source: Selvaraju et al., "Grad-CAM", ICCV 2017, equations 1 and 2, for the cosine instead of a
        class's score.
    """
    with torch.inference_mode(False), torch.enable_grad():
        F = image.F.clone().requires_grad_()
        score = (unit_norm(image.network.embed_feature_map(F)) * target.vector.clone()).sum()
        (gradient,) = torch.autograd.grad(score, F)
    return (image.F * gradient.mean((0, 1))).sum(-1).clamp_min(0)


def _exact(image: ExplainedImage, target: Target) -> Tensor:
    return vector_map(image.decomposed, target.vector)


def _beyond_mean(image: ExplainedImage, target: Target) -> Tensor:
    assert target.mean is not None
    return vector_map(image.decomposed, target.vector - target.mean)


def _beyond_others(image: ExplainedImage, target: Target) -> Tensor:
    assert target.others is not None
    return vector_map(image.decomposed, target.vector - target.others)


def _beyond_self(image: ExplainedImage, target: Target) -> Tensor:
    score = image.unit @ target.vector
    return vector_map(image.decomposed, target.vector - score * image.unit)


def _lost(image: ExplainedImage, target: Target) -> Tensor:
    return vector_lost_map(image.decomposed, target.vector)


def _self_map(image: ExplainedImage, target: Target) -> Tensor:
    return vector_map(image.decomposed, image.unit)


def _activation(image: ExplainedImage, target: Target) -> Tensor:
    return image.F.norm(dim=-1)


def _squared_activation(image: ExplainedImage, target: Target) -> Tensor:
    return image.F.norm(dim=-1) ** 2


def _occluded(image: ExplainedImage) -> Runs:
    return occlusion_runs(image.network, image.picture, image.grid)


def _at_random(image: ExplainedImage) -> Runs:
    return rise_runs(image.network, image.picture, image.grid, image.seed)


def _centre(image: ExplainedImage, target: Target) -> Tensor:
    down, across = ((torch.arange(n) + 0.5) / n - 0.5 for n in image.grid)
    squares = down[:, None] ** 2 + across[None, :] ** 2
    return torch.exp(-squares / (2 * CENTRE_WIDTH**2))


def _random(image: ExplainedImage, target: Target) -> Tensor:
    chance = np.random.default_rng([image.seed, target.seed])
    return torch.from_numpy(chance.random(image.grid))


RULES = (
    Method("exact map", _exact),
    Method("relative to the mean", _beyond_mean, needs="mean"),
    Method("relative to the others", _beyond_others, needs="others"),
    Method("relative to itself", _beyond_self),
    Method("lost without the cell", _lost),
    Method("Grad-CAM", grad_cam, reads_map=True),
    method_by_runs("occlusion", _occluded),
    method_by_runs("RISE-style masks", _at_random),
    Method("self map", _self_map),
    Method("activation norm", _activation, reads_map=True),
    Method("squared activation norm", _squared_activation, reads_map=True),
    Method("centre prior", _centre),
    Method("random", _random),
)
"""In the order of the tables."""
