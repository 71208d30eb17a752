"""Poolings side by side in Chromium, on the Pair and the Search page."""

import json
import re
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page, expect

FEW = "gallery=demo/rooms/images/hotel_21"
"""Six images, which are indexed in a moment."""
SIMILARITY = '[data-testid="stMetric"]:has-text("Similarity") [data-testid="stMetricValue"]'
PICTURES = '[data-testid="stImage"] img'


def settled(page: Page) -> None:
    page.wait_for_timeout(300)
    expect(page.locator('[data-test-script-state="notRunning"]')).to_be_attached()
    expect(page.locator('[data-testid="stException"]')).to_have_count(0)


def test_a_pair_is_compared_and_the_link_keeps_it(page: Page, app_url: str, tmp_path: Path) -> None:
    page.goto(f"{app_url}/pair?{FEW}")
    expect(page.locator(".picture")).to_have_count(2)
    page.get_by_text("Compare poolings").click()
    expect(page.locator(PICTURES)).to_have_count(6)
    expect(page).to_have_url(re.compile("compare_poolings=true"))
    figures = page.locator('[data-testid="stMetricValue"]').all_inner_texts()
    assert figures[0] == figures[1], "the average is the pooling of the sidebar"
    assert len(set(figures[1:])) == 3
    expect(page.get_by_text(re.compile(r"entropy .* bits · 90% in \d+ of 49 cells"))).to_have_count(
        6
    )
    with page.expect_download() as download:
        page.get_by_role("button", name="Comparison (JSON)").click()
    download.value.save_as(tmp_path / "poolings.json")
    values = json.loads((tmp_path / "poolings.json").read_text())
    assert [f"{value['similarity']:.4f}" for value in values["poolings"]] == figures[1:]
    with page.expect_download() as download:
        page.get_by_role("button", name="Comparison (PNG)").click()
    download.value.save_as(tmp_path / "poolings.png")
    assert Image.open(tmp_path / "poolings.png").width > 1000
    page.reload()
    expect(page.locator(PICTURES)).to_have_count(6)


def row(page: Page, pooling: str) -> Locator:
    return page.locator(f"[class*=st-key-matches_{pooling}]")


def test_each_pooling_gets_its_row_of_matches(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/search?{FEW}&compare_poolings=true")
    expect(row(page, "average").locator(".card")).to_have_count(5)
    settled(page)
    page.get_by_role("button", name="Index them").first.click()
    for pooling in ("max", "gem"):  # one run of the network is for both
        expect(row(page, pooling).locator(".card")).to_have_count(5)
    expect(page.get_by_role("button", name="Index them")).to_have_count(0)
    expect(page.locator(".note").nth(14)).to_have_text(re.compile("90% in"))
    settled(page)

    queries = {
        name: row(page, name).locator(".query img.heat") for name in ("average", "max", "gem")
    }
    before = {name: query.get_attribute("src") for name, query in queries.items()}
    assert len(set(before.values())) == 3, "the query has a map of its own for each pooling"
    row(page, "max").locator(".card").nth(3).hover()
    expect(queries["max"]).not_to_have_attribute("src", before["max"] or "")
    assert queries["gem"].get_attribute("src") == before["gem"]

    card = row(page, "max").locator(".card").nth(1)
    score = card.locator(".score").inner_text()
    card.get_by_text("Pair", exact=True).click()
    expect(page).to_have_url(re.compile("/pair.*pooling=max"))
    expect(page.locator(SIMILARITY)).to_have_text(re.compile("^" + re.escape(score[:4])))
    assert f"{float(page.locator(SIMILARITY).inner_text()):.3f}" == score
    page.reload()
    expect(page.locator(SIMILARITY)).to_have_text(re.compile("^" + re.escape(score[:4])))
