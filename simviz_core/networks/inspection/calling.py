"""Networks as people write them: called in their own way, so that one image gives one tensor.

Some return several tensors, of which one is the embedding; some take a label beside the image,
which matters in training only; some see one channel; some have weights in half precision.
"""

import inspect
from collections.abc import Mapping
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from simviz_core.errors import NetworkError, SettingsError
from simviz_core.networks.inspection.attention import attention_parts
from simviz_core.networks.inspection.detection import device_of, is_vector_shape, probe_images
from simviz_core.networks.inspection.tracing import PIXELS, Trace, outputs_of, trace_all, values_at

LABELS = ("label", "labels", "target", "targets", "y", "gt", "gt_label", "gt_labels", "pids")
"""Arguments that stand for the class, and are for training."""
EMBEDDINGS = ("embedding", "embeddings", "image_embeds", "image_embeddings", "features", "feat")
"""What outputs that are embeddings are called."""
LUMA = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in a picture's luma (ITU-R BT.601)."""
USUAL_SIZES = ((112, 112), (128, 128), (224, 224), (256, 256), (384, 384), (256, 128), (384, 128))
"""Heights and widths that a network which refuses one size is tried at."""


class Called(nn.Module):
    """A network called in its own way: (N, 3, height, width) to one tensor.

    Attributes:
        network: The network.
        output: Which of what it returns; None where it returns one tensor.
        is_grey: Whether it sees one channel: the luma of the scaled pixels.
        arguments: What it is given besides the image.
    """

    def __init__(
        self,
        network: nn.Module,
        output: str | None = None,
        is_grey: bool = False,
        arguments: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.network = network
        self.output = output
        self.is_grey = is_grey
        self.arguments = dict(arguments or {})

    def forward(self, pixels: Tensor) -> Any:
        """The tensor that is wanted; or all that the network returns, where that is not said."""
        if self.is_grey:
            weights = pixels.new_tensor(LUMA)[:, None, None]
            pixels = (pixels * weights).sum(1, keepdim=True)
        given = {name: _for_batch(value, pixels) for name, value in self.arguments.items()}
        found = self.network(pixels, **given)
        return found if self.output is None else dict(outputs_of(found))[self.output]


@dataclass(frozen=True)
class Calling:
    """A network that can be called with an image alone, and what that took.

    Attributes:
        network: It returns one tensor.
        run: A run of it with two random images, its attention poolings noted.
        notes: What was done, in words.
        outputs: The names of all that it returns, where that is several tensors.
    """

    network: nn.Module
    run: Trace
    notes: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()


def called(network: nn.Module, size: tuple[int, int], output: str | None = None) -> Calling:
    """Make a network return one tensor for images.

    Args:
        network: Of any form; it is put into evaluation mode, and not changed otherwise.
        size: Height and width of its images, in pixels.
        output: Which of several outputs is the embedding: "0", "embedding"; None for the one that
            is found to be.

    Returns:
        The network itself, where nothing had to be done.

    Raises:
        SettingsError: It has no such output.
        NetworkError: It cannot run on such images, or which output is the embedding is not clear.
    """
    with suppress(NotImplementedError):  # an exported program has no other mode
        network.eval()
    notes = []
    if any(values.dtype in (torch.float16, torch.bfloat16) for values in network.parameters()):
        network = deepcopy(network).float()
        notes.append("its weights are in half precision, and run in single precision")
    arguments = _arguments(network)
    notes += [f"it is given no {name}" for name in arguments]
    is_grey = _sees_one_channel(network, size, arguments)
    if is_grey:
        notes.append("it sees one channel: the luma of the scaled pixels")
    if arguments or is_grey:
        network = Called(network, None, is_grey, arguments)
    pixels = probe_images(size, seed=0).to(device_of(network))
    run, names = trace_all(network, pixels, attention_parts(network))
    if output is None and list(names.values()) == [""]:
        return Calling(network, run, tuple(notes))
    chosen = output if output is not None else _embedding(network, run, names)
    if chosen not in names.values():
        raise SettingsError(
            f"the network has no output {chosen!r}; it has {', '.join(names.values()) or 'one'}"
        )
    others = [name for name in names.values() if name != chosen]
    if others:
        notes.append(f"of its outputs, {chosen!r} is taken ({', '.join(others)} left out)")
    inner = network.network if isinstance(network, Called) else network
    single = Called(inner, chosen, is_grey, arguments)
    number = next(number for number, name in names.items() if name == chosen)
    return Calling(single, replace(run, output=number), tuple(notes), tuple(names.values()))


def _embedding(network: nn.Module, run: Trace, names: Mapping[int, str]) -> str:
    """Which of several outputs is the embedding.

    Raises:
        NetworkError: That is not clear.
    """
    if len(names) == 1:
        return next(iter(names.values()))
    vectors = {
        number: name for number, name in names.items() if is_vector_shape(run.nodes[number].shape)
    } or dict(names)
    named = [name for name in vectors.values() if name.rpartition(".")[2].lower() in EMBEDDINGS]
    if len(named) == 1:
        return named[0]
    # What the others are computed from: a classifier takes the embedding.
    first = [
        n for n in vectors if not any(m != n and _is_made_of(network, run, n, m) for m in vectors)
    ]
    if len(first) == 1:
        return vectors[first[0]]
    sides = ", ".join(
        f"{name!r} ({' × '.join(map(str, run.nodes[number].shape[1:]))})"
        for number, name in names.items()
    )
    raise NetworkError(f"the network returns {sides}; choose which is its embedding (output)")


def _is_made_of(network: nn.Module, run: Trace, number: int, source: int) -> bool:
    """Whether one output is computed from another, or from the same computed once more."""
    before = run.leading_to(number)
    if source in before:
        return True
    shape = run.nodes[source].shape
    same = [n for n in sorted(before - {number}) if run.nodes[n].shape == shape]
    calls = [call for n in (source, *same) if (call := run.nodes[n].call)]
    if len(calls) < 2:
        return False
    height, width = run.nodes[PIXELS].shape[2:]
    pixels = probe_images((height, width), seed=0).to(device_of(network))
    expected, *values = values_at(network, pixels, calls)
    return any(torch.equal(expected, value) for value in values)


def _arguments(network: nn.Module) -> dict[str, Any]:
    """What the network must be given besides the image.

    Raises:
        NetworkError: Something other than a label.
    """
    try:
        parameters = list(inspect.signature(network.forward).parameters.values())
    except (TypeError, ValueError):
        return {}
    if isinstance(network, nn.DataParallel):
        return {}
    needed = [
        parameter.name
        for parameter in parameters[1:]
        if parameter.default is inspect.Parameter.empty
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]
    unknown = [name for name in needed if name.lower() not in LABELS]
    if unknown:
        raise NetworkError(
            f"the network takes more than one image: it needs {', '.join(unknown)}, too; wrap it "
            "so that it takes one image and returns its embedding"
        )
    return dict.fromkeys(needed)


def _for_batch(value: Any, pixels: Tensor) -> Any:
    """A label for each image, where the network wants one at all."""
    return torch.zeros(len(pixels), dtype=torch.long, device=pixels.device) if value == 0 else value


def _sees_one_channel(network: nn.Module, size: tuple[int, int], arguments: dict[str, Any]) -> bool:
    """Whether the network runs on one channel and not on three; settles the label on the way.

    Raises:
        NetworkError: It runs on neither.
    """
    error = _failure(network, size, False, arguments)
    if error is None:
        return False
    channels = {layer.in_channels for layer in network.modules() if isinstance(layer, nn.Conv2d)}
    if 1 in channels and _failure(network, size, True, arguments) is None:
        return True
    if arguments:  # a label that is looked at
        zeros = dict.fromkeys(arguments, 0)
        if _failure(network, size, False, zeros) is None:
            arguments.update(zeros)
            return False
    raise NetworkError(_cause(network, size, arguments, error))


def _failure(
    network: nn.Module, size: tuple[int, int], is_grey: bool, arguments: Mapping[str, Any]
) -> str | None:
    """Why the network cannot run on images of this size; None if it can."""
    pixels = probe_images(size, seed=0).to(device_of(network))
    try:
        with torch.inference_mode():
            Called(network, None, is_grey, arguments).eval()(pixels)
    except Exception as error:  # whatever its code raises
        return " ".join(str(error).split())[:200] or type(error).__name__
    return None


def _cause(
    network: nn.Module, size: tuple[int, int], arguments: Mapping[str, Any], error: str
) -> str:
    """Why the network does not run, as far as trying tells."""
    begin = f"the network cannot run on images of {size[1]} × {size[0]} pixels ({error})"
    first = next((layer for layer in network.modules() if isinstance(layer, nn.Conv2d)), None)
    if first is not None and first.in_channels not in (1, 3):
        return f"{begin}; it takes {first.in_channels} channels, and pictures have three"
    runs = [s for s in USUAL_SIZES if s != size and not _failure(network, s, False, arguments)]
    if runs:
        height, width = runs[0]
        return f"{begin}; it runs on {width} × {height}: choose that size"
    if arguments:
        return f"{begin}; it needs {', '.join(arguments)} besides the image"
    return f"{begin}; choose the size that it was made for"
