"""One match against another, and a query of several parts, in Chromium with real clicks."""

import re

import pytest
from playwright.sync_api import Page, expect
from test_search_pages import drag, open_region, open_search, ranking, with_maps

MISS = "hotel_01/view_5.jpg"
"""A view whose nearest neighbour is of another hotel."""


def test_from_a_miss_one_click_says_why_the_wrong_one_is_nearest(page: Page, app_url: str) -> None:
    open_search(page, app_url, f"?query={MISS}")
    page.get_by_role("button", name="Why the wrong one is nearest").click()
    expect(page).to_have_url(re.compile(r"/pair\?.*match=hotel_26.*against=hotel_01"))
    contrast = page.get_by_alt_text(re.compile(f"^{MISS}, with the difference of its maps"))
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
    page.get_by_role("button", name="Next image").click()
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
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Query of one part", exact=True).first).to_be_visible()
