"""The choice of gallery: what may be opened, and what is said of the rest."""

import io
import zipfile
from pathlib import Path

import pytest
from page_testing import button, open_page, png, until_indexed
from streamlit.testing.v1 import AppTest

from simviz_ui.choices import galleries
from simviz_ui.choices.allowed import FOLDERS_VARIABLE

SEARCH = "pages/search.py"


def names(app: AppTest) -> list[str]:
    return list(app.get_by_key("gallery").options)


def archive(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name, content in files.items():
            opened.writestr(name.replace("__", "/").replace("_png", ".png"), content)
    return buffer.getvalue()


def captions(app: AppTest) -> str:
    return " ".join(caption.value for caption in app.caption)


def test_the_demo_is_chosen_and_the_folders_here_are_offered(app: AppTest) -> None:
    app.run()
    assert names(app)[0] == galleries.DEMO
    assert "docs" in names(app)
    assert "tests" not in names(app)
    assert "6 images, 2 classes" in captions(app)


def test_folders_that_the_operator_allows(
    app: AppTest, small_gallery: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "list.csv").write_text("path,label\ngallery/chairs/view_1.png,a\n")
    monkeypatch.setenv(FOLDERS_VARIABLE, str(tmp_path))
    app.run()
    assert names(app)[1:] == [str(small_gallery), str(tmp_path / "list.csv")]
    app.get_by_key("gallery").set_value(str(tmp_path / "list.csv")).run()
    assert not app.error
    assert "1 images, 1 class" in captions(app)


@pytest.mark.parametrize("path", ["/etc", "..", "docs/../..", "~"])
def test_a_folder_outside_is_refused_in_words(app: AppTest, path: str) -> None:
    open_page(app, SEARCH, gallery=path)
    assert "outside the folders that may be opened here" in app.error[0].value
    assert "Choose a gallery" in app.info[0].value
    app.get_by_key("gallery").set_value(galleries.DEMO).run()
    assert not app.error


def test_a_manifest_cannot_lead_outside(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (tmp_path / "secret.png").write_bytes(png())
    (inside / "list.csv").write_text("path\n../secret.png\n")
    monkeypatch.setenv(FOLDERS_VARIABLE, str(inside))
    open_page(app, SEARCH, gallery=str(inside / "list.csv"))
    assert "outside the folders" in app.error[0].value


def test_a_folder_that_is_not_there_is_named(app: AppTest) -> None:
    open_page(app, SEARCH, gallery="nowhere")
    assert "does not exist" in app.error[0].value


def test_rescan_finds_new_files(app: AppTest, small_gallery: Path) -> None:
    until_indexed(open_page(app, SEARCH))
    (small_gallery / "chairs" / "view_11.png").write_bytes(png("blue"))
    button(app, "Rescan").click().run()
    assert "7 images, 2 classes" in captions(app)
    until_indexed(app)
    assert not app.error


def test_an_archive_becomes_a_gallery(app: AppTest) -> None:
    content = archive(top__cats__1_png=png("red"), top__cats__2_png=png("blue"), notes=b"text")
    open_page(app, SEARCH)
    app.get_by_key("gallery_files").set_value([("pets.zip", content, "application/zip")]).run()
    assert not app.error
    assert app.session_state["gallery"] == "uploaded: pets.zip"
    assert "2 images, 1 class" in captions(app)
    until_indexed(app)
    assert app.session_state["query"] == "cats/1.png"


def test_an_uploaded_gallery_that_is_gone_is_named(app: AppTest) -> None:
    open_page(app, SEARCH, gallery="uploaded: gone.zip")
    assert "upload it again" in app.error[0].value
    app.get_by_key("gallery").set_value(galleries.DEMO).run()
    assert not app.error


def test_several_images_become_a_gallery_without_classes(app: AppTest) -> None:
    open_page(app, SEARCH)
    files = [(f"{n}.png", png(colour), "image/png") for n, colour in enumerate(("red", "blue"))]
    app.get_by_key("gallery_files").set_value(files).run()
    assert "2 images, no classes" in captions(app)
    until_indexed(app)
    assert "Recall@K needs a class" in captions(app)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("broken.zip", b"PK only text", "damaged"),
        ("empty.zip", archive(), "no images"),
        ("texts.zip", archive(notes=b"text"), "no images"),
        ("evil.zip", archive(**{"../evil_png": png()}), "no images"),
    ],
)
def test_a_bad_archive_says_why_and_loses_nothing(
    app: AppTest, name: str, content: bytes, reason: str
) -> None:
    open_page(app, SEARCH)
    app.get_by_key("gallery_files").set_value([(name, content, "application/zip")]).run()
    assert reason in " ".join(error.value for error in app.error)
    assert app.session_state["gallery"] == galleries.DEMO
