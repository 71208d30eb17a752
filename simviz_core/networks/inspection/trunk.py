"""A trunk cut out of any network: it runs as far as the last feature map."""

from torch import Tensor, nn

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
        found = run_until(self.network, pixels, self.call) if self.call else self.network(pixels)
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
