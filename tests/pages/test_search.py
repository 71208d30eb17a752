"""The Search page without a browser."""

import json
from pathlib import Path

import pytest
from page_testing import button, new_app, open_page, plain, png, until_indexed, uploader
from streamlit.testing.v1 import AppTest

from simviz_core.cli.main import main
from simviz_core.retrieval import approximate
from simviz_ui.choices import galleries
from simviz_ui.retrieval import panel as index_panel

SEARCH = "pages/search.py"


@pytest.fixture
def search(app: AppTest) -> AppTest:
    """The app on the Search page, its gallery indexed."""
    return until_indexed(open_page(app, SEARCH))


def matches(app: AppTest, key: str = "matches") -> list[dict]:
    """What the grid of results was given."""
    (grid,) = [c for c in app.get("bidi_component") if key in c.proto.id]
    return json.loads(grid.proto.json)["matches"]


def test_matches_are_those_of_the_command_line(
    search: AppTest, small_gallery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    query = str(small_gallery / search.session_state["query"])
    assert main(["search", query, "--gallery", str(small_gallery), "--json", "-"]) == 0
    results = json.loads(capsys.readouterr().out)["results"]
    shown = matches(search)
    assert [str(small_gallery / match["id"]) for match in shown] == [r["path"] for r in results]
    assert [match["score"] for match in shown] == [f"{r['score']:.3f}" for r in results]
    assert [match["is_hit"] for match in shown] == [r["label"] == "chairs" for r in results]


def test_both_maps_of_every_match_are_there(search: AppTest) -> None:
    for match in matches(search):
        assert match["source"].startswith("data:image/jpeg")
        assert match["heat"].startswith("data:image/webp")
        assert match["query_heat"].startswith("data:image/webp")
        assert "similarity map" in match["alt"]


def test_filters(search: AppTest) -> None:
    assert len(matches(search)) == 5
    search.get_by_key("keep_query").set_value(True).run()
    assert matches(search)[0]["id"] == search.session_state["query"]
    search.get_by_key("classes").set_value(["lamps"]).run()
    assert {match["label"] for match in matches(search)} == {"lamps"}
    search.get_by_key("classes").set_value([]).run()
    search.get_by_key("without_own_class").set_value(True).run()
    assert {match["label"] for match in matches(search)} == {"lamps"}
    search.get_by_key("classes").set_value(["chairs"]).run()
    assert "No image is left" in search.info[0].value


def test_quality_at_a_glance(search: AppTest, small_gallery: Path, capsys) -> None:
    assert main(["evaluate", str(small_gallery), "--json", "-"]) == 0
    figures = json.loads(capsys.readouterr().out)
    line = next(text.value for text in search.markdown if "Recall@1" in text.value)
    for name, key in (("Recall@1", "recall_at_1"), ("Recall@10", "recall_at_10")):
        assert f"{name} **{figures[key]:.1%}**" in line
    assert f"mAP@R **{figures['map_at_r']:.1%}**" in line


def test_only_misses_steps_through_misses(search: AppTest) -> None:
    misses = set()
    for _ in range(6):
        if not matches(search)[0]["is_hit"]:
            misses.add(search.session_state["query"])
        search.get_by_key("query_next").click().run()
    search.get_by_key("only_misses").set_value(True).run()
    if not misses:
        assert "no misses" in search.info[0].value
        return
    seen = set()
    for _ in range(6):
        search.get_by_key("query_next").click().run()
        seen.add(search.session_state["query"])
    assert seen == misses


def test_an_uploaded_query_has_no_hits_or_misses(search: AppTest) -> None:
    uploader(search, "query").set_value(("mine.png", png(), "image/png")).run()
    assert not search.error
    assert {match["is_hit"] for match in matches(search)} == {None}
    assert len(matches(search)) == 6


def test_an_unreadable_file_is_left_out_and_named(app: AppTest, small_gallery: Path) -> None:
    (small_gallery / "lamps" / "view_2.png").write_bytes(b"damaged")
    until_indexed(open_page(app, SEARCH))
    assert "1 file of the gallery cannot be read" in app.expander[0].label
    assert "lamps/view_2.png is not an image" in app.text[0].value
    assert "lamps/view_2.png" not in {match["id"] for match in matches(app)}


def test_a_large_gallery_is_indexed_when_asked(
    app: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_panel, "AT_ONCE_UP_TO", 3)
    open_page(app, SEARCH)
    assert "6 of 6 images are not indexed yet" in app.info[0].value
    button(app, "Index them").click().run()
    until_indexed(app)
    assert len(matches(app)) == 5


def test_a_gallery_without_a_readable_image_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "one.png").write_bytes(b"")
    monkeypatch.setattr(galleries, "DEMO_GALLERY", tmp_path)
    app = until_indexed(open_page(new_app(), SEARCH))
    assert any("no image of" in error.value for error in app.error)


def test_one_image_finds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "one.png").write_bytes(png())
    monkeypatch.setattr(galleries, "DEMO_GALLERY", tmp_path)
    app = until_indexed(open_page(new_app(), SEARCH))
    assert "No image is left" in app.info[0].value


def test_damaged_embeddings_are_made_anew(app: AppTest, cache_folder: Path) -> None:
    until_indexed(open_page(app, SEARCH))
    for file in cache_folder.glob("gallery_*/data/*"):
        file.write_bytes(file.read_bytes()[:20])
    other = until_indexed(open_page(new_app(), SEARCH))
    assert not other.error
    assert len(matches(other)) == 5


