"""Names that are markup are text on every page."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile_names import FILES, LABELS, NETWORK, RAW, hostile_gallery, hostile_run
from page_testing import open_page, plain, until_indexed
from streamlit.testing.v1 import AppTest

RANDOM = "random (untrained)"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hostile_gallery(tmp_path_factory.mktemp("names"))


@pytest.fixture(autouse=True)
def allowed(hostile: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMVIZ_GALLERIES", str(hostile.parent))


def markdown_of(app: AppTest) -> Iterator[str]:
    """Every text of the page that Streamlit reads as Markdown."""
    for element in (*app.main, *app.sidebar):
        proto = getattr(element, "proto", None)
        for name in ("body", "label", "caption", "text", "help", "tooltip"):
            text = getattr(proto, name, None)
            if isinstance(text, str) and element.type not in ("code", "text", "html"):
                yield text
        if element.type == "imgs":
            yield from (image.caption for image in proto.imgs)
        if element.type in ("button_group", "radio"):
            yield from (str(option) for option in proto.options)


def figures_of(app: AppTest) -> Iterator[str]:
    """Every text in a Plotly figure of the page."""

    def texts(value: object) -> Iterator[str]:
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            for inner in value.values():
                yield from texts(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from texts(inner)

    for chart in app.get("plotly_chart"):
        yield from texts(json.loads(chart.proto.spec))


def check(app: AppTest) -> None:
    assert not app.exception
    for text in markdown_of(app):
        unescaped = re.sub(r"\\[!-/:-@\[-`{-~]", "", text)
        assert not [raw for raw in RAW if raw in unescaped], text
    for text in figures_of(app):
        own = text.replace("<br>similarity", "").replace("<extra>", "").replace("</extra>", "")
        assert not [raw for raw in ("<b", "<a", "$") if raw in own], text


PAGES = {
    "overview": {},
    "pair": {"relative_to": f"class:{LABELS[0]}", "occlusion": "true", "cell": "query,1,1"},
    "search": {"query": FILES[2], "relative_to": f"class:{LABELS[1]}"},
    "region": {"query": FILES[1], "regions": "include:5,5,40,30", "show": "classes"},
    "classes": {"class": LABELS[0], "class2": LABELS[1], "class_map": "contrast"},
    "features": {"one_pair": "true", "query": FILES[0], "match": FILES[1]},
    "trust": {},
}


@pytest.mark.parametrize("page", PAGES)
def test_names_are_text_on(app: AppTest, hostile: Path, page: str) -> None:
    shared = {"gallery": str(hostile), "network": NETWORK, "weights": RANDOM}
    app = until_indexed(open_page(app, f"pages/{page}.py", **shared, **PAGES[page]))
    check(app)
    assert not app.error
    assert not app.warning


def test_names_are_text_on_checkpoints(app: AppTest, hostile: Path) -> None:
    run = hostile_run(hostile.parent / "runs")
    (run / "*x* :smile: [a](b).pth").write_bytes(b"")
    link = {"gallery": str(hostile), "run": str(run), "query": FILES[0]}
    app = until_indexed(open_page(app, "pages/checkpoints.py", **link)).run()
    check(app)
    (run / "run.json").unlink()
    app = until_indexed(open_page(app, "pages/checkpoints.py", **link)).run()
    check(app)
    assert "Left out" in plain(" ".join(caption.value for caption in app.caption))


def test_names_in_a_link_are_said_as_text(app: AppTest, hostile: Path) -> None:
    name = f"{LABELS[0]} {LABELS[1]}"
    shared = {"gallery": str(hostile), "network": NETWORK, "weights": RANDOM}
    link = {**shared, "query": name, "class": name, "relative_to": f"class:{name}", "top": name}
    app = until_indexed(open_page(app, "pages/classes.py", **link))
    check(app)
    assert app.warning


def test_a_class_may_be_called_nothing(app: AppTest, hostile: Path) -> None:
    shared = {"gallery": str(hostile), "network": NETWORK, "weights": RANDOM}
    app = until_indexed(open_page(app, "pages/classes.py", **shared))
    assert app.selectbox("class2").value is None
    app.selectbox("class2").set_value("nothing").run()
    assert len(app.get("bidi_component")) >= 2
    assert app.query_params["class2"] == "nothing"
    assert app.selectbox("class2").value == "nothing"
