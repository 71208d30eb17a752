"""A pooling that a network puts together itself, out of several: carried operation by operation."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

import torch
from torch import Tensor

from simviz_core.decomposition.pooling import at_least_float32
from simviz_core.networks.heads.carrying import Rules, Source, carry
from simviz_core.networks.heads.program import Program
from simviz_core.networks.inspection.layout import Layout


@dataclass(frozen=True)
class Part:
    """Where the feature map that a program begins with is in the one that is pooled.

    Attributes:
        layout: How the network itself holds it.
        begin: Its first channel.
        channels: How many it has.
    """

    layout: Layout
    begin: int
    channels: int

    def of(self, F: Tensor) -> Tensor:
        """The feature map as the network holds it, of F (N, H, W, C) on the finest grid."""
        steps = [fine // own for fine, own in zip(F.shape[1:3], self.layout.grid, strict=True)]
        own = F[:, :: steps[0], :: steps[1], self.begin : self.begin + self.channels]
        return self.layout.as_held(own)


@dataclass(frozen=True)
class ComposedPooling:
    """What a network does after its feature map, or maps, where that is none of the plain rules.

    A cell's contribution is carried through every operation that is a sum over cells; lengths,
    assignments and other weights are taken as they are in the image. R-MAC, NetVLAD, average and
    maximum added or concatenated, stripes, several layers concatenated, and what else is made of
    the same operations.

    Attributes:
        key: Tells it from any other.
        operations: What it does, in the network's words.
        frozen: What is taken as it is in the image, in the network's words; () for nothing.
        program: The operations.
        rules: What each of them is.
        parts: The feature maps that it begins with.

    Source: see `carrying`. Tolias, Sicre, Jégou, "Particular Object Retrieval with Integral Max-
        Pooling of CNN Activations", ICLR 2016 (R-MAC); Arandjelović et al., "NetVLAD", CVPR 2016;
        Sun et al., "Beyond Part Models", ECCV 2018 (stripes).
    """

    key: str
    operations: tuple[str, ...]
    frozen: tuple[str, ...]
    program: Program = field(compare=False, repr=False)
    rules: Rules = field(compare=False, repr=False)
    parts: tuple[Part, ...] = field(compare=False, repr=False)
    name: str = "composed"

    @property
    def sources(self) -> list[Source]:
        """The feature maps that it begins with."""
        return [source_of(part.layout) for part in self.parts]

    def embed(self, F: Tensor) -> Tensor:
        """What the network itself makes of the feature map; see `Pooling.embed`."""
        flat = F.reshape(-1, *F.shape[-3:])
        maps = [part.of(flat) for part in self.parts]
        found = self.program.run(maps, len(flat))
        vectors = found.movedim(self.program.batches[self.program.output], 0).flatten(1)
        return at_least_float32(vectors).reshape(*F.shape[:-3], -1)

    def contributions(self, F: Tensor) -> Tensor:
        """The share of each cell, (..., H, W, D); see `Pooling.contributions`."""
        return self.contributions_and_constant(F)[0]

    def contributions_and_constant(self, F: Tensor) -> tuple[Tensor, Tensor]:
        """The share of each cell, (..., H, W, D), and what belongs to none, (..., D).

        A cell of a coarser feature map shares its part out, evenly, to the cells of the finest one
        that it covers.
        """
        flat = F.reshape(-1, *F.shape[-3:])
        maps = [part.of(flat) for part in self.parts]
        shares, constant = carry(self.program, self.sources, self.rules, maps)
        A = sum(_on_grid(share, (F.shape[-3], F.shape[-2])) for share in shares)
        assert isinstance(A, Tensor)
        lead = F.shape[:-3]
        return A.reshape(*lead, *A.shape[1:]), constant.reshape(*lead, -1)


def source_of(layout: Layout) -> Source:
    """The dimensions of a feature map's tensor that its cells are in."""
    dimensions = {"CHW": (2, 3), "HWC": (1, 2), "LC": (1,), "CL": (2,)}
    return Source(layout.grid, dimensions[layout.order])


def joined(maps: Sequence[Tensor]) -> Tensor:
    """Feature maps as one, on the finest grid of all.

    Args:
        maps: (N, H_m, W_m, C_m); the finest grid divides evenly by each.

    Returns:
        (N, H, W, Σ C_m); a cell of a coarser one is repeated where it lies.
    """
    rows, columns = max(((F.shape[1], F.shape[2]) for F in maps), key=prod)
    fine = [
        F.repeat_interleave(rows // F.shape[1], 1).repeat_interleave(columns // F.shape[2], 2)
        for F in maps
    ]
    return torch.cat(fine, -1)


def _on_grid(share: Tensor, grid: tuple[int, int]) -> Tensor:
    """Contributions (N, h, w, D) on a finer grid, each shared out evenly."""
    down, across = grid[0] // share.shape[1], grid[1] // share.shape[2]
    if down == across == 1:
        return share
    return share.repeat_interleave(down, 1).repeat_interleave(across, 2) / (down * across)
