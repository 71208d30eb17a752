"""A gallery of nested folders: the level that is the class, and one set found in the other."""

import re
import shutil
from pathlib import Path
from urllib.parse import urlencode

from playwright.sync_api import Page, expect


def test_the_class_of_nested_folders_is_chosen_and_back_undoes_it(
    page: Page, app_url: str, demo_rooms: Path, allowed_folder: Path
) -> None:
    nested = allowed_folder / "nested"
    for part, views in (("query", (0,)), ("reference", (1, 2))):
        for hotel in ("hotel_00", "hotel_01"):
            for view in views:
                place = nested / part / hotel / f"view_{view}.jpg"
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(demo_rooms / hotel / place.name, place)
    asked = urlencode({"gallery": str(nested), "ask": "folder 1=query"})
    page.goto(f"{app_url}/search?{asked}")
    sidebar = page.get_by_test_id("stSidebar")
    level = sidebar.get_by_role("combobox", name="Class is")
    expect(level).to_have_value("first folder: 2 classes")
    expect(page.get_by_text("Recall@K needs a class with two images")).to_be_visible()
    level.click()
    page.get_by_role("option", name="second folder: 2 classes").click()
    expect(page).to_have_url(re.compile("class_level=2"))
    expect(page.get_by_text("Recall@1").first).to_be_visible()
    expect(sidebar.get_by_text("classes are hotel_00, hotel_01")).to_be_visible()
    page.go_back()
    expect(page).not_to_have_url(re.compile("class_level=2"))
    expect(level).to_have_value("first folder: 2 classes")
