"""From a whole network to a trunk, a pooling and a tail whose cells verifiably make its embedding.

The embedding is, unless one asks for something else, what the network itself hands on to its
classifier, as far as that is a sum over cells: layers after the pooling are kept if all of them
are affine (a batch norm neck, a linear embedder) or layer norms; if one is not (a ReLU), all are
dropped, and the embedding is the pooled vector, as in the paper. With another pooling than the
network's own they are dropped, too, since they were learnt for that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from simviz_core.decomposition import (
    DecomposedImage,
    LayerNormTail,
    Pooling,
    Tail,
    decompose_through,
)
from simviz_core.errors import NetworkError, SettingsError
from simviz_core.networks.heads.composed import ComposedPooling
from simviz_core.networks.inspection.calling import called
from simviz_core.networks.inspection.class_tokens.reading import ClassTokenMap
from simviz_core.networks.inspection.class_tokens.trunk import ClassTokenTrunk
from simviz_core.networks.inspection.detection import (
    Detection,
    FeatureMap,
    OwnPooling,
    detect,
    device_of,
    probe_images,
)
from simviz_core.networks.inspection.finite import require_finite, require_length
from simviz_core.networks.inspection.layout import layouts
from simviz_core.networks.inspection.own_head import own_head_words
from simviz_core.networks.inspection.reading import (
    APPROXIMATE,
    EXACT,
    FROZEN,
    REFUSED,
    NetworkReading,
)
from simviz_core.networks.inspection.tracing import Call, trace, values_at
from simviz_core.networks.inspection.trunk import CutTrunk, JoinedTrunk
from simviz_core.networks.poolings import POOLINGS, TAKEN_AS_IT_IS, pooling_by_name

TAILS = ("auto", "keep", "drop")
"""What becomes of the layers after the pooling."""
TOLERANCE = 1e-4
"""The cells must make the embedding up to this, relative to its length."""
PROBES = 4
"""Batches of random images that this is tried on."""


@dataclass(frozen=True)
class NetworkChoices:
    """What a user may choose instead of what was found.

    Attributes:
        pooling: One of `POOLINGS`, or the network's own by name; None takes the network's own.
        tail: One of `TAILS`.
        layer: The name of the layer whose output is pooled; None for the last feature map.
        output: Which of several outputs is the embedding, by its name or place ("embedding",
            "0"); None for the one that is found to be.
    """

    pooling: str | None = None
    tail: str = "auto"
    layer: str | None = None
    output: str | None = None


@dataclass(frozen=True)
class Adapted:
    """A network, ready to be decomposed.

    Attributes:
        trunk: Up to the feature map.
        pooling: The rule.
        tail: The layers after it.
        reading: What was found, verified.
        reproduces: The operation of the network whose result they make; None where that is what
            they make themselves.
    """

    trunk: CutTrunk
    pooling: Pooling
    tail: tuple[Tail, ...]
    reading: NetworkReading
    reproduces: Call | None = None


@dataclass(frozen=True)
class _Plan:
    """What to decompose, and the operation whose result it must reproduce."""

    feature_map: FeatureMap
    pooling: Pooling
    tail: tuple[Tail, ...]
    reproduces: Call | None
    note: str | None = None
    is_asked_for: bool = False


def adapt(
    network: nn.Module, title: str, size: tuple[int, int], choices: NetworkChoices
) -> Adapted | NetworkReading:
    """Cut a network at its last feature map, and verify that its cells make its embedding.

    Args:
        network: Its output, or one of its outputs, is its embedding. It is put into evaluation
            mode, and not changed otherwise.
        title: What to call it.
        size: Height and width of its images, in pixels.
        choices: What to do otherwise than the network itself does.

    Returns:
        The adapted network; or, for one that is refused, only what was found.

    Raises:
        SettingsError: A choice that is not on offer.
        NetworkError: It cannot run on such images at all.
    """
    if choices.tail not in TAILS:
        raise SettingsError(f"unknown tail {choices.tail!r}; choose one of {', '.join(TAILS)}")
    calling = called(network, size, choices.output)
    network = calling.network
    found = detect(network, size, calling.run)
    own = found.own.pooling.name if found.own else None
    alternatives = tuple(name for name in POOLINGS if name != own) if found.last else ()
    refused = NetworkReading(
        title,
        size,
        REFUSED,
        own_pooling=own,
        alternatives=alternatives,
        outputs=calling.outputs,
        note="; ".join(calling.notes) or None,
    )
    try:
        plan = _plan(network, found, size, choices)
        is_own = choices.layer is None and (
            found.ends_in_feature_map or choices.pooling in (None, own)
        )
        plan = replace(plan, is_asked_for=not is_own)
        return _verified(network, plan, refused)
    except NetworkError as error:
        return replace(refused, reason=str(error))


def _plan(
    network: nn.Module, found: Detection, size: tuple[int, int], choices: NetworkChoices
) -> _Plan:
    own = found.own
    if choices.layer is not None:
        where = _at_layer(network, choices.layer, size)
        return _Plan(where, pooling_by_name(choices.pooling or "average"), (), None)
    if own and choices.pooling in (None, own.pooling.name):
        return _with_own_pooling(own, choices.tail)
    if found.last is None:
        raise NetworkError(f"{found.reason}; it shows no feature map that could be pooled instead")
    if choices.pooling is None:
        if found.ends_in_feature_map:
            return _Plan(found.last, pooling_by_name("average"), (), None)
        cells = "patch tokens" if found.last.layout.is_tokens else "last feature map"
        raise NetworkError(f"{found.reason}; choose average, max or GeM pooling of its {cells}")
    rule = pooling_by_name(choices.pooling)
    if choices.tail == "keep":
        if own is None or own.always or own.tail.stopper:
            raise NetworkError(
                "the layers after its pooling cannot be kept with another pooling; drop them"
            )
        return _Plan(found.last, rule, own.tail.tails, None)
    return _Plan(found.last, rule, (), None, _dropped(own.tail.tails) if own else None)


def _with_own_pooling(own: OwnPooling, tail: str) -> _Plan:
    following = own.tail
    if tail == "keep":
        if own.left_out or following.stopper:
            raise NetworkError(
                f"what follows its pooling cannot be kept: {own.left_out or following.stopper!r} "
                "is not known to be affine; drop it"
            )
        kept = following.tails
    elif tail == "drop" or not following.is_exact or own.left_out:
        kept = ()
    else:
        kept = following.tails
    note = None
    if own.left_out:
        note = f"{own.left_out} is left out, since it is not affine"
    elif not kept and following.first_inexact:
        note = (
            f"its own embedding goes on through {following.first_inexact!r}, which is "
            "not affine, or not known to be; that is left out"
        )
    elif not kept:
        note = _dropped(following.tails)
    reproduces = own.ends[-1] if kept else own.result
    return _Plan(own.feature_map, own.pooling, (*own.always, *kept), reproduces, note)


def _dropped(tails: Sequence[Tail]) -> str | None:
    names = ", ".join(tail.title for tail in tails)
    return f"the layers after its pooling are left out ({names})" if tails else None


def _at_layer(network: nn.Module, name: str, size: tuple[int, int]) -> FeatureMap:
    """The feature map that a layer puts out."""
    layers = dict(network.named_modules())
    if name not in layers:
        children = ", ".join(list(dict(network.named_children()))[:20])
        raise SettingsError(f"the network has no layer {name!r}; it has {children}")
    pixels = probe_images(size, seed=0).to(device_of(network))
    run = trace(network, pixels, [layers[name]])
    if not run.modules:
        raise SettingsError(f"the layer {name!r} puts out nothing that depends on the image")
    node = run.nodes[run.modules[-1].result]
    layout = next(layouts(node.shape, size), None)
    if layout is None or node.call is None:
        raise SettingsError(
            f"the layer {name!r} puts out {tuple(node.shape[1:])}, which is no feature map"
        )
    return FeatureMap(node.call, layout, node.shape[1:][layout.order.index("C")])


def _verified(network: nn.Module, plan: _Plan, refused: NetworkReading) -> Adapted:
    """Try the plan on random images.

    Raises:
        NetworkError: The cells do not make the embedding.
    """
    where = plan.feature_map
    trunk: CutTrunk = CutTrunk(network, where.call, where.layout)
    if isinstance(where, ClassTokenMap):
        trunk = ClassTokenTrunk(network, where.call, where.layout, where.steps)
    elif where.joined:
        trunk = JoinedTrunk(
            network, [(part.call, part.layout) for part in where.joined if part.call]
        )
    reading = replace(
        verified_reading(trunk, plan.pooling, refused, plan.tail, plan.reproduces),
        is_tokens=where.layout.is_tokens,
        note="; ".join(filter(None, (refused.note, plan.note))) or None,
    )
    if plan.is_asked_for:
        reading = replace(
            reading, own_head=own_head_words(trunk, network, plan.pooling, plan.tail, refused.size)
        )
    return Adapted(trunk, plan.pooling, plan.tail, reading, plan.reproduces)


def verified_reading(
    trunk: nn.Module,
    pooling: Pooling,
    blank: NetworkReading,
    tail: tuple[Tail, ...] = (),
    reproduces: Call | None = None,
) -> NetworkReading:
    """Decompose random images, and measure how far the cells make the embedding.

    Args:
        trunk: (N, 3, height, width) to (N, C, H, W).
        pooling: The rule.
        blank: Has the title and the size of the images.
        tail: The layers after the pooling.
        reproduces: The operation of the trunk's whole network whose result should come out; None
            where that is what the rule itself makes.

    Returns:
        The reading.

    Raises:
        NetworkError: The cells do not make the embedding, or its values are not finite.
    """
    residual = remainder = 0.0
    for seed in range(1, PROBES + 1):
        pixels = probe_images(blank.size, seed).to(device_of(trunk))
        with torch.inference_mode():
            F = trunk(pixels).permute(0, 2, 3, 1)
            require_finite(F, trunk, pixels)
            image = decompose_through(F, pooling, tail)
            require_length(image.embedding)
        expected = image.embedding
        if reproduces is not None and isinstance(trunk, CutTrunk):
            expected = values_at(trunk.network, pixels, [reproduces])[0].flatten(1)
        residual = max(residual, _residual(image, expected))
        share = (image.constant * image.embedding).sum(-1) / image.norm**2
        remainder = max(remainder, share.abs().max().item())
    if not residual <= TOLERANCE:
        raise NetworkError(
            f"its cells make its embedding only up to {residual:.1e} of its length, which is more "
            f"than {TOLERANCE:g}; choose another pooling"
        )
    return replace(
        blank,
        verdict=_verdict(pooling, tail),
        pooling=pooling.name,
        channels=F.shape[-1],
        dimension=image.embedding.shape[-1],
        grid=image.grid,
        operations=pooling.operations if isinstance(pooling, ComposedPooling) else (),
        frozen=_frozen(pooling, tail),
        tail=tuple(layer.title for layer in tail if layer.title),
        residual=residual,
        remainder=remainder,
    )


def _residual(image: DecomposedImage, expected: Tensor) -> float:
    """The largest difference from the expected embedding, relative to its length.

    Both of the cells' sum and of the embedding that the decomposition was told.
    """
    length = torch.linalg.vector_norm(expected, dim=-1).clamp_min(1e-12)
    total = image.contributions.sum((-3, -2)) + image.constant
    apart = torch.stack([total - expected, image.embedding - expected]).abs().amax(-1) / length
    return float("inf") if apart.isnan().any() else apart.max().item()


def _verdict(pooling: Pooling, tail: Sequence[Tail]) -> str:
    if not all(layer.is_exact for layer in tail):
        return APPROXIMATE
    return FROZEN if _frozen(pooling, tail) else EXACT


def _frozen(pooling: Pooling, tail: Sequence[Tail]) -> tuple[str, ...]:
    """What the contributions take as it is in the image, in words."""
    found = list(pooling.frozen) if isinstance(pooling, ComposedPooling) else []
    found += [TAKEN_AS_IT_IS[pooling.name]] if pooling.name in TAKEN_AS_IT_IS else []
    if any(isinstance(layer, LayerNormTail) for layer in tail):
        found.append("layer norm")
    return tuple(found)
