"""Nothing is said twice on a page, and what shows an icon alone has a name."""

from collections import Counter
from pathlib import Path

import pytest
from page_testing import new_app, open_page, plain, until_indexed
from streamlit.testing.v1 import AppTest

NETWORK = {"network": "timm/test_resnet", "weights": "random (untrained)"}
PAGES = ["pair", "search", "region", "features"]


def said(app: AppTest) -> list[str]:
    """All messages of the page's main part."""
    main = app.main
    return [plain(box.value) for box in (*main.error, *main.warning, *main.info, *main.success)]


def said_twice(app: AppTest) -> list[str]:
    return [text for text, count in Counter(said(app)).items() if count > 1]


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_said_twice(app: AppTest, small_gallery: Path, page: str) -> None:
    (small_gallery / "chairs" / "view_1.png").write_bytes(b"nothing to see")
    link = NETWORK | {"query": "chairs/view_1.png", "match": "chairs/view_1.png"}
    link |= {"one_pair": "true"} if page == "features" else {}
    app = until_indexed(open_page(app, f"pages/{page}.py", **link))
    assert not said_twice(app)
    assert not said_twice(open_page(new_app(), f"pages/{page}.py", gallery="/nowhere"))


@pytest.mark.parametrize("page", ["pair", "classes"])
def test_every_button_has_a_name(app: AppTest, page: str) -> None:
    app = until_indexed(open_page(app, f"pages/{page}.py", **NETWORK))
    assert all(button.label for button in app.button)
    names = {button.label for button in app.button}
    if page == "pair":
        assert {"Previous query", "Next query", "Previous match", "Next match"} <= names


def test_a_torchvision_that_does_not_fit_is_all_that_is_said(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simviz_core.installation.torch_mismatch", lambda: "they do not fit")
    app.run()
    assert (said(app), list(app.sidebar.selectbox)) == (["they do not fit"], [])


def test_wrong_settings_are_said_without_a_path_and_named_in_the_log(
    app: AppTest, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SIMVIZ_LINKS", "/nowhere/at/all")
    app.run()
    assert said(app) == [
        "Settings of this server are wrong. Its log says which, and what was expected."
    ]
    assert "/nowhere/at/all, which is no folder here" in caplog.text
