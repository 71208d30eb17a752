"""The Checkpoints page in Chromium: two runs, the slider, what changed most, broken files."""

import re
import shutil
from pathlib import Path
from urllib.parse import quote

import pytest
import torch
from playwright.sync_api import Locator, Page, expect

RUNS = "demo/runs"


@pytest.fixture(scope="session")
def few_rooms(demo_rooms: Path, allowed_folder: Path) -> Path:
    """Four hotels that the demo's trainings never saw, with their masks."""
    images = allowed_folder / "few" / "images"
    for number in (1, 3, 5, 29):
        hotel = f"hotel_{number:02d}"
        shutil.copytree(demo_rooms / hotel, images / hotel)
        shutil.copytree(demo_rooms.parent / "masks" / hotel, images.parent / "masks" / hotel)
    shutil.copy(demo_rooms.parent / "masks" / "categories.json", images.parent / "masks")
    return images


def settled(page: Page) -> None:
    """Wait until the app has finished running."""
    page.wait_for_timeout(400)  # a click takes a moment to make it run
    expect(page.locator('[data-test-script-state="notRunning"]')).to_be_attached()
    expect(page.locator('[data-testid="stException"]')).to_have_count(0)


def open_page(page: Page, app_url: str, gallery: Path, **query: str) -> Page:
    """The page, every checkpoint indexed and looked at."""
    words = {"gallery": str(gallery), **query}
    page.goto(f"{app_url}/checkpoints?" + "&".join(f"{k}={quote(v)}" for k, v in words.items()))
    complete(page)
    return page


def complete(page: Page) -> None:
    """Wait until no column waits for anything any more."""
    expect(columns(page).first).to_be_visible()
    expect(page.get_by_text("What changed most")).to_be_visible()
    expect(page.locator(".waiting")).to_have_count(0)
    settled(page)


def columns(page: Page) -> Locator:
    return page.locator(".column")


def titles(page: Page) -> list[str]:
    return page.locator(".column .head").all_inner_texts()


def test_two_runs_line_up_by_iteration(page: Page, app_url: str, few_rooms: Path) -> None:
    open_page(page, app_url, few_rooms, run=f"{RUNS}/average", run2=f"{RUNS}/max")
    trained = [f"iteration {number}" for number in (6, 16, 40, 120)]
    assert titles(page) == ["0 · pretrained", *trained, "0 · pretrained", "iteration 120"]
    boxes = [column.bounding_box() for column in columns(page).all()]
    assert all(boxes)
    for upper, lower in ((0, 5), (4, 6)):
        assert boxes[upper]["x"] == pytest.approx(boxes[lower]["x"], abs=1)
        assert boxes[lower]["y"] > boxes[upper]["y"] + boxes[upper]["height"]
    pictures = page.locator(".column img:not(.heat)")
    assert pictures.count() == 7 * 4
    assert all(picture.get_attribute("alt") for picture in pictures.all())


def test_the_slider_leaves_checkpoints_out_and_is_in_the_link(
    page: Page, app_url: str, few_rooms: Path
) -> None:
    open_page(page, app_url, few_rooms, run=f"{RUNS}/average")
    handle = page.get_by_role("slider").first
    box = handle.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 115, box["y"] + box["height"] / 2, steps=8)
    page.mouse.up()
    expect(columns(page)).not_to_have_count(5)
    complete(page)
    left = titles(page)
    assert 1 < len(left) < 5
    assert left[-1] == "iteration 120"
    page.reload()
    complete(page)
    assert titles(page) == left


def test_pointing_at_a_match_shows_the_query_s_map_for_it(
    page: Page, app_url: str, few_rooms: Path
) -> None:
    open_page(page, app_url, few_rooms, run=f"{RUNS}/average")
    column = columns(page).first
    query = column.locator(".card").first
    before = query.locator("img.heat").get_attribute("src")
    column.locator(".card.match .show").nth(1).click()
    assert query.locator("img.heat").get_attribute("src") != before
    expect(query.locator(".label")).to_have_text(re.compile("^for hotel_"))
    page.mouse.move(5, 5)
    assert query.locator("img.heat").get_attribute("src") != before
    column.locator(".card.match .show").nth(1).click()
    page.mouse.move(5, 5)
    expect(query.locator("img.heat")).to_have_attribute("src", before or "")


