"""Which engine runs a trunk: OpenVINO where it makes the same of images as PyTorch, else PyTorch.

PyTorch's modules stay what a network is. A program that was made of them is used only for feature
maps without gradients, only of the weights that it was made of, and only after it has been compared
with them on random images.
"""

import os
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

import torch
from cachetools import LRUCache
from torch import Tensor, nn

from simviz_core.decomposition import unit_norm
from simviz_core.errors import NetworkError, SettingsError
from simviz_core.networks.engines.in_use import EngineInUse, by_torch
from simviz_core.networks.engines.kept import keep_program, read_program
from simviz_core.networks.engines.program import (
    CompiledTrunk,
    TrunkProgram,
    convert,
    openvino_version,
)
from simviz_core.networks.fingerprint import settings_digest, weights_digest
from simviz_core.networks.inspection.detection import probe_images

ENGINE_VARIABLE = "SIMVIZ_ENGINE"
"""The environment variable that says which engine may run networks."""
ENGINES = OPENVINO, TORCH = "openvino", "torch"
MAP_TOLERANCE = 1e-4
"""A feature map may differ by this from PyTorch's, relative to its largest value."""
EMBEDDING_TOLERANCE = 1e-5
"""A unit embedding may differ by this from PyTorch's: the length of the difference."""
PROBES = 3
"""Random images that are compared: a number that conversion has not seen."""
SIZES_AT_ONCE = 3
"""Input sizes for which a trunk stays compiled."""


@dataclass(frozen=True)
class SettledEngine:
    """An engine that was chosen for a network.

    Attributes:
        in_use: Which it is.
        compiled: The trunk as OpenVINO runs it; None for PyTorch.
        state: Of the weights that were compiled.
    """

    in_use: EngineInUse
    compiled: CompiledTrunk | None = None
    state: int = 0

    def run(self, trunk: nn.Module, pixels: Tensor) -> Tensor | None:
        """The feature map F, (N, H, W, C), of pixels (N, 3, height, width).

        Returns:
            None where PyTorch is to make it, which also knows why values are not finite.
        """
        if self.compiled is None or pixels.device.type != "cpu":
            return None
        if weights_state(trunk) != self.state:
            return None
        try:
            F = self.compiled.run(pixels)
        except RuntimeError:
            return None
        return F if F.isfinite().all() else None


@dataclass(frozen=True)
class _Comparison:
    """What OpenVINO and PyTorch make of the probe images, for one trunk and size.

    Attributes:
        state: Of the weights.
        reason: Why OpenVINO is not to be used; None where it is, and all that follows is there.
        compiled: The trunk as OpenVINO runs it.
        maps: Feature maps by PyTorch and by OpenVINO, (N, H, W, C) each.
        difference: Of these two, relative to the largest value.
    """

    state: int
    reason: str | None = None
    compiled: CompiledTrunk | None = None
    maps: tuple[Tensor, Tensor] | None = None
    difference: float | None = None


