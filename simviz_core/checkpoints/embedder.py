"""Embedders beside a trunk: the layers that a checkpoint has for what comes after the pooling.

pytorch-metric-learning keeps a trunk and an embedder, in two files (`trunk_best.pth`,
`embedder_best.pth`) or, as one module, under two prefixes; others put a layer of their own in the
place of a network's `fc` or `head`. What lies in a checkpoint beside the backbone and takes the
pooled vector is an embedder, or a classifier, whose outputs are classes and no embedding. Which of
the two is decided by name, and for names that both have (`fc`, `head`) by shape; whatever is
decided is said, and "keep" and "drop" decide otherwise.

Fully connected layers and batch norms are read from their weights alone. What stands between two
layers (a ReLU, most often) weights do not tell: such an embedder is left out, unless it is to be
kept, with a ReLU in each gap.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from torch import Tensor

from simviz_core.checkpoints.choosing import check_numbers
from simviz_core.checkpoints.formats.stored import StoredTensor
from simviz_core.checkpoints.heads import Layer, LayerKind, layers_of, tail_of
from simviz_core.checkpoints.matching import HEADS, is_counter
from simviz_core.checkpoints.parts import rank
from simviz_core.checkpoints.reading import load_tensors, open_checkpoint
from simviz_core.decomposition import ElementwiseTail, Tail
from simviz_core.errors import CheckpointError

_EMBEDDERS = (
    "embedder embedding embeddings embed emb neck bnneck bottleneck projection projector proj "
    "whiten whitening reduction feat"
)
EMBEDDERS = frozenset(_EMBEDDERS.split())
"""What layers of an embedder are called, numbers and underscores at the end left away."""
_CLASSIFIERS = (
    "classifier classifiers cls logits logit arcface cosface margin loss criterion prototypes "
    "predictor queue centers centres proxies metric"
)
CLASSIFIERS = frozenset(_CLASSIFIERS.split())
"""What layers are called whose outputs are classes, or that only training needs."""
_PLAIN_EMBEDDERS = "embedder embedding neck bnneck bottleneck projection projector whiten"
PLAIN_EMBEDDERS = frozenset(_PLAIN_EMBEDDERS.split())
"""Those of them that a checkpoint has for nothing else."""
USUAL_LENGTH = 16
"""Embeddings have a multiple of this many components; the 1,000 classes of ImageNet are none."""
LONGEST_EMBEDDING = 65_536
MOST_LAYERS = 100
"""Of an embedder."""
MOST_TOLD = 10
"""Layers that are left out and named; more are counted."""
TRUNK, EMBEDDER, CLASSIFIER = "trunk", "embedder", "classifier"


@dataclass(frozen=True)
class Embedder:
    """What a checkpoint has for what comes after the pooling.

    Attributes:
        tails: The layers that are used; none where none is.
        used: What they are, in words; None for none.
        left_out: What is not used, and why, in words.
        keys: The names of all tensors that were spoken of.
    """

    tails: tuple[Tail, ...] = ()
    used: str | None = None
    left_out: tuple[str, ...] = ()
    keys: frozenset[str] = frozenset()


def find_embedder(
    weights: Mapping[str, StoredTensor], dimension: int, tail: str, path: Path, title: str
) -> Embedder:
    """Find the embedder among what a checkpoint holds beside a network.

    Args:
        weights: What it holds beside the network's own, in order.
        dimension: Of the vectors that the network makes, D.
        tail: "auto", "keep" or "drop".
        path: The checkpoint's, for messages, and for `embedder_best.pth` beside it.
        title: The network's, for messages.

    Returns:
        What is used and what is left out.

    Raises:
        CheckpointError: A layer that is called an embedder does not take such vectors, is damaged,
            or holds what are no finite numbers.
    """
    where, layers = path, layers_of(weights)
    beside = None if any(_kind(layer) == EMBEDDER for layer in layers) else embedder_beside(path)
    is_beside = beside is not None
    if beside is not None:
        if tail == "drop":
            return Embedder(left_out=(f"{beside.name} beside it, as asked",))
        parts = [part for part in open_checkpoint(beside).parts if part.tensors]
        where, layers = beside, layers_of(min(parts, key=lambda part: rank(part.name)).tensors)
    chain, told = _chain(layers, dimension, tail, where, is_beside)
    names = {layer.name for layer in chain} | told.keys()
    spoken_of = [layer for layer in layers if layer.name in names]
    reasons = list(told.values())
    if len(reasons) > MOST_TOLD:
        reasons[MOST_TOLD:] = [f"{len(reasons) - MOST_TOLD:,} more layers"]
    keys = frozenset(key for layer in spoken_of for key in layer.parts.values())
    keys = frozenset() if is_beside else keys
    if not chain:
        return Embedder(left_out=tuple(reasons), keys=keys)
    name = _named(chain)
    if is_beside:
        name += f" in {where.name}"
    if tail == "drop":
        return Embedder(left_out=(f"{name}, as asked", *reasons), keys=keys)
    if (unclear := _unclear(chain)) and tail != "keep":
        words = f"{name}: {unclear}; --tail keep takes it with what is usual there"
        return Embedder(left_out=(words, *reasons), keys=keys)
    tails = _tails(chain, where, title)
    note = "" if not unclear else f", {unclear}: a ReLU, or a layer norm, is assumed"
    return Embedder(tails, f"{name} as its embedder{note}", tuple(reasons), keys)


def embedder_beside(path: Path) -> Path | None:
    """The file `embedder_best.pth` beside a `trunk_best.pth`; None where there is none."""
    beside = path.with_name(path.name.replace(TRUNK, EMBEDDER, 1))
    return beside if beside != path and beside.is_file() else None


def _chain(
    layers: Sequence[Layer], dimension: int, tail: str, path: Path, is_beside: bool
) -> tuple[list[Layer], dict[str, str]]:
    """The layers that take the pooled vector one after the other, and why others do not."""
    chain: list[Layer] = []
    reasons: dict[str, str] = {}
    groups: dict[str, list[Layer]] = {}
    for layer in layers:
        groups.setdefault(layer.group, []).append(layer)
    has_named = is_beside or any(_kind(layer) == EMBEDDER for layer in layers)
    for layer in layers:
        kind = EMBEDDER if is_beside else _kind(layer)
        fits = layer.inputs == dimension and layer.kind is not LayerKind.UNKNOWN
        if tail != "drop" and kind == EMBEDDER and (is_beside or is_plainly_embedder(layer.name)):
            layer.check(path)
            if not fits:
                raise CheckpointError(
                    f"the embedder of {path} takes {layer.inputs:,} numbers, but the network "
                    f"makes {dimension:,}; choose the network that it was trained with, or drop "
                    "the layers after the pooling (--tail drop)"
                )
        elif kind == CLASSIFIER or not fits:
            if kind or not HEADS.isdisjoint(layer.name.split(".")):
                reasons[layer.name] = f"{layer.name} ({layer.text})"
            continue
        elif reason := _as_classifier(layer, groups[layer.group], chain, has_named, tail):
            reasons[layer.name] = f"{layer.name} ({layer.text}), {reason}"
            continue
        elif tail != "drop":
            layer.check(path)
        chain.append(layer)
        if len(chain) > MOST_LAYERS:
            raise CheckpointError(
                f"the embedder of {path} has more than {MOST_LAYERS} layers; drop the layers after "
                "the pooling (--tail drop)"
            )
        dimension = layer.outputs
    if tail != "drop" and any(layer.outputs > LONGEST_EMBEDDING for layer in chain):
        raise CheckpointError(
            f"the embedder of {path} makes more than {LONGEST_EMBEDDING:,} numbers, which is no "
            "embedding; drop the layers after the pooling (--tail drop)"
        )
    return chain, reasons


def _as_classifier(
    layer: Layer, beside: Sequence[Layer], chain: Sequence[Layer], has_named: bool, tail: str
) -> str | None:
    """Why a layer whose name says neither is taken for a classifier; None if it is not."""
    if _kind(layer) == EMBEDDER or tail == "keep":
        return None
    group = [other for other in beside if other.number is not None]
    linear = [
        other
        for other in (group if layer.number is not None else [layer])
        if other.kind is LayerKind.LINEAR
    ]
    if not linear:
        return None
    if has_named:
        return "which follows the embedder: a classifier"
    if any(other.group != layer.group and other.kind is LayerKind.LINEAR for other in chain):
        return "which follows another layer that is taken for the embedder"
    made, taken = linear[-1].outputs, linear[0].inputs
    if made > taken:
        words = "since it makes more numbers than it takes"
    elif made % USUAL_LENGTH:
        words = f"since embeddings have multiples of {USUAL_LENGTH} components"
    else:
        return None
    return f"taken for a classifier, {words}; --tail keep uses it"


def _kind(layer: Layer) -> str:
    """Whether a layer's name says that it is an embedder's or a classifier's; "" for neither."""
    words = _words(layer.name)
    words += [word for part in words for word in part.split("_")]
    if not CLASSIFIERS.isdisjoint(words):
        return CLASSIFIER
    return EMBEDDER if not EMBEDDERS.isdisjoint(words) else ""


