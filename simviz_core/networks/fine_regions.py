"""Finer regions that still add up: the part of an embedding that comes from a region of an earlier,
finer layer, with the network's gates as they are in this image.

A ReLU multiplies its input by 0 or 1 (ReLU6: by 6 / x above 6). With these factors taken as they
are in the image, a network of convolutions, batch norms, ReLUs and sums is linear from any layer
on. So the layer's activations are masked to the region and passed on; each shift (of a batch norm,
of a convolution) is put into its own cell, masked at that grid. Region and complement add up to the
embedding exactly. What a region *alone* would do is another question: its gates would differ.
"""

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from threading import Lock
from typing import Any

import torch
from PIL import Image
from torch import Tensor, nn

from simviz_core.errors import NetworkError
from simviz_core.networks.class_token_network import ClassTokenNetwork
from simviz_core.networks.ensembles import EnsembleNetwork
from simviz_core.networks.inspection.trunk import CutTrunk
from simviz_core.networks.similarity_network import SimilarityNetwork

LABEL = "gates as they are"
"""What every fine score is marked with."""
LARGEST_RESIDUAL = 1e-4
"""Of |region + complement − embedding| / |embedding|, at which a network is refused."""
LINEAR = (nn.Identity, nn.Dropout, nn.AvgPool2d, nn.ZeroPad2d)
GATES = (nn.ReLU, nn.ReLU6, nn.LeakyReLU)
SHIFTED = (nn.Conv2d, nn.BatchNorm2d)

Weights = Callable[[tuple[int, int]], Tensor]
"""The share of each cell that a region covers, (H, W), for a grid of any size."""


@dataclass
class _Replay:
    """What the wrapped layers do: record a run, or pass a masked layer on.

    Attributes:
        weights: Of the region that is passed on; None while recording.
        kept: Per wrapped layer its recorded outputs or gates, in the order of its calls.
        calls: How often each was called in this run.
    """

    weights: Weights | None = None
    kept: dict[str, list[Tensor]] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)

    def next(self, name: str) -> Tensor:
        number = self.calls.get(name, 0)
        self.calls[name] = number + 1
        return self.kept[name][number]

    def record(self, name: str, value: Tensor) -> None:
        self.kept.setdefault(name, []).append(value)


class _Reached(Exception):
    """Ends a run at the last feature map."""

    def __init__(self, output: Tensor) -> None:
        super().__init__()
        self.output = output


