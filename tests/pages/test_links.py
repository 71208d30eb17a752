"""A view is the same whether it is reached by its link or by clicks: page, link and command."""

import random
from urllib.parse import parse_qs, urlencode

import pytest
from page_testing import new_app, open_page, until_indexed
from streamlit.testing.v1 import AppTest

from simviz_ui.view import DEFAULTS, as_link, from_link

IMAGES = [f"{label}/view_{number}.png" for label in ("chairs", "lamps") for number in (1, 2, 10)]
CHOICES: dict[str, list[object]] = {
    "pooling": ["average", "max", "gem"],
    "query": list(IMAGES),
    "match": list(IMAGES),
    "colours": ["viridis", "jet"],
    "opacity": [0, 35, 100],
    "style": ["smooth", "cells"],
    "scale": ["shared", "each"],
    "relative_to": ["nothing", "mean", "class", "class:lamps", "self"],
    "only_misses": [True, False],
    "top": [6, 12, 24],
    "classes": [("chairs",), ("lamps",), ("chairs", "lamps")],
    "keep_query": [True, False],
    "without_own_class": [True, False],
    "show": ["images", "classes"],
    "class": ["chairs", "lamps"],
    "class2": ["chairs", "lamps"],
    "class_map": ["class", "mean", "contrast"],
    "class_top": [6, 12, 24],
    "pairs": [100, 300, 1000],
    "seed": [0, 7],
    "channels": [3, 5],
}
DISPLAY = ("colours", "opacity", "style", "scale")
FILTERS = ("query", "pooling", "top", "classes", "keep_query", "without_own_class")
FIELDS = {
    "pair": ("pooling", "query", "match", "relative_to", *DISPLAY),
    "search": (*FILTERS, "relative_to", *DISPLAY),
    "region": (*FILTERS, "show", "relative_to", *DISPLAY),
    "classes": ("pooling", "class", "class2", "class_map", "class_top", *DISPLAY),
    "features": ("pooling", "pairs", "seed"),
}


def shown(app: AppTest) -> tuple[list[str], dict[str, list[str]]]:
    """The commands that the page names, and its link."""
    return [code.value for code in app.code], parse_qs(urlencode(app.query_params, doseq=True))


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("page", FIELDS)
def test_a_link_and_clicks_lead_to_the_same_command(app: AppTest, page: str, seed: int) -> None:
    chance = random.Random(f"{page} {seed}")
    fields = {name: chance.choice(CHOICES[name]) for name in FIELDS[page]}
    file = f"pages/{page}.py"

    clicked = until_indexed(open_page(app, file)).run()
    for name in chance.sample(list(fields), len(fields)):
        value = fields[name]
        clicked.get_by_key(name).set_value(list(value) if isinstance(value, tuple) else value)
        until_indexed(clicked.run()).run()

    link = as_link(DEFAULTS.with_fields(fields), page)
    linked = new_app()
    for name, texts in link.items():
        linked.query_params[name] = texts
    until_indexed(open_page(linked, file)).run()

    assert not clicked.exception
    assert shown(linked)[0], "the page names a command"
    assert shown(linked) == shown(clicked)
    # The link says what is shown, and no more: opened again it is the same.
    view, problems = from_link(shown(linked)[1], page)
    assert as_link(view, page) == shown(linked)[1]
    assert not problems


def test_another_page_takes_along_what_is_shared(app: AppTest) -> None:
    open_page(app, "pages/pair.py", query="lamps/view_2.png", pooling="max", opacity="35")
    app.switch_page("pages/search.py").run()
    until_indexed(app).run()
    assert app.query_params["query"] == "lamps/view_2.png"
    assert app.query_params["pooling"] == "max"
    assert app.query_params["opacity"] == "35"
    assert "match" not in app.query_params
    app.switch_page("pages/pair.py").run()
    assert app.query_params["match"] == "chairs/view_2.png"
    assert app.get_by_key("pooling").value == "max"


def test_a_page_is_found_again_as_it_was_left(app: AppTest) -> None:
    until_indexed(open_page(app, "pages/search.py", top="24", only_misses="true")).run()
    app.switch_page("pages/pair.py").run()
    assert "top" not in app.query_params
    app.switch_page("pages/search.py").run()
    until_indexed(app).run()
    assert app.query_params["top"] == "24"
    assert app.get_by_key("only_misses").value is True


def test_a_choice_survives_a_page_without_its_widget(app: AppTest) -> None:
    open_page(app, "pages/pair.py")
    for step in range(3):
        app.get_by_key("query_next").click().run()
        app.get_by_key("match").set_value(IMAGES[step + 3]).run()
    before = app.get_by_key("query").value, app.get_by_key("match").value
    app.switch_page("pages/overview.py").run()
    app.run()
    app.switch_page("pages/pair.py").run()
    assert (app.get_by_key("query").value, app.get_by_key("match").value) == before
    assert (app.query_params["query"], app.query_params["match"]) == before


def replacements(app: AppTest) -> list[str]:
    """What the browser is given to put into its address bar without an entry in its history."""
    found = [element.proto for element in app.get("bidi_component")]
    return [each.json for each in found if each.component_name.endswith("simviz_address")]


def test_a_replaced_link_is_given_to_the_browser_in_every_run(app: AppTest) -> None:
    """It may drop what it has not drawn when the next run begins."""
    page = until_indexed(open_page(app, "pages/pair.py"))
    (given,) = replacements(page)
    assert "query=" in given
    assert replacements(page.run()) == [given]
    page.selectbox(key="query").select(IMAGES[3]).run()
    assert page.query_params["query"] == IMAGES[3]
    assert replacements(page) == []


def test_a_page_that_ends_early_has_its_link_and_says_what_of_it_is_not_shown(
    app: AppTest,
) -> None:
    """As where a network is unknown: after that nothing of the page itself is shown."""
    open_page(app, "pages/search.py", network="nonsense", top="99")
    assert any("unknown network" in error.value for error in app.error)
    assert any("99" in warning.value for warning in app.warning)
    (given,) = replacements(app)
    assert "network=nonsense" in given
    assert "top" not in given
