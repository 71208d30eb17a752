"""A view goes into its link and back without loss."""

from dataclasses import fields
from urllib.parse import parse_qs, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simviz_core.figures import COLOUR_MAPS
from simviz_core.misses import COMPARED_KINDS, MISS_ORDERS
from simviz_core.pairs.cells import CellBlock
from simviz_core.retrieval import QueryPart, Region
from simviz_ui.view import (
    DEFAULTS,
    DIFFERENT,
    NAMES,
    PAGES,
    SAME,
    View,
    as_link,
    from_link,
    region_as_text,
    region_from_text,
)

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(lambda s: s.strip())
CORNERS = st.floats(-1e6, 1e6, allow_nan=False)
RECTANGLES = st.lists(st.tuples(CORNERS, CORNERS, CORNERS, CORNERS), max_size=3).map(tuple)
COUNTS = st.integers(0, 40)
RANGES = st.tuples(COUNTS, COUNTS).map(lambda ends: (min(ends), max(ends)))


def blocks(side: str, top: int, left: int, height: int, width: int) -> CellBlock:
    return CellBlock(side, top, left, top + height, left + width)


SPECIAL = {
    "class_level": st.sampled_from(["1", "2", "9", "own"]),
    "pooling": st.sampled_from(["average", "max", "gem", "own", "sum"]) | st.none(),
    "run_pooling": st.sampled_from(["average", "max", "gem"]) | st.none(),
    "size": st.sampled_from(["224", "448", "128x256"]) | st.none(),
    "run_size": st.sampled_from(["224", "448", "128x256"]) | st.none(),
    "tail": st.sampled_from(["auto", "keep", "drop"]) | st.none(),
    "colours": st.sampled_from(COLOUR_MAPS),
    "style": st.sampled_from(["smooth", "cells"]),
    "scale": st.sampled_from(["shared", "each"]),
    "show": st.sampled_from(["images", "classes"]),
    "tier": st.sampled_from(["exact", "approximate"]),
    "class_map": st.sampled_from(["class", "contrast", "mean", "class:a b"]),
    "follow": st.sampled_from(["matches", "pair"]),
    "opacity": st.integers(0, 100),
    "top": st.sampled_from([6, 12, 24]),
    "class_top": st.sampled_from([6, 12, 24]) | st.none(),
    "classes_shown": st.integers(1, 12),
    "pairs": st.sampled_from([100, 300, 1000]),
    "channels": st.sampled_from([3, 5, 10]),
    "seed": st.integers(0, 10**6),
    "cell": st.builds(blocks, st.sampled_from(["query", "match"]), COUNTS, COUNTS, COUNTS, COUNTS)
    | st.none(),
    "regions": st.builds(Region, RECTANGLES, RECTANGLES),
    "parts": st.lists(
        st.builds(
            QueryPart,
            TEXTS | st.sampled_from(["a:", "a:1,2,3,4", "b:except:1,2,3,4;1,2,3,4", "a:1,2,3"]),
            st.builds(Region, RECTANGLES, RECTANGLES),
            st.floats(0.001, 100) | st.floats(-100, -0.001),
        ),
        max_size=3,
    ).map(tuple),
    "iterations1": RANGES | st.none(),
    "iterations_why": RANGES | st.none(),
    "iterations2": RANGES | st.none(),
    "pair_kinds": st.lists(st.sampled_from([SAME, DIFFERENT]), unique=True).map(tuple),
    "blank": st.sampled_from(["strongest", "pinned"]),
    "fill": st.sampled_from(["blur", "mean", "border"]),
    "blanked_cells": st.integers(1, 50),
    "relative_to": st.sampled_from(["nothing", "mean", "class", "self", "image", "lost"])
    | TEXTS.map("class:{}".format),
    "order": st.sampled_from(list(MISS_ORDERS)),
    "change": st.sampled_from(["all", *COMPARED_KINDS]),
    "selection": st.from_regex(r"[0-9a-f]{16}", fullmatch=True) | st.none(),
    "objects": st.lists(TEXTS, max_size=3).map(tuple) | st.none(),
}