def test_a_match_is_followed_through_the_checkpoints(
    page: Page, app_url: str, few_rooms: Path
) -> None:
    open_page(page, app_url, few_rooms, run=f"{RUNS}/average")
    match = columns(page).first.locator(".card.match .show").first.get_attribute("title")
    page.get_by_role("button", name="Follow", exact=True).first.click()
    expect(page).to_have_url(re.compile("follow=pair"))
    complete(page)
    for column in columns(page).all():
        expect(column.locator(".card")).to_have_count(2)
        expect(column.locator(".card").nth(1).locator(".label")).to_have_text(match or "")


def test_a_match_opens_in_pair_with_the_checkpoint_s_weights(
    page: Page, app_url: str, few_rooms: Path
) -> None:
    open_page(page, app_url, few_rooms, run=f"{RUNS}/average", query="hotel_29/view_2.jpg")
    last = columns(page).last
    score = last.locator(".card.match .score").first.inner_text()
    last.get_by_role("button", name="Pair").first.click()
    expect(page).to_have_url(re.compile("/pair.*weights="))
    for _ in range(2):
        shown = page.get_by_test_id("stMetricValue").first
        expect(shown).to_be_visible()
        settled(page)
        # Three decimals in the grid, four on the Pair page.
        assert float(shown.inner_text()) == pytest.approx(float(score), abs=6e-4)
        page.reload()


def test_a_row_of_what_changed_most_opens_in_the_grid(
    page: Page, app_url: str, few_rooms: Path
) -> None:
    open_page(page, app_url, few_rooms, run=f"{RUNS}/average")
    table = page.get_by_test_id("stDataFrame")
    table.scroll_into_view_if_needed()
    settled(page)
    box = table.bounding_box()
    assert box
    page.mouse.click(box["x"] + 20, box["y"] + 35 * 4 + 17)
    expect(page).to_have_url(re.compile("query=hotel_"))
    complete(page)
    first = page.url
    page.get_by_role("button", name="Changed most").click()
    expect(page).not_to_have_url(first)
    complete(page)


def test_broken_files_are_messages_beside_the_others(
    page: Page, app_url: str, few_rooms: Path, allowed_folder: Path
) -> None:
    folder = allowed_folder / "broken"
    folder.mkdir()
    whole = Path(RUNS) / "average" / "checkpoint_000006.safetensors"
    shutil.copy(whole, folder / "step_6.safetensors")
    (folder / "step_7.safetensors").write_bytes(whole.read_bytes()[:1_000_000])
    torch.save({"conv.weight": torch.zeros(8, 3, 3, 3)}, folder / "step_8.pth")
    torch.save(torch.nn.Conv2d(3, 8, 3), folder / "step_9.pth")
    open_page(page, app_url, few_rooms, run=str(folder))
    errors = columns(page).locator(".error").all_inner_texts()
    assert len(errors) == 3
    assert "damaged" in errors[0]
    assert "fits only to 0%" in errors[1]
    assert "could run code" in errors[2]
    assert columns(page).locator("img:not(.heat)").count() == 2 * 4


def test_a_new_checkpoint_appears_by_itself(
    page: Page, app_url: str, few_rooms: Path, allowed_folder: Path
) -> None:
    folder = allowed_folder / "growing"
    folder.mkdir()
    source = Path(RUNS) / "average"
    shutil.copy(source / "checkpoint_000006.safetensors", folder / "step_6.safetensors")
    open_page(page, app_url, few_rooms, run=str(folder))
    assert titles(page) == ["0 · pretrained", "iteration 6"]
    # Whole or not at all, as the training writes them.
    shutil.copy(source / "checkpoint_000016.safetensors", folder / "step_16.part")
    (folder / "step_16.part").rename(folder / "step_16.safetensors")
    expect(columns(page)).to_have_count(3)
    complete(page)
    assert titles(page)[-1] == "iteration 16"
    assert columns(page).locator("img:not(.heat)").count() == 3 * 4
