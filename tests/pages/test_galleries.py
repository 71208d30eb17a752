"""The choice of gallery: what may be opened, and what is said of the rest."""

import io
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from page_testing import (
    PATIENCE,
    button,
    grid,
    new_app,
    open_page,
    plain,
    png,
    until_indexed,
    uploader,
)
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.local_script_runner import LocalScriptRunner

from simviz_ui.choices import galleries
from simviz_ui.choices.allowed import FOLDERS_VARIABLE
from simviz_ui.choices.uploads import upload_store
from simviz_ui.serving.jobs import index_jobs
from simviz_ui.serving.upload_rates import SESSION_COUNT_VARIABLE
from simviz_ui.serving.uploads import UploadLimits

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


def test_class_folders_are_no_galleries_and_nothing_is_listed_twice(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hotels, others = tmp_path / "hotels", tmp_path / "others"
    for number in range(150):
        (hotels / f"hotel_{number}").mkdir(parents=True)
        (hotels / f"hotel_{number}" / "view.png").write_bytes(b"")
    (others / "shoes" / "boots").mkdir(parents=True)
    (others / "shoes" / "boots" / "1.png").write_bytes(png())
    allowed = [hotels, others, tmp_path, others / "shoes", hotels]
    monkeypatch.setenv(FOLDERS_VARIABLE, ":".join(map(str, allowed)))
    app.run()
    listed = [name for name in names(app) if "gallery" not in name]  # the demo's stand-in
    assert listed[1:] == [str(hotels), str(others / "shoes")]
    assert "are listed" not in captions(app)


def test_more_galleries_than_are_listed_are_counted(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(galleries.MOST_OFFERED + 20):
        (tmp_path / f"table_{number}.csv").write_text("path\na.png\n")
    monkeypatch.setenv(FOLDERS_VARIABLE, str(tmp_path))
    app.run()
    assert len(names(app)) == 1 + galleries.MOST_OFFERED
    assert f"{galleries.MOST_OFFERED + 21} galleries were found" in captions(app)


def test_a_folder_called_like_the_demo_is_not_the_demo(
    app: AppTest, small_gallery: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / galleries.DEMO / "boots").mkdir(parents=True)
    (tmp_path / galleries.DEMO / "boots" / "1.png").write_bytes(png())
    monkeypatch.chdir(tmp_path)
    app.run()
    assert names(app)[:2] == [galleries.DEMO, f"./{galleries.DEMO}"]
    app.get_by_key("gallery").set_value(f"./{galleries.DEMO}").run()
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
    uploader(app, "gallery").set_value([("pets.zip", content, "application/zip")]).run()
    assert not app.error
    assert app.session_state["gallery"].startswith("pets.zip (upload ")
    assert "2 images, 1 class" in captions(app)
    until_indexed(app)
    assert app.session_state["query"] == "cats/1.png"


def upload_gallery(app: AppTest, name: str, content: bytes) -> str:
    """Upload an archive, and return what it is called from then on."""
    uploader(app, "gallery").set_value([(name, content, "application/zip")]).run()
    assert not app.exception
    uploaded: str = app.session_state["gallery"]
    assert uploaded.startswith(f"{name} (upload ")
    return uploaded


def test_a_link_finds_an_uploaded_gallery_and_its_index(app: AppTest) -> None:
    content = archive(cats__1_png=png("red"), cats__2_png=png("blue"), dogs__1_png=png("lime"))
    uploaded = upload_gallery(open_page(app, SEARCH), "pets.zip", content)
    until_indexed(app)
    assert app.query_params["gallery"] == uploaded
    other = open_page(new_app(), SEARCH, gallery=uploaded, query="dogs/1.png")
    assert not other.error
    assert "3 images, 2 classes" in captions(other)
    assert not other.get("progress")
    assert uploaded in names(other)
    assert uploaded not in names(open_page(new_app(), SEARCH))


def test_a_second_archive_is_a_second_gallery(app: AppTest) -> None:
    open_page(app, "pages/overview.py")
    first = upload_gallery(app, "pets.zip", archive(cats__1_png=png("red")))
    second = upload_gallery(app, "pets.zip", archive(a__1_png=png("blue"), b__1_png=png("lime")))
    assert {first, second} < set(names(app))
    assert "2 images, 2 classes" in captions(app)
    app.get_by_key("gallery").set_value(first).run()
    assert "1 images, 1 class" in captions(app)


def test_archives_that_are_chosen_together_are_a_gallery_each(app: AppTest) -> None:
    open_page(app, "pages/overview.py")
    files = [
        ("a.zip", archive(cats__1_png=png("red")), "application/zip"),
        ("b.zip", b"PK only text", "application/zip"),
        ("c.zip", archive(dogs__1_png=png("blue"), dogs__2_png=png("lime")), "application/zip"),
    ]
    uploader(app, "gallery").set_value(files).run()
    assert [name[:5] for name in names(app)][-2:] == ["a.zip", "c.zip"]
    assert app.session_state["gallery"].startswith("c.zip")
    assert plain(app.error[0].value).startswith("b.zip: the ZIP archive is damaged")


def test_what_was_left_out_of_an_archive_is_said(app: AppTest) -> None:
    buffer = io.BytesIO(archive(cats__1_png=png("red"), cats__2_png=png("blue"), notes=b"text"))
    with zipfile.ZipFile(buffer, "a") as opened:
        opened.writestr(zipfile.ZipInfo("cats/broken.png"), b"these bytes are going to be others")
        broken = opened.getinfo("cats/broken.png").header_offset
        opened.writestr("猫/3.png", png("lime"))
    content = bytearray(buffer.getvalue())
    content[broken + 30 + len("cats/broken.png")] ^= 0xFF
    open_page(app, "pages/overview.py")
    upload_gallery(app, "pets.zip", bytes(content))
    assert "3 images, 2 classes" in captions(app)
    (expander,) = [each for each in app.expander if "left out" in each.label]
    assert expander.label == "2 files were left out"
    said = [text.value for text in expander.text]
    assert said[0] == "notes: no image by its content"
    assert said[1].startswith("cats/broken.png: damaged (")


def test_the_encoding_that_names_were_read_in_is_said(app: AppTest) -> None:
    content = archive(cats__1_png=png("red")).replace(b"cats/1.png", "猫ね/1.png".encode("cp932"))
    assert len("猫ね".encode("cp932")) == len(b"cats")
    open_page(app, "pages/overview.py")
    upload_gallery(app, "pets.zip", content)
    assert "they were read as cp932." in captions(app)


def test_images_of_one_name_are_told(app: AppTest) -> None:
    open_page(app, "pages/overview.py")
    files = [("1.png", png("red"), "image/png"), ("1.png", png("blue"), "image/png")]
    uploader(app, "gallery").set_value(files).run()
    assert app.session_state["gallery"].startswith("2 files, 1.png first (upload ")
    assert "1 images, no classes" in captions(app)
    (expander,) = [each for each in app.expander if "left out" in each.label]
    assert expander.text[0].value == "1.png: another of the files has this name"


def test_names_of_uploads_lead_nowhere(app: AppTest) -> None:
    open_page(app, "pages/overview.py")
    sent = ["../../up.png", "C:\\photos\\b.png", "/etc/c.png", "a\r\nSet-Cookie: a=b.png"]
    uploader(app, "gallery").set_value([(name, png("red"), "image/png") for name in sent]).run()
    (images,) = upload_store().folder.glob("*/images")
    kept = {path.name for path in images.iterdir()}
    assert kept == {"up.png", "b.png", "c.png", "a\r\nSet-Cookie: a=b.png"}
    assert "4 images, no classes" in captions(app)


def test_a_session_uploads_no_more_than_it_may(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SESSION_COUNT_VARIABLE, "1")
    open_page(app, "pages/overview.py")
    first = upload_gallery(app, "pets.zip", archive(cats__1_png=png("red")))
    sent = ("more.zip", archive(cats__1_png=png("blue")), "application/zip")
    uploader(app, "gallery").set_value([sent]).run()
    assert "a session may upload 1 times" in plain(app.error[0].value)
    assert app.session_state["gallery"] == first


def test_an_uploaded_gallery_that_is_gone_is_named(app: AppTest) -> None:
    uploaded = upload_gallery(open_page(app, SEARCH), "pets.zip", archive(a__1_png=png("red")))
    upload_store().limits = UploadLimits(age=-1)
    other = open_page(new_app(), SEARCH, gallery="gone.zip (upload 0123456789abcdef)")
    assert "uploads do not outlive the server" in plain(other.error[0].value)
    other.get_by_key("gallery").set_value(galleries.DEMO).run()
    assert not other.error
    upload_store().stop_using("test session id")
    other = open_page(new_app(), SEARCH, gallery=uploaded)
    assert "nobody used it for" in plain(other.error[0].value)
    assert "upload it again" in plain(other.error[0].value)
    assert "Choose a gallery" in other.info[0].value


def test_an_uploaded_gallery_is_had_by_its_id_alone(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_gallery(open_page(app, SEARCH), "pets.zip", archive(a__1_png=png("red")))
    folder = upload_store().folder
    monkeypatch.setenv(FOLDERS_VARIABLE, str(folder.parent))
    (images,) = folder.glob("*/images")
    other = open_page(new_app(), SEARCH, gallery=str(images))
    assert "outside the folders that may be opened here" in plain(other.error[0].value)
    assert not [name for name in names(other) if folder.name in name and name != str(images)]


def test_a_timer_does_not_undo_a_choice(app: AppTest, monkeypatch: pytest.MonkeyPatch) -> None:
    until_indexed(open_page(app, SEARCH))
    older = app._tree.get_widget_states()  # what a busy browser goes on sending for a while
    uploaded = upload_gallery(app, "pets.zip", archive(a__1_png=png("red"), b__1_png=png("blue")))
    assert app.get("progress")
    deadline = time.monotonic() + PATIENCE
    while any(job.is_running for job in index_jobs().all()) and time.monotonic() < deadline:
        time.sleep(0.1)
    timers = list(app._fragment_storage._fragments)
    request_rerun = LocalScriptRunner.request_rerun

    def as_timer(runner: LocalScriptRunner, asked: RerunData) -> bool:
        runner._requests = ScriptRequests()  # it begins with a run of the whole page
        return request_rerun(runner, replace(asked, fragment_id_queue=timers))

    monkeypatch.setattr(LocalScriptRunner, "request_rerun", as_timer)
    app._run(older)
    assert not app.exception
    assert not app.get("progress")
    assert app.session_state["gallery"] == uploaded
    assert "2 images, 2 classes" in captions(app)


def test_several_images_become_a_gallery_without_classes(app: AppTest) -> None:
    open_page(app, SEARCH)
    files = [(f"{n}.png", png(colour), "image/png") for n, colour in enumerate(("red", "blue"))]
    uploader(app, "gallery").set_value(files).run()
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
    ids=["damaged", "empty", "texts", "evil"],  # archives hold the time at which they were made
)
def test_a_bad_archive_says_why_and_loses_nothing(
    app: AppTest, name: str, content: bytes, reason: str
) -> None:
    open_page(app, SEARCH)
    uploader(app, "gallery").set_value([(name, content, "application/zip")]).run()
    assert reason in " ".join(error.value for error in app.error)
    assert app.session_state["gallery"] == galleries.DEMO


def test_of_nested_folders_the_class_is_chosen_and_said(
    app: AppTest, small_gallery: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nested = tmp_path / "nested"
    for part in ("train", "val"):
        (nested / part).mkdir(parents=True)
        for label in ("chairs", "lamps"):
            (small_gallery / label).rename(nested / part / label) if part == "train" else (
                nested / part / label
            ).mkdir()
            (nested / part / label / "x.png").write_bytes(png())
    (nested / "away").symlink_to("/etc")
    monkeypatch.setenv(FOLDERS_VARIABLE, str(tmp_path))
    open_page(app, SEARCH, gallery=str(nested))
    until_indexed(app)
    assert "10 images, 2 classes" in captions(app)
    assert "classes are train, val" in captions(app).replace("\\", "")
    assert any("1 file or folder is left out" in found.label for found in app.expander)
    level = app.get_by_key("class_level")
    assert level.options == [
        *("first folder: 2 classes", "second folder: 2 classes", "own folder: 4 classes")
    ]
    level.set_value("own").run()
    assert "10 images, 4 classes" in captions(app)
    assert app.query_params["class_level"] == "own"
    assert "--class-level own" in app.code[-1].value
    assert not app.exception


def test_a_level_of_a_link_that_the_folders_do_not_have_is_named(
    app: AppTest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "b" / "1.png").write_bytes(png())
    monkeypatch.setenv(FOLDERS_VARIABLE, str(tmp_path))
    until_indexed(open_page(app, SEARCH, gallery=str(tmp_path), class_level="3"))
    said = [plain(note.value) for note in (*app.warning, *app.info)]
    assert any("lies as deep as the third folder" in each for each in said), said
    assert app.get_by_key("class_level").value == "1"


def test_a_broken_file_is_never_the_first_query_or_match(app: AppTest, small_gallery: Path) -> None:
    (small_gallery / "chairs" / "a.png").write_bytes(b"")
    (small_gallery / "chairs" / "b.png").write_text("no picture")
    open_page(app, "pages/pair.py")
    assert app.get_by_key("query").value == "chairs/view_1.png"
    assert app.get_by_key("match").value == "chairs/view_2.png"
    app.run()
    assert app.get_by_key("query").value == "chairs/view_1.png"


def test_queries_of_one_gallery_find_images_of_another(
    apart: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDERS_VARIABLE, str(tmp_path))
    queries, references = map(str, apart)
    app = until_indexed(open_page(new_app(), SEARCH, gallery=queries)).run()
    app.get_by_key("references").set_value(references).run()
    until_indexed(app).run()
    assert app.query_params["references"] == references
    assert app.get_by_key("query").value == "hotel_00/view_0.jpg"
    found = grid(app, "matches")
    assert len(found) == 6
    assert {match["id"].split("/")[0] for match in found} == {"references"}
    assert f"--references {references}" in app.code[0].value
    assert "6 images are asked and 6 of known are found" in plain(captions(app))
    # Once more from the link, and back to one gallery.
    linked = new_app()
    until_indexed(open_page(linked, SEARCH, gallery=queries, references=references)).run()
    assert [match["id"] for match in grid(linked, "matches")] == [match["id"] for match in found]
    linked.get_by_key("references").set_value(galleries.THE_SAME).run()
    until_indexed(linked).run()
    assert "references" not in linked.query_params
    assert len(grid(linked, "matches")) == 5


def test_references_that_cannot_be_opened_are_said(
    apart: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(FOLDERS_VARIABLE, str(tmp_path / "asked"))
    queries, references = map(str, apart)
    app = until_indexed(open_page(new_app(), SEARCH, gallery=queries, references=references)).run()
    assert [plain(error.value) for error in app.error] != []
    assert len(grid(app, "matches")) == 5  # of the gallery that could be opened
