"""Values that are not finite numbers: where in a network they begin, and what to say of it."""

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_flatten

from simviz_core.decomposition.decomposed import norm
from simviz_core.errors import NetworkError


def require_finite(values: Tensor, network: nn.Module, pixels: Tensor) -> None:
    """Refuse what a network made of images where it is not all finite numbers.

    Args:
        values: What came out.
        network: That made it.
        pixels: (N, 3, height, width), what went in.

    Raises:
        NetworkError: A value is NaN or infinite; the layer where they begin is named.
    """
    if values.isfinite().all():
        return
    raise NetworkError(not_finite(network, pixels))


def require_length(embedding: Tensor) -> None:
    """Refuse embeddings that have no length: those not finite, and those too long for it.

    Args:
        embedding: e, (..., D).

    Raises:
        NetworkError: A length is NaN or infinite; every similarity would be NaN or 0.
    """
    if norm(embedding).isfinite().all():
        return
    largest = embedding.detach().abs().max().item()
    found = f"the largest number in them is {largest:.1e}"
    raise NetworkError(
        "the network makes embeddings whose length is not a finite number "
        f"({found if math.isfinite(largest) else 'they hold NaN or infinity'}); check the weights "
        "of its last layers, or choose another pooling"
    )


def not_finite(network: nn.Module, pixels: Tensor) -> str:
    """Say at which layer the values of a network stop being finite numbers, and why."""
    if not pixels.isfinite().all():
        return "the pixels that enter the network are not finite numbers"
    found: list[tuple[str, nn.Module]] = []

    def look(name: str, layer: nn.Module) -> Any:
        def hook(_: nn.Module, __: Any, output: Any) -> None:
            if not found and not _are_finite(output):
                found.append((name, layer))

        return hook

    leaves = [(name, part) for name, part in network.named_modules() if not list(part.children())]
    hooks = [part.register_forward_hook(look(name, part)) for name, part in leaves]
    try:
        with torch.inference_mode():
            network(pixels)
    except Exception:
        pass
    finally:
        for hook in hooks:
            hook.remove()
    begin = "the network makes values that are not finite numbers (NaN or infinity)"
    if not found:
        return f"{begin}; check its weights, or take others"
    name, layer = _with_weights(network, *found[0])
    where = f"{begin}, first in {name or 'its only layer'} ({type(layer).__name__})"
    return f"{where}; {_why(layer)}; take weights from before the training went astray"


def _with_weights(network: nn.Module, name: str, layer: nn.Module) -> tuple[str, nn.Module]:
    """The layer itself, or the nearest one around it that has weights of its own."""
    parents = name.split(".")
    for length in range(len(parents), 0, -1):
        around = ".".join(parents[:length])
        part = network.get_submodule(around)
        own = [*part.parameters(recurse=False), *part.buffers(recurse=False)]
        if own:
            return around, part
    return name, layer


def _why(layer: nn.Module) -> str:
    tensors = {
        name: tensor for name, tensor in layer.state_dict().items() if tensor.is_floating_point()
    }
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            return f"its weights hold them already ({name})"
        if name.endswith("running_var") and (tensor < 0).any():
            return f"its weights hold a negative variance ({name})"
    if not tensors:
        return "it has no weights: what enters it is too large"
    largest = max(tensor.abs().max().item() for tensor in tensors.values() if tensor.numel())
    return f"its weights are finite, the largest {largest:.1e}, so its values overflow"


def _are_finite(output: Any) -> bool:
    tensors = [value for value in tree_flatten(output)[0] if isinstance(value, Tensor)]
    return all(bool(t.isfinite().all()) for t in tensors if t.is_floating_point())
