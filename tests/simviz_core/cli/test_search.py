import json
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from simviz_core.cli.commands import OneLineParser
from simviz_core.cli.options.region import add_rectangle_options, asked_region, region_words
from simviz_core.cli.search import search_command
from simviz_core.decomposition import similarity, similarity_map
from simviz_core.figures import FigureStyle
from simviz_core.gallery import Gallery
from simviz_core.images import WHOLE, load_image
from simviz_core.networks import SimilarityNetwork
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import GalleryIndex, Region, weights_on

Run = Callable[..., tuple[int, str, str]]
Search = Callable[..., dict[str, Any]]
BED = (30.5, 120, 300, 235.25)
"""A rectangle on the bed of the first view, in pixels."""
SETTINGS = NetworkSettings("efficientnet_lite0", "average", 224)


@pytest.fixture
def query(rooms: Gallery) -> Path:
    return rooms.images[0].path


@pytest.fixture
def search(rooms: Gallery, query: Path, run: Run) -> Search:
    """Search the rooms for their first view; what the JSON says."""

    def found(*options: object) -> dict[str, Any]:
        status, out, err = run("search", query, "--gallery", rooms.source, *options, "--json", "-")
        assert status == 0, err
        return json.loads(out)

    return found


def region(rectangle: tuple[float, ...] = BED, option: str = "--region") -> str:
    return f"{option}={','.join(map(str, rectangle))}"


def scores(found: dict[str, Any]) -> dict[str, float]:
    return {result["path"]: result["score"] for result in found["results"]}


def test_json_ranks_by_similarity(
    search: Search, rooms: Gallery, rooms_index: GalleryIndex, query: Path
) -> None:
    found = search()
    assert found["query"] == str(query)
    assert (found["network"], found["pooling"], found["size"]) == (
        "efficientnet_lite0",
        "average",
        224,
    )
    assert (found["regions"], found["excluded_regions"]) == ([], [])
    expected = rooms_index.matrix @ rooms_index.matrix[0]
    order = [row for row in np.argsort(-expected, kind="stable") if row != 0][:10]
    assert [result["path"] for result in found["results"]] == [
        str(rooms.images[row].path) for row in order
    ]
    for result, row in zip(found["results"], order, strict=True):
        assert set(result) == {"path", "label", "score"}
        assert result["label"] == rooms.images[row].label
        assert result["score"] == pytest.approx(expected[row], abs=1e-5)


def test_fine_regions_say_what_they_are(search: Search) -> None:
    fine = search(region(), "--fine")
    assert fine["fine"]["label"] == "gates as they are"
    assert fine["fine"]["grid"] == [14, 14]
    assert 0 <= fine["fine"]["residual"] < 1e-5
    assert "the query's are of the coarse cells" in fine["fine"]["note"]
    coarse = search(region())
    assert "fine" not in coarse
    assert scores(fine) != scores(coarse)


def test_regions_are_scored_by_what_they_contribute(
    search: Search, rooms: Gallery, query: Path, network: SimilarityNetwork
) -> None:
    second, excluded = (0, 0, 320, 40), (200, 150, 250, 200)
    found = search(region(), region(second), region(excluded, "--exclude-region"), "--top", 23)
    assert (found["regions"], found["excluded_regions"]) == (
        [list(BED), list(second)],
        [list(excluded)],
    )
    assert len(found["results"]) == 23
    image = load_image(query)
    i = network.decompose([image.pixels])[0]
    weights = weights_on(Region((BED, second), (excluded,)), image, i.grid, WHOLE)
    for result in found["results"][:5]:
        j = network.decompose([load_image(result["path"]).pixels])[0]
        part = (weights * similarity_map(i, j)).sum().item()
        assert result["score"] == pytest.approx(part, abs=1e-5)
        assert result["similarity"] == pytest.approx(similarity(i, j).item(), abs=1e-5)


def test_an_exclusion_alone_is_taken_from_the_whole(search: Search) -> None:
    inside = scores(search(region(), "--top", 23))
    outside = scores(search(region(option="--exclude-region"), "--top", 23))
    whole = scores(search("--top", 23))
    for path, score in whole.items():
        assert inside[path] + outside[path] == pytest.approx(score, abs=1e-5)


