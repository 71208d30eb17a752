"""The Pair page in Chromium, with real clicks and keys."""

import json
import re
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

MAPS = ".picture"
SIMILARITY = '[data-testid="stMetric"]:has-text("Similarity") [data-testid="stMetricValue"]'
SHOWN = """picture => { const heat = picture.querySelector(".heat");
  return picture.querySelector("img").src + getComputedStyle(heat).opacity + heat.toDataURL(); }"""


def open_pair(page: Page, app_url: str, query: str = "") -> Page:
    page.goto(f"{app_url}/pair{query}")
    expect(page.locator(MAPS)).to_have_count(2)
    settled(page)
    return page


def settled(page: Page) -> None:
    """Wait until the app has finished running and the pictures have arrived."""
    page.wait_for_timeout(200)  # a click takes a moment to make it run
    expect(page.locator('[data-test-script-state="notRunning"]')).to_be_attached()
    for picture in page.locator(f"{MAPS} img").all():
        picture.evaluate("picture => picture.decode()")


def sources(page: Page) -> list[str]:
    """What is shown: both pictures, and the maps over them."""
    return [picture.evaluate(SHOWN) for picture in page.locator(MAPS).all()]


def changed(page: Page, before: list[str]) -> None:
    """Wait until both pictures have been replaced."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        now = sources(page)
        if len(now) == 2 and now[0] != before[0]:
            break
        page.wait_for_timeout(50)
    else:
        pytest.fail("the pictures are as they were")
    settled(page)


def chosen(page: Page, label: str) -> str:
    return page.get_by_role("combobox", name=label).first.input_value()


def shown_pixels(picture: Locator, tmp_path: Path) -> np.ndarray:
    file = tmp_path / "shown.png"
    picture.screenshot(path=file)
    return np.asarray(Image.open(file).convert("RGB"), dtype=float)


def test_overview_leads_to_the_pair_page(page: Page, app_url: str) -> None:
    page.goto(app_url)
    expect(page.get_by_role("heading", name="SimViz")).to_be_visible()
    expect(page.get_by_role("link", name="Explain a pair of images")).to_be_visible()
    page.locator(".st-key-story_right img").click(force=True)  # all of a finding is its button
    expect(page.locator(MAPS)).to_have_count(2)
    expect(page).to_have_url(re.compile(r"/pair\?query=hotel_12%2Fview_2.jpg&.*scale=each"))
    expect(page.get_by_role("button", name="Next query")).to_be_visible()


def test_a_link_straight_to_the_page_has_the_frame(page: Page, app_url: str) -> None:
    open_pair(page, app_url)
    navigation = page.locator('[data-testid="stSidebarNav"]')
    expect(navigation.get_by_text("Overview")).to_be_visible()
    expect(navigation.get_by_text("app", exact=True)).to_have_count(0)


def test_maps_are_heat_maps(page: Page, app_url: str, tmp_path: Path) -> None:
    open_pair(page, app_url, "?opacity=100")
    for picture in page.locator(MAPS).all():
        pixels = shown_pixels(picture, tmp_path)
        deadline = time.monotonic() + 60
        while pixels.std(axis=(0, 1)).min() <= 5 and time.monotonic() < deadline:
            page.wait_for_timeout(100)  # until the map is painted
            pixels = shown_pixels(picture, tmp_path)
        assert pixels.shape[1] > 300
        assert pixels.std(axis=(0, 1)).min() > 5, "a map varies over the image"
    score = float(page.locator(SIMILARITY).inner_text())
    assert 0 < score <= 1


def test_display_controls_redraw_and_go_into_the_link(page: Page, app_url: str) -> None:
    open_pair(page, app_url)
    for change, parameter in (
        (lambda: page.get_by_text("Cells", exact=True).click(), "style=cells"),
        (lambda: page.get_by_text("Per image", exact=True).click(), "scale=each"),
        (lambda: page.get_by_role("slider").press("ArrowRight"), "opacity=65"),
    ):
        before = sources(page)
        change()
        expect(page).to_have_url(re.compile(re.escape(parameter)))
        if "scale" not in parameter:
            changed(page, before)
    before, link = sources(page), page.url
    open_pair(page, app_url, link[link.index("?") :])
    assert page.url == link
    expect(page.get_by_role("slider")).to_have_value("65")


def test_keys_swap_and_draw(page: Page, app_url: str) -> None:
    open_pair(page, app_url)
    query, match = chosen(page, "Query"), chosen(page, "Match")
    before = sources(page)
    page.keyboard.press("s")
    changed(page, before)
    assert (chosen(page, "Query"), chosen(page, "Match")) == (match, query)
    before = sources(page)
    page.keyboard.press("d")
    changed(page, before)
    assert chosen(page, "Query").split("/")[0] != chosen(page, "Match").split("/")[0]


def test_a_thumbnail_chooses_its_image(page: Page, app_url: str) -> None:
    open_pair(page, app_url)
    before = sources(page)
    page.get_by_role("button", name="Browse").first.click()
    thumbnails = page.locator(".grid button")
    expect(thumbnails).to_have_count(6)
    expect(thumbnails.nth(0)).to_have_attribute("aria-pressed", "true")
    title = thumbnails.nth(4).get_attribute("title")
    thumbnails.nth(4).click()
    changed(page, before)
    assert chosen(page, "Query") == title


def test_a_page_switch_and_a_reload_keep_the_choice(page: Page, app_url: str) -> None:
    open_pair(page, app_url)
    expect(page).to_have_url(re.compile("match="))
    link = page.url
    page.keyboard.press("d")
    expect(page).not_to_have_url(link)
    settled(page)
    drawn = page.url
    query, score = chosen(page, "Query"), page.locator(SIMILARITY).inner_text()
    page.locator('[data-testid="stSidebarNav"]').get_by_text("Overview").click()
    expect(page.get_by_role("heading", name="SimViz")).to_be_visible()
    page.locator('[data-testid="stSidebarNav"]').get_by_text("Pair").click()
    expect(page.locator(SIMILARITY)).to_have_text(score)
    assert chosen(page, "Query") == query
    expect(page).to_have_url(drawn)  # as it was, before the page is complete
    page.reload()
    expect(page.locator(SIMILARITY)).to_have_text(score)
    assert chosen(page, "Query") == query


def test_an_upload_is_explained_and_survives_a_reload(
    page: Page, app_url: str, tmp_path: Path
) -> None:
    photo = tmp_path / "portrait.jpg"
    Image.effect_mandelbrot((300, 500), (-2, -1.2, 1, 1.2), 60).convert("RGB").save(photo)
    open_pair(page, app_url)
    before = sources(page)
    main = page.locator('[data-testid="stMain"]')  # the sidebar uploads galleries
    main.get_by_role("button", name="Upload").first.click()
    page.locator('input[type="file"]:not([accept*="zip"])').first.set_input_files(photo)
    changed(page, before)
    assert chosen(page, "Query").startswith("portrait.jpg (upload ")
    score = page.locator(SIMILARITY).inner_text()
    page.reload()
    expect(page.locator(SIMILARITY)).to_have_text(score)
    assert chosen(page, "Query").startswith("portrait.jpg (upload ")


def test_a_text_file_named_jpg_is_refused_in_words(
    page: Page, app_url: str, tmp_path: Path
) -> None:
    wrong = tmp_path / "notes.jpg"
    wrong.write_text("this is not an image")
    open_pair(page, app_url)
    before = sources(page)
    main = page.locator('[data-testid="stMain"]')  # the sidebar uploads galleries
    main.get_by_role("button", name="Upload").first.click()
    page.locator('input[type="file"]:not([accept*="zip"])').first.set_input_files(wrong)
    expect(page.get_by_text("notes.jpg is not an image that can be read")).to_be_visible()
    assert sources(page) == before


def test_downloads_hold_the_numbers_of_the_page(page: Page, app_url: str, tmp_path: Path) -> None:
    open_pair(page, app_url)
    score = page.locator(SIMILARITY).inner_text()
    files = {}
    for label in ("Figure (PNG)", "Numbers (JSON)", "Numbers (NPZ)"):
        with page.expect_download() as download:
            page.get_by_role("button", name=label).click()
        files[label] = tmp_path / download.value.suggested_filename
        download.value.save_as(files[label])
    assert Image.open(files["Figure (PNG)"]).width > 1000
    values = json.loads(files["Numbers (JSON)"].read_text())
    assert f"{values['similarity']:.4f}" == score
    with np.load(files["Numbers (NPZ)"]) as arrays:
        np.testing.assert_array_equal(arrays["query_map"], np.float32(values["query_map"]))


def test_two_sessions_do_not_disturb_each_other(
    page: Page, chromium: Browser, app_url: str
) -> None:
    open_pair(page, app_url)
    query = chosen(page, "Query")
    other = chromium.new_context().new_page()
    open_pair(other, app_url)
    before = sources(other)
    other.keyboard.press("d")
    changed(other, before)
    other.context.close()
    before = sources(page)
    page.get_by_text("Cells", exact=True).click()
    changed(page, before)
    assert chosen(page, "Query") == query
