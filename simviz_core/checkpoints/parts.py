"""The parts of a checkpoint: every dictionary of tensors by name that lies in it, at any depth.

Training programs keep weights under `state_dict`, `model`, `net`, `teacher`, `model_ema` and many
other names, beside optimisers and settings. All of them are found here; which of them a network
fits is another question: see `matching`.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from simviz_core.checkpoints.formats.inert import StandIn
from simviz_core.checkpoints.formats.stored import Damaged, StoredTensor, Unusable

FIRST = (
    "state_dict",
    "model_state_dict",
    "model",
    "model_state",
    "net",
    "network",
    "net_state_dict",
    "params",
    "weights",
    "teacher",
    "backbone",
    "encoder",
    "encoder_q",
    "student",
    "module",
)
"""Of several parts that fit, the one that is taken: weights as they were trained, in this order,
then whatever is called otherwise. Of a teacher and its student it is the teacher."""
AVERAGES = ("ema", "averaged", "swa", "momentum", "encoder_k", "target")
"""Words in the names of moving averages, which are taken only where nothing else fits, or where
they are asked for."""
OPTIMISERS = ("optimizer", "optimiser", "optim", "lr_scheduler", "scaler", "scheduler")
DEEPEST = 8
MOST_DICTIONARIES = 20_000
"""That are looked into."""
MOST_TENSORS = 50_000
"""By name in a file; networks have some thousands at the most."""
LONGEST_NAME = 1000
"""In letters; what is called otherwise is no weight."""


@dataclass(frozen=True)
class Part:
    """A dictionary of tensors by name.

    Attributes:
        name: Where it lies in the checkpoint, "state_dict" or "models.teacher"; "" for the top.
        tensors: Its floating-point tensors, still in the file.
        unusable: Its tensors that cannot be used as weights.
    """

    name: str
    tensors: Mapping[str, StoredTensor]
    unusable: Mapping[str, Unusable]


@dataclass(frozen=True)
class Contents:
    """What a checkpoint holds.

    Attributes:
        parts: Those with tensors, outer ones first.
        strangers: Names of classes whose objects lie beside them, as stand-ins.
        modules: Names of classes of pickled networks among them.
        arrays: How many NumPy arrays lie in dictionaries by name, where weights should be.
    """

    parts: tuple[Part, ...]
    strangers: tuple[str, ...] = ()
    modules: tuple[str, ...] = ()
    arrays: int = 0


def find_parts(content: object) -> Contents:
    """Look through what a file holds.

    Args:
        content: As the readers of `formats` return it; may be wound up in itself.

    Returns:
        What was found.

    Raises:
        Damaged: It has far more tensors than any network.
    """
    parts: list[Part] = []
    strangers: dict[str, None] = {}
    modules: dict[str, None] = {}
    arrays = count = 0
    for name, entries in _dictionaries(content):
        tensors: dict[str, StoredTensor] = {}
        unusable: dict[str, Unusable] = {}
        for key, value in entries.items():
            if isinstance(value, StandIn):
                strangers[value.name] = None
                arrays += _is_array(value)
                if _is_module(value):
                    modules[value.name] = None
            if not isinstance(key, str) or len(key) > LONGEST_NAME:
                continue
            if isinstance(value, StoredTensor) and value.dtype.is_floating_point:
                tensors[key] = value
            elif isinstance(value, StoredTensor):
                kind = str(value.dtype).removeprefix("torch.")
                unusable[key] = Unusable(f"holds no floating-point numbers but {kind}")
            elif isinstance(value, Unusable):
                unusable[key] = value
        count += len(tensors) + len(unusable)
        if count > MOST_TENSORS:
            raise Damaged(f"it has more than {MOST_TENSORS:,} tensors by name")
        if tensors or unusable:
            parts.append(Part(name, tensors, unusable))
    if isinstance(content, StandIn) and _is_module(content):
        modules[content.name] = None
    return Contents(tuple(parts), tuple(strangers), tuple(modules), arrays)


def rank(name: str) -> tuple[int, int]:
    """Where a part stands among several that fit; less comes first."""
    words = [word for word in name.replace("/", ".").split(".") if word]
    is_average = any(sign in word.lower().split("_") for word in words for sign in AVERAGES) or any(
        word.lower() in AVERAGES for word in words
    )
    place = min((FIRST.index(word) for word in words if word in FIRST), default=len(FIRST))
    return int(is_average), place if words else -1


def is_of_optimiser(name: str) -> bool:
    """Whether a part is what an optimiser keeps."""
    return any(word.lower() in OPTIMISERS for word in name.split("."))


def _dictionaries(content: object) -> Iterator[tuple[str, Mapping[object, object]]]:
    """All dictionaries in a content with the names that lead to them, outer ones first."""
    waiting: deque[tuple[str, object, int]] = deque([("", content, 0)])
    seen: set[int] = set()
    while waiting and len(seen) < MOST_DICTIONARIES:
        name, value, depth = waiting.popleft()
        entries = value.entries if isinstance(value, StandIn) else value
        if not isinstance(entries, dict) or id(entries) in seen or depth > DEEPEST:
            continue
        seen.add(id(entries))
        yield name, entries
        waiting.extend(
            (f"{name}.{key}" if name else key, inner, depth + 1)
            for key, inner in entries.items()
            if isinstance(key, str)
            and len(key) <= LONGEST_NAME
            and isinstance(inner, dict | StandIn)
        )


def _is_module(value: StandIn) -> bool:
    """Whether this stands for a pickled network, which keeps its layers in `_modules`."""
    return isinstance(value.state, dict) and "_modules" in value.state


def _is_array(value: StandIn) -> bool:
    return value.name.startswith("numpy.") and value.name.endswith("_reconstruct")