def test_the_whole_image_drawn_is_the_whole_image(search: Search) -> None:
    whole = search("--top", 23)["results"]
    for options in (
        [region((0, 0, 320, 240))],
        [region((-50, 300, 400, -1))],
        [region((0, 0, 111.1, 240)), region((111.1, 0, 320, 240))],
    ):
        drawn = search(*options, "--top", 23)["results"]
        for result in drawn:
            assert result.pop("similarity") == pytest.approx(result["score"], abs=1e-6)
            assert result.pop("similarity_without_region") == 0, "nothing is left"
        assert drawn == whole


def test_poolings_are_compared_with_the_matches_that_each_has_alone(
    search: Search, tmp_path: Path
) -> None:
    figure = tmp_path / "poolings.png"
    found = search("--compare-poolings", "--top", 3, region(), "--figure", figure)
    assert Image.open(figure).format == "PNG"
    assert [row["pooling"] for row in found["poolings"]] == ["average", "max", "gem"]
    for row in found["poolings"]:
        alone = search("--pooling", row["pooling"], "--top", 3, region())["results"]
        for result, other in zip(row["results"], alone, strict=True):
            assert (result["path"], result["score"]) == (other["path"], other["score"])
            # The region covers the rows below the third, and not all of their cells.
            assert result["query_spread"]["carrying_cells"] < 28
            assert result["match_spread"]["cells"] == 49
    assert found["results"] == search("--top", 3, region())["results"]


def test_the_comparison_is_printed(rooms: Gallery, query: Path, run: Run) -> None:
    arguments = ["search", query, "--gallery", rooms.source, "--compare-poolings", "--top", 2]
    status, out, _ = run(*arguments)
    assert status == 0
    assert "max pooling" in out
    assert out.count(" of 49 cells") == 6


@pytest.mark.parametrize("pooling", ["average", "max", "gem"])
def test_maps_add_up_to_the_score(pooling: str, search: Search) -> None:
    found = search(region(), "--maps", "--pooling", pooling, "--top", 3)
    for result in found["results"]:
        assert np.shape(result["query_map"]) == np.shape(result["match_map"]) == (7, 7)
        assert np.sum(result["query_map"]) == pytest.approx(result["score"], abs=1e-5)
        assert np.sum(result["match_map"]) == pytest.approx(result["score"], abs=1e-5)
        assert not np.any(result["query_map"][:3]), "the region lies below the third row"


def test_per_class_finds_one_image_of_each(search: Search) -> None:
    found = search(region(), "--per-class", "--top", 3)["results"]
    assert len({result["label"] for result in found}) == 3
    ranked = search(region(), "--top", 23)["results"]
    for result in found:
        first = next(other for other in ranked if other["label"] == result["label"])
        assert (first["path"], first["score"]) == (result["path"], result["score"])


def test_a_crop_is_embedded_anew(
    search: Search, query: Path, network: SimilarityNetwork, rooms_index: GalleryIndex
) -> None:
    rectangle = (40, 100, 200, 220)
    found = search(region(rectangle), "--crop", "--top", 5)
    embedding = network.decompose([load_image(query).pixels.crop(rectangle)])[0].unit_embedding
    expected = rooms_index.matrix @ embedding.numpy()
    rows = [row for row in np.argsort(-expected) if row != 0][:5]
    assert [result["path"] for result in found["results"]] == [
        str(rooms_index.images[row].path) for row in rows
    ]
    assert [result["score"] for result in found["results"]] == pytest.approx(
        expected[rows].tolist(), abs=1e-5
    )


def test_what_may_be_found_can_be_chosen(search: Search, query: Path) -> None:
    kept = search("--keep-query", "--top", 1)["results"][0]
    assert kept["path"] == str(query)
    assert kept["score"] == pytest.approx(1, abs=1e-5)
    found = search("--top", 100)["results"]
    assert len(found) == 23
    assert str(query) not in {result["path"] for result in found}
    others = search("--exclude-own-class", "--top", 100)["results"]
    assert {result["label"] for result in others} == {"hotel_01", "hotel_02", "hotel_03"}
    chosen = search("--class", "hotel_02", "--class", "hotel_03", "--top", 100)["results"]
    assert [result["label"] for result in chosen].count("hotel_02") == 6
    assert len(chosen) == 12


