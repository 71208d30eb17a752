"""Stretch, pad and crop, chosen in the browser."""

import re

from playwright.sync_api import Page, expect


def test_a_map_lies_on_what_the_network_saw(page: Page, app_url: str) -> None:
    page.goto(f"{app_url}/pair?fit=pad")
    main, sidebar = page.get_by_test_id("stMain"), page.get_by_test_id("stSidebar")
    expect(main.get_by_text("In the padding, on no picture")).to_be_visible()
    picture = main.locator('.picture[data-side="query"]')
    box = picture.bounding_box()
    assert box is not None
    assert abs(box["width"] - box["height"]) < 2  # the demo's pictures are 4 : 3
    # The last row of cells lies in the padding below the picture.
    picture.hover(position={"x": box["width"] / 2, "y": box["height"] - 3})
    expect(main.locator(".outer.active")).to_have_attribute("data-block", "query,6,3")
    sidebar.get_by_role("radio", name="Crop").or_(
        sidebar.get_by_role("button", name="Crop", exact=True)
    ).first.click()
    expect(page).to_have_url(re.compile("fit=crop"))
    expect(main.get_by_text("In the padding, on no picture")).to_have_count(0)
    expect(main.get_by_text("shown as the network saw them: centre crop 87.5%")).to_be_visible()
