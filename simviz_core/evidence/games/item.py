"""What every game is made of: items that are played one by one and remembered."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from simviz_core.evidence.methods import ExplainedImage, Map, Method, Target

Measures = dict[str, float | None]


@dataclass(frozen=True)
class Outcome:
    """How one method did on one item of one game.

    Attributes:
        game: Of which game.
        item: Which item; each has one outcome of each method.
        group: What the item belongs to, as the unit that a bootstrap resamples.
        method: The method's name.
        values: By the measure's name; None where a measure is undefined.
        seconds: What the map takes if nothing was made before.
    """

    game: str
    item: str
    group: str
    method: str
    values: Measures
    seconds: float


@dataclass(frozen=True)
class Item:
    """One item of a game, to be played when its turn comes.

    Attributes:
        game: The game's name.
        name: Unique in its game; says what was drawn, so that a resumed run finds it again.
        play: Makes its outcomes.
    """

    game: str
    name: str
    play: Callable[[], list[Outcome]] = field(repr=False)


def item_seed(seed: int, name: str) -> int:
    """A seed of its own for each item, the same in every run and process."""
    return zlib.crc32(f"{seed} {name}".encode())


def outcomes_of(
    item: tuple[str, str, str],
    image: ExplainedImage,
    target: Target,
    methods: Sequence[Method],
    measure: Callable[[Map, str], Measures],
) -> list[Outcome]:
    """Make every method's map and measure it.

    Args:
        item: The game, the item's name and its group.
        image: The image that the maps lie on.
        target: What is explained.
        methods: Those that the target or the network does not suit are left out.
        measure: Of a map, (H, W), and its method's name.
    """
    found = []
    for method in methods:
        if method.can_explain(target, image):
            values, seconds = method.map(image, target)
            found.append(Outcome(*item, method.name, measure(values, method.name), seconds))
    return found
