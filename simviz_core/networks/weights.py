"""The weights that a network has: where they come from, in words that stand beside every number."""

from dataclasses import asdict, dataclass, replace
from typing import Any

MOST_NAMED = 3
"""Names that a line lists before it counts the rest."""


@dataclass(frozen=True)
class WeightsInUse:
    """Where a network's weights come from, what of it is used and what is left out.

    Attributes:
        source: "pretrained", "random (untrained)", or the checkpoint's file.
        part: The part of the checkpoint that was taken, "model_ema"; None for the whole.
        other_parts: Parts that would have fitted as well.
        used: What of it is used, in words.
        embedder: The layers after the pooling that come from it, in words; None for none.
        changed: What was changed for it to fit, in words.
        left_out: What of it is not used, in words.
    """

    source: str
    part: str | None = None
    other_parts: tuple[str, ...] = ()
    used: str = ""
    embedder: str | None = None
    changed: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """All of it in one line."""
        if not self.used:
            return f"{self.source} weights"
        # A file's name may hold anything, a new line among it.
        source = "".join(letter if letter.isprintable() else "?" for letter in self.source)
        words = [f"weights of {source}"]
        if self.part:
            words[0] += f", {self.part}"
            if self.other_parts:
                words[0] += f" ({listed(self.other_parts)} would fit, too)"
        words += [self.used, *self.changed]
        words += [f"with {self.embedder}"] if self.embedder else []
        words += [f"left out: {'; '.join(self.left_out)}"] if self.left_out else []
        return " · ".join(words)

    def without_embedder(self, reason: str) -> "WeightsInUse":
        """The same where the layers after the pooling are not used, for a reason."""
        if self.embedder is None:
            return self
        words = f"{self.embedder.removesuffix(' as its embedder')}, {reason}"
        return replace(self, embedder=None, left_out=(words, *self.left_out))

    def as_json(self) -> dict[str, Any]:
        """All of it as JSON-ready values, the line among them."""
        return {"line": self.line} | asdict(self)


PRETRAINED = WeightsInUse("pretrained")
RANDOM = WeightsInUse("random (untrained)")
PROGRAM = WeightsInUse("the program's own")


def listed(names: tuple[str, ...] | list[str], most: int = MOST_NAMED) -> str:
    """The first names, and how many more there are: "conv1.weight, bn1.bias and 3 more"."""
    shown = ", ".join(name[:80] for name in names[:most])
    return f"{shown} and {len(names) - most} more" if len(names) > most else shown


def shape_text(shape: tuple[int, ...]) -> str:
    """A shape as it is shown: "64 × 3 × 7 × 7"."""
    return " × ".join(f"{side:,}" for side in shape) or "a single number"
