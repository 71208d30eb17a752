"""What is explained, and what a way to explain it is."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from simviz_core.decomposition import DecomposedImage
from simviz_core.images import Frame
from simviz_core.networks import ClassTokenNetwork, SimilarityNetwork

Map = NDArray[np.float32]


class Runs(Protocol):
    """What a network made of changed copies of one image, whatever is explained."""

    def map(self, vector: Tensor, unit: Tensor) -> Tensor:
        """The map, (H, W), of ê · v, by v (D,) and the image's unit embedding ê (D,)."""


MakeRuns = Callable[["ExplainedImage"], Runs]


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
    _runs: dict[MakeRuns, tuple[Runs, float]] = field(default_factory=dict)

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

    @property
    def frame(self) -> Frame:
        """Where its cells lie in the picture."""
        return self.network.frame(self.picture)

    def runs(self, make: MakeRuns) -> Runs:
        """The network's runs on changed copies of it; made at the first call."""
        if make not in self._runs:
            start = time.perf_counter()
            found = make(self)
            self._runs[make] = found, time.perf_counter() - start
        return self._runs[make][0]

    def seconds_of(self, make: MakeRuns) -> float:
        """How long the runs took; 0 before they were made."""
        return self._runs[make][1] if make in self._runs else 0.0


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
        runs: Makes the runs on changed copies that it rests on; None where there are none.
        reads_map: Whether it reads the feature map that is pooled; a class token has none.
    """

    name: str
    make: Callable[[ExplainedImage, Target], Tensor]
    needs: str = ""
    runs: MakeRuns | None = None
    reads_map: bool = False

    def can_explain(self, target: Target, image: ExplainedImage | None = None) -> bool:
        """Whether the target has what the method needs, and the image's network, too."""
        if self.reads_map and image is not None and isinstance(image.network, ClassTokenNetwork):
            return False
        return not self.needs or getattr(target, self.needs) is not None

    def map(self, image: ExplainedImage, target: Target) -> tuple[Map, float]:
        """The map, (H, W), float32, and the seconds that it takes if nothing was made before.

        The image's own decomposition, which every method starts from, is not counted.
        """
        image.decomposed  # noqa: B018
        before = 0.0
        if self.runs is not None:
            image.runs(self.runs)
            before = image.seconds_of(self.runs)
        start = time.perf_counter()
        values = self.make(image, target).to(torch.float32).numpy(force=True)
        return values, time.perf_counter() - start + before


def method_by_runs(name: str, runs: MakeRuns) -> Method:
    """A method that makes its map of the network's runs on changed copies of the image.

    Args:
        name: In tables.
        runs: Makes them.
    """
    return Method(
        name, lambda image, target: image.runs(runs).map(target.vector, image.unit), runs=runs
    )
