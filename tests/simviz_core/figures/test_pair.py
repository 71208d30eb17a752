from collections.abc import Callable
from functools import partial
from xml.etree import ElementTree

import pytest
import torch
from PIL import Image

from simviz_core.decomposition import AveragePooling, decompose
from simviz_core.errors import SettingsError
from simviz_core.figures import COLOUR_MAPS, FigureStyle, pair_figure, sum_check
from simviz_core.networks.settings import NetworkSettings
from simviz_core.pairs import PairExplanation, explain_pair


def example_pair(signed: bool = False) -> PairExplanation:
    generator = torch.Generator().manual_seed(0)
    F = [torch.rand(shape, generator=generator) for shape in ((5, 7, 16), (4, 4, 16))]
    if signed:
        F = [f - 0.4 for f in F]
    images = [decompose(f, AveragePooling()) for f in F]
    return explain_pair(*images, NetworkSettings("example", "average", 224))


@pytest.mark.parametrize("shared_scale", [True, False])
@pytest.mark.parametrize("signed", [True, False])
def test_figure_is_a_png_with_both_maps(
    shared_scale: bool, signed: bool, count_colours: Callable[[bytes], dict[tuple, int]]
) -> None:
    pair = example_pair(signed)
    images = [Image.new("RGB", size, (128, 128, 128)) for size in ((320, 240), (120, 200))]
    for colour_map in COLOUR_MAPS[:1] + COLOUR_MAPS[-1:]:
        png = pair_figure(
            pair, *images, ("left", "right"), FigureStyle(colour_map, shared_scale=shared_scale)
        )
        colours = count_colours(png)
        assert sum(colours.values()) > 1000 * 500
        assert len(colours) > 500


@pytest.mark.parametrize(("file_format", "start"), [("svg", b"<?xml"), ("pdf", b"%PDF-")])
def test_figure_as_svg_and_pdf_is_the_same_each_time(file_format: str, start: bytes) -> None:
    image = Image.new("RGB", (64, 48), (128, 128, 128))
    # What an SVG cannot hold, and what a formula would be made of.
    captions = ("a & <b> \x08", "$x^2$")
    draw = partial(pair_figure, example_pair(), image, image, captions, FigureStyle())
    first = draw(file_format=file_format)
    assert first.startswith(start)
    if file_format == "svg":
        ElementTree.fromstring(first)
    else:
        assert b"CreationDate" not in first


def test_an_unknown_colour_map_is_refused() -> None:
    image = Image.new("RGB", (20, 20))
    with pytest.raises(SettingsError, match="pink"):
        pair_figure(example_pair(), image, image, ("left", "right"), FigureStyle("pink"))


def test_sum_check_shows_sum_cosine_and_residual() -> None:
    pair = example_pair()
    text = sum_check(pair)
    assert f"cosine {pair.similarity:.4f}" in text
    assert f"map sum {pair.query_map.sum():.4f}" in text