class TrunkEngine:
    """The engine of one trunk, compared with PyTorch once for each size of images.

    Args:
        name: Of the network.
        trunk: (N, 3, height, width) to (N, C, H, W), in evaluation mode.
    """

    def __init__(self, name: str, trunk: nn.Module) -> None:
        self._name = name
        self._trunk = weakref.ref(trunk)
        self._lock = Lock()
        self._comparisons: LRUCache[tuple[int, int], _Comparison] = LRUCache(SIZES_AT_ONCE)

    def settle(
        self, trunk: nn.Module, size: tuple[int, int], embed: Callable[[Tensor], Tensor]
    ) -> SettledEngine:
        """Choose the engine of a network.

        Args:
            trunk: The network's.
            size: Height and width of its images, in pixels.
            embed: From feature maps (N, H, W, C) to embeddings (N, D).

        Raises:
            SettingsError: `SIMVIZ_ENGINE` names no engine.
        """
        if _asked_engine() == TORCH:
            return SettledEngine(by_torch(f"{ENGINE_VARIABLE}={TORCH}"))
        if trunk is not self._trunk():
            return SettledEngine(by_torch("its weights are not those that were loaded"))
        if any(values.device.type != "cpu" for values in trunk.parameters()):
            return SettledEngine(by_torch("OpenVINO is for CPUs"))
        with self._lock:  # whoever comes second waits, and finds it there
            found = self._comparisons.get(size)
            if found is None or found.state != weights_state(trunk):
                found = self._comparisons[size] = self._compare(trunk, size)
        if found.maps is None:
            return SettledEngine(by_torch(found.reason))
        apart = _embeddings_apart(*found.maps, embed)
        if not apart <= EMBEDDING_TOLERANCE:
            return SettledEngine(by_torch(f"OpenVINO's embedding differs by {apart:.1e}"))
        name = f"OpenVINO {openvino_version()}"
        in_use = EngineInUse(name, None, found.difference, apart)
        return SettledEngine(in_use, found.compiled, found.state)

    def _compare(self, trunk: nn.Module, size: tuple[int, int]) -> _Comparison:
        state, version = weights_state(trunk), openvino_version()
        if version is None:
            return _Comparison(state, "OpenVINO is not installed")
        versions = version, torch.__version__
        cut = getattr(trunk, "cut", "")
        key = settings_digest(self._name, weights_digest(trunk), cut, size, *versions)
        probes = probe_images(size, seed=0, count=PROBES)
        try:
            with torch.inference_mode():
                expected = trunk(probes).permute(0, 2, 3, 1).contiguous()
        except Exception as error:  # a program for a fixed number of images, among others
            return _Comparison(state, f"not compared with OpenVINO: {_words(error)}")
        kept = read_program(key)
        found = _compared(kept, probes, expected, state) if kept else None
        if found is None or found.reason is not None:  # or the trunk's code is another one now
            try:
                program = convert(trunk, probes)
            except Exception as error:  # whatever the trunk's code raises when it is traced
                return _Comparison(state, f"OpenVINO cannot run it: {_words(error)}")
            found = _compared(program, probes, expected, state)
            if found.reason is None:
                keep_program(key, program)
        return found


def _compared(program: TrunkProgram, probes: Tensor, expected: Tensor, state: int) -> _Comparison:
    """Compile a program, and compare what it makes of the probe images with PyTorch's."""
    try:
        compiled = CompiledTrunk(program)
        made = compiled.run(probes)
        single = compiled.run(probes[:1])
    except RuntimeError as error:
        return _Comparison(state, f"OpenVINO cannot run it: {_words(error)}")
    if (made.shape, single.shape) != (expected.shape, expected[:1].shape):
        return _Comparison(state, "OpenVINO makes a feature map of another shape")
    apart = torch.cat((made, single)) - torch.cat((expected, expected[:1]))
    difference = (apart.abs().max() / expected.abs().max()).item()
    if not difference <= MAP_TOLERANCE:
        words = f"OpenVINO's feature map differs by {difference:.1e} of its largest value"
        return _Comparison(state, words)
    return _Comparison(state, None, compiled, (expected, made), difference)


def _embeddings_apart(F: Tensor, other: Tensor, embed: Callable[[Tensor], Tensor]) -> float:
    """The largest distance between an image's unit embeddings by two feature maps."""
    with torch.inference_mode():
        try:
            apart = unit_norm(embed(F)) - unit_norm(embed(other))
        except NetworkError:
            return float("nan")  # PyTorch says what is wrong once an image is run
    return torch.linalg.vector_norm(apart, dim=-1).max().item()


def _asked_engine() -> str:
    asked = os.environ.get(ENGINE_VARIABLE) or OPENVINO
    if asked not in ENGINES:
        raise SettingsError(
            f"{ENGINE_VARIABLE} is {asked!r}; it takes {OPENVINO}, which is the default and used "
            f"where it agrees with PyTorch, or {TORCH}"
        )
    return asked


def _words(error: Exception) -> str:
    return " ".join(str(error).split())[:160] or type(error).__name__


def weights_state(trunk: nn.Module) -> int:
    """A number that changes when a trunk's weights are changed, or put elsewhere."""
    return hash(
        tuple(
            (id(values), values.data_ptr(), 0 if values.is_inference() else values._version)
            for values in (*trunk.parameters(), *trunk.buffers())
        )
    )
