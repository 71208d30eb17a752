"""The Search and the Region page in Chromium, with real clicks and drags."""

import re
import zipfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

CANVAS = "canvas.upper-canvas"
QUERY = "hotel_01/view_0.jpg"
MISS = "hotel_01/view_5.jpg"
"""A view whose nearest neighbour is of another hotel."""


def settled(page: Page) -> None:
    """Wait until the app has finished running."""
    page.wait_for_timeout(300)  # a click takes a moment to make it run
    expect(page.locator('[data-test-script-state="notRunning"]')).to_be_attached()
    expect(page.locator('[data-testid="stException"]')).to_have_count(0)


def open_search(page: Page, app_url: str, query: str = f"?query={QUERY}") -> Page:
    page.goto(f"{app_url}/search{query}")
    with_maps(page)
    return page


def open_region(page: Page, app_url: str, query: str = f"?query={QUERY}") -> Page:
    page.goto(f"{app_url}/region{query}")
    expect(page.locator(CANVAS)).to_be_visible()
    with_maps(page)
    return page


def with_maps(page: Page) -> None:
    """Wait until every match that is shown has its map."""
    expect(page.locator(".card img").first).to_be_visible()
    page.wait_for_function(
        """() => { const all = []; const walk = (root) => { root.querySelectorAll("*").forEach(
        (e) => { if (e.matches(".card img:not(.heat)")) all.push(e);
        if (e.shadowRoot) walk(e.shadowRoot); });
        }; walk(document);
        return all.length && all.every((i) => i.alt.includes("similarity map")); }"""
    )
    settled(page)


def ranking(page: Page, title: str) -> Locator:
    """The matches under a heading of the Region page."""
    return (
        page.locator('[data-testid="stColumn"]')
        .filter(has=page.get_by_text(title, exact=True))
        .locator(".card .show")
    )


def ids(matches: Locator) -> list[str]:
    """The ids of matches, once there are any."""
    expect(matches.first).to_be_visible()
    return [match.get_attribute("title") or "" for match in matches.all()]


def drag(page: Page, start: tuple[float, float], end: tuple[float, float], steps: int = 8) -> None:
    """Drag on the canvas, between shares of its width and height."""
    box = page.locator(CANVAS).bounding_box()
    assert box
    (x0, y0), (x1, y1) = (
        (box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)
    )
    page.mouse.move(x0, y0)
    page.mouse.down()
    page.mouse.move(x1, y1, steps=steps)
    page.mouse.up()


def link_changes(page: Page, before: str) -> str:
    """Wait until the link is another one, and all maps are there."""
    expect(page).not_to_have_url(before)
    with_maps(page)
    return page.url


def corners(link: str) -> list[list[float]]:
    """The rectangles that a link includes."""
    (region,) = parse_qs(urlsplit(link).query)["regions"]
    found = [part.removeprefix("include:") for part in region.split(";")]
    return [[float(corner) for corner in part.split(",")] for part in found]


def go_to(page: Page, title: str) -> None:
    page.locator('[data-testid="stSidebarNav"]').get_by_role("link", name=title).click()


def test_pointing_at_a_match_shows_the_query_s_map_for_it(page: Page, app_url: str) -> None:
    open_search(page, app_url)
    shown, cards = page.locator(".query img.heat"), page.locator(".card")
    first = shown.get_attribute("src")
    cards.nth(3).hover()
    expect(page.locator(".query figcaption")).to_contain_text(ids(page.locator(".show"))[3])
    assert shown.get_attribute("src") != first
    page.mouse.move(5, 5)
    expect(shown).to_have_attribute("src", first or "")
    cards.nth(2).locator(".show").click()
    page.mouse.move(5, 5)
    assert shown.get_attribute("src") != first
    expect(page.locator(".card.pinned")).to_have_count(1)


def test_matches_are_reached_with_the_keyboard(page: Page, app_url: str) -> None:
    open_search(page, app_url)
    page.locator(".card .show").first.focus()
    for _ in range(4):  # a close look at this match, its two links, then the next match
        page.keyboard.press("Tab")
    second = ids(page.locator(".show"))[1]
    expect(page.locator(".query figcaption")).to_contain_text(second)
    page.keyboard.press("Enter")
    expect(page.locator(".card.pinned .show")).to_have_attribute("title", second)


def test_a_match_becomes_the_query(page: Page, app_url: str) -> None:
    open_search(page, app_url)
    match = ids(page.locator(".card .show"))[1]
    page.get_by_role("button", name="As query").nth(1).click()
    expect(page.get_by_role("combobox", name="Query")).to_have_value(match)
    expect(page).to_have_url(re.compile(re.escape(match.replace("/", "%2F"))))