class FineNetwork:
    """A network that can be asked for fine regions; a copy, so that the original stays as it is."""

    def __init__(self, network: SimilarityNetwork) -> None:
        """Wrap a copy of a network and find its layer of twice as many rows and columns.

        Args:
            network: Of convolutions, batch norms, ReLUs and sums from that layer on.

        Raises:
            NetworkError: It is not, or region and complement do not add up to its embedding.
        """
        if isinstance(network, EnsembleNetwork):
            raise NetworkError("fine regions are for single networks, not for ensembles")
        if isinstance(network, ClassTokenNetwork):
            raise NetworkError("fine regions are for networks of convolutions, not of tokens")
        if network.tail:
            raise NetworkError(
                "fine regions are for networks without layers after the pooling; drop those layers "
                "(--tail drop)"
            )
        self.network = network
        self.trunk = copy.deepcopy(network.trunk)
        _split_norms(self.trunk)
        self._names = {m: name for name, m in self.trunk.named_modules() if not list(m.children())}
        self._replay, self._lock = _Replay(), Lock()
        self._last = self._unfinished()
        self._stage, self._before, self.grid = self._find_stage()
        self._wrap()
        self.residual = self._check()

    @property
    def layer(self) -> str:
        """The layer whose cells regions are taken from."""
        return self._stage

    def _unfinished(self) -> tuple[str, int] | None:
        """The layer, and its how-manyeth call, in which a cut trunk's run ends; None if in none."""
        if not isinstance(self.trunk, CutTrunk) or self.trunk.call is None:
            return None
        begun, ended = dict[str, int](), dict[str, int]()

        def begin(name: str, module: nn.Module, inputs: Any) -> None:
            begun[name] = begun.get(name, 0) + 1

        def end(name: str, module: nn.Module, inputs: Any, output: Any) -> None:
            ended[name] = ended.get(name, 0) + 1

        handles = []
        for module, name in self._names.items():
            handles.append(module.register_forward_pre_hook(partial(begin, name)))
            handles.append(module.register_forward_hook(partial(end, name)))
        try:
            with torch.inference_mode():
                self.trunk(self._example(0))
        finally:
            for handle in handles:
                handle.remove()
        for name, count in begun.items():
            if ended.get(name, 0) < count:
                return name, count
        raise NetworkError("fine regions need a last feature map that is a layer's output")

    def _run(self, pixels: Tensor) -> Tensor:
        """The feature map, (N, C, H, W), as the copy makes it now."""
        if self._last is None:
            return self.trunk(pixels)
        calls = 0

        def stop(module: nn.Module, inputs: Any, output: Tensor) -> None:
            nonlocal calls
            calls += 1
            if self._last is not None and calls == self._last[1]:
                raise _Reached(output)

        layer = next(module for module, name in self._names.items() if name == self._last[0])
        handle = layer.register_forward_hook(stop)
        try:
            self.trunk.get_submodule("network")(pixels)
        except _Reached as reached:
            return reached.output
        finally:
            handle.remove()
        raise NetworkError("the network runs differently from one time to the next")

    def _find_stage(self) -> tuple[str, set[str], tuple[int, int]]:
        """The last layer at twice the grid, the layers up to it, and its grid."""
        order: list[tuple[str, nn.Module, tuple[int, ...]]] = []

        def note(name: str, module: nn.Module, inputs: Any, output: Any) -> None:
            order.append((name, module, tuple(output.shape) if isinstance(output, Tensor) else ()))

        handles = [m.register_forward_hook(partial(note, name)) for m, name in self._names.items()]
        try:
            with torch.inference_mode():
                F = self._run(self._example(0))
        finally:
            for handle in handles:
                handle.remove()
        rows, columns = F.shape[-2:]
        fine = [n for n, (_, _, shape) in enumerate(order) if _has_grid(shape, rows, columns)]
        if not fine:
            raise NetworkError(
                "fine regions need a layer with twice as many rows and columns as the last one"
            )
        # Where a residual branch begins anew, masking inside it would leave the other branch out.
        place = self._cut(order, fine[-1])
        for name, module, _ in order[place + 1 :]:
            if not isinstance(module, LINEAR + GATES + SHIFTED):
                raise NetworkError(
                    f"fine regions are for convolutions, batch norms and ReLUs; {name} is "
                    f"{type(module).__name__}"
                )
        shape = order[place][2]
        return order[place][0], {name for name, _, _ in order[: place + 1]}, (shape[-2], shape[-1])

    def _cut(self, order: list[tuple[str, nn.Module, tuple[int, ...]]], last: int) -> int:
        """The last layer up to `last` through which everything that follows passes."""
        pixels = self._example(1)
        for place in range(last, -1, -1):
            _, module, shape = order[place]
            if len(shape) != 4 or shape[-2:] != order[last][2][-2:]:
                break
            hook = module.register_forward_hook(lambda m, i, output: torch.zeros_like(output))
            try:
                with torch.inference_mode():
                    first, second = self._run(pixels), self._run(self._example(2))
            finally:
                hook.remove()
            if torch.equal(first, second):
                return place
        raise NetworkError("fine regions need a layer that everything passes through")

    def _example(self, seed: int) -> Tensor:
        shape = self.network.pixels([Image.new("RGB", (8, 8))]).shape
        chance = torch.Generator().manual_seed(seed)
        return torch.rand(shape, generator=chance).to(self.network.device) * 2 - 1

    def _wrap(self) -> None:
        for module, name in self._names.items():
            plain = module.forward
            if name in self._before:
                module.forward = partial(self._before_stage, name, plain)
            elif isinstance(module, GATES):
                module.forward = partial(self._gate, name, _not_in_place(module))  # type: ignore[method-assign]
            elif isinstance(module, SHIFTED):
                module.forward = partial(self._shifted, module, plain)  # type: ignore[method-assign]

    def _before_stage(self, name: str, plain: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        replay = self._replay
        if replay.weights is None:
            # Cloned, since a later layer may write into it.
            output = plain(x)
            replay.record(name, output.clone())
            return output
        kept = replay.next(name)
        if name != self._stage:
            return kept.clone()
        return kept * replay.weights((kept.shape[-2], kept.shape[-1])).to(kept)

    def _gate(self, name: str, plain: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        replay = self._replay
        if replay.weights is not None:
            return x * replay.next(name)
        output = plain(x)
        replay.record(name, torch.where(x != 0, output / x, 0.0))
        return output

    def _shifted(self, module: nn.Module, plain: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        output = plain(x)
        weights, shift = self._replay.weights, _shift_of(module)
        if weights is None or shift is None:
            return output
        outside = 1 - weights((output.shape[-2], output.shape[-1])).to(output)
        return output - shift[:, None, None] * outside

    def image(self, picture: Image.Image) -> "FineImage":
        """Run the network on a picture once and keep what its regions need."""
        pixels = self.network.pixels([picture])
        with self._running(_Replay()) as replay:
            F = self._run(pixels).permute(0, 2, 3, 1)[0]
        return FineImage(self, pixels, F, replay.kept)

    def passed_on(self, image: "FineImage", weights: Weights) -> Tensor:
        """The part of an image's feature map that comes from a region, (H, W, C)."""
        with self._running(_Replay(weights, image.kept)):
            return self._run(image.pixels).permute(0, 2, 3, 1)[0]

    @contextmanager
    def _running(self, replay: _Replay) -> Iterator[_Replay]:
        with self._lock, torch.inference_mode():
            self._replay = replay
            try:
                yield replay
            finally:
                self._replay = _Replay()

    def _check(self) -> float:
        """How far region and complement are from the embedding, relative to its length.

        Raises:
            NetworkError: Too far.
        """
        chance = torch.Generator().manual_seed(3)
        noise = (torch.rand((24, 24, 3), generator=chance) * 255).to(torch.uint8).numpy()
        image = self.image(Image.fromarray(noise).resize((256, 256)))

        def left(grid: tuple[int, int]) -> Tensor:
            edges = torch.linspace(0, grid[1], grid[1] + 1)
            covered = edges.clamp_max(0.4 * grid[1]).diff()
            return covered.expand(grid)

        def right(grid: tuple[int, int]) -> Tensor:
            return 1 - left(grid)

        # Against the network itself, not against the copy that was wrapped.
        with torch.inference_mode():
            F = self.network.run_trunk(image.pixels)[0]
            e = self.network.embed_feature_map(F)
            total = image.part(left) + image.part(right)
            residual = float((total - e).norm() / e.norm().clamp_min(1e-12))
        if not residual < LARGEST_RESIDUAL:
            raise NetworkError(
                f"fine regions of this network do not add up to its embedding (off by "
                f"{residual:.0e} of its length), so that they are not offered"
            )
        return residual


@dataclass(frozen=True, eq=False)
class FineImage:
    """An image whose fine regions can be asked for.

    Attributes:
        network: That it was run through.
        pixels: As they entered it, (1, 3, height, width).
        F: Its feature map, (H, W, C).
        kept: Outputs and gates of the layers.
    """

    network: FineNetwork
    pixels: Tensor
    F: Tensor
    kept: dict[str, list[Tensor]]

    def part(self, weights: Weights) -> Tensor:
        """The part of the embedding that comes from a region, (D,); not of length 1.

        How the pooling weighs each cell and channel is taken as it is, too.
        """
        shares = self.network.network.pooling.contributions(self.F)
        ratio = torch.where(self.F != 0, shares / self.F, 0.0)
        return (ratio * self.network.passed_on(self, weights)).sum((0, 1))

    def vector(self, weights: Weights) -> Tensor:
        """The vector whose product with a unit embedding is the region's fine score, (D,)."""
        length = self.network.network.embed_feature_map(self.F).norm().clamp_min(1e-12)
        return self.part(weights) / length


def _has_grid(shape: tuple[int, ...], rows: int, columns: int) -> bool:
    return len(shape) == 4 and tuple(shape[-2:]) == (2 * rows, 2 * columns)


def _not_in_place(module: nn.Module) -> Callable[[Tensor], Tensor]:
    if hasattr(module, "inplace"):
        module.inplace = False  # type: ignore[assignment]
    return module.forward


def _shift_of(module: nn.Module) -> Tensor | None:
    """What a layer adds to every cell, (C,); None for nothing."""
    if isinstance(module, nn.BatchNorm2d):
        if module.running_mean is None or module.running_var is None:
            return None
        scale = torch.rsqrt(module.running_var + module.eps)
        scale = scale if module.weight is None else scale * module.weight
        shift = -module.running_mean * scale
        return shift if module.bias is None else shift + module.bias
    return module.bias if isinstance(module, nn.Conv2d) else None


def _split_norms(trunk: nn.Module) -> None:
    """Take batch norms that bring their own activation (timm's) apart, so that each is a layer."""
    for parent in list(trunk.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, nn.BatchNorm2d) and hasattr(child, "act"):
                norm = nn.BatchNorm2d(child.num_features, child.eps, child.momentum)
                norm.load_state_dict(
                    {key: value for key, value in child.state_dict().items() if "." not in key}
                )
                norm.to(child.weight.device)
                setattr(parent, name, nn.Sequential(norm, child.get_submodule("act")).eval())
