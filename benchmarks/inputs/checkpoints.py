"""Checkpoints of a small network, as people save them, damaged, and hostile."""

import argparse
import json
import os
import pickle
import random
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from benchmarks.inputs.cases import MESSAGE, Case
from simviz_core.checkpoints import load_checkpoint
from simviz_core.networks import build_network

TITLE = "Checkpoints"
NETWORK = "timm/test_resnet"
SAME, OTHER = "the same embedding", "another embedding, and the line says why"
WRAPPERS = (
    "state_dict model_state_dict model net network model_state params backbone encoder student "
    "teacher model_ema state_dict_ema net_state_dict module weights ema whatever"
)
PREFIXES = (
    "module. _orig_mod. backbone. trunk. 0. model. encoder_q. net.features. module.model. "
    "_orig_mod.module. student.backbone."
)
HEADS = "fc head embedding embed embedder projection neck bottleneck classifier"
NAMES = "m.pth.tar m.pth.tar-60 m.ckpt m.bin m.pkl m m.PTH <b>m.pth $a$.pth"


class Harm:
    """Would make a file if it were unpickled."""

    def __init__(self, call: Any, *arguments: Any) -> None:
        self.made = call, arguments

    def __reduce__(self) -> Any:
        return self.made


def use(case: Case) -> str:
    """Load the checkpoint, and compare its embedding with that of the plain one."""
    torch.set_num_threads(1)
    network, _ = load_checkpoint(case.path, NETWORK)
    reference, _ = load_checkpoint(case.path.parent / "reference.safetensors", NETWORK)
    if case.given is not None:  # what is stored in fewer bits is another network, as it was saved
        for tensor in reference.trunk.state_dict().values():
            tensor.copy_(tensor.to(case.given))
    pixels = torch.randn(1, 3, 160, 160, generator=torch.Generator().manual_seed(0))
    shown, plain = (n.unit_embeddings(pixels) for n in (network, reference))
    is_same = shown.shape == plain.shape and bool((shown - plain).abs().max() < 1e-3)
    if not shown.isfinite().all():
        return "not finite"
    if is_same:
        return SAME
    words = network.weights
    is_said = words is not None and (words.embedder or words.changed or words.left_out)
    return OTHER if is_said else "another embedding, silently"


def make(folder: Path) -> list[Case]:
    """Write the checkpoints."""
    torch.set_num_threads(1)  # processes are forked from this one
    torch.manual_seed(0)
    network = build_network(NETWORK, pretrained=False)
    weights = {name: tensor.contiguous() for name, tensor in network.state_dict().items()}
    save_file(weights, folder / "reference.safetensors")
    cases: list[Case] = []

    def add(kind: str, name: str, content: Any, *expected: str, **how: Any) -> None:
        path = folder / name
        torch.save(content, path, **how)
        cases.append(Case(kind, path, expected))

    for word in WRAPPERS.split():
        add("wrapped", f"w_{word}.pth", {word: weights, "epoch": 3}, SAME)
    for prefix in PREFIXES.split():
        renamed = {prefix + name: tensor for name, tensor in weights.items()}
        add("prefixed", f"p_{prefix}pth", renamed, SAME)
        add("prefixed", f"q_{prefix}pth", {"state_dict": renamed}, SAME)
    for number, name in enumerate(NAMES.split()):
        add("odd names and endings", f"{number}{name}", weights, SAME)
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        halved = {k: v.to(dtype) if v.is_floating_point() else v for k, v in weights.items()}
        torch.save(halved, folder / f"{dtype}.pth")
        cases.append(Case("other precision", folder / f"{dtype}.pth", (SAME,), dtype))
    for old in (True, False):
        how = {"_use_new_zipfile_serialization": old}
        for number, extra in enumerate(_extras()):
            content = {"state_dict": weights, "extra": extra}
            add("objects beside the weights", f"e{number}{old}.pth", content, SAME, **how)
    _add_heads(add, weights)
    _add_amiss(add, weights)
    _add_hostile(add, weights, folder)
    _add_damaged(cases, weights, folder)
    return cases


