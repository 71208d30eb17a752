"""Which part of a checkpoint a network takes its weights from, and putting them there.

Only a part that holds all of the network, and nothing of a larger one, is taken. Of several the
first by `parts.rank` is, unless another one is asked for.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from simviz_core.checkpoints.matching import (
    WeightsMatch,
    match_weights,
    plain_name,
    prefixes,
    put_weights,
)
from simviz_core.checkpoints.ordering import match_by_order
from simviz_core.checkpoints.parts import Contents, Part, is_of_optimiser, rank
from simviz_core.checkpoints.reading import SAFETENSORS_SUFFIX, load_tensors, refuse_unusable
from simviz_core.errors import CheckpointError
from simviz_core.networks.weights import listed, shape_text

SMALLEST_PART = 0.1
"""Of a network, that a part must have as many numbers as to be looked at, 0..1."""
MOSTLY = 0.5
"""A share of a network that fits by name, 0..1, beyond which it is not matched by order."""
ONE_CHANNEL = (
    "{} takes one colour channel: each of red, green and blue gets a third of it, so that the "
    "network sees their mean"
)


@dataclass(frozen=True)
class Candidate:
    """A part of a checkpoint and how it fits a network.

    Attributes:
        part: The part.
        label: What it is called: where it lies, and the prefix of its names; "" for the whole.
        match: How it fits.
        one_channel: The network's name for the layer whose weights are for grey images; None
            where there is none.
    """

    part: Part
    label: str
    match: WeightsMatch
    one_channel: str | None = None

    @property
    def fits(self) -> bool:
        """Whether the network can take its weights from it."""
        return self.match.is_complete


@dataclass(frozen=True)
class Choice:
    """The part that a network takes its weights from.

    Attributes:
        taken: It.
        others: The labels of those that would fit as well.
        prefixes: Of those in the same part.
    """

    taken: Candidate
    others: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()


def choose_part(
    contents: Contents,
    expected: Mapping[str, Tensor],
    path: Path,
    title: str,
    asked: str | None = None,
) -> Choice:
    """Choose the part of a checkpoint that holds a network.

    Args:
        contents: Of the checkpoint.
        expected: The network's own tensors.
        path: The checkpoint's, for messages.
        title: The network's, for messages.
        asked: The label of the part to take, or the end of it; None for the first that fits.

    Returns:
        The choice.

    Raises:
        CheckpointError: No part fits; the message names what is missing. Or there is none of
            that label.
    """
    candidates = _candidates(contents, expected)
    fitting = [found for found in candidates if found.fits]
    # Names that fit for the most part say more than an order does.
    if not fitting and all(found.match.share < MOSTLY for found in candidates):
        candidates = _by_order(contents, expected, path) or candidates
        fitting = [found for found in candidates if found.fits]
    fitting.sort(key=lambda found: rank(found.label))
    if asked is not None:
        taken = _asked(asked, fitting, candidates, path, title, expected)
    elif fitting:
        taken = fitting[0]
    elif candidates:
        best = max(candidates, key=lambda found: (found.match.share, -len(found.label)))
        raise _poor_match(best, f"{path} for {title}", path)
    else:
        raise CheckpointError(
            f"{path} for {title} fits only to 0% (0 of {_count(expected):,} numbers); choose the "
            "network that it was trained with"
        )
    return Choice(
        taken,
        tuple(found.label or "." for found in fitting if found is not taken),
        tuple(
            found.match.prefix
            for found in fitting
            if found is not taken and found.part is taken.part and found.match.prefix
        ),
    )


def take_weights(choice: Choice, expected: Mapping[str, Tensor], path: Path, title: str) -> None:
    """Put the weights of a part into a network, as float32.

    Args:
        choice: As `choose_part` returns it.
        expected: The network's own tensors, changed in place, or left alone if any is refused.
        path: The checkpoint's, for messages.
        title: The network's, for messages.

    Raises:
        CheckpointError: The file is damaged, or a weight is no finite number or a negative
            variance.
    """
    taken = choice.taken
    stored = {name: taken.part.tensors[key] for name, key in taken.match.keys.items()}
    found = {name: tensor.to(torch.float32) for name, tensor in load_tensors(stored, path).items()}
    check_numbers({taken.match.keys[name]: tensor for name, tensor in found.items()}, path, title)
    if taken.one_channel:
        found[taken.one_channel] = found[taken.one_channel].repeat(1, 3, 1, 1) / 3
    put_weights(expected, found)


def check_numbers(weights: Mapping[str, Tensor], path: Path, title: str) -> None:
    """Refuse weights that are no finite numbers, and negative variances.

    Args:
        weights: By the checkpoint's names, as float32.
        path: The checkpoint's, for messages.
        title: The network's, for messages.

    Raises:
        CheckpointError: There is one; it is named.
    """
    for name, tensor in weights.items():
        if not tensor.isfinite().all():
            raise CheckpointError(
                f"{path} for {title} holds weights that are not finite numbers, first in "
                f"{name[:100]}; the training went astray before this checkpoint was written"
            )
        if name.endswith("running_var") and (tensor < 0).any():
            raise CheckpointError(
                f"{path} for {title} holds negative variances, first in {name[:100]}; the file is "
                "damaged, or was changed after the training"
            )


def _candidates(contents: Contents, expected: Mapping[str, Tensor]) -> list[Candidate]:
    """The parts that hold something of a network under its own names."""
    found = []
    for part in _large_parts(contents, expected):
        for prefix in prefixes(expected, part.tensors):
            match = match_weights(expected, part.tensors, prefix)
            candidate = Candidate(part, _label(part.name, prefix), match)
            found.append(_with_one_channel(candidate))
    return found


def _by_order(contents: Contents, expected: Mapping[str, Tensor], path: Path) -> list[Candidate]:
    """The parts that hold a network under other names, in its order."""
    is_ordered = SAFETENSORS_SUFFIX not in path.name
    found = []
    for part in _large_parts(contents, expected):
        match = match_by_order(expected, part.tensors, is_ordered)
        if match is not None:
            found.append(Candidate(part, part.name, match))
    return found


def _large_parts(contents: Contents, expected: Mapping[str, Tensor]) -> list[Part]:
    least = SMALLEST_PART * _count(expected)
    return [
        part
        for part in contents.parts
        if not is_of_optimiser(part.name)
        and (
            len(contents.parts) == 1
            or sum(tensor.numel() for tensor in part.tensors.values()) >= least
        )
    ]


def _with_one_channel(found: Candidate) -> Candidate:
    """The candidate, mended where the one thing that differs is a layer for grey images."""
    match = found.match
    if match.missing or match.beyond or len(match.wrong_shape) != 1:
        return found
    (wrong,) = match.wrong_shape
    is_grey = (
        len(wrong.found) == len(wrong.expected) == 4
        and wrong.found[1] == 1
        and wrong.expected[1] == 3
        and wrong.found[:1] + wrong.found[2:] == wrong.expected[:1] + wrong.expected[2:]
    )
    if not is_grey:
        return found
    key = next(
        key
        for key in found.part.tensors
        if plain_name(key) == match.prefix + plain_name(wrong.name)
    )
    mended = replace(
        match,
        keys={**match.keys, wrong.name: key},
        wrong_shape=(),
        matched=match.matched + math.prod(wrong.expected),
    )
    return replace(found, match=mended, one_channel=wrong.name)


def _asked(
    asked: str,
    fitting: Sequence[Candidate],
    candidates: Sequence[Candidate],
    path: Path,
    title: str,
    expected: Mapping[str, Tensor],
) -> Candidate:
    wanted = asked.strip().strip(".")
    for among in (fitting, candidates):
        named = [found for found in among if found.label == wanted] or [
            found for found in among if wanted and f".{found.label}.".count(f".{wanted}.")
        ]
        if named and among is fitting:
            return named[0]
        if named:
            raise _poor_match(named[0], f"{path} ({named[0].label}) for {title}", path)
    offered = listed([found.label or "." for found in fitting], 10) or "none"
    raise CheckpointError(
        f"{path} has no part {asked[:80]!r} that fits {title}; those that fit: {offered}"
    )


def _label(part: str, prefix: str) -> str:
    return ".".join(word for word in (part, prefix.rstrip(".")) if word)


def _count(expected: Mapping[str, Tensor]) -> int:
    return sum(tensor.numel() for tensor in expected.values())


def _poor_match(found: Candidate, name: str, path: Path) -> CheckpointError:
    """The error for a part that does not hold all of a network: what is amiss, by name."""
    match = found.match
    for absent in match.missing:
        if match.prefix + absent in found.part.unusable:
            return refuse_unusable(found.part, path, match.prefix + absent)
    amiss = []
    if match.missing:
        amiss.append(f"{_counted(match.missing, 'missing')}: {listed(match.missing)}")
    if match.wrong_shape:
        first = match.wrong_shape[0]
        names = [wrong.name for wrong in match.wrong_shape]
        amiss.append(
            f"{_counted(names, 'of another shape')}: {listed(names)} ({first.name[:80]} is "
            f"{shape_text(first.found)} instead of {shape_text(first.expected)})"
        )
    if match.beyond:
        amiss.append(f"{_counted(match.beyond, 'beyond it')}: {listed(match.beyond)}")
    percent = math.floor(100 * match.share)
    return CheckpointError(
        f"{name} fits only to {percent}% ({match.matched:,} of {match.total:,} numbers); "
        f"{'; '.join(amiss)}; choose the network that it was trained with"
    )


def _counted(names: Sequence[str], what: str) -> str:
    return f"{len(names)} tensor{'' if len(names) == 1 else 's'} {what}"
