"""Weights from files of strangers: read without running their code, fitted to a trunk by name.

A checkpoint may hold more than the trunk (a classifier, an optimiser) and may name the trunk's
tensors under a prefix (`module.`, `backbone.`, `model.encoder.`). The prefix is found, not
configured: it is the one under which most of the trunk lies.
"""

import mmap
import pickle
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from simviz_core.errors import CheckpointError
from simviz_core.files import write_atomically
from simviz_core.networks import SimilarityNetwork, load_network
from simviz_core.networks.catalogue import NETWORKS, TimmTrunk

CHECKPOINT_SUFFIXES = frozenset({".pth", ".pt", ".safetensors"})
WRAPPERS = ("state_dict", "model_state_dict", "model")
"""Under these names training programs keep the weights beside other things."""
HEADS = frozenset({"classifier", "fc", "head", "heads", "last_linear"})
"""Names of what follows the pooling; the embedding does not depend on it."""
SMALLEST_SHARE = 0.9
"""Of a network, that a checkpoint must fit to be taken for the same architecture, 0..1."""


@dataclass(frozen=True)
class WrongShape:
    """A tensor that is in the checkpoint by name, but not in its shape.

    Attributes:
        name: The trunk's name for it.
        found: Its shape in the checkpoint.
        expected: Its shape in the trunk.
    """

    name: str
    found: tuple[int, ...]
    expected: tuple[int, ...]


@dataclass(frozen=True)
class WeightsMatch:
    """How the weights of a checkpoint fit a trunk.

    Attributes:
        prefix: What stands before the trunk's names in the checkpoint, "" for nothing.
        matched: Numbers of the trunk, counted singly, that the checkpoint holds.
        total: Numbers of the trunk, and of what the checkpoint has in its place beyond them: a
            ResNet-101 holds every tensor of a ResNet-50, and is none.
        missing: Names of the trunk that the checkpoint lacks.
        unexpected: Names in the checkpoint that the trunk lacks, heads left out.
        wrong_shape: What is in both, but differs in shape.
    """

    prefix: str
    matched: int
    total: int
    missing: tuple[str, ...]
    unexpected: tuple[str, ...]
    wrong_shape: tuple[WrongShape, ...]

    @property
    def share(self) -> float:
        """The share that fits, 0..1."""
        return self.matched / self.total

    @property
    def is_complete(self) -> bool:
        """Whether every tensor of the trunk was found, in its shape."""
        return not self.missing and not self.wrong_shape


