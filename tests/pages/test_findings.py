"""Findings without a browser: keeping views, the list, files, and what they may name."""

import json
from pathlib import Path

import pytest
import streamlit as st
from page_testing import button, new_app, open_page, plain, png, uploader
from streamlit.testing.v1 import AppTest

from simviz_core.cli.main import main
from simviz_core.errors import FindingsError
from simviz_core.findings import KeptFile, Shown, findings_as_json, new_finding, read_findings
from simviz_ui.findings.allowed import made_again, opened_findings
from simviz_ui.findings.store import FindingStore, finding_store

PAIR, FINDINGS = "pages/pair.py", "pages/findings.py"
OWNER = "0" * 32


def keep(app: AppTest, note: str = "") -> AppTest:
    """Star the view that is shown."""
    next(area for area in app.text_area if area.label == "Note").input(note)
    button(app, "Keep this view").click().run()
    assert not app.exception
    return app


def titles(app: AppTest) -> list[str]:
    """The titles of the list."""
    found = [plain(shown.value).strip("*") for shown in app.markdown]
    return [text.partition(". ")[2] for text in found if text[:1].isdigit()]


def kept(app: AppTest):
    return finding_store().of(app.session_state["findings_owner"])


def icon(app: AppTest, start: str):
    """The first button whose key begins so."""
    return next(button for button in app.button if (button.key or "").startswith(start))


