"""Methods of the package `grad-cam` (MIT licence), for the cosine instead of a class's score.

The package is optional; it is imported when one of its methods is asked for. Its maps are taken as
it gives them: negative cells set to zero, then each map stretched to 0..1 on its own. So the order
of the cells is the method's, their sums and sizes mean nothing.

All but ScoreCAM look at nothing before the last feature map, and so are given that instead of the
image: the same numbers, without running the whole network once per channel.

Source: Gildenblat and contributors, https://github.com/jacobgil/pytorch-grad-cam.
"""

import contextlib
import importlib
import importlib.metadata
import io
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from simviz_core.decomposition import unit_norm
from simviz_core.errors import SettingsError
from simviz_core.evidence.methods.explained import (
    ExplainedImage,
    Method,
    Runs,
    Target,
    method_by_runs,
)
from simviz_core.networks import SimilarityNetwork

PACKAGE, MODULE = "grad-cam", "pytorch_grad_cam"
EXTRAS = "requirements-extras.txt"


class _Embedder(nn.Module):
    """A network's unit embeddings, as a module whose last feature map the package can watch."""

    def __init__(self, network: SimilarityNetwork, begins_with_pixels: bool) -> None:
        super().__init__()
        self.network, self.begins_with_pixels = network, begins_with_pixels
        self.trunk = network.trunk  # by which the package finds the device
        self.features = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Map pixels, or feature maps (N, C, H, W), to unit embeddings (N, D)."""
        F = self.features(self.trunk(x) if self.begins_with_pixels else x)
        return unit_norm(self.network.embed_feature_map(F.permute(0, 2, 3, 1)))


class _Replayed(_Embedder):
    """Remembers what it made of the copies of one image, which are the same for every target."""

    def __init__(self, network: SimilarityNetwork) -> None:
        super().__init__(network, begins_with_pixels=True)
        self.made: list[Tensor] = []
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        """Embed at the first round of calls, repeat at later ones; the image itself always runs."""
        number, self.calls = self.calls, self.calls + 1
        if 0 < number < len(self.made):
            return self.made[number]
        units = super().forward(x)
        if number == len(self.made):
            self.made.append(units)
        return units


class _ScoreRuns:
    """ScoreCAM of one image: the network's runs on copies masked by each channel."""

    def __init__(self, image: ExplainedImage) -> None:
        self._model = _Replayed(image.network)
        self._pixels, self._grid = image.network.pixels([image.picture]), image.grid
        self.map(torch.zeros_like(image.unit), image.unit)

    def map(self, vector: Tensor, unit: Tensor) -> Tensor:
        """The map, (H, W), 0..1."""
        self._model.calls = 0
        return _asked("ScoreCAM", self._model, self._pixels, vector, self._grid)


def _asked(
    name: str, model: _Embedder, entering: Tensor, vector: Tensor, grid: tuple[int, int]
) -> Tensor:
    """The map, (H, W), 0..1, that the package makes of ê · v.

    Args:
        name: The package's class.
        model: That is explained.
        entering: What enters it, (1, ...).
        vector: v, (D,).
        grid: Rows and columns of cells.
    """
    make = getattr(grad_cam_package(), name)

    class OnGrid(make):  # type: ignore[misc, valid-type]
        def get_target_width_height(self, input_tensor: Tensor) -> tuple[int, int]:
            """Cells instead of pixels, between which the package would interpolate."""
            return grid[1], grid[0]

    # The package shows progress of its own.
    with (
        torch.inference_mode(False),
        torch.enable_grad(),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        vector = vector.clone()
        method: Any = OnGrid(model, [model.features])
        with method:
            values = method(entering, [lambda unit: unit @ vector])
    return torch.from_numpy(values[0])


def _of_feature_map(name: str, image: ExplainedImage, target: Target) -> Tensor:
    with torch.inference_mode(False):
        F = image.F.permute(2, 0, 1)[None].clone().requires_grad_()
        model = _Embedder(image.network, begins_with_pixels=False)
    return _asked(name, model, F, target.vector, image.grid)


def _score_runs(image: ExplainedImage) -> Runs:
    return _ScoreRuns(image)


def grad_cam_package() -> Any:
    """The package.

    Raises:
        SettingsError: It is not installed, or cannot be imported.
    """
    try:
        return importlib.import_module(MODULE)
    except ImportError as error:
        raise SettingsError(
            f"methods that begin with {PACKAGE!r} need the package {PACKAGE}, which is not "
            f"installed or cannot be imported ({error}); `python -m pip install {PACKAGE}`, or "
            f"see {EXTRAS}"
        ) from error


def grad_cam_version() -> str:
    """The version of the package that is installed."""
    return importlib.metadata.version(PACKAGE)


PACKAGE_METHODS = (
    Method(f"{PACKAGE} Grad-CAM", partial(_of_feature_map, "GradCAM"), reads_map=True),
    Method(f"{PACKAGE} Grad-CAM++", partial(_of_feature_map, "GradCAMPlusPlus"), reads_map=True),
    Method(f"{PACKAGE} HiResCAM", partial(_of_feature_map, "HiResCAM"), reads_map=True),
    Method(f"{PACKAGE} LayerCAM", partial(_of_feature_map, "LayerCAM"), reads_map=True),
    Method(f"{PACKAGE} EigenCAM", partial(_of_feature_map, "EigenCAM"), reads_map=True),
    Method(f"{PACKAGE} AblationCAM", partial(_of_feature_map, "AblationCAM"), reads_map=True),
    method_by_runs(f"{PACKAGE} ScoreCAM", _score_runs),
)
"""In the order of the tables."""
