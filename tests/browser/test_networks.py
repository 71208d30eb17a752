"""Another network, chosen in the browser, on Pair, Search and Region."""

import re
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Page, expect

from simviz_core.networks import build_network

NAME = "timm/test_resnet.r160_in1k"
LINE = "timm test_resnet.r160_in1k · 96 channels, 5 × 5 at 160 · average pooling · exact"


def is_done(page: Page) -> None:
    page.wait_for_timeout(300)  # a click takes a moment to make it run
    expect(page.locator('[data-test-script-state="notRunning"]')).to_be_attached()


def choose(page: Page, label: str, value: str) -> None:
    """Type into one of the sidebar's searchable choices, and take what is typed."""
    box = page.get_by_test_id("stSidebar").get_by_role("combobox", name=label)
    box.click()
    box.fill(value)
    page.get_by_role("option", name=value).first.click()
    is_done(page)


@pytest.fixture
def pair(page: Page, app_url: str) -> Page:
    page.goto(f"{app_url}/pair?weights=random%20(untrained)")
    expect(page.get_by_test_id("stMain").get_by_text("Similarity").first).to_be_visible()
    is_done(page)
    return page


def test_a_network_is_found_by_typing_and_survives_a_reload(pair: Page) -> None:
    choose(pair, "Network", NAME)
    sidebar = pair.get_by_test_id("stSidebar")
    expect(sidebar.get_by_text(LINE)).to_be_visible()
    sidebar.get_by_role("radio", name="Max").or_(
        sidebar.get_by_role("button", name="Max", exact=True)
    ).first.click()
    expect(sidebar.get_by_text("max pooling · exact")).to_be_visible()
    pair.reload()
    expect(sidebar.get_by_text("max pooling · exact")).to_be_visible()
    expect(pair.get_by_test_id("stMain").get_by_text("residual")).to_be_visible()


def test_it_goes_along_to_search_and_region(pair: Page) -> None:
    choose(pair, "Network", NAME)
    for title in ("Search", "Region"):
        pair.get_by_test_id("stSidebarNav").get_by_role("link", name=title).click()
        expect(pair.get_by_role("heading", name=title, exact=True)).to_be_visible()
        expect(pair.get_by_test_id("stSidebar").get_by_text(LINE)).to_be_visible()
        expect(pair.get_by_test_id("stMain").get_by_text("hotel_").first).to_be_visible()
        expect(pair.get_by_test_id("stAlertContentError")).to_have_count(0)


def test_a_refused_network_says_what_to_choose(pair: Page) -> None:
    choose(pair, "Network", "timm/pit_ti_224.in1k")
    sidebar = pair.get_by_test_id("stSidebar")
    expect(sidebar.get_by_text("its embedding is the class token")).to_be_visible()
    sidebar.get_by_text("Average", exact=True).click()
    expect(sidebar.get_by_text("7 × 7 tokens at 224 · average pooling · exact")).to_be_visible()
    expect(pair.get_by_test_id("stAlertContentError")).to_have_count(0)


def test_a_checkpoint_is_uploaded(pair: Page, tmp_path: Path) -> None:
    choose(pair, "Network", NAME)
    torch.manual_seed(3)
    path = tmp_path / "mine.pth"
    torch.save(build_network("timm/test_resnet", pretrained=False).state_dict(), path)
    sidebar = pair.get_by_test_id("stSidebar")
    sidebar.get_by_text("Weights and layers").click()
    sidebar.get_by_role("button", name="Upload a checkpoint").click()
    pair.locator('input[type="file"]:not([accept*=".png"])').set_input_files(path)
    weights = sidebar.get_by_role("combobox", name="Weights")
    expect(weights).to_have_value(re.compile(r"^mine\.pth \(upload [0-9a-f]{16}\)$"))
    is_done(pair)
    expect(pair.get_by_test_id("stMain").get_by_text("residual")).to_be_visible()
    expect(pair.get_by_test_id("stAlertContentError")).to_have_count(0)


def test_what_a_link_chose_survives_the_navigation(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/pair?network={NAME}&weights=random%20(untrained)")
    expect(page.get_by_test_id("stSidebar").get_by_text(LINE)).to_be_visible()
    is_done(page)
    for title in ("Region", "Search"):
        page.get_by_test_id("stSidebarNav").get_by_role("link", name=title).click()
        expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
        expect(page.get_by_test_id("stSidebar").get_by_text(LINE)).to_be_visible()
