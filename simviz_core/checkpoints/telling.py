"""What of a checkpoint is used and what is left out, in words."""

from pathlib import Path

from simviz_core.checkpoints.choosing import ONE_CHANNEL, Choice
from simviz_core.checkpoints.embedder import Embedder
from simviz_core.checkpoints.matching import UNUSED, is_counter, plain_name
from simviz_core.checkpoints.parts import Contents
from simviz_core.networks.weights import WeightsInUse, listed

PLAIN_OBJECTS = ("numpy.", "pathlib.", "builtins.", "datetime.")
"""What the names of classes begin with whose objects are nothing to speak of."""
OTHER_PARTS = 2
"""Other parts of a checkpoint that are named before the rest is counted."""


def weights_in_use(
    path: Path, contents: Contents, choice: Choice, embedder: Embedder, count: int
) -> WeightsInUse:
    """Say what of a checkpoint a network uses.

    Args:
        path: The checkpoint's.
        contents: All that is in it.
        choice: The part that was taken.
        embedder: What of it comes after the pooling.
        count: Tensors of the network.

    Returns:
        The words.
    """
    taken = choice.taken
    match = taken.match
    used = f"all {count:,} tensors of the network"
    if len(match.keys) < count:
        used = f"{len(match.keys):,} of {count:,} tensors of the network"
        used += f"; the rest ({', '.join(UNUSED)}) only training runs"
    if match.is_by_order:
        used += ", matched by order and shape, since the names differ"
    changed = []
    if taken.one_channel:
        changed.append(ONE_CHANNEL.format(taken.one_channel))
    return WeightsInUse(
        source=str(path),
        part=taken.label or None,
        other_parts=choice.others,
        used=used,
        embedder=embedder.used,
        changed=tuple(changed),
        left_out=_left_out(contents, choice, embedder),
    )


def _left_out(contents: Contents, choice: Choice, embedder: Embedder) -> tuple[str, ...]:
    taken = choice.taken
    left_out = list(embedder.left_out)
    rest = [
        key
        for key in taken.match.unexpected
        if key not in embedder.keys
        and not (choice.prefixes and plain_name(key).startswith(choice.prefixes))
    ]
    if rest:
        left_out.append(listed(rest))
    if unusable := list(taken.part.unusable):
        names = [name for name in unusable if not is_counter(name)]
        if names:
            left_out.append(f"{listed(names)} ({taken.part.unusable[names[0]].reason})")
    parts = [
        part.name or "the top level"
        for part in contents.parts
        if part is not taken.part and part.name not in choice.others and part.tensors
    ]
    if parts:
        left_out.append(f"other parts: {listed(parts, OTHER_PARTS)}")
    strangers = [name for name in contents.strangers if not name.startswith(PLAIN_OBJECTS)]
    if strangers:
        left_out.append(f"objects that are no weights ({listed(strangers)})")
    return tuple(left_out)