def test_a_query_need_not_be_in_the_gallery(
    search: Search, rooms: Gallery, query: Path, run: Run, tmp_path: Path
) -> None:
    """A copy elsewhere is another file: the image itself is then found."""
    elsewhere = tmp_path / "elsewhere.jpg"
    shutil.copy(query, elsewhere)
    _, out, _ = run("search", elsewhere, "--gallery", rooms.source, "--json", "-", "--top", 24)
    assert json.loads(out)["results"][0]["path"] == str(query)
    assert json.loads(out)["results"][1:] == search("--top", 24)["results"]
    options = ("--gallery", rooms.source, "--exclude-own-class")
    status, _, err = run("search", elsewhere, *options)
    assert (status, err.count("\n")) == (2, 1)
    assert "no class" in err


def test_a_query_by_another_way_to_the_same_file_is_left_out(
    rooms: Gallery, query: Path, run: Run, tmp_path: Path
) -> None:
    (tmp_path / "link").symlink_to(rooms.source)
    for way in (
        query.parent / ".." / query.parent.name / query.name,
        tmp_path / "link" / query.relative_to(rooms.source),
    ):
        _, out, _ = run("search", way, "--gallery", rooms.source, "--json", "-", "--top", 24)
        assert len(json.loads(out)["results"]) == 23


def test_corners_are_pixels_of_the_original(
    rooms: Gallery, query: Path, run: Run, tmp_path: Path
) -> None:
    """Of an image that is reduced while it is loaded, too."""
    large = tmp_path / "large.png"
    Image.open(query).resize((3200, 2400)).save(large)
    assert load_image(large).pixels.width == 1600

    def found(rectangle: tuple[float, ...]) -> dict[str, float]:
        options = ("--gallery", rooms.source, "--json", "-", "--top", 24, region(rectangle))
        return scores(json.loads(run("search", large, *options)[1]))

    whole = found((0, 0, 3200, 2400))
    left, right = found((0, 0, 1000, 2400)), found((1000, 0, 3200, 2400))
    for path, score in whole.items():
        assert left[path] + right[path] == pytest.approx(score, abs=1e-5)
    assert whole[str(query)] > 0.95


def test_a_manifest_and_half_precision_find_the_same(
    search: Search, rooms: Gallery, query: Path, run: Run
) -> None:
    manifest = rooms.source.parent / "list.csv"
    lines = "".join(f"{rooms.source.name}/{image.id},{image.label}\n" for image in rooms.images)
    manifest.write_text("path,label\n" + lines)
    expected = scores(search("--top", 23))
    for gallery, precision in ((manifest, "float32"), (rooms.source, "float16")):
        _, out, _ = run(
            "search",
            query,
            "--gallery",
            gallery,
            "--precision",
            precision,
            "--json",
            "-",
            "--top",
            23,
        )
        assert scores(json.loads(out)) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("options", [[], [region()], [region(), "--crop"], ["--per-class"]])
def test_the_figure_is_a_png(
    options: list[str], rooms: Gallery, query: Path, run: Run, tmp_path: Path
) -> None:
    figure = tmp_path / "search.png"
    status, out, _ = run(
        "search", query, "--gallery", rooms.source, *options, "--figure", figure, "--top", 3
    )
    assert (status, out) == (0, "")
    picture = Image.open(figure)
    assert picture.format == "PNG"
    assert picture.width > 800


def test_without_an_output_the_matches_are_printed(
    search: Search, rooms: Gallery, query: Path, run: Run
) -> None:
    status, out, _ = run("search", query, "--gallery", rooms.source, "--top", 4)
    assert status == 0
    printed = [line.split() for line in out.splitlines()]
    assert [line[0] for line in printed] == ["1", "2", "3", "4"]
    assert {path: float(score) for _, score, path in printed} == pytest.approx(
        scores(search("--top", 4)), abs=1e-4
    )


