"""What Streamlit and Plotly make of names that are markup: the names, and nothing else."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hostile_names import FILES, LABELS, NETWORK, hostile_gallery, hostile_run
from playwright.sync_api import Browser, Page, expect
from running_app import REPOSITORY, running_app

from simviz_ui.display.messages import JOINER

NAMES = [
    "$x^2$ and $\\alpha$",
    "![i](http://outside.test/pixel.png)",
    "[a](http://outside.test) https://outside.test/a www.outside.test someone@outside.test",
    "http://outside.test",
    ":red[red] :material/home: :smile: :streamlit:",
    "<b>bold</b><br><a href='http://outside.test'>a</a>&lt;",
    "# heading",
    "1. list",
    "- list -- b -> c <- d <-> e >= f <= g ~= h",
    "`code` *star* _under_ ~~gone~~ | a |",
    "日本語 $",
]
APP = f"""
import plotly.graph_objects as go
import streamlit as st
from simviz_ui.display.messages import as_markdown, as_plotly_text, show_error

for name in {NAMES!r}:
    with st.container(key=f"names-{{abs(hash(name))}}"):
        st.markdown(as_markdown(name))
        st.markdown(f"**{{as_markdown(name)}}**")
        st.header(as_markdown(name), anchor=False)
        st.caption(as_markdown(name))
        st.checkbox(as_markdown(name), key=name)
        show_error(name)
names = [as_plotly_text(name) for name in {NAMES!r}]
figure = go.Figure(go.Bar(x=[1] * len(names), y=names, orientation="h"))
st.plotly_chart(figure.update_layout(height=900, margin_l=700))
"""


@pytest.fixture
def names_url(tmp_path: Path) -> Iterator[str]:
    script = tmp_path / "names_app.py"
    script.write_text(APP)
    options = ["--browser.gatherUsageStats", "false"]
    environment = {"PYTHONPATH": str(REPOSITORY)}
    with running_app(str(script), tmp_path / "log.txt", environment, options) as url:
        yield url


def test_names_are_text(chromium: Browser, names_url: str) -> None:
    page = chromium.new_page()
    outside: list[str] = []
    page.on("request", lambda request: outside.append(request.url))
    page.goto(names_url)
    expect(page.locator(".ytick text")).to_have_count(len(NAMES))
    content = page.locator("[data-testid=stMainBlockContainer]")
    for kind in ("a", "img", ".katex", "code", "li", "em", "del", "table", "b"):
        assert content.locator(f"[data-testid=stMarkdownContainer] {kind}").count() == 0, kind
    assert content.locator("[data-testid=stMarkdownContainer] span[role=img]").count() == 0
    texts = content.locator("[data-testid=stMarkdownContainer]").all_inner_texts()
    shown = [text.replace(JOINER, "").strip() for text in texts]
    for name in NAMES:
        assert shown.count(name) == 5, (name, shown)
    headings = content.locator("h2").all_inner_texts()
    assert [text.replace(JOINER, "").strip() for text in headings] == NAMES
    assert content.locator("h2 :is(a, img, .katex, code)").count() == 0
    assert page.locator(".ytick text").all_text_contents() == NAMES
    assert page.locator(".ytick a").count() == 0
    assert not [url for url in outside if "outside.test" in url]
    page.close()


PAGES = {
    "": {},
    "pair": {"relative_to": f"class:{LABELS[0]}", "occlusion": "true", "cell": "query,1,1"},
    "search": {"query": FILES[2], "relative_to": f"class:{LABELS[1]}"},
    "region": {"query": FILES[1], "regions": "include:5,5,40,30"},
    "classes": {"class": LABELS[0], "class2": LABELS[1]},
    "features": {"one_pair": "true", "query": FILES[0], "match": FILES[1]},
    "trust": {},
    "checkpoints": {"query": FILES[0], "pretrained": "false"},
}
"""Each page's link, and below what it shows once it is complete."""
COMPLETE = {
    "": "img",
    "pair": "text=Their contribution, gone",
    "search": "text=Best match:",
    "region": "text=Region carries",
    "classes": ".xtick text",
    "features": "text=Channels (PNG)",
    "trust": "text=ROC, area",
    "checkpoints": "text=What changed most",
}


def test_no_page_fetches_or_links_anything_for_a_name(
    page: Page, app_url: str, allowed_folder: Path
) -> None:
    folder = allowed_folder / "names"
    table, run = hostile_gallery(folder), hostile_run(folder / "runs")
    outside: list[str] = []
    page.on("request", lambda request: outside.append(request.url))
    shared = {"gallery": str(table), "network": NETWORK, "weights": "random (untrained)"}
    for name, own in PAGES.items():
        more = {"run": str(run)} if name == "checkpoints" else {}
        page.goto(f"{app_url}/{name}?{urlencode({**shared, **own, **more})}")
        expect(page.locator(COMPLETE[name]).first).to_be_visible()
        expect(page.get_by_test_id("stProgress")).to_have_count(0)
        content = page.locator("[data-testid=stMain], [data-testid=stSidebar]")
        made = content.locator(
            "a:not([href^='#']):not([data-testid^=stPageLink]):not([data-testid^=stSidebarNav])"
            ", img:not([src^='data:']):not([src*='/media/'])"
            ", .katex, [data-testid=stMarkdownContainer] :is(code, em, del, table)"
        )
        assert made.evaluate_all("found => found.map((one) => one.outerHTML)") == [], name
    metrics = page.request.get(f"{app_url}/_stcore/metrics").text()
    assert "cache_memory_bytes" in metrics
    assert not [name for name in (str(folder), *LABELS, *FILES) if name in metrics]
    local = (app_url, app_url.replace("http", "ws", 1), "data:", "blob:")
    assert [url for url in outside if not url.startswith(local)] == []
