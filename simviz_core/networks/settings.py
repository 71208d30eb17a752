"""What decides an embedding, apart from the image."""

import textwrap
from dataclasses import asdict, dataclass, field
from typing import Any

from PIL import Image

from simviz_core.images import STRETCH, WHOLE, Fit, Frame
from simviz_core.networks.poolings import as_it_is, pooling_words
from simviz_core.networks.preprocessing import BGR, Preprocessing
from simviz_core.networks.sizes import InputSize, size_text
from simviz_core.networks.weights import PRETRAINED, RANDOM, WeightsInUse

TITLE_WIDTH = 110
"""Of a line of a figure's title, in letters."""


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
        preprocessing: How images become the input, and pixels are scaled; None for a stretched
            image that is scaled the network's own way.
        part: Which part of the checkpoint is taken, where several fit; None for the first.
        weights: What of them is used, once that is known; two settings do not differ by it.
        checkpoint_name: What the checkpoint is called in what is shown and exported, where that is
            not its path; two settings do not differ by it, either.
        output: Which of the network's outputs is its embedding; None for the one that is found.
        engine: What runs the network, in words, once that is known; two settings do not differ by
            it.
    """

    network: str
    pooling: str
    size: InputSize
    checkpoint: str | None = None
    tail: str = "auto"
    layer: str | None = None
    is_random: bool = False
    preprocessing: Preprocessing | None = None
    part: str | None = None
    weights: WeightsInUse | None = field(default=None, compare=False)
    checkpoint_name: str | None = field(default=None, compare=False)
    output: str | None = None
    engine: str | None = field(default=None, compare=False)

    @property
    def named_checkpoint(self) -> str | None:
        """What the checkpoint is called, for whoever reads or types it; None for none."""
        return self.checkpoint if self.checkpoint_name is None else self.checkpoint_name

    @property
    def weights_line(self) -> str:
        """Where the weights come from, and what of them is used and left out, in one line."""
        if self.weights is not None:
            return self.weights.line
        if self.checkpoint is None:
            return (RANDOM if self.is_random else PRETRAINED).line
        return f"weights of {self.named_checkpoint}{f', {self.part}' if self.part else ''}"

    @property
    def title(self) -> str:
        """The settings as figures show them: the network in a line, its weights below it."""
        first = f"{self.network}, {pooling_words(self.pooling)}, {self._input}"
        return f"{first}\n{self._weights_lines}"

    @property
    def title_without_pooling(self) -> str:
        """The same where several poolings are compared."""
        return f"{self.network}, {self._input}\n{self._weights_lines}"

    @property
    def fit(self) -> Fit:
        """How an image becomes the network's input."""
        return self.preprocessing.fit if self.preprocessing else STRETCH

    def frame(self, image: Image.Image) -> Frame:
        """Where the network's input, and so every map, lies in an image."""
        if self.preprocessing is None:
            return WHOLE
        return self.preprocessing.frame(image.size, self.size)

    def seen(self, image: Image.Image) -> Image.Image:
        """What the network sees of an image, RGB: what its maps are laid over."""
        return self.frame(image).seen(image)

    @property
    def _input(self) -> str:
        own = self.preprocessing or Preprocessing()
        order = "blue first" if own.channel_order == BGR else ""
        return ", ".join(filter(None, (f"{size_text(self.size)} px", own.fit_words, order)))

    @property
    def _weights_lines(self) -> str:
        return "\n".join(textwrap.wrap(self.weights_line, TITLE_WIDTH, max_lines=3))

    def as_json(self) -> dict[str, Any]:
        """The settings as JSON-ready values, by the names of the command line's options."""
        return {
            "network": self.network,
            "pooling": self.pooling,
            "size": self.size,
            "fit": self.fit,
            "checkpoint": self.named_checkpoint,
            "checkpoint_part": self.part,
            "weights": self.weights_line,
            "engine": self.engine,
            "tail": self.tail,
            "layer": self.layer,
            "output": self.output,
            "random_weights": self.is_random,
            **({"label": label} if (label := as_it_is(self.pooling)) else {}),
            "preprocessing": None if self.preprocessing is None else asdict(self.preprocessing),
        }