def test_exports_and_the_command(search: AppTest, small_gallery: Path) -> None:
    labels = [button.label for button in search.download_button]
    assert labels[:3] == ["Figure (PNG)", "Figure (SVG)", "Figure (PDF)"]
    assert labels[3:] == ["Numbers (JSON)", "Ranking (CSV)"]
    command = search.code[0].value
    assert command.startswith("python -m simviz_core search")
    assert str(small_gallery) in command


def index_aside(app: AppTest, place: int = 0) -> AppTest:
    """Index the gallery with the first pooling that it is not indexed with yet."""
    waiting = [button for button in app.button if button.label == "Index them"]
    return until_indexed(waiting[place].click().run())


def test_each_pooling_has_its_row_once_it_is_indexed(
    search: AppTest, small_gallery: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    search.get_by_key("compare_poolings").set_value(True).run()
    assert not search.exception
    assert [match["id"] for match in matches(search, "matches_average")]
    offers = [info.value for info in search.info]
    assert len(offers) == 2
    assert "6 of 6 images are not indexed with this pooling yet" in offers[0]
    assert "does it for all poolings" in offers[0]
    index_aside(search)
    assert not search.info
    assert len(matches(search, "matches_max")) == len(matches(search, "matches_gem")) == 5
    query = str(small_gallery / search.session_state["query"])
    command = ["search", query, "--gallery", str(small_gallery), "--compare-poolings"]
    assert main([*command, "--json", "-"]) == 0
    for row in json.loads(capsys.readouterr().out)["poolings"]:
        shown = matches(search, f"matches_{row['pooling']}")
        assert [match["score"] for match in shown] == [f"{r['score']:.3f}" for r in row["results"]]
        cells = [r["match_spread"]["carrying_cells"] for r in row["results"]]
        assert [match["note"].split(" in ")[1] for match in shown] == [
            f"{count} of 49 cells" for count in cells
        ]
    assert "--compare-poolings" in search.code[0].value


def test_poolings_of_patch_tokens_have_maps_beside_a_class_token(app: AppTest) -> None:
    view = {"network": "timm/test_vit", "weights": "random (untrained)"}
    search = until_indexed(open_page(app, SEARCH, **view))
    search.get_by_key("compare_poolings").set_value(True).run()
    index_aside(search)
    assert not search.exception
    for pooling in ("average", "max", "gem"):
        assert all(
            "of 100 cells" in match["note"] for match in matches(search, f"matches_{pooling}")
        )


def test_the_comparison_of_the_chosen_pooling_needs_no_other(search: AppTest) -> None:
    before = matches(search)
    search.get_by_key("compare_poolings").set_value(True).run()
    alone = [match["id"] for match in matches(search, "matches_average")]
    assert alone == [match["id"] for match in before]
    labels = [button.label for button in search.download_button]
    assert labels[:3] == [f"Comparison ({kind})" for kind in ("PNG", "SVG", "PDF")]
    assert labels[3:] == ["Comparison (JSON)", "Rankings (CSV)"]
    search.get_by_key("compare_poolings").set_value(False).run()
    assert matches(search) == before


def test_a_comparison_of_nothing_says_so(search: AppTest) -> None:
    search.get_by_key("compare_poolings").set_value(True).run()
    search.get_by_key("classes").set_value(["chairs"]).run()
    search.get_by_key("without_own_class").set_value(True).run()
    assert not search.exception
    assert any("No image is left" in info.value for info in search.info)


def test_approximate_is_a_choice_where_there_is_such_an_index(
    search: AppTest, small_gallery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "tier" not in search.session_state, "no index, no choice"
    monkeypatch.setattr(approximate, "FEWEST_APPROXIMATE", 6)
    assert main(["index", str(small_gallery), "--approximate"]) == 0
    search.run()
    expected, said = matches(search), "recall@100 1.0000 for whole images and 1.0000 for regions"

    def captions() -> str:
        return " ".join(plain(item.value) for item in search.caption)

    assert "Exact, all embeddings in memory." in captions()
    search.get_by_key("tier").set_value("approximate").run()
    assert search.query_params["tier"] == "approximate"
    assert said in captions()
    assert matches(search) == expected
    search.get_by_key("classes").set_value(["lamps"]).run()
    assert said in captions()
    assert {match["label"] for match in matches(search)} == {"lamps"}
    search.get_by_key("classes").set_value([]).run()
    search.get_by_key("tier").set_value("exact").run()
    assert "tier" not in search.query_params
    assert "Exact, all embeddings in memory." in captions()

    region = open_page(new_app(), "pages/region.py", tier="approximate")
    assert any(said in plain(item.value) for item in region.caption)
    region.get_by_key("show").set_value("classes").run()
    assert any("best of each class needs all scores" in plain(c.value) for c in region.caption)

    png_file = small_gallery / "lamps" / "view_3.png"
    png_file.write_bytes(png("blue"))
    assert main(["index", str(small_gallery)]) == 0
    later = open_page(new_app(), SEARCH, tier="approximate")
    assert any("earlier state of the gallery" in plain(item.value) for item in later.warning)
    assert not any("Approximate: recall" in plain(item.value) for item in later.caption)