def test_a_view_is_kept_with_its_numbers_and_opened_again(
    app: AppTest, small_gallery: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMVIZ_GALLERIES", str(small_gallery))
    first, second = "chairs/view_1.png", "lamps/view_2.png"
    open_page(app, PAIR, query=first, match=second, pooling="gem", opacity="20")
    keep(app, "both are noise")
    assert button(app, "Findings (1)")
    (finding,) = kept(app)
    assert (finding.page, finding.note) == ("pair", "both are noise")
    assert finding.title == f"Pair: {first}, {second}"
    assert [Path(file.path).name for file in finding.images] == ["view_1.png", "view_2.png"]
    assert all(file.sha256 for file in finding.images)

    # The command gives the numbers that the page has kept.
    out = tmp_path / "out.json"
    main([*finding.shown[0].command, "--figure", str(tmp_path / "a.png"), "--json", str(out)])
    made = json.loads(out.read_text())
    assert finding.shown[0].numbers["similarity"] == pytest.approx(made["similarity"], abs=1e-6)

    button(app, "Findings (1)").click().run()
    app.switch_page(FINDINGS).run()
    assert titles(app) == [finding.title]
    icon(app, "open_").click().run()
    assert not app.exception
    shown = app.session_state["simviz_session"]
    assert (shown.page, shown.view.query, shown.view.match) == ("pair", first, second)
    assert (shown.view.pooling, shown.view.opacity) == ("gem", 20)


def test_the_list_is_reordered_annotated_and_undone(app: AppTest) -> None:
    open_page(app, PAIR, query="chairs/view_1.png", match="lamps/view_2.png")
    keep(app, "first")
    keep(app, "second")
    app.switch_page(FINDINGS).run()
    ids = [finding.id for finding in kept(app)]
    assert app.get("image") or app.get("imgs")
    icon(app, f"move_1_{ids[0]}").click().run()
    assert [finding.id for finding in kept(app)] == ids[::-1]
    app.text_area[0].input("<b>better</b>").run()
    assert [finding.note for finding in kept(app)] == ["<b>better</b>", "first"]
    icon(app, f"delete_{ids[1]}").click().run()
    assert [finding.note for finding in kept(app)] == ["first"]
    for notes in (["<b>better</b>", "first"], ["second", "first"], ["first", "second"]):
        button(app, "Undo").click().run()
        assert [finding.note for finding in kept(app)] == notes
    assert [area.value for area in app.text_area] == ["first", "second"]


def test_an_upload_is_kept_as_such(app: AppTest) -> None:
    open_page(app, PAIR, match="lamps/view_2.png")
    uploader(app, "query").set_value(("mine.png", png(size=(40, 30)), "image/png")).run()
    keep(app)
    (finding,) = kept(app)
    assert finding.images[0] == KeptFile("mine.png", None, is_upload=True)
    assert "simviz-uploads" not in findings_as_json([finding])
    assert "upload" in made_again(finding).again[0].problem


def test_a_page_without_exports_is_kept_as_a_link(app: AppTest) -> None:
    app.run()
    keep(app, "the start")
    (finding,) = kept(app)
    assert (finding.page, finding.title, finding.shown) == ("", "Overview", ())


def test_another_visitor_sees_nothing_of_it(app: AppTest) -> None:
    app.run()
    keep(app)
    assert len(kept(app)) == 1
    other = new_app().run()
    other.switch_page(FINDINGS).run()
    assert not titles(other)
    assert kept(other) == ()


def test_the_report_is_made_on_the_page(
    app: AppTest, small_gallery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMVIZ_GALLERIES", str(small_gallery))
    open_page(app, PAIR, query="chairs/view_1.png", match="lamps/view_2.png")
    keep(app)
    app.switch_page(FINDINGS).run()
    button(app, "Make the report").click().run()
    assert not app.exception
    report = app.session_state["findings_report"][1]
    assert "The same numbers as when it was kept" in report
    assert f"{kept(app)[0].shown[0].numbers['similarity']:.6g}" in report


@pytest.fixture
def store(tmp_path: Path) -> FindingStore:
    return FindingStore(tmp_path / "findings")


def test_lists_survive_a_restart_and_moves_to_the_browsers_id(store: FindingStore) -> None:
    former = "1" * 32
    store.add(former, (new_finding("pair", "query=a", "A", "note"),))
    store.take_over(OWNER, former)
    assert store.of(former) == ()
    again = FindingStore(store.folder)
    assert [finding.title for finding in again.of(OWNER)] == ["A"]
    assert again.add(OWNER, again.of(OWNER)) == 0
    with pytest.raises(ValueError, match="passwd"):
        again.of("../passwd")


def test_a_damaged_list_is_an_error_and_is_not_written_over(store: FindingStore) -> None:
    store.folder.mkdir()
    (store.folder / f"{OWNER}.json").write_text("{")
    with pytest.raises(FindingsError):
        store.of(OWNER)
    with pytest.raises(FindingsError):
        store.add(OWNER, (new_finding("pair", "", "A", ""),))
    assert (store.folder / f"{OWNER}.json").read_text() == "{"


def file_with(**fields: object) -> bytes:
    finding = new_finding("pair", "query=a.png", "A", "")
    return findings_as_json([type(finding)(**{**vars(finding), **fields})]).encode()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"page": "nowhere"}, "no page 'nowhere'"),
        ({"link": "opacity=1000"}, "opacity"),
        ({"images": (KeptFile("/etc/passwd", None),)}, "outside the folders"),
        ({"images": (KeptFile("../../etc/passwd", None),)}, "outside the folders"),
        ({"weights": (KeptFile("/etc/passwd", None),)}, "outside the folders"),
        ({"shown": (Shown(("pair", "/etc/passwd", "a.png")),)}, "outside the folders"),
        ({"shown": (Shown(("pair", "a", "b", "--checkpoint", "/w.pth")),)}, "outside the folders"),
        (
            {"shown": (Shown(("pair", "a", "b", "--relative-to", "image:/etc/passwd")),)},
            "outside the folders",
        ),
        ({"shown": (Shown(("pair", "a", "b", "--allow-code")),)}, "runs code"),
        ({"shown": (Shown(("train", "a", "--run", "b")),)}, "none of pair"),
    ],
)
def test_a_file_names_nothing_that_may_not_be_opened_here(
    fields: dict[str, object], message: str
) -> None:
    with pytest.raises(FindingsError, match="finding 1: ") as error:
        opened_findings(file_with(**fields))
    assert message in str(error.value)
    # Nor does the report of a list that has it all the same.
    (finding,) = read_findings(file_with(**fields))
    assert all(again.problem for again in made_again(finding).again)


def test_a_manifest_reaches_no_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMVIZ_GALLERIES", str(tmp_path))
    manifest, image = tmp_path / "all.csv", tmp_path / "a.png"
    image.write_bytes(png())
    manifest.write_text("path\na.png\n")
    words = ("search", str(image), "--gallery", str(manifest))
    assert opened_findings(file_with(page="search", shown=(Shown(words),)))
    manifest.write_text(f"path\n{Path(__file__).resolve()}\n")
    with pytest.raises(FindingsError):
        opened_findings(file_with(page="search", shown=(Shown(words),)))
    st.cache_data.clear()