def read_checkpoint(path: Path | str) -> dict[str, Tensor]:
    """Read the weights that a file holds, without running any code from it.

    Args:
        path: A `.safetensors` file, or what `torch.save` made of a state_dict: plain, or wrapped
            in a dictionary under one of `WRAPPERS`.

    Returns:
        The floating-point tensors by name, on the CPU, as they are stored.

    Raises:
        CheckpointError: There is no such file; it is empty, damaged or no checkpoint; or it
            cannot be loaded without running code.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(f"there is no file {path}")
    if path.suffix.lower() not in CHECKPOINT_SUFFIXES:
        raise CheckpointError(
            f"{path} is not known as a checkpoint; its name should end in "
            f"{', '.join(sorted(CHECKPOINT_SUFFIXES))}"
        )
    if path.stat().st_size == 0:
        raise CheckpointError(f"{path} is empty (0 bytes); copy the checkpoint again")
    content = _load_safetensors(path) if path.suffix.lower() == ".safetensors" else _load(path)
    return _tensors(content, path)


def backbone_weights(trunk: nn.Module) -> dict[str, Tensor]:
    """The tensors that a trunk's feature map depends on.

    Returns:
        The trunk's own tensors (not copies) under the names that the library which built the
        network gives them; without a classifier and without counters of batches.
    """
    network = trunk.network if isinstance(trunk, TimmTrunk) else trunk
    return {
        name: tensor
        for name, tensor in network.state_dict().items()
        if tensor.is_floating_point() and name.split(".")[0] not in HEADS
    }


def load_weights(trunk: nn.Module, weights: Mapping[str, Tensor], name: str) -> WeightsMatch:
    """Put the weights of a checkpoint into a trunk, as float32.

    What does not match keeps the value that it has in the trunk.

    Args:
        trunk: Is changed in place, or left alone if the weights are refused.
        weights: As `read_checkpoint` returns them, in any floating dtype.
        name: The checkpoint's, for messages.

    Returns:
        What matched and what did not.

    Raises:
        CheckpointError: Less than `SMALLEST_SHARE` fits, or a weight is not a finite number.
    """
    expected = backbone_weights(trunk)
    match = match_weights(expected, weights)
    if match.share < SMALLEST_SHARE:
        raise CheckpointError(_poor_match(match, name))
    unmatched = {*match.missing, *(wrong.name for wrong in match.wrong_shape)}
    found = {key: weights[match.prefix + key] for key in expected if key not in unmatched}
    for key, tensor in found.items():
        if not tensor.to(torch.float32).isfinite().all():
            raise CheckpointError(
                f"{name} holds weights that are not finite numbers, first in {key}; the training "
                "went astray before this checkpoint was written"
            )
    with torch.no_grad():
        for key, tensor in found.items():
            expected[key].copy_(tensor)
    return match


def match_weights(expected: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> WeightsMatch:
    """Compare the weights of a checkpoint with those of a trunk, by name and shape.

    Args:
        expected: The trunk's, as `backbone_weights` returns them.
        weights: The checkpoint's, as `read_checkpoint` returns them.

    Returns:
        What matches and what does not.
    """
    prefix = _prefix(expected, weights)
    found = {name: weights[prefix + name] for name in expected if prefix + name in weights}
    wrong_shape = tuple(
        WrongShape(name, tuple(tensor.shape), tuple(expected[name].shape))
        for name, tensor in found.items()
        if tensor.shape != expected[name].shape
    )
    used = {prefix + name for name in found}
    unexpected = [key for key in weights if key not in used and not _is_of_head(key)]
    blocks = tuple({f"{prefix}{name.split('.')[0]}." for name in expected})
    beyond = [key for key in unexpected if key.startswith(blocks)]
    total = sum(tensor.numel() for tensor in expected.values())
    wrong = {shape.name for shape in wrong_shape}
    return WeightsMatch(
        prefix=prefix,
        matched=sum(expected[name].numel() for name in found if name not in wrong),
        total=total + sum(weights[key].numel() for key in beyond),
        missing=tuple(name for name in expected if name not in found),
        unexpected=tuple(unexpected),
        wrong_shape=wrong_shape,
    )


def load_checkpoint(
    path: Path | str, network: str, pooling: str | None, size: int
) -> tuple[SimilarityNetwork, WeightsMatch]:
    """Load a network with the weights of a checkpoint.

    Args:
        path: The file; see `read_checkpoint`.
        network: The name of its architecture, one of `NETWORKS`.
        pooling: One of `POOLINGS`; None takes the network's own.
        size: One of `SIZES`, in pixels.

    Returns:
        The network, ready for inference, and how the weights fitted. What the checkpoint lacks
        is random, but the same every time.

    Raises:
        SettingsError: A name or a size that is not on offer.
        CheckpointError: The file cannot be read, or does not fit the architecture.
    """
    weights = read_checkpoint(path)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        loaded = load_network(network, pooling, size, pretrained=False)
    return loaded, load_weights(loaded.trunk, weights, f"{path} for {NETWORKS[network].title}")


def save_checkpoint(trunk: nn.Module, path: Path) -> None:
    """Write the weights that a trunk's feature map depends on, in half precision.

    Args:
        trunk: A network's, on any device.
        path: The file, `.safetensors`; it appears whole or not at all.

    Raises:
        OSError: The file cannot be written.
    """
    write_atomically(
        path, save({name: _halved(tensor) for name, tensor in backbone_weights(trunk).items()})
    )


def _halved(tensor: Tensor) -> Tensor:
    """The tensor as float16 on the CPU; as float32 where a value is too large for that."""
    tensor = tensor.detach().cpu().contiguous()
    half = tensor.to(torch.float16)
    return half if half.isfinite().all() else tensor


def _load_safetensors(path: Path) -> object:
    try:
        return load_file(path)
    except Exception as error:  # The reader raises its own error, and many of Python's.
        raise CheckpointError(
            f"{path} is damaged or no safetensors file ({error}); copy the checkpoint again"
        ) from error


def _load(path: Path) -> object:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # A damaged or hostile pickle can raise anything.
        raise CheckpointError(_refusal(error, path)) from error


def _refusal(error: Exception, path: Path) -> str:
    """Why a file that torch.load refuses is no good, and what to do."""
    text = str(error)
    way_out = "which could run code when loaded; save its state_dict() instead"
    if "TorchScript" in text:
        return f"{path} is a TorchScript program, {way_out}"
    if blocked := re.search(r"GLOBAL (\S+)", text):
        if _mentions(path, b"torch.nn.modules"):
            return f"{path} holds a pickled nn.Module ({blocked[1]}), {way_out}"
        return (
            f"{path} holds a pickled {blocked[1]}, which could run code when loaded; save the "
            "network's state_dict() without it"
        )
    if isinstance(error, pickle.UnpicklingError):
        return f"{path} is not a checkpoint that torch.save wrote; choose another file"
    reason = text.split(". ")[0].splitlines()[0] if text else type(error).__name__
    return f"{path} is damaged or incomplete ({reason}); copy the checkpoint again"


def _mentions(path: Path, words: bytes) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.find(words) >= 0


def _tensors(content: object, path: Path) -> dict[str, Tensor]:
    """The tensors of a state_dict, or of the one that a dictionary wraps."""
    for _ in range(len(WRAPPERS)):
        if not isinstance(content, Mapping):
            break
        tensors = {
            name: tensor
            for name, tensor in content.items()
            if isinstance(name, str) and isinstance(tensor, Tensor) and _is_plain(tensor)
        }
        if tensors:
            return tensors
        content = next((content[name] for name in WRAPPERS if name in content), None)
    raise CheckpointError(
        f"{path} holds no weights by name; save the network's state_dict(), plain or in a "
        f"dictionary under {' or '.join(map(repr, WRAPPERS))}"
    )


def _is_plain(tensor: Tensor) -> bool:
    return (
        tensor.is_floating_point()
        and tensor.layout is torch.strided
        and tensor.device.type == "cpu"
    )


def _is_of_head(key: str) -> bool:
    return not HEADS.isdisjoint(key.split("."))


def _prefix(expected: Mapping[str, Tensor], weights: Mapping[str, Tensor]) -> str:
    """The prefix under which most of the trunk lies in the checkpoint."""
    depth = 1 + max(name.count(".") for name in expected)
    found: Counter[str] = Counter()
    for key, tensor in weights.items():
        parts = key.split(".")
        for start in range(max(0, len(parts) - depth), len(parts)):
            name = ".".join(parts[start:])
            if name in expected:
                fits = tensor.shape == expected[name].shape
                found[key.removesuffix(name)] += tensor.numel() if fits else 0
    return max(found, key=found.__getitem__, default="")


def _poor_match(match: WeightsMatch, name: str) -> str:
    return (
        f"{name} fits only to {match.share:.0%} ({match.matched:,} of {match.total:,} numbers; "
        f"{len(match.missing)} tensors missing, {len(match.unexpected)} unexpected, "
        f"{len(match.wrong_shape)} of another shape); choose the network that it was trained with"
    )
