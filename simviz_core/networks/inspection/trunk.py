"""A trunk cut out of any network: it runs as far as the last feature map."""

from collections.abc import Sequence

from torch import Tensor, nn

from simviz_core.networks.heads.composed import joined
from simviz_core.networks.inspection.layout import Layout, layouts
from simviz_core.networks.inspection.tracing import Call, run_until


class CutTrunk(nn.Module):
    """The part of a network that ends in its last feature map.

    The network stays whole; a run of it ends where the feature map is there.

    Attributes:
        network: The network, without a classifier.
        call: The operation whose result is the feature map; None for the network's output.
        layout: How that result holds it, at the size that it was found with.
    """

    def __init__(self, network: nn.Module, call: Call | None, layout: Layout) -> None:
        super().__init__()
        self.network = network
        self.call = call
        self.layout = layout

    @property
    def cut(self) -> str:
        """Where the network is cut, in words that tell one place from another."""
        name = getattr(self.call.function, "__qualname__", "") if self.call else "output"
        count = self.call.count if self.call else 0
        part = self.call.part if self.call else 0
        return f"{name} {count} {part} {self.layout.order} {self.layout.prefix}"

    def forward(self, pixels: Tensor) -> Tensor:
        """Map pixels (N, 3, height, width) to the last feature map (N, C, H, W)."""
        if self.call is None:
            found = self.network(pixels)
        else:
            (found,) = run_until(self.network, pixels, [self.call])
        return self._layout_of(found, pixels).cells_first(found).permute(0, 3, 1, 2)

    def _layout_of(self, found: Tensor, pixels: Tensor) -> Layout:
        """The layout at this size: as it was found, but for the number of cells."""
        wanted = self.layout.order, self.layout.prefix
        # Plain numbers, which they are not while something traces the network.
        shape, (height, width) = tuple(map(int, found.shape)), map(int, pixels.shape[-2:])
        for layout in layouts(shape, (height, width)):
            if (layout.order, layout.prefix) == wanted:
                return layout
        return self.layout


class JoinedTrunk(CutTrunk):
    """The part of a network that ends in several feature maps, which are pooled together.

    Attributes:
        calls: The operations whose results they are.
        layouts: How those hold them.
    """

    def __init__(self, network: nn.Module, ends: Sequence[tuple[Call, Layout]]) -> None:
        super().__init__(network, *ends[0])
        self.calls = [call for call, _ in ends]
        self.layouts = [layout for _, layout in ends]

    @property
    def cut(self) -> str:
        """Where the network is cut, in words that tell one place from another."""
        return "; ".join(
            CutTrunk(self.network, call, layout).cut
            for call, layout in zip(self.calls, self.layouts, strict=True)
        )

    def forward(self, pixels: Tensor) -> Tensor:
        """Map pixels (N, 3, height, width) to the feature maps on the finest grid, (N, C, H, W)."""
        found = run_until(self.network, pixels, self.calls)
        pairs = zip(self.layouts, found, strict=True)
        return joined([layout.cells_first(F) for layout, F in pairs]).permute(0, 3, 1, 2)
