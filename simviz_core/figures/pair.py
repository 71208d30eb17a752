"""The figure of a pair."""

import textwrap
from collections.abc import Sequence

import numpy as np
from PIL import Image

from simviz_core.figures.cells import draw_block
from simviz_core.figures.maps import (
    CONTRIBUTION,
    FigureStyle,
    Map,
    MapScales,
    add_colour_bar,
    overlay,
    shortened,
)
from simviz_core.figures.text import PNG, as_file
from simviz_core.pairs import (
    LOST_SENTENCE,
    BlockPart,
    LostMaps,
    PairExplanation,
    PairPadding,
    RelativePair,
    padding_words,
)

LINE = 120
"""Characters that fit under a figure."""


def pair_figure(
    pair: PairExplanation,
    query: Image.Image,
    match: Image.Image,
    captions: tuple[str, str],
    style: FigureStyle,
    parts: Sequence[BlockPart] = (),
    instead: RelativePair | LostMaps | None = None,
    file_format: str = PNG,
    padding: PairPadding | None = None,
) -> bytes:
    """Both images with their maps, the score, its check and the colour scale, as one figure.

    Args:
        pair: The explanation.
        query: What the network sees of it, RGB.
        match: The same of the match.
        captions: What to write over the two images.
        style: How the maps are shown.
        parts: Blocks of cells; each gets a line of its own, with its map on the other image.
        instead: Maps to show instead of the similarity maps, with what their colours mean.
        file_format: One of `FILE_FORMATS`.
        padding: What of the similarity maps lies in the padding.

    Returns:
        A file of that format.

    Raises:
        SettingsError: The colour map is not on offer.
    """
    from matplotlib.figure import Figure

    maps = shown_maps(pair, instead)
    kind = MapScales.of_maps if instead is None else MapScales.of_contrasts
    scales, label = kind(maps, style), _label(instead)
    tallest = max(image.height / image.width for image in (query, match))
    height = 4.4 * min(max(tallest, 0.3), 1.6) + (0.4 if parts else 0)
    lines = 1 + len(parts)
    figure = Figure(figsize=(10, height * lines + 1.1), layout="constrained")
    panels, *others = figure.subplots(lines, 2, squeeze=False)
    for panel, image, values, caption in zip(panels, (query, match), maps, captions, strict=True):
        panel.imshow(overlay(image, values, scales.of(values), style))
        panel.set_title(shortened(caption), fontsize=10)
        panel.set_anchor("N")
        panel.set_axis_off()
        if not scales.shared:
            add_colour_bar(figure, [panel], scales.of(values), label)
    if scales.shared:
        add_colour_bar(figure, list(panels), scales.shared, label)
    for line, part in zip(others, parts, strict=True):
        draw_block(figure, list(line), part, (query, match), style)
    settings = pair.settings
    figure.suptitle(f"similarity {pair.similarity:.4f}   ·   {settings.title}")
    figure.supxlabel(_meaning(pair, instead, padding), fontsize=9, color="0.35")
    return as_file(figure, 150, file_format)


def shown_maps(
    pair: PairExplanation, instead: RelativePair | LostMaps | None = None
) -> tuple[Map, Map]:
    """The maps that a figure shows: of the query and of the match."""
    if isinstance(instead, RelativePair):
        return instead.query.values, instead.match.values
    if instead is not None:
        return instead.query, instead.match
    return pair.query_map, pair.match_map


def _label(instead: RelativePair | LostMaps | None) -> str:
    """What the colour bar measures."""
    if isinstance(instead, RelativePair):
        return f"contribution beyond {shortened(instead.reference.description, 60)}"
    return CONTRIBUTION if instead is None else "similarity lost without this cell alone"


def _meaning(
    pair: PairExplanation,
    instead: RelativePair | LostMaps | None,
    padding: PairPadding | None,
) -> str:
    """The check that the maps add up, and what the colours mean if it is something else."""
    if isinstance(instead, RelativePair):
        lines = [f"relative to {instead.reference.description}: {instead.query.check()}"]
        lines += textwrap.wrap(instead.reference.sentence, LINE)
        return "\n".join(lines)
    if instead is not None:
        return "\n".join(textwrap.wrap(LOST_SENTENCE, LINE))
    return "\n".join(
        [sum_check(pair), *([padding_words(pair.similarity, padding)] if padding else [])]
    )


def sum_check(pair: PairExplanation) -> str:
    """The check that the map adds up to the similarity, in one line."""
    return (
        f"map sum {pair.query_map.sum(dtype=np.float64):.4f}{pair.bias_words} · "
        f"cosine {pair.similarity:.4f} · residual {pair.residual:.0e}"
    )