def test_unreadable_files_are_left_out_with_a_warning(small_gallery: Path, run: Run) -> None:
    (small_gallery / "lamps" / "text.jpg").write_text("no picture")
    (small_gallery / "lamps" / "zero.jpg").write_bytes(b"")
    query = small_gallery / "chairs" / "view_1.png"
    for _ in range(2):
        status, out, err = run("search", query, "--gallery", small_gallery, "--json", "-")
        assert (status, len(json.loads(out)["results"])) == (0, 5)
        assert "left out: 2; the first is lamps/text.jpg" in err


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--region", "1,2,3"], "'1,2,3' is not four numbers"),
        (["--region", "1,2,3,x"], "is not four numbers"),
        (["--region", "1,2,3,4,5"], "is not four numbers"),
        (["--region", "nan,0,5,5"], "is not four numbers"),
        (["--region", "0,0,inf,5"], "is not four numbers"),
        (["--region", ""], "is not four numbers"),
        (["--exclude-region", "a,b,c,d"], "is not four numbers"),
        (["--region", "5,5,5,90"], "covers nothing"),
        (["--region", "400,0,500,50"], "covers nothing of"),
        (["--region=-9,-9,-1,-1"], "320 × 240 pixels"),
        (["--exclude-region", "0,0,320,240"], "covers nothing"),
        (["--region", "400,0,500,50", "--crop"], "covers nothing"),
        (["--crop"], "--crop needs a --region"),
        (["--crop", "--exclude-region", "0,0,9,9"], "--crop needs a --region"),
        (["--class", "hotel_99"], "no class 'hotel_99'"),
        (["--class", "hotel_00", "--exclude-own-class"], "no image of the gallery is left"),
        (["--top", "0"], "'0' is not a whole number"),
        (["--top", "many"], "'many' is not a whole number"),
        (["--pooling", "median"], "median"),
        (["--gallery", "/nowhere"], "does not exist"),
        (["--figure", "/nowhere/figure.png"], "/nowhere/figure.png"),
        (["--json", "/nowhere/a.json"], "/nowhere/a.json"),
    ],
)
def test_a_wrong_option_is_one_line_and_status_2(
    options: list[str],
    reason: str,
    rooms: Gallery,
    rooms_index: GalleryIndex,
    query: Path,
    run: Run,
) -> None:
    status, out, err = run("search", query, "--gallery", rooms.source, *options)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert reason in err


def test_a_query_and_a_gallery_are_needed(query: Path, rooms: Gallery, run: Run) -> None:
    status, _, err = run("search", query)
    assert (status, err.count("\n")) == (2, 1)
    assert "--gallery" in err
    status, _, err = run("search", "/nowhere.jpg", "--gallery", rooms.source)
    assert (status, err.count("\n")) == (2, 1)
    assert "no file /nowhere.jpg" in err


def test_the_command_reproduces_the_search(
    rooms: Gallery, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "it's a gallery"
    shutil.copytree(rooms.source / "hotel_00", folder / "a")
    drawn = Region(
        ((-3.5, 100, 1 / 3 + 100, 200), (10, 20.123456789, 30, 40)), ((0, 1000.5, 123456.7, 120),)
    )
    style = FigureStyle("jet", 0.35, smooth=False, shared_scale=False)
    command = search_command(
        str(folder / "a" / "view_0.jpg"),
        str(folder),
        drawn,
        NetworkSettings("efficientnet_lite0", "max", 320),
        style,
        4,
        ["--keep-query", "--class", "a"],
    )
    words = shlex.split(command)
    assert words[:4] == ["python", "-m", "simviz_core", "search"]
    monkeypatch.chdir(tmp_path)
    status, out, err = run(*words[3:])
    assert status == 0, err
    found = json.loads(out)
    assert (found["pooling"], found["size"], len(found["results"])) == ("max", 320, 4)
    for shown, rectangles in (("regions", drawn.include), ("excluded_regions", drawn.exclude)):
        np.testing.assert_allclose(found[shown], rectangles, rtol=1e-10)
    assert Image.open(tmp_path / "search.png").format == "PNG"


def test_the_command_of_a_search_by_the_whole_image_draws_nothing() -> None:
    words = shlex.split(search_command("a.jpg", "gallery", Region(), SETTINGS, FigureStyle(), 10))
    assert not [word for word in words if "region" in word]
    assert words[4:9] == ["a.jpg", "--gallery", "gallery", "--top", "10"]


corners = st.tuples(*[st.floats(-1e6, 1e6, allow_nan=False)] * 4)


@given(include=st.lists(corners, max_size=2), exclude=st.lists(corners, max_size=2))
def test_a_region_is_the_same_to_the_last_bit_in_a_command(
    include: list[tuple[float, ...]], exclude: list[tuple[float, ...]]
) -> None:
    region = Region(tuple(include), tuple(exclude))
    parser = OneLineParser(prog="simviz_core")
    add_rectangle_options(parser, "search for")
    assert asked_region(parser.parse_args(region_words(region))) == region
