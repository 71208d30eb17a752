import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from simviz_core.errors import SettingsError
from simviz_core.figures import (
    DIVERGING_COLOUR_MAP,
    FigureStyle,
    MapScales,
    colour_scale,
    overlay,
    upsample,
)


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


def test_one_scale_for_all_maps_or_one_for_each() -> None:
    small, large = np.full((2, 2), 0.1, np.float32), np.full((3, 3), 0.9, np.float32)
    one = MapScales.of_maps([small, large], FigureStyle("jet"))
    assert one.shared == one.of(small) == one.of(large)
    assert (one.of(small).high, one.of(small).colour_map) == (pytest.approx(0.9), "jet")
    own = MapScales.of_maps([small, large], FigureStyle("jet", shared_scale=False))
    assert own.shared is None
    assert [own.of(values).high for values in (small, large)] == pytest.approx([0.1, 0.9])
    assert [own.of(m).colour_map for m in (small, -large)] == ["jet", DIVERGING_COLOUR_MAP]


def test_a_map_that_is_left_out_leaves_the_others_their_colours() -> None:
    maps = [np.full((2, 2), value, np.float32) for value in (0.1, 0.5, 0.9)]
    style = FigureStyle(shared_scale=False)
    all_of_them = MapScales.of_maps(maps, style)
    without_first = MapScales.of_maps(maps[1:], style)
    assert [all_of_them.of(m) for m in maps[1:]] == [without_first.of(m) for m in maps[1:]]
    assert MapScales.of_maps([], FigureStyle()).shared is None


def test_contrasts_are_centred_at_zero_whatever_their_signs() -> None:
    small, large = np.full((2, 2), 0.1, np.float32), np.full((3, 3), 0.9, np.float32)
    one = MapScales.of_contrasts([small, large], FigureStyle("jet"))
    assert (one.of(small).low, one.of(small).high) == pytest.approx((-0.9, 0.9))
    own = MapScales.of_contrasts([small, large], FigureStyle("jet", shared_scale=False))
    assert (own.of(small).low, own.of(small).high) == pytest.approx((-0.1, 0.1))
    assert {own.of(m).colour_map for m in (small, large)} == {DIVERGING_COLOUR_MAP}


def test_a_contrast_is_transparent_at_zero_and_a_similarity_map_is_not() -> None:
    image = Image.new("RGB", (40, 10), (10, 120, 30))
    values = np.array([[-1.0, -0.01, 0.0, 1.0]], dtype=np.float32)
    style = FigureStyle(opacity=1.0, smooth=False)
    shown = np.asarray(
        overlay(image, values, MapScales.of_contrasts([values], style).of(values), style)
    )
    np.testing.assert_array_equal(shown[5, 25], (10, 120, 30))
    assert np.abs(shown[5, 15].astype(int) - (10, 120, 30)).max() < 20
    colours = MapScales.of_contrasts([values], style).of(values).colours(values)[0]
    np.testing.assert_array_equal(shown[5, 35], colours[3])
    np.testing.assert_array_equal(shown[5, 5], colours[0])
    plain = np.asarray(overlay(image, values, MapScales.of_maps([values], style).of(values), style))
    assert plain[5, 25].min() > 200, "zero is white where the scale is of contributions"


def test_maps_that_are_hardly_seen_on_the_shared_scale_are_named() -> None:
    strong, weak = np.full((2, 2), 1.0, np.float32), np.full((2, 2), 0.1, np.float32)
    groups = {"average": [strong, weak], "max": [weak], "empty": []}
    shared = MapScales.of_maps([strong, weak], FigureStyle())
    assert shared.faint(groups) == {"max": pytest.approx(0.1)}
    each = MapScales.of_maps([strong, weak], FigureStyle(shared_scale=False))
    assert each.faint(groups) == {}
