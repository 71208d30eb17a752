"""A trunk as a program of OpenVINO's, which CPUs run several times as fast as its modules."""

import importlib
import sys
import tempfile
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class TrunkProgram:
    """A trunk that was converted.

    Attributes:
        graph: Its operations, as OpenVINO's XML.
        weights: What they refer to.
    """

    graph: bytes
    weights: bytes


@cache
def _core() -> Any:
    return openvino_library().Core()


def openvino_library() -> Any:
    """OpenVINO, imported so that it tells nobody of it.

    Raises:
        ImportError: It is not installed.
    """
    # It reports its imports and conversions to its makers wherever this package is found.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    return importlib.import_module("openvino")


class _ChannelsLast(nn.Module):
    """A trunk that takes and gives channels last, as images and feature maps lie in memory."""

    def __init__(self, trunk: nn.Module) -> None:
        super().__init__()
        self.trunk = trunk

    def forward(self, pixels: Tensor) -> Tensor:
        return self.trunk(pixels.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


def convert(trunk: nn.Module, probes: Tensor) -> TrunkProgram:
    """Convert a trunk.

    Args:
        trunk: On the CPU, in evaluation mode; it is not changed.
        probes: (N, 3, height, width), two or more, of the size that it is converted for.

    Returns:
        The program, for batches of any length.

    Raises:
        Exception: It cannot be converted; of whatever type, since the trunk's own code is run.
    """
    openvino = openvino_library()
    # Two images, so that an operation for single ones is not taken for the rule.
    example = probes[:2].permute(0, 2, 3, 1).contiguous()
    with warnings.catch_warnings(), torch.inference_mode(False), torch.no_grad():
        warnings.simplefilter("ignore")  # of values that tracing takes for constants
        # Traced before, since where a network is cut is known to its Python code alone.
        traced = torch.jit.trace(_ChannelsLast(trunk), example, check_trace=False)
        shape = openvino.PartialShape([-1, *example.shape[1:]])
        model = openvino.convert_model(traced, example_input=example, input=[shape])
    with tempfile.TemporaryDirectory() as folder:
        graph, weights = Path(folder, "graph.xml"), Path(folder, "weights.bin")
        openvino.serialize(model, graph, weights)
        return TrunkProgram(graph.read_bytes(), weights.read_bytes())


class CompiledTrunk:
    """A program, compiled for this processor; any number of threads may run it at once."""

    def __init__(self, program: TrunkProgram) -> None:
        weights = openvino_library().Tensor(np.frombuffer(program.weights, np.uint8).copy())
        settings = {
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
            # Two processes would be bound to the same cores.
            "ENABLE_CPU_PINNING": False,
        }
        model = _core().read_model(program.graph, weights)
        self._compiled = _core().compile_model(model, "CPU", settings)
        self._idle: list[Any] = []

    def run(self, pixels: Tensor) -> Tensor:
        """The last feature map before pooling.

        Args:
            pixels: (N, 3, height, width), float32, on the CPU.

        Returns:
            F, (N, H, W, C), float32.

        Raises:
            RuntimeError: The program does not take such images.
        """
        try:
            request = self._idle.pop()
        except IndexError:
            request = self._compiled.create_infer_request()
        given = pixels.permute(0, 2, 3, 1).contiguous().numpy()
        made = torch.from_numpy(request.infer(given, share_inputs=True)[0])
        self._idle.append(request)
        return made


def openvino_version() -> str | None:
    """The version of OpenVINO that is installed; None where it is not."""
    try:
        version: str = openvino_library().get_version()
    except ImportError:
        return None
    return version.partition("-")[0]
