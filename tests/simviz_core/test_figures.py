import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from simviz_core.decomposition import AveragePooling, decompose
from simviz_core.errors import SettingsError
from simviz_core.figures import (
    COLOUR_MAPS,
    DIVERGING_COLOUR_MAP,
    FigureStyle,
    colour_scale,
    overlay,
    pair_figure,
    sum_check,
    upsample,
)
from simviz_core.pairs import NetworkSettings, PairExplanation, explain_pair


def example_pair(signed: bool = False) -> PairExplanation:
    import torch

    generator = torch.Generator().manual_seed(0)
    F = [torch.rand(shape, generator=generator) for shape in ((5, 7, 16), (4, 4, 16))]
    if signed:
        F = [f - 0.4 for f in F]
    images = [decompose(f, AveragePooling()) for f in F]
    return explain_pair(*images, NetworkSettings("example", "average", 224))


@given(
    rows=st.integers(1, 9),
    columns=st.integers(1, 9),
    factor=st.integers(1, 8),
    smooth=st.booleans(),
)
def test_upsampling_keeps_the_sum(rows: int, columns: int, factor: int, smooth: bool) -> None:
    values = np.random.default_rng(rows * 10 + columns).normal(size=(rows, columns))
    values = values.astype(np.float32)
    large = upsample(values, columns * factor, rows * factor, smooth)
    assert large.shape == (rows * factor, columns * factor)
    assert large.sum() / factor**2 == pytest.approx(values.sum(), abs=1e-3)


def test_upsampling_keeps_each_cell_at_its_centre() -> None:
    values = np.random.default_rng(0).random((3, 4), dtype=np.float32)
    for smooth in (True, False):
        large = upsample(values, 4 * 5, 3 * 5, smooth)
        np.testing.assert_allclose(large[2::5, 2::5], values, rtol=1e-6)


def test_flat_cells_are_flat() -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    np.testing.assert_array_equal(
        upsample(values, 6, 4, smooth=False), values.repeat(2, 0).repeat(2, 1)
    )


def test_scale_starts_at_zero_and_is_shared() -> None:
    scale = colour_scale(np.array([[0.2, 0.5]]), np.array([[0.1, 0.9]]))
    assert (scale.low, scale.high) == (0.0, 0.9)


def test_negative_values_get_a_diverging_scale_centred_at_zero() -> None:
    scale = colour_scale(np.array([[0.2, -0.5]]), np.array([[0.1, 0.3]]))
    assert (scale.low, scale.high, scale.colour_map) == (-0.5, 0.5, DIVERGING_COLOUR_MAP)
    colours = scale.colours(np.array([[-0.5, 0.0, 0.5]], dtype=np.float32))[0].astype(int)
    assert colours[0, 2] > colours[0, 0], "negative is blue"
    assert colours[2, 0] > colours[2, 2], "positive is red"
    assert colours[1].min() > 240, "zero is white"


def test_rounding_below_zero_is_not_a_sign() -> None:
    assert colour_scale(np.array([[1.0, -1e-9]])).low == 0.0


def test_a_map_of_zeros_has_a_scale() -> None:
    colours = colour_scale(np.zeros((2, 2))).colours(np.zeros((2, 2), dtype=np.float32))
    assert colours.shape == (2, 2, 3)


def test_unknown_colour_map_names_what_is_offered() -> None:
    with pytest.raises(SettingsError, match="inferno"):
        colour_scale(np.ones((1, 1)), colour_map="pink")


def test_overlay_is_brightest_where_the_map_is_largest() -> None:
    image = Image.new("RGB", (70, 50), (90, 90, 90))
    values = np.zeros((5, 7), dtype=np.float32)
    values[3, 1] = 1.0
    for smooth in (True, False):
        shown = overlay(
            image, values, colour_scale(values), FigureStyle(opacity=0.7, smooth=smooth)
        )
        assert shown.size == image.size
        brightness = np.asarray(shown.convert("L"), dtype=float)
        y, x = np.unravel_index(brightness.argmax(), brightness.shape)
        assert (y // 10, x // 10) == (3, 1)


def test_opacity_goes_from_the_image_to_the_map() -> None:
    image = Image.effect_noise((32, 32), 60).convert("RGB")
    values = np.random.default_rng(0).random((4, 4), dtype=np.float32)
    scale = colour_scale(values)
    assert overlay(image, values, scale, FigureStyle(opacity=0.0)).tobytes() == image.tobytes()
    heat = np.asarray(overlay(image, values, scale, FigureStyle(opacity=1.0, smooth=False)))
    np.testing.assert_array_equal(heat[::8, ::8], scale.colours(values))


@pytest.mark.parametrize("shared_scale", [True, False])
@pytest.mark.parametrize("signed", [True, False])
def test_figure_is_a_png_with_both_maps(shared_scale: bool, signed: bool) -> None:
    pair = example_pair(signed)
    images = [Image.new("RGB", size, (128, 128, 128)) for size in ((320, 240), (120, 200))]
    for colour_map in COLOUR_MAPS[:1] + COLOUR_MAPS[-1:]:
        png = pair_figure(
            pair, *images, ("left", "right"), FigureStyle(colour_map, shared_scale=shared_scale)
        )
        figure = Image.open(io.BytesIO(png))
        assert figure.format == "PNG"
        assert figure.width > 1000
        colours = np.asarray(figure.convert("RGB")).reshape(-1, 3)
        assert len(np.unique(colours, axis=0)) > 500


def test_sum_check_shows_sum_cosine_and_residual() -> None:
    pair = example_pair()
    text = sum_check(pair)
    assert f"cosine {pair.similarity:.4f}" in text
    assert f"map sum {pair.query_map.sum():.4f}" in text
