"""From a network that embeds by a class token to a pooling, and the layers after it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from simviz_core.decomposition import ClassTokenPooling, LayerNormTail
from simviz_core.errors import NetworkError
from simviz_core.networks.inspection.class_tokens.plan import find_plan
from simviz_core.networks.inspection.class_tokens.rows import KeptRows, kept_rows
from simviz_core.networks.inspection.class_tokens.steps import ATTENTION, Step
from simviz_core.networks.inspection.class_tokens.trunk import ClassTokenTrunk
from simviz_core.networks.inspection.own_pooling import FeatureMap, OwnPooling, call_of
from simviz_core.networks.inspection.tails import TailReading, read_tails
from simviz_core.networks.inspection.tracing import Call, Node, Trace


@dataclass(frozen=True)
class ClassTokenMap(FeatureMap):
    """The patch tokens of a network, and the way of its class token.

    Attributes:
        steps: Of the class token.
    """

    steps: tuple[Step, ...] = ()


def read_class_token(
    network: nn.Module,
    run: Trace,
    chain: Sequence[Node],
    pixels: Tensor,
    patches: FeatureMap,
) -> OwnPooling:
    """Read a network's embedding as a class token, and what follows it.

    Args:
        network: In evaluation mode.
        run: Its run on the pixels.
        chain: The operations that lead to its output, each taking the result of the one before.
        pixels: Two random images, (2, 3, height, width).
        patches: Its last feature map.

    Returns:
        The class token as a pooling of the patch tokens; the network's final layer norm always
        belongs to it.

    Raises:
        NetworkError: The embedding is no class token that is understood; the message says why.
    """
    kept = kept_rows(network, pixels, [node.call for node in run.nodes if node.call])
    indices, rows = _token_on(chain, kept)
    steps = find_plan(run, kept, (pixels.shape[-2], pixels.shape[-1]), chain[0].number, indices[0])
    cells = {step.cells for step in steps if step.kind == ATTENTION}
    (where,) = cells if len(cells) == 1 else (None,)
    if where is None:
        raise NetworkError("its layers have grids of several sizes")
    if where.prefix == 0:
        raise NetworkError("it is not among the tokens that are attended to")
    trunk = ClassTokenTrunk(network, patches.call, patches.layout, steps)
    with torch.inference_mode():
        trunk.decomposed(pixels, is_checked=True)
    rest = read_tails(chain, rows)
    ends = [call_of(chain[end]) for end in rest.ends]
    first_vector = indices.index(None)
    norms = [place for place, tail in enumerate(rest.tails) if isinstance(tail, LayerNormTail)]
    count = norms[0] + 1 if norms else 0
    result = max([first_vector, *rest.ends[:count]])
    after = TailReading(rest.tails[count:], rest.ends[count:], rest.stopper)
    found = ClassTokenMap(patches.call, patches.layout, patches.channels, steps=steps)
    always = rest.tails[:count]
    return OwnPooling(
        found, ClassTokenPooling(), always, call_of(chain[result]), after, tuple(ends[count:])
    )


def _token_on(
    chain: Sequence[Node], kept: Mapping[Call, KeptRows]
) -> tuple[list[int | None], list[Tensor]]:
    """Which token of each result on the chain goes on to the embedding, and its numbers, (N, D).

    Raises:
        NetworkError: None does: the embedding is made of several tokens.
    """
    index: int | None = None
    indices: list[int | None] = []
    rows: list[Tensor] = []
    for place in range(len(chain) - 1, -1, -1):
        found = kept.get(call_of(chain[place]))
        if found is None:
            raise NetworkError("no sum of layers leads to it")
        has_tokens = found.rows[0].index is not None
        if has_tokens and index is None:
            index = found.like(rows[-1], 0) if rows else None
        if has_tokens and (index is None or found.row(index) is None):
            raise NetworkError("no sum of layers leads to it")
        indices.append(index)
        rows.append(found.at(index))
    return indices[::-1], rows[::-1]