def _extras() -> list[Any]:
    return [
        argparse.Namespace(rate=1),
        Path("/data"),
        defaultdict(list, {"loss": [1.0]}),
        np.float64(0.5),
        np.arange(3),
        {frozenset({1}): {2}},
        {"state": {0: {"exp_avg": torch.zeros(3)}}},
    ]


def _add_heads(add: Callable[..., None], weights: dict[str, Tensor]) -> None:
    for name in [
        "fc",
        "head",
        "embedding",
        "embed",
        "embedder",
        "projection",
        "neck",
        "bottleneck",
        "classifier",
    ]:
        for outputs in (16, 32, 1000):
            layer = nn.Linear(96, outputs).state_dict()
            head = {f"{name}.{key}": tensor for key, tensor in layer.items()}
            kind = "layers after the backbone"
            add(kind, f"h_{name}{outputs}.pth", weights | head, SAME, OTHER, MESSAGE)


def _add_amiss(add: Callable[..., None], weights: dict[str, Tensor]) -> None:
    floating = [name for name, tensor in weights.items() if tensor.is_floating_point()]
    for number, name in enumerate(floating[:10]):
        without = {key: tensor for key, tensor in weights.items() if key != name}
        add("a tensor missing", f"m{number}.pth", without, MESSAGE)
        add(
            "a tensor of another shape", f"s{number}.pth", {**without, name: torch.ones(7)}, MESSAGE
        )
        for value in (float("nan"), float("inf")):
            odd = torch.full_like(weights[name], value)
            add("NaN or infinity", f"n{number}{value}.pth", {**without, name: odd}, MESSAGE)
    for number, content in enumerate(
        ([1], 3, {}, {"epoch": 3}, torch.zeros(3), {0: torch.ones(2)})
    ):
        add("no weights", f"none{number}.pth", content, MESSAGE)


def _add_hostile(add: Callable[..., None], weights: dict[str, Tensor], folder: Path) -> None:
    target = str(folder / "PWNED")
    calls = [(os.system, f"touch {target}"), (eval, f"open({target!r}, 'w')"), (open, target, "w")]
    for number, call in enumerate(calls):
        for old in (True, False):
            how = {"_use_new_zipfile_serialization": old}
            content = {"state_dict": weights, "x": Harm(*call)}
            # What is not known to do harm becomes an inert stand-in, beside the weights.
            add("code in the file", f"c{number}{old}.pth", content, MESSAGE, SAME, **how)
            add("code in the file", f"d{number}{old}.pth", Harm(*call), MESSAGE, **how)
    wide = {**weights, "embedder.weight": torch.zeros(1).expand(2_000_000_000, 96)}
    add("claims of gigabytes", "wide.pth", wide, MESSAGE)


def _add_damaged(cases: list[Case], weights: dict[str, Tensor], folder: Path) -> None:
    torch.save(weights, folder / "whole.pth")
    contents = {
        "empty": b"",
        "text": b"hello",
        "web page": b"<html>404</html>",
        "pickle": pickle.dumps([1]),
        "json": json.dumps({"a": 1}).encode(),
        "onnx": b"\x08\x07\x12\x07pytorch",
        "zeros": bytes(5000),
    }
    for name, content in contents.items():
        (folder / f"{name}.pth").write_bytes(content)
        cases.append(Case("other files", folder / f"{name}.pth", (MESSAGE,)))
    whole = {".pth": folder / "whole.pth", ".safetensors": folder / "reference.safetensors"}
    for suffix, source in whole.items():
        content, chance = source.read_bytes(), random.Random(0)
        for tenth in range(1, 10):
            path = folder / f"cut{tenth}{suffix}"
            path.write_bytes(content[: len(content) * tenth // 10])
            cases.append(Case("cut off", path, (MESSAGE,)))
            flipped = bytearray(content)
            flipped[chance.randrange(min(len(content), 3000))] ^= 1 << chance.randrange(8)
            path = folder / f"flip{tenth}{suffix}"
            path.write_bytes(flipped)
            cases.append(Case("a bit flipped", path, (MESSAGE, SAME)))
