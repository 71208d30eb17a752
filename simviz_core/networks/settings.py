"""What decides an embedding, apart from the image."""

from dataclasses import asdict, dataclass
from typing import Any

from simviz_core.networks.preprocessing import Preprocessing
from simviz_core.networks.sizes import InputSize, size_text


@dataclass(frozen=True)
class NetworkSettings:
    """What decides an embedding, apart from the image.

    Attributes:
        network: The network's name.
        pooling: The pooling rule's name; or "own", for the network's own before it is known.
        size: Width and height of the images that enter the network, in pixels; one number for a
            square.
        checkpoint: The file that its weights come from; None for the pretrained ones.
        tail: What becomes of the layers after the pooling: "auto", "keep" or "drop".
        layer: The name of the layer whose output is pooled; None for the last feature map.
        is_random: Whether the weights are random, instead of pretrained, for trying out.
        preprocessing: How pixels are scaled and resized; None for the network's own way.
    """

    network: str
    pooling: str
    size: InputSize
    checkpoint: str | None = None
    tail: str = "auto"
    layer: str | None = None
    is_random: bool = False
    preprocessing: Preprocessing | None = None

    @property
    def title(self) -> str:
        """The settings as figures show them, in a few words."""
        return f"{self.network}, {self.pooling} pooling, {size_text(self.size)} px"

    @property
    def title_without_pooling(self) -> str:
        """The same where several poolings are compared."""
        return f"{self.network}, {size_text(self.size)} px"

    def as_json(self) -> dict[str, Any]:
        """The settings as JSON-ready values, by the names of the command line's options."""
        return {
            "network": self.network,
            "pooling": self.pooling,
            "size": self.size,
            "checkpoint": self.checkpoint,
            "tail": self.tail,
            "layer": self.layer,
            "random_weights": self.is_random,
            "preprocessing": None if self.preprocessing is None else asdict(self.preprocessing),
        }
