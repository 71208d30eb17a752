"""The Errors page in Chromium, and steps that are taken faster than the page is made."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import pytest
from browser_testing import PATIENCE, until_taken
from playwright.sync_api import Page, WebSocketRoute, expect

from simviz_core.cli.main import main
from simviz_ui.display.messages import as_markdown

HOTELS = ("hotel_01", "hotel_21", "hotel_26", "hotel_47")


IS_QUIET = """() => {
    const state = document.querySelector("[data-test-script-state]")?.dataset.testScriptState;
    const isBusy = state !== "notRunning" || document.querySelector('[data-stale="true"]');
    if (isBusy) window.quietSince = undefined;
    else window.quietSince ??= performance.now();
    return window.quietSince !== undefined && performance.now() - window.quietSince > 800;
}"""
"""Whether no script has run for a while: a page that is complete runs no more by itself."""


def settled(page: Page) -> None:
    """Wait until the app has finished running, its index and its maps included."""
    page.evaluate("window.quietSince = undefined")
    page.wait_for_timeout(300)  # a click takes a moment to make it run
    expect(page.get_by_text("Indexing the gallery")).to_have_count(0)
    page.wait_for_function(IS_QUIET)
    expect(page.locator('[data-testid="stException"]')).to_have_count(0)


@pytest.fixture
def confused(demo_rooms: Path, allowed_folder: Path) -> Path:
    """Four hotels of the demo, of which two are taken for the others."""
    folder = allowed_folder / "confused"
    for hotel in HOTELS:
        shutil.copytree(demo_rooms / hotel, folder / hotel, dirs_exist_ok=True)
    return folder


def counting(page: Page, name: str) -> None:
    """Wait until the browser counts the steps of something."""
    page.wait_for_function(f"() => window.simvizSteps?.{name}")
    settled(page)


def at_the_misses(page: Page, app_url: str, gallery: Path) -> None:
    """Open the page, and wait until it shows the first miss and takes steps."""
    page.goto(f"{app_url}/errors?gallery={gallery}")
    expect(page.get_by_text(re.compile(r"^1 of \d+ misses"))).to_be_visible()
    counting(page, "miss")


def misses_of(gallery: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    """The misses as the command has them."""
    assert main(["errors", str(gallery), "--json", "-"]) == 0
    return json.loads(capsys.readouterr().out)["misses"]


def click_row(page: Page, row: int, then: Callable[[float], None], table: int = 0) -> None:
    """Click a row of one of the page's tables, until what follows from it is there."""

    def click() -> None:
        box = page.get_by_test_id("stDataFrame").nth(table).bounding_box()
        assert box
        page.mouse.click(box["x"] + 20, box["y"] + 35 * (row + 1) + 17)

    until_taken(click, then)


def names(image: str) -> re.Pattern[str]:
    """A link that names this query."""
    return re.compile(f"query={image.replace('/', '%2F')}(&|$)")


