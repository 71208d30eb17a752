"""Fitting weights whose names say nothing: by order and shape.

`nn.Sequential(*network.children())` numbers the blocks of a network; other libraries call the same
layers otherwise. Such weights fit where there is exactly one way in which all shapes and the last
names (`weight`, `bias`, `running_mean`) agree, one after the other.
"""

from collections.abc import Mapping
from itertools import islice

from torch import Tensor

from simviz_core.checkpoints.matching import Shaped, WeightsMatch, is_counter, plain_names

MOST_PREFIXES = 500
"""Numbered groups of layers that are looked at."""
CONVOLUTION = 3
"""Dimensions of a convolution's weights, at the least; heads have none."""


def match_by_order(
    expected: Mapping[str, Tensor], weights: Mapping[str, Shaped], is_ordered: bool
) -> WeightsMatch | None:
    """Compare the weights of a checkpoint with those of a trunk, by order and shape.

    Args:
        expected: The trunk's, in the order of its layers.
        weights: The checkpoint's, here or still in their file.
        is_ordered: Whether they come in the order of their layers, too.

    Returns:
        A complete match; None where there is none, or more than one.
    """
    names = {plain: key for plain, key in plain_names(weights).items() if not is_counter(key)}
    found = _by_numbers(expected, weights, names)
    if found is None and is_ordered:
        found = _by_sequence(expected, weights, list(names.values()))
    if found is None:
        return None
    total = sum(tensor.numel() for tensor in expected.values())
    used = set(found.values())
    others = tuple(key for key in names.values() if key not in used)
    return WeightsMatch("", found, total, total, (), (), others, (), is_by_order=True)


def _by_numbers(
    expected: Mapping[str, Tensor], weights: Mapping[str, Shaped], names: Mapping[str, str]
) -> dict[str, str] | None:
    """Blocks that are numbered in the checkpoint and named in the trunk: "4.0.bn1.bias"."""
    own = list(_blocks({name: name for name in expected}, "").values())
    prefixes = dict.fromkeys(
        "".join(f"{part}." for part in parts[:place])
        for parts in (plain.split(".") for plain in names)
        for place, part in enumerate(parts)
        if part.isdecimal()
    )
    ways = []
    for prefix in islice(prefixes, MOST_PREFIXES):
        blocks = _blocks(names, prefix)
        numbered = sorted(
            (int(name), inside) for name, inside in blocks.items() if name.isdecimal()
        )
        theirs = [inside for _, inside in numbered]
        beyond = [key for inside in theirs[len(own) :] for key in inside.values()]
        if len(theirs) < len(own) or any(_is_convolution(weights[key]) for key in beyond):
            continue
        pairs = list(zip(own, theirs, strict=False))
        if all(_agree(ours, inside, expected, weights) for ours, inside in pairs):
            ways.append(
                {name: inside[rest] for ours, inside in pairs for rest, name in ours.items()}
            )
    return ways[0] if len(ways) == 1 else None


def _blocks(names: Mapping[str, str], prefix: str) -> dict[str, dict[str, str]]:
    """Names below a prefix by their block, and there by what is left of them."""
    blocks: dict[str, dict[str, str]] = {}
    for plain, key in names.items():
        if plain.startswith(prefix):
            block, _, rest = plain.removeprefix(prefix).partition(".")
            blocks.setdefault(block, {})[rest] = key
    return blocks


def _agree(
    ours: Mapping[str, str],
    theirs: Mapping[str, str],
    expected: Mapping[str, Tensor],
    weights: Mapping[str, Shaped],
) -> bool:
    return ours.keys() == theirs.keys() and all(
        tuple(expected[ours[rest]].shape) == tuple(weights[theirs[rest]].shape) for rest in ours
    )


def _by_sequence(
    expected: Mapping[str, Tensor], weights: Mapping[str, Shaped], keys: list[str]
) -> dict[str, str] | None:
    """The one stretch of the checkpoint in which all shapes and last names agree."""
    wanted = [(_last(name), tuple(tensor.shape)) for name, tensor in expected.items()]
    there = [(_last(key), tuple(weights[key].shape)) for key in keys]
    length = len(wanted)
    starts = [
        start for start in range(len(there) - length + 1) if there[start : start + length] == wanted
    ]
    if len(starts) != 1:
        return None
    outside = keys[: starts[0]][-1:] + keys[starts[0] + length :][:1]
    if any(_is_convolution(weights[key]) for key in outside):
        return None
    return dict(zip(expected, keys[starts[0] :], strict=False))


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _is_convolution(tensor: Shaped) -> bool:
    return len(tensor.shape) >= CONVOLUTION