def test_a_match_opens_in_pair_with_a_link_that_reopens_it(page: Page, app_url: str) -> None:
    open_search(page, app_url, f"?query={QUERY}&opacity=30")
    match = ids(page.locator(".card .show"))[2]
    score = page.locator(".card .score").nth(2).inner_text()
    page.get_by_role("button", name="Pair", exact=True).nth(2).click()
    value = page.locator('[data-testid="stMetric"]:has-text("Similarity")').first
    expect(value).to_contain_text(score[:-1])
    for parameter in ("query=", "opacity=30", "match=" + match.replace("/", "%2F")):
        expect(page).to_have_url(re.compile(re.escape(parameter)))
    page.reload()
    expect(page.get_by_role("combobox", name="Match")).to_have_value(match)
    expect(page.get_by_role("combobox", name="Query")).to_have_value(QUERY)


def test_a_drawn_rectangle_changes_the_ranking(page: Page, app_url: str) -> None:
    open_region(page, app_url)
    whole = ids(page.locator(".card .show"))
    before = page.url
    drag(page, (0.5, 0.55), (0.97, 0.95))
    before = link_changes(page, before)
    assert ids(ranking(page, "Whole image")) == whole
    drawn = ids(ranking(page, "Region"))
    assert drawn != whole
    page.get_by_text("Exclude", exact=True).click()
    settled(page)
    drag(page, (0.5, 0.55), (0.75, 0.95))
    after = link_changes(page, before)
    assert "exclude" in after
    assert ids(ranking(page, "Region")) != drawn


def test_rectangles_are_undone_moved_and_deleted(page: Page, app_url: str) -> None:
    open_region(page, app_url)
    start = page.url
    drag(page, (0.5, 0.55), (0.9, 0.9))
    drawn = link_changes(page, start)
    page.get_by_role("button", name="Undo").click()
    undone = link_changes(page, drawn)
    assert "regions" not in undone
    page.get_by_role("button", name="Redo").click()
    assert link_changes(page, undone) == drawn
    page.get_by_role("button", name="Edit", exact=True).click()
    drag(page, (0.7, 0.7), (0.4, 0.5))
    moved = link_changes(page, drawn)
    assert "include" in moved
    page.keyboard.press("Delete")
    assert "regions" not in link_changes(page, moved)
    expect(page.get_by_role("button", name="Edit", exact=True)).to_be_hidden()
    drag(page, (0.5, 0.55), (0.9, 0.9))  # with nothing left to edit, a drag draws
    assert "include" in link_changes(page, page.url)


def test_a_drag_goes_on_over_the_edge_and_may_begin_outside(page: Page, app_url: str) -> None:
    open_region(page, app_url)
    before = page.url
    drag(page, (0.5, 0.5), (1.4, 1.3), steps=1)  # a flick, released far outside
    drawn = link_changes(page, before)
    x0, y0, *corner = corners(drawn)[0]
    assert (x0, y0) == pytest.approx((160, 120), abs=1)  # the pointer's steps
    assert corner == [320, 240]
    drag(page, (-0.02, -0.03), (0.25, 0.25))
    *edge, x1, y1 = corners(link_changes(page, drawn))[1]
    assert edge == [0, 0]
    assert (x1, y1) == pytest.approx((80, 60), abs=1)
    page.get_by_role("button", name="Corners (2)").click()
    expect(
        page.get_by_text("In pixels from the top left of the original, 320 × 240")
    ).to_be_visible()


def test_the_drawing_survives_a_page_switch_and_a_reload(page: Page, app_url: str) -> None:
    open_region(page, app_url)
    start = page.url
    drag(page, (0.5, 0.55), (0.9, 0.9))
    drawn = link_changes(page, start)
    region = ids(ranking(page, "Region"))
    go_to(page, "Search")
    expect(page.get_by_role("heading", name="Search")).to_be_visible()
    with_maps(page)
    go_to(page, "Region")
    expect(page).to_have_url(drawn)
    with_maps(page)
    assert ids(ranking(page, "Region")) == region
    page.reload()
    with_maps(page)
    assert ids(ranking(page, "Region")) == region
    assert page.url == drawn


def test_a_click_without_a_drag_does_no_harm(page: Page, app_url: str) -> None:
    open_region(page, app_url)
    box = page.locator(CANVAS).bounding_box()
    assert box
    page.mouse.click(box["x"] + 20, box["y"] + 20)
    page.wait_for_timeout(1000)
    settled(page)
    before = page.url
    assert "regions" not in before
    drag(page, (0.5, 0.55), (0.9, 0.9))
    assert link_changes(page, before).count("include") == 1
    assert len(ids(ranking(page, "Region"))) == 12


