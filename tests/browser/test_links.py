"""The address bar in Chromium: it says what is shown, and Back and Forward go through it."""

import re
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Page, expect

from simviz_core.networks import build_network

QUERY = "hotel_01/view_0.jpg"
REGION = "include:150,140,316,230"


def settled(page: Page) -> None:
    """Wait until the app has finished running."""
    page.wait_for_timeout(300)  # a click takes a moment to make it run
    expect(page.locator('[data-test-script-state="notRunning"]')).to_be_attached()
    expect(page.locator('[data-testid="stException"]')).to_have_count(0)


def open_link(page: Page, app_url: str, name: str, **fields: object) -> None:
    page.goto(f"{app_url}/{name}?{urlencode(fields)}")
    expect(page.locator(".picture, .card").first).to_be_visible()
    settled(page)


def go_to(page: Page, title: str) -> None:
    page.locator('[data-testid="stSidebarNav"]').get_by_role("link", name=title).click()
    expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
    settled(page)


def parameters(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def entries(page: Page) -> int:
    """How many entries the history of the window has."""
    return page.evaluate("history.length")


def image(page: Page, title: str) -> str:
    return page.get_by_role("combobox", name=title).first.input_value()


def back(page: Page) -> None:
    page.go_back()
    settled(page)


def with_cards(page: Page) -> None:
    expect(page.locator(".card img").first).to_be_visible()
    settled(page)


def test_back_from_pair_shows_the_same_search(page: Page, app_url: str) -> None:
    open_link(page, app_url, "search", query=QUERY)
    with_cards(page)
    page.get_by_text("24", exact=True).click()
    expect(page).to_have_url(re.compile("top=24"))
    settled(page)
    link, before = page.url, entries(page)
    page.get_by_role("button", name="Pair", exact=True).nth(2).click()
    expect(page).to_have_url(re.compile("/pair"))
    expect(page).to_have_url(re.compile("match="))
    settled(page)
    assert entries(page) == before + 1, "one click is one entry"
    back(page)
    assert page.url == link
    with_cards(page)
    expect(page.locator(".card")).to_have_count(24)
    assert image(page, "Query") == QUERY
    page.go_forward()
    expect(page).to_have_url(re.compile("/pair"))
    settled(page)
    assert image(page, "Query") == QUERY


def test_back_from_pair_shows_the_same_region(page: Page, app_url: str) -> None:
    open_link(page, app_url, "region", query=QUERY, regions=REGION)
    with_cards(page)
    link = page.url
    shown = page.locator(".card .show").first.get_attribute("title")
    page.get_by_role("button", name="Pair", exact=True).first.click()
    expect(page).to_have_url(re.compile("/pair"))
    settled(page)
    back(page)
    assert page.url == link
    with_cards(page)
    assert page.locator(".card .show").first.get_attribute("title") == shown
    expect(page.get_by_text("Region carries")).to_be_visible()


def test_back_from_pair_shows_the_same_class(page: Page, app_url: str) -> None:
    open_link(
        page, app_url, "classes", **{"class": "hotel_03"}, class2="hotel_05", class_map="contrast"
    )
    with_cards(page)
    link = page.url
    page.get_by_role("button", name="Pair", exact=True).first.click()
    expect(page).to_have_url(re.compile("/pair"))
    settled(page)
    back(page)
    assert page.url == link
    with_cards(page)
    assert image(page, "Class") == "hotel_03"
    assert image(page, "Beside it") == "hotel_05"
    expect(page.get_by_text(re.compile("speaks for hotel_03")).first).to_be_visible()


def test_a_random_pair_is_one_entry(page: Page, app_url: str) -> None:
    open_link(page, app_url, "pair", query=QUERY, match="hotel_01/view_1.jpg")
    before, link = entries(page), page.url
    page.keyboard.press("m")
    expect(page).not_to_have_url(link)
    settled(page)
    drawn = image(page, "Query"), image(page, "Match")
    assert entries(page) == before + 1
    page.keyboard.press("d")
    expect(page.get_by_role("combobox", name="Query").first).not_to_have_value(drawn[0])
    settled(page)
    back(page)
    assert (image(page, "Query"), image(page, "Match")) == drawn
    back(page)
    assert page.url == link
    assert (image(page, "Query"), image(page, "Match")) == (QUERY, "hotel_01/view_1.jpg")


def test_a_switch_in_the_sidebar_takes_the_choices_along(
    page: Page, app_url: str, three_hotels: Path
) -> None:
    chosen = {"gallery": str(three_hotels), "query": QUERY, "pooling": "max", "size": "320"}
    open_link(page, app_url, "pair", **chosen, opacity=30)
    before = entries(page)
    go_to(page, "Search")
    with_cards(page)
    expect(page).to_have_url(re.compile("opacity=30"))
    assert entries(page) == before + 1
    assert parameters(page) == {name: [text] for name, text in chosen.items()} | {"opacity": ["30"]}
    link = page.url
    page.reload()
    with_cards(page)
    assert page.url == link
    assert image(page, "Query") == QUERY
    back(page)
    assert parameters(page)["pooling"] == ["max"]


def test_display_controls_make_no_entry(page: Page, app_url: str) -> None:
    open_link(page, app_url, "pair", query=QUERY)
    before = entries(page)
    page.get_by_text("Cells", exact=True).click()
    expect(page).to_have_url(re.compile("style=cells"))
    page.get_by_role("slider").press("ArrowRight")
    expect(page).to_have_url(re.compile("opacity=65"))
    settled(page)
    assert entries(page) == before


def test_only_misses_is_in_the_link_though_there_was_no_index_yet(
    page: Page, app_url: str, three_hotels: Path
) -> None:
    open_link(page, app_url, "search", gallery=three_hotels, size=320, pooling="gem")
    with_cards(page)
    page.get_by_text("Only misses").click()
    expect(page).to_have_url(re.compile("only_misses=true"))


def test_a_link_to_an_image_that_is_gone_says_so(page: Page, app_url: str) -> None:
    open_link(page, app_url, "search", query="hotel_99/view_0.jpg")
    expect(page.get_by_text("the gallery has no image hotel_99/view_0.jpg")).to_be_visible()
    with_cards(page)
    expect(page.get_by_text("the gallery has no image hotel_99/view_0.jpg")).to_be_visible()


@pytest.fixture(scope="session")
def plain_resnet(allowed_folder: Path) -> Path:
    """Weights of a network that is not of the catalogue."""
    from safetensors.torch import save_file

    file = allowed_folder / "test_resnet.safetensors"
    weights = build_network("timm/test_resnet", pretrained=False).state_dict()
    save_file({name: values.contiguous() for name, values in weights.items()}, file)
    return file


def test_a_match_of_another_pooling_opens_with_it_for_any_network(
    page: Page, app_url: str, three_hotels: Path, plain_resnet: Path
) -> None:
    open_link(
        page,
        app_url,
        "search",
        gallery=three_hotels,
        network="timm/test_resnet",
        weights=plain_resnet,
        compare_poolings="true",
    )
    expect(page.locator(".card").first).to_be_visible()
    page.get_by_role("button", name="Index them").first.click()
    heading = page.get_by_text(re.compile("^GeM · the matches"))
    expect(heading).to_be_visible()
    settled(page)
    score = page.locator(".card .score").last.inner_text()
    page.get_by_role("button", name="Pair", exact=True).last.click()
    expect(page).to_have_url(re.compile("pooling=gem"))
    value = page.locator('[data-testid="stMetric"]:has-text("Similarity")').first
    expect(value).to_have_text(re.compile(r"\d\.\d{4}"))
    exact = float(re.findall(r"\d\.\d{4}", value.inner_text())[0])
    assert abs(exact - float(score)) <= 0.0006, "rounded to three digits, and to four"
