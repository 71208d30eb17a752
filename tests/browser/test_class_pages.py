"""The Classes and Features pages in Chromium: the matrix is clicked, contrasts have both signs."""

import re
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Locator, Page, expect


def settled(page: Page) -> None:
    """Wait until the app has finished running."""
    page.wait_for_timeout(400)  # a click takes a moment to make it run
    expect(page.locator('[data-test-script-state="notRunning"]')).to_be_attached()
    expect(page.locator('[data-testid="stException"]')).to_have_count(0)


def open_page(page: Page, app_url: str, name: str, gallery: Path, **query: str) -> Page:
    words = {"gallery": str(gallery), **query}
    page.goto(f"{app_url}/{name}?" + "&".join(f"{k}={quote(v)}" for k, v in words.items()))
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    settled(page)
    return page


def scores(page: Page) -> list[float]:
    return [float(text) for text in page.locator(".card .score").all_inner_texts()]


def matrix(page: Page) -> Locator:
    return page.locator(".js-plotly-plot .nsewdrag").first


def test_a_click_on_the_matrix_shows_two_classes_side_by_side(
    page: Page, app_url: str, three_hotels: Path
) -> None:
    open_page(page, app_url, "classes", three_hotels)
    expect(page.locator(".card .note").first).to_contain_text("adds up")
    assert len(scores(page)) == 6
    area = matrix(page)
    area.scroll_into_view_if_needed()
    box = area.bounding_box()
    assert box
    # The first row and the last column: two different classes.
    page.mouse.click(box["x"] + box["width"] * 5 / 6, box["y"] + box["height"] / 6)
    expect(page).to_have_url(re.compile("class2=hotel_"))
    expect(page.locator(".card")).to_have_count(12)
    settled(page)
    link = page.url
    page.reload()
    expect(page.locator(".card")).to_have_count(12)
    assert page.url == link


def test_typical_images_come_first_and_contrasts_have_both_signs(
    page: Page, app_url: str, three_hotels: Path
) -> None:
    open_page(page, app_url, "classes", three_hotels, **{"class": "hotel_01"})
    expect(page.locator(".card .note").first).to_contain_text("adds up")
    assert scores(page) == sorted(scores(page), reverse=True)
    page.get_by_role("combobox", name="Relative to").click()
    page.get_by_role("option", name="the class beside it, or closest").click()
    expect(
        page.get_by_text(re.compile("red: speaks for hotel_01 · blue: speaks for"))
    ).to_be_visible()
    settled(page)
    assert all(re.match(r"[+-]", text) for text in page.locator(".card .score").all_inner_texts())
    low, middle, high = page.locator('[data-testid="stHtml"] span').all_inner_texts()[:3]
    assert float(low) == -float(high) < 0
    assert float(middle) == 0


def test_a_card_opens_its_pair(page: Page, app_url: str, three_hotels: Path) -> None:
    open_page(page, app_url, "classes", three_hotels)
    expect(page.locator(".card .note").first).to_contain_text("adds up")
    second = page.locator(".card .show").nth(1).get_attribute("title")
    page.locator(".card").nth(1).get_by_role("button", name="Pair").click()
    expect(page).to_have_url(re.compile("/pair"))
    settled(page)
    expect(page).to_have_url(re.compile(f"match={quote(second or '', safe='')}"))


def test_channels_of_a_pair(page: Page, app_url: str, three_hotels: Path) -> None:
    open_page(page, app_url, "features", three_hotels, one_pair="true")
    expect(page.get_by_text(re.compile("strongest of 1,280 components carry"))).to_be_visible()
    expect(page.get_by_text(re.compile(r"^Channel \d+"))).to_have_count(3)
    images = page.locator('[data-testid="stImage"] img')
    expect(images).to_have_count(3 * 6)
    assert all(image.get_attribute("alt") for image in images.all())