def test_twenty_quick_presses_are_twenty_steps(
    page: Page, app_url: str, confused: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On Search, on by the key and back by clicks; then through the table of misses."""
    images = [f"{hotel}/view_{view}.jpg" for hotel in HOTELS for view in range(6)]
    page.goto(f"{app_url}/search?gallery={confused}&query={images[0]}")
    expect(page.locator(".card img").first).to_be_visible()
    counting(page, "query")
    for _ in range(20):
        page.keyboard.press("n")
    expect(page).to_have_url(names(images[20]))
    settled(page)
    expect(page.get_by_role("combobox", name="Query").first).to_have_value(images[20])
    back = page.locator(".st-key-query_previous button").first
    for _ in range(5):
        back.click(no_wait_after=True)
    expect(page).to_have_url(names(images[15]))

    at_the_misses(page, app_url, confused)
    misses = misses_of(confused, capsys)
    assert len(misses) > 1
    for pause in (0, 0, 100, 300, 0, 100, 0):  # so that some meet a page that is half made
        page.keyboard.press("n")
        page.wait_for_timeout(pause)
    place = 7 % len(misses)
    expect(page).to_have_url(names(misses[place]["query"]))
    expect(page.get_by_text(f"{place + 1} of {len(misses)} misses")).to_be_visible()
    settled(page)
    # A click on a row, and from there to what explains it.
    for row in (0, 0, 1, 0):  # clicked once more, the row stays: a miss is shown at all times
        shown = page.get_by_text(f"{row + 1} of {len(misses)} misses")
        click_row(page, row, lambda wait, shown=shown: expect(shown).to_be_visible(timeout=wait))
        settled(page)
    page.get_by_role("button", name="Why the wrong one is nearest").click()
    expect(page).to_have_url(re.compile(f"/pair.*against={misses[0]['right'].replace('/', '%2F')}"))


class Gate:
    """Messages on their way one way, which go on when the test says so."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.waiting: list[str | bytes] = []
        self.is_shut = False
        self.send: Callable[[str | bytes], None]

    def take(self, message: str | bytes) -> None:
        if self.is_shut:
            self.waiting.append(message)
        else:
            self.send(message)

    def wait_for(self, words: str, patience: float = PATIENCE) -> None:
        """Wait until one of what waits has these words."""
        end = monotonic() + patience / 1000
        while not any(words.encode() in message for message in self.waiting):
            assert monotonic() < end, f"no message has {words!r}"
            self.page.wait_for_timeout(20)

    def let_go(self, count: int) -> None:
        """Send the first of what waits."""
        for message in self.waiting[:count]:
            self.send(message)
        del self.waiting[:count]

    def open(self) -> None:
        self.is_shut = False
        self.let_go(len(self.waiting))


def gates(page: Page) -> tuple[Gate, Gate]:
    """Put gates between the browser and the app; before the page is opened.

    Returns:
        What the browser asks, and what the app answers.
    """
    asked, answered = Gate(page), Gate(page)

    def connect(browser: WebSocketRoute) -> None:
        app = browser.connect_to_server()
        asked.send, answered.send = app.send, browser.send
        browser.on_message(asked.take)
        app.on_message(answered.take)

    page.route_web_socket(re.compile("/_stcore/stream"), connect)
    return asked, answered


def test_the_table_marks_the_miss_that_is_shown_after_steps_that_it_heard_of_late(
    page: Page, app_url: str, confused: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Steps all around, done before the browser hears of the first: it sent the first row with all
    of them, which is the right one in the end, and marks the others in the meantime."""
    queries = [miss["query"] for miss in misses_of(confused, capsys)]
    count = len(queries)
    _, answered = gates(page)
    at_the_misses(page, app_url, confused)
    expect(page.get_by_text(f"1 of {count} misses")).to_be_visible()
    answered.is_shut = True
    done = []
    for query in (*queries[1:], queries[0]):
        page.keyboard.press("n")
        answered.wait_for(f"**{as_markdown(query)}** of")
        done.append(len(answered.waiting))
    answered.let_go(done[-2])
    expect(page.get_by_text(f"{count} of {count} misses")).to_be_visible()
    answered.open()
    expect(page.get_by_text(f"1 of {count} misses")).to_be_visible()
    settled(page)
    last = page.get_by_text(f"{count} of {count} misses")
    click_row(page, count - 1, lambda wait: expect(last).to_be_visible(timeout=wait))


def test_a_row_that_is_passed_over_can_be_clicked_again(
    page: Page, app_url: str, confused: Path
) -> None:
    """On, back and a click in one: the row may be older, and the table marks what is shown."""
    asked, _ = gates(page)
    at_the_misses(page, app_url, confused)
    asked.is_shut = True
    page.keyboard.press("n")
    page.keyboard.press("p")
    click_row(page, 1, lambda wait: asked.wait_for('"rows":[1]', wait))
    asked.open()
    settled(page)
    second = page.get_by_text(re.compile(r"^2 of \d+ misses"))
    click_row(page, 1, lambda wait: expect(second).to_be_visible(timeout=wait))


def test_a_control_that_is_used_before_the_browser_hears_of_a_step_undoes_none(
    page: Page, app_url: str, confused: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    query = misses_of(confused, capsys)[1]["query"]
    _, answered = gates(page)
    at_the_misses(page, app_url, confused)
    page.get_by_role("button", name="Display").click()
    cells = page.get_by_role("radio", name="Cells")
    expect(cells).to_be_visible()
    answered.is_shut = True
    page.keyboard.press("n")
    answered.wait_for(f"**{as_markdown(query)}** of")
    cells.click()
    answered.wait_for("style=cells")
    answered.open()
    expect(page).to_have_url(re.compile("style=cells"))
    settled(page)
    expect(page.get_by_text(re.compile(r"^2 of \d+ misses"))).to_be_visible()


SQUARE = """(row) => {
    const gd = document.querySelector(".st-key-confusion .js-plotly-plot");
    const trace = gd?.calcdata?.[1]?.[0].trace;
    if (!gd?._fullLayout?.xaxis || !trace) return null;
    const { xaxis, yaxis } = gd._fullLayout, box = gd.getBoundingClientRect();
    const [x, y] = [trace.x[row], trace.y[row]];
    return { words: trace.text[row], count: trace.customdata[row],
             x: box.left + xaxis._offset + xaxis.d2p(x),
             y: box.top + yaxis._offset + yaxis.d2p(y) };
}"""
"""Where a square of the matrix is, in pixels of the window, and what it says."""


def test_a_cell_of_the_matrix_shows_its_misses(page: Page, app_url: str, confused: Path) -> None:
    page.goto(f"{app_url}/errors?gallery={confused}")
    expect(page.get_by_text("How well each class is found")).to_be_visible()
    page.locator(".st-key-confusion").scroll_into_view_if_needed()
    settled(page)
    square = page.wait_for_function(SQUARE, arg=0).json_value()
    label, taken_for = square["words"].split(" taken for ")
    page.mouse.click(square["x"], square["y"])
    expect(page).to_have_url(re.compile(f"of_classes={label}&taken_for={taken_for}"))
    count = square["count"]
    place = page.get_by_text(f"1 of {count} {'miss' if count == 1 else 'misses'}")
    expect(place).to_be_in_viewport()  # however far down the matrix is

    # The same by keyboard alone.
    page.goto(f"{app_url}/errors?gallery={confused}")
    for name, value in (("Class", label), ("Taken for", taken_for)):
        expect(page.get_by_text("How well each class is found")).to_be_visible()
        settled(page)
        box = page.get_by_role("combobox", name=name).first
        box.focus()
        page.keyboard.type(value)
        page.keyboard.press("Enter")
        expect(page).to_have_url(re.compile(value))
        page.keyboard.press("Tab")  # closes the list
    expect(place).to_be_visible()


def test_what_led_to_misses_leads_there_again_after_back(
    page: Page, app_url: str, confused: Path
) -> None:
    """A row, or a cell, that is marked already is clicked once more."""
    page.goto(f"{app_url}/errors?gallery={confused}")
    whole = page.get_by_text(re.compile(r"^1 of \d+ misses"))
    expect(whole).to_be_visible()
    leads = re.compile("of_classes")
    for place in ("row", "cell"):
        for _ in range(3):
            expect(page).not_to_have_url(leads)
            settled(page)
            page.locator(".st-key-confusion").scroll_into_view_if_needed()
            settled(page)
            if place == "cell":
                square = page.wait_for_function(SQUARE, arg=0).json_value()
                page.mouse.click(square["x"], square["y"])
                expect(page).to_have_url(leads)
            else:
                # Of the two tables below, that of the confusions comes first.
                click_row(
                    page, 0, lambda wait: expect(page).to_have_url(leads, timeout=wait), table=1
                )
            settled(page)
            page.go_back()