def is_plainly_embedder(name: str) -> bool:
    """Whether a name can only be that of an embedder's layer; a `token_embedding` is none."""
    return not PLAIN_EMBEDDERS.isdisjoint(_words(name)) and not is_counter(name)


def _words(name: str) -> list[str]:
    """The parts of a name, numbers at their ends left away."""
    return [re.sub(r"[\d_]+$", "", part.lower()) for part in name.split(".")]


def _unclear(chain: Sequence[Layer]) -> str | None:
    """What weights do not tell of a chain of layers, in words; None where they tell all."""
    for layer in chain:
        if layer.kind is LayerKind.NORM:
            return f"weights do not tell what {layer.name} divides by"
    if any(_gap(before, after) for before, after in pairwise(chain)):
        return "weights do not tell what stands between its layers"
    return None


def _gap(before: Layer, after: Layer) -> bool:
    """Whether something without weights may stand between two layers."""
    if before.group == after.group and before.number is not None and after.number is not None:
        return after.number - before.number != 1
    return before.kind is LayerKind.LINEAR and after.kind is LayerKind.LINEAR


def _tails(chain: Sequence[Layer], path: Path, title: str) -> tuple[Tail, ...]:
    tails: list[Tail] = []
    for place, layer in enumerate(chain):
        if place and _gap(chain[place - 1], layer):
            tails.append(ElementwiseTail("relu"))
        stored = {part: layer.tensors[part] for part in layer.parts}
        loaded = {part: tensor.float() for part, tensor in load_tensors(stored, path).items()}
        named: dict[str, Tensor] = {layer.parts[part]: tensor for part, tensor in loaded.items()}
        check_numbers(named, path, title)
        if "weight" in loaded and not loaded["weight"].any():
            raise CheckpointError(
                f"the embedder of {path} ({layer.name}) is zero everywhere, so all images would "
                "be alike; drop the layers after the pooling (--tail drop)"
            )
        tails.append(tail_of(layer.kind, loaded))
    return tuple(tails)


def _named(chain: Sequence[Layer]) -> str:
    names = [f"{layer.name} ({layer.text})" for layer in chain]
    return " then ".join(names)