def test_two_sessions_draw_without_disturbing_each_other(
    page: Page, chromium: Browser, app_url: str
) -> None:
    open_region(page, app_url)
    other = chromium.new_context(viewport={"width": 1400, "height": 1000}).new_page()
    open_region(other, app_url)
    mine, theirs = page.url, other.url
    drag(page, (0.5, 0.55), (0.9, 0.9))
    drag(other, (0.1, 0.1), (0.4, 0.4))
    mine, theirs = link_changes(page, mine), link_changes(other, theirs)
    assert mine != theirs
    assert ids(ranking(page, "Region")) != ids(ranking(other, "Region"))
    other.context.close()
    page.get_by_text("Best of each class").click()
    with_maps(page)
    assert page.url.startswith(mine.split("regions=")[0])


def test_an_uploaded_gallery_is_searched_and_survives_a_reload(
    page: Page, app_url: str, demo_rooms: Path, three_hotels: Path, tmp_path: Path
) -> None:
    archive = tmp_path / "rooms.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        for hotel in ("hotel_01", "hotel_03"):
            for view in (demo_rooms / hotel).iterdir():
                opened.write(view, f"top/{hotel}/{view.name}")
        opened.writestr("top/padding.bin", bytes(60_000_000))  # more than a photo may have
    assert archive.stat().st_size > 60_000_000
    open_search(page, app_url, f"?gallery={three_hotels}")
    sidebar = page.locator('[data-testid="stSidebar"]')
    sidebar.get_by_role("button", name="Upload").click()
    page.locator('input[type="file"][accept*="zip"]').set_input_files(archive)
    expect(sidebar.get_by_text("12 images, 2 classes")).to_be_visible()
    expect(page.locator(".card")).to_have_count(11)
    with_maps(page)
    assert page.get_by_role("combobox", name="Query").input_value() == "hotel_01/view_0.jpg"
    expect(page).to_have_url(re.compile(r"gallery=rooms\.zip\+%28upload\+[0-9a-f]{16}%29"))
    page.reload()
    expect(sidebar.get_by_text("12 images, 2 classes")).to_be_visible()
    expect(sidebar.get_by_text("1 file was left out")).to_be_visible()
    expect(page.locator(".card")).to_have_count(11)


def test_a_folder_outside_is_refused(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/search?gallery=/etc")
    expect(page.get_by_text("outside the folders that may be opened here")).to_be_visible()


def test_from_a_miss_one_click_says_why_the_wrong_one_is_nearest(page: Page, app_url: str) -> None:
    open_search(page, app_url, f"?query={MISS}")
    page.get_by_role("button", name="Why the wrong one is nearest").click()
    expect(page).to_have_url(re.compile(r"/pair\?.*match=hotel_26.*against=hotel_01"))
    contrast = page.locator(f'img[alt^="{MISS}, with the difference of its maps"]')
    expect(contrast).to_be_visible()
    line = page.get_by_text(re.compile("Contrast of the query: map sum"))
    expect(line).to_be_visible()
    total, difference = (
        float(found) for found in re.findall(r"(?:sum|difference) ([+-][\d.]+)", line.inner_text())
    )
    assert total == pytest.approx(difference, abs=1e-4)
    before = line.inner_text()
    page.reload()
    expect(line).to_have_text(before)
    page.get_by_role("button", name="Turn around").click()
    expect(page).to_have_url(re.compile(r"match=hotel_01.*against=hotel_26"))
    expect(line).to_have_text(re.compile(f"difference {-difference:+.4f}"))


def test_a_query_of_two_images_shows_what_each_part_contributes(page: Page, app_url: str) -> None:
    open_region(page, app_url)
    drag(page, (0.5, 0.05), (0.95, 0.4))
    expect(page).to_have_url(re.compile("regions="))
    page.get_by_role("button", name="Add this region to the query").click()
    expect(page).to_have_url(re.compile("parts="))
    page.keyboard.press("n")
    expect(page).to_have_url(re.compile("view_1"))
    page.get_by_role("button", name="Subtract this image").click()
    expect(page.get_by_text("Query of 2 parts", exact=True).first).to_be_visible()
    with_maps(page)
    cards = ranking(page, "Query of 2 parts")
    shown = [card.inner_text() for card in cards.all()]
    for text in shown:
        added, subtracted = re.findall(r"([+−][\d.]+)", text.splitlines()[-1])
        score = re.search(r"-?\d\.\d{3}", text.replace("−", "-"))
        total = float(added) - float(subtracted.removeprefix("−"))
        assert score is not None
        assert float(score.group()) == pytest.approx(total, abs=2e-3)
    page.reload()
    with_maps(page)
    assert [card.inner_text() for card in ranking(page, "Query of 2 parts").all()] == shown
    page.locator(".st-key-part_delete_1 button").first.click()
    expect(page.get_by_text("Query of one part", exact=True).first).to_be_visible()
