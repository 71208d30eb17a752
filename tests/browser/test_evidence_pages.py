"""Evidence on the pages in Chromium: relative maps, checks on the spot, Trust, fine regions."""

import re
import shutil
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

DRAWN = "include:150,140,316,230"
QUERY = "hotel_01/view_0.jpg"
NUMBER = re.compile(r"^[+-]?\d\.\d{4}$")


@pytest.fixture(scope="session")
def two_hotels(demo_rooms: Path, allowed_folder: Path) -> Path:
    """A gallery of two hotels with two views each."""
    folder = allowed_folder / "two_hotels"
    for hotel in ("hotel_01", "hotel_03"):
        (folder / hotel).mkdir(parents=True)
        for view in (0, 1):
            shutil.copy(demo_rooms / hotel / f"view_{view}.jpg", folder / hotel)
    return folder


def metric(page: Page, label: str) -> Locator:
    found = page.locator('[data-testid="stMetric"]').filter(has_text=label)
    return found.locator('[data-testid="stMetricValue"]')


def has_parameter(page: Page, parameter: str) -> None:
    expect(page).to_have_url(re.compile(rf"[?&]{re.escape(parameter)}(&|$)"))


def test_maps_become_relative_and_the_link_keeps_it(
    page: Page, app_url: str, two_hotels: Path
) -> None:
    page.goto(f"{app_url}/pair?gallery={two_hotels}")
    expect(page.get_by_role("heading", name="Features")).to_be_visible()
    expect(page.locator('[data-test-script-state="notRunning"]')).to_be_attached()
    choice = page.get_by_role("combobox", name="Relative to")
    choice.scroll_into_view_if_needed()  # scrolling closes a list
    choice.click()
    page.get_by_role("option", name="the image itself").click()
    has_parameter(page, "relative_to=self")
    check = page.get_by_text(re.compile(r"map sum -?0\.\d+ · difference"))
    expect(check).to_be_visible()
    shown = check.inner_text()
    page.get_by_text("Compare poolings", exact=True).click()
    expect(page.get_by_text("These maps are not relative")).to_be_visible()
    page.reload()
    expect(check).to_have_text(shown)


def test_the_occlusion_check_shows_predicted_beside_real(
    page: Page, app_url: str, two_hotels: Path
) -> None:
    page.goto(f"{app_url}/pair?gallery={two_hotels}")
    page.get_by_text("Occlusion check", exact=True).click()
    real, predicted = metric(page, "Real change"), metric(page, "Predicted change")
    expect(real).to_have_text(NUMBER)
    before = real.inner_text(), predicted.inner_text()
    page.get_by_text("Mean colour", exact=True).click()
    expect(real).not_to_have_text(before[0])
    expect(predicted).to_have_text(before[1])
    has_parameter(page, "fill=mean")
    page.get_by_role("button", name="Check all cells").click()
    expect(page.get_by_text("Each point is a cell of 49")).to_be_visible()


def test_trust_is_measured_in_the_background_and_there_at_once_afterwards(
    page: Page, app_url: str, two_hotels: Path
) -> None:
    page.goto(f"{app_url}/trust?gallery={two_hotels}")
    expect(page.get_by_role("heading", name="Similarities of the gallery")).to_be_visible()
    expect(page.locator('[data-test-script-state="notRunning"]')).to_be_attached()
    page.get_by_role("button", name="Measure", exact=True).click()
    expect(page.get_by_text("Measuring:")).to_be_visible()
    # Meanwhile other pages can be used.
    page.locator('[data-testid="stSidebarNav"]').get_by_role("link", name="Pair").click()
    expect(metric(page, "Similarity")).to_have_text(NUMBER)
    page.locator('[data-testid="stSidebarNav"]').get_by_role("link", name="Trust").click()
    again = page.get_by_role("button", name="Measure again")
    expect(again).to_be_visible()
    expect(metric(page, "Adds up")).to_have_text(re.compile(r"e-0\d$"))
    page.reload()
    expect(metric(page, "Predicted against real")).to_be_visible()
    expect(again).to_be_visible()


def test_fine_regions_rank_anew_and_say_what_they_are(
    page: Page, app_url: str, two_hotels: Path
) -> None:
    page.goto(f"{app_url}/region?gallery={two_hotels}&query={QUERY}&regions={DRAWN}")
    carried = metric(page, "Region carries")
    expect(carried).to_be_visible()
    coarse = metric(page, "Without it").inner_text()
    page.get_by_text("Fine regions", exact=True).click()
    expect(page.get_by_text("gates as they are").first).to_be_visible()
    expect(metric(page, "Without it")).not_to_have_text(coarse)
    has_parameter(page, "fine=true")
    fine = metric(page, "Without it").inner_text()
    page.reload()
    expect(metric(page, "Without it")).to_have_text(fine)
    expect(page.get_by_text("contribution to the fine region's score").first).to_be_visible()
