"""What tells the embeddings of one network from those of another."""

import dataclasses
import hashlib

import torch
from torch import Tensor, nn

from simviz_core.decomposition import Pooling, Tail

EMBEDDING_VERSION = 1
"""Goes up when the same weights come to embed differently: another way to resize, say."""


def weights_digest(trunk: nn.Module) -> str:
    """SHA-256 of a trunk's weights and buffers: their names, types, shapes and bytes."""
    digest = hashlib.sha256()
    for name, values in trunk.state_dict().items():
        digest.update(f"{name} {values.dtype} {tuple(values.shape)};".encode())
        digest.update(_bytes(values))
    return digest.hexdigest()


def settings_digest(*settings: object) -> str:
    """SHA-256 of settings: dataclasses, tensors, and whatever else its `repr` tells apart."""
    digest = hashlib.sha256(f"{EMBEDDING_VERSION};".encode())
    for value in settings:
        digest.update(_described(value))
    return digest.hexdigest()


def rule_settings(rule: Pooling | Tail) -> tuple[object, ...]:
    """The numbers that a pooling rule, or a layer after it, depends on; its name among them."""
    assert dataclasses.is_dataclass(rule)
    return tuple(getattr(rule, field.name) for field in dataclasses.fields(rule))


def _described(value: object) -> bytes:
    if isinstance(value, Tensor):
        return f"{value.dtype} {tuple(value.shape)};".encode() + _bytes(value)
    if isinstance(value, tuple) and any(isinstance(part, Tensor) for part in value):
        return f"{len(value)} parts;".encode() + b"".join(map(_described, value))
    return f"{value!r};".encode()


def _bytes(values: Tensor) -> bytes:
    return values.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
