"""What was found out about a network: one value, and one line for people."""

from dataclasses import asdict, dataclass
from typing import Any

from simviz_core.decomposition import CLASS_TOKEN
from simviz_core.networks.engines.in_use import EngineInUse
from simviz_core.networks.poolings import AS_IT_IS, POOLING_PHRASES
from simviz_core.networks.sizes import input_size, size_text
from simviz_core.networks.weights import WeightsInUse

EXACT = "exact"
FROZEN = "frozen"
APPROXIMATE = "approximate"
REFUSED = "refused"


@dataclass(frozen=True)
class NetworkReading:
    """How a network makes its embedding, and whether that is a sum over cells.

    Attributes:
        title: The network, as it is shown: "timm resnet50.a1_in1k".
        size: Height and width of the images that it was tried on, in pixels.
        verdict: `EXACT`; `FROZEN`, exact where attention weights or a layer norm's deviation are
            taken as they are in the image; `APPROXIMATE`; or `REFUSED`.
        pooling: The name of the pooling; None for a refused network.
        channels: Of the feature map, C.
        dimension: Of the embedding, D.
        grid: Rows and columns of cells, (H, W).
        is_tokens: Whether the cells are a transformer's tokens.
        operations: Of a pooling that the network puts together itself, what it does, in its words.
        frozen: What the contributions take as it is in the image.
        tail: The layers after the pooling that belong to the embedding.
        residual: The largest |Σ A + b − e| of the images that it was tried on, relative to |e|.
        remainder: The share of the squared length of the embedding that no cell accounts for; the
            largest that was met.
        note: What is left out of the network's own embedding and why, in a sentence.
        reason: Why it is refused, and what to choose instead.
        own_pooling: The pooling that the network itself does; None where none was found.
        alternatives: Poolings of the last feature map that can be chosen.
        outputs: The names of its outputs, where it has several.
        weights: Where its weights come from; None where that is not known.
        own_head: How the embedding that is shown agrees with the network's own, in words, where
            the network's own head is left out for a pooling or layer that was asked for.
        engine: What runs the network; None where that was not settled.
    """

    title: str
    size: tuple[int, int]
    verdict: str
    pooling: str | None = None
    channels: int = 0
    dimension: int = 0
    grid: tuple[int, int] = (0, 0)
    is_tokens: bool = False
    operations: tuple[str, ...] = ()
    frozen: tuple[str, ...] = ()
    tail: tuple[str, ...] = ()
    residual: float = 0.0
    remainder: float = 0.0
    note: str | None = None
    reason: str | None = None
    own_pooling: str | None = None
    alternatives: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    weights: WeightsInUse | None = None
    own_head: str | None = None
    engine: EngineInUse | None = None

    @property
    def pooling_phrase(self) -> str:
        """The pooling in words, with what a network's own does: "… (adaptive_max_pool2d, cat)"."""
        name = self.pooling or ""
        phrase = POOLING_PHRASES.get(name, name)
        return f"{phrase} ({', '.join(self.operations)})" if self.operations else phrase

    @property
    def line(self) -> str:
        """All of it in one line: "… · 2,048 channels, 7 × 7 at 224 · average pooling · exact"."""
        if self.pooling is None:
            return f"{self.title} · refused: {self.reason}"
        unit = " tokens" if self.is_tokens else ""
        pooling = ", ".join([self.pooling_phrase, *self.tail])
        verdict = self.verdict
        if verdict == FROZEN:
            verdict = f"{EXACT}, {', '.join(self.frozen)} frozen"
            if self.pooling == CLASS_TOKEN:
                verdict = f"{EXACT}, {AS_IT_IS}, up to {self.remainder:.0%} in no cell"
        if verdict == APPROXIMATE:
            verdict += f", {self.remainder:.0%} in no cell"
        return (
            f"{self.title} · {self.channels:,} channels, {self.grid[0]} × {self.grid[1]}{unit} at "
            f"{size_text(input_size(*self.size))} · {pooling} · {verdict}"
            f"{f' · {self.own_head}' if self.own_head else ''}"
        )

    def as_json(self) -> dict[str, Any]:
        """All of it as JSON-ready values, the line among them."""
        weights = self.weights
        return (
            {"line": self.line}
            | asdict(self)
            | {
                "weights": weights.line if weights else None,
                "weights_in_use": weights.as_json() if weights else None,
                "engine": self.engine.as_json() if self.engine else None,
            }
        )
