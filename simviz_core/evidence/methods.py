"""Ways to say which cells of an image made a score, to be compared: ours, others' and baselines.

What is explained is always a product ê · v of the image's unit embedding with one vector: of a
match's unit embedding (the cosine), or of the difference of two (why this one and not that one).
Every method gives one value for each cell of the network's grid.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from simviz_core.decomposition import (
    DecomposedImage,
    unit_norm,
    vector_lost_map,
    vector_map,
)
from simviz_core.evidence.masking import MaskedRuns, occlusion_runs, rise_runs
from simviz_core.networks import SimilarityNetwork

Map = NDArray[np.float32]
CENTRE_WIDTH = 0.25
"""Standard deviation of the centre prior, as a share of each side."""


@dataclass(eq=False)
class ExplainedImage:
    """The image that maps lie on; what is costly is made once.

    Attributes:
        network: That embeds it.
        picture: RGB.
        seed: Of the random maps and masks.
    """

    network: SimilarityNetwork
    picture: Image.Image
    seed: int = 0
    _runs: dict[str, tuple[MaskedRuns, float]] = field(default_factory=dict)

    @cached_property
    def F(self) -> Tensor:
        """Its feature map, (H, W, C)."""
        return self.network.feature_map([self.picture])[0]

    @cached_property
    def decomposed(self) -> DecomposedImage:
        """Its embedding, decomposed."""
        return self.network.decompose_feature_map(self.F)

    @property
    def unit(self) -> Tensor:
        """Its unit embedding, (D,)."""
        return self.decomposed.unit_embedding

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of cells."""
        return self.decomposed.grid

    def runs(self, kind: str) -> MaskedRuns:
        """The network's runs on masked copies: "occlusion" or "rise"; made at the first call."""
        if kind not in self._runs:
            start = time.perf_counter()
            make = occlusion_runs if kind == "occlusion" else rise_runs
            found = make(self.network, self.picture, self.grid, self.seed)
            self._runs[kind] = found, time.perf_counter() - start
        return self._runs[kind][0]

    def seconds_of(self, kind: str) -> float:
        """How long the runs took; 0 before they were made."""
        return self._runs[kind][1] if kind in self._runs else 0.0


@dataclass(frozen=True, eq=False)
class Target:
    """What is explained, and what maps may be relative to.

    Attributes:
        vector: v, (D,); the score is ê · v.
        mean: The gallery's mean unit embedding, (D,); None where there is none.
        others: The mean unit embedding of what the image is *not* compared with, (D,); likewise.
        seed: Of the random map.
    """

    vector: Tensor
    mean: Tensor | None = None
    others: Tensor | None = None
    seed: int = 0


@dataclass(frozen=True)
class Method:
    """A way to make a map.

    Attributes:
        name: In tables.
        make: Of an image and a target.
        needs: "mean" or "others", where the target must have that; "" for neither.
        runs: "occlusion" or "rise", where the network runs on masked copies; "" where it does not.
    """

    name: str
    make: Callable[[ExplainedImage, Target], Tensor]
    needs: str = ""
    runs: str = ""

    def can_explain(self, target: Target) -> bool:
        """Whether the target has what the method needs."""
        return not self.needs or getattr(target, self.needs) is not None

    def map(self, image: ExplainedImage, target: Target) -> tuple[Map, float]:
        """The map, (H, W), float32, and the seconds that it takes if nothing was made before.

        The image's own decomposition, which every method starts from, is not counted.
        """
        image.decomposed  # noqa: B018
        if self.runs:
            image.runs(self.runs)
        start = time.perf_counter()
        values = self.make(image, target).to(torch.float32).numpy(force=True)
        return values, time.perf_counter() - start + image.seconds_of(self.runs)


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


def _masked(image: ExplainedImage, target: Target, kind: str) -> Tensor:
    return image.runs(kind).map(target.vector, image.unit)


def _centre(image: ExplainedImage, target: Target) -> Tensor:
    down, across = ((torch.arange(n) + 0.5) / n - 0.5 for n in image.grid)
    squares = down[:, None] ** 2 + across[None, :] ** 2
    return torch.exp(-squares / (2 * CENTRE_WIDTH**2))


def _random(image: ExplainedImage, target: Target) -> Tensor:
    chance = np.random.default_rng([image.seed, target.seed])
    return torch.from_numpy(chance.random(image.grid))


METHODS = {
    method.name: method
    for method in (
        Method("exact map", _exact),
        Method("relative to the mean", _beyond_mean, needs="mean"),
        Method("relative to the others", _beyond_others, needs="others"),
        Method("relative to itself", _beyond_self),
        Method("lost without the cell", _lost),
        Method("Grad-CAM", grad_cam),
        Method("occlusion", lambda i, t: _masked(i, t, "occlusion"), runs="occlusion"),
        Method("RISE-style masks", lambda i, t: _masked(i, t, "rise"), runs="rise"),
        Method("self map", _self_map),
        Method("activation norm", _activation),
        Method("squared activation norm", _squared_activation),
        Method("centre prior", _centre),
        Method("random", _random),
    )
}
"""By name, in the order of the tables."""
BASELINE = "exact map"
"""What the others are compared with."""