def values_of(name: str) -> st.SearchStrategy:
    if name in SPECIAL:
        return SPECIAL[name]
    if isinstance(DEFAULTS[name], bool):
        return st.booleans()
    if isinstance(DEFAULTS[name], tuple):
        return st.lists(TEXTS, max_size=3).map(tuple)
    return TEXTS | st.none()


def views_of(page: str) -> st.SearchStrategy[View]:
    named = st.fixed_dictionaries({name: values_of(name) for name in PAGES[page]})
    return named.map(DEFAULTS.with_fields)


@pytest.mark.parametrize("page", PAGES)
@given(data=st.data())
def test_a_view_comes_back_from_its_link_as_it_was(page: str, data: st.DataObject) -> None:
    view = data.draw(views_of(page))
    address = urlencode(as_link(view, page), doseq=True)
    back, problems = from_link(parse_qs(address, keep_blank_values=True), page)
    assert back == view
    assert not problems


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_would_show_anyway_has_a_bare_link(page: str) -> None:
    assert as_link(DEFAULTS, page) == {}
    assert from_link({}, page) == (DEFAULTS, [])


def test_every_field_is_of_some_page() -> None:
    shown = {name for names in PAGES.values() for name in names}
    assert shown == set(NAMES)
    assert len(NAMES) == len(fields(View))


@pytest.mark.parametrize("page", PAGES)
@given(data=st.data())
def test_a_link_from_anywhere_does_no_harm(page: str, data: st.DataObject) -> None:
    names = st.sampled_from([*PAGES[page], "own_pooling", "any_size"])
    link = data.draw(st.dictionaries(names, st.lists(st.text(), max_size=3)))
    view, _ = from_link(link, page)
    again, problems = from_link(as_link(view, page), page)
    assert again == view
    assert not problems


@pytest.mark.parametrize(
    ("link", "name", "value"),
    [
        ({"own_pooling": ["GeM"]}, "pooling", "gem"),
        ({"pooling": ["Max"]}, "pooling", "max"),
        ({"size": ["448 px"]}, "size", "448"),
        ({"any_size": ["128x256"]}, "size", "128x256"),
        ({"style": ["Cells"]}, "style", "cells"),
        ({"scale": ["Per image"]}, "scale", "each"),
        ({"class_map": ["Contrast"]}, "class_map", "contrast"),
        ({"pair_kinds": ["Same class", "Different classes"]}, "pair_kinds", (SAME, DIFFERENT)),
        ({"one_pair": ["True"]}, "one_pair", True),
        ({"follow": ["One pair"]}, "follow", "pair"),
        ({"show": ["Best of each class"]}, "show", "classes"),
    ],
)
def test_links_of_before_are_understood(
    link: dict[str, list[str]], name: str, value: object
) -> None:
    page = next(page for page in PAGES if name in PAGES[page])
    view, problems = from_link(link, page)
    assert view[name] == value
    assert not problems


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("opacity", "400"),
        ("opacity", "many"),
        ("style", "oil"),
        ("cell", "sky,1,1"),
        ("relative_to", "sky"),
        ("relative_to", "image:/etc/passwd"),
        ("regions", "paint:1,2,3,4"),
        ("regions", "include:1,2,3,nan"),
        ("only_misses", "perhaps"),
        ("iterations1", "3"),
    ],
)
def test_what_is_not_understood_is_named(name: str, text: str) -> None:
    page = next(page for page in PAGES if name in PAGES[page])
    view, problems = from_link({name: [text]}, page)
    assert view == DEFAULTS
    assert problems == [f"the link's {name}={text} is not understood"]


def test_regions_are_kept_to_the_last_bit() -> None:
    drawn = Region(((1 / 3, -2.0, 30.0, 40.5),), ((0.1 + 0.2, 0.0, 5.0, 5.0),))
    assert region_from_text(region_as_text(drawn)) == drawn
    for nonsense in ("include:1,2,3", "include:1,2,3,4..5", "paint:1,2,3,4", "<b>"):
        with pytest.raises(ValueError, match=r".*"):
            region_from_text(nonsense)
