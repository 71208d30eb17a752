import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from simviz_core.errors import GalleryError, ImageError, SettingsError
from simviz_core.following import (
    FollowedQuery,
    FollowedReference,
    RunReport,
    checkpoint_report,
    checkpoint_table,
    most_changed,
    reports_as_json,
    run_rows,
    run_title,
)
from simviz_core.following.report import order_of_change
from simviz_core.gallery import Gallery, GalleryImage
from simviz_core.images import WHOLE, Frame, LoadedImage, load_image
from simviz_core.networks import SimilarityNetwork
from simviz_core.retrieval import GalleryIndex, choose, relative_to
from simviz_core.runs import Run, RunCheckpoint

START = RunCheckpoint(0, None)


@pytest.fixture
def query(rooms: Gallery) -> FollowedQuery:
    image = rooms.images[0]
    return FollowedQuery(load_image(image.path), image.id, image.label)


def look(
    network: SimilarityNetwork,
    index: GalleryIndex,
    query: FollowedQuery,
    top: int = 3,
    load=GalleryImage.load,
    frame: Frame = WHOLE,
):
    def decompose(images: list[LoadedImage]):
        batch = network.decompose([image.pixels for image in images])
        return [batch[place] for place in range(len(images))]

    rows = choose(index)
    return checkpoint_report(START, index, query, rows, top, decompose, None, lambda _: frame, load)


def test_the_query_is_never_found(
    network: SimilarityNetwork, rooms_index: GalleryIndex, query: FollowedQuery
) -> None:
    report = look(network, rooms_index, query, top=30)
    assert report.snapshot is not None
    found = [match.image.id for match in report.snapshot.ranking.matches]
    assert len(found) == 23
    assert query.id not in found
    assert len(report.maps) == 23


def test_an_image_followed_with_itself_is_all_similar(
    network: SimilarityNetwork, rooms_index: GalleryIndex, query: FollowedQuery
) -> None:
    itself = FollowedQuery(query.picture, query.id, query.label, partner=query.picture)
    report = look(network, rooms_index, itself)
    assert report.snapshot is not None
    assert report.pair is not None
    assert report.snapshot.similarity == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(report.snapshot.map, report.pair.query_map, atol=1e-6)
    np.testing.assert_allclose(report.pair.query_map, report.pair.match_map, atol=1e-6)


def test_share_of_a_mask(
    network: SimilarityNetwork, rooms_index: GalleryIndex, query: FollowedQuery
) -> None:
    for mask, share in ((np.ones((240, 320), bool), 1), (np.zeros((240, 320), bool), 0)):
        masked = FollowedQuery(query.picture, query.id, query.label, mask=mask)
        assert look(network, rooms_index, masked).mask_share == pytest.approx(share)


@pytest.mark.parametrize("has_partner", [False, True])
def test_what_lies_in_the_padding_is_said_of_each_map(
    network: SimilarityNetwork,
    rooms_index: GalleryIndex,
    query: FollowedQuery,
    tmp_path: Path,
    has_partner: bool,
) -> None:
    if has_partner:
        query = replace(query, partner=load_image(rooms_index.images[1].path))
    frame = Frame(0, -1, 1, 2)  # the picture is the middle third
    run = Run(tmp_path / "mine", network.name, "average", 224, (START,))
    padded, whole = (
        reports_as_json([RunReport(run, (report,))], "q.jpg", None)["runs"][0]["checkpoints"][0]
        for report in (look(network, rooms_index, query, frame=lies) for lies in (frame, WHOLE))
    )
    assert "in_padding" not in json.dumps(whole)

    def expected(values: list[list[float]]) -> float:
        return pytest.approx(frame.in_padding(np.array(values, np.float32)))

    assert padded["in_padding"] == expected(padded["map"])
    for found in padded["results"]:
        of_both = {side: expected(found[f"{side}_map"]) for side in ("query", "match")}
        assert found["in_padding"] == of_both
    if has_partner:
        assert padded["partner_in_padding"] == expected(padded["partner_map"])


def test_a_match_that_has_become_unreadable_is_said(
    network: SimilarityNetwork, rooms_index: GalleryIndex, query: FollowedQuery
) -> None:
    def load(image: GalleryImage) -> LoadedImage:
        raise ImageError(f"{image.path.name} cannot be read")

    with pytest.raises(ImageError, match="cannot be read"):
        look(network, rooms_index, query, load=load)


def test_nothing_changes_between_a_checkpoint_and_itself(
    network: SimilarityNetwork, rooms_index: GalleryIndex
) -> None:
    rows = choose(rooms_index, ["hotel_00", "hotel_01"])
    seen: list[tuple[int, int]] = []
    same = (lambda: network, rooms_index)
    changed = most_changed(same, same, rows, lambda done, total: seen.append((done, total)))
    assert len(changed) == 12
    assert seen[-1] == (24, 24)
    for found in changed:
        assert found.change.neighbour_overlap == 1
        assert found.change.pearson == pytest.approx(1)
        assert found.change.jensen_shannon == pytest.approx(0, abs=1e-9)


def test_without_networks_only_neighbours_are_compared(rooms_index: GalleryIndex) -> None:
    shuffled = GalleryIndex(rooms_index.images, rooms_index.matrix[::-1].copy())
    changed = most_changed((None, rooms_index), (None, shuffled), choose(rooms_index))
    assert all(found.change.pearson is None for found in changed)
    assert changed == sorted(changed, key=order_of_change)
    assert changed[0].change.neighbour_overlap < changed[-1].change.neighbour_overlap


def test_different_images_cannot_be_compared(rooms_index: GalleryIndex) -> None:
    fewer = rooms_index.part(choose(rooms_index, ["hotel_00"]))
    with pytest.raises(GalleryError, match="different images"):
        most_changed((None, rooms_index), (None, fewer), choose(rooms_index))


def test_figure_rows_and_json_leave_out_what_cannot_be_used(
    network: SimilarityNetwork, rooms_index: GalleryIndex, query: FollowedQuery, tmp_path: Path
) -> None:
    from simviz_core.following import CheckpointReport

    good = look(network, rooms_index, query, top=2)
    bad = CheckpointReport(RunCheckpoint(5, tmp_path / "5.pth"), error="it is damaged")
    run = Run(tmp_path / "mine", network.name, "average", 224, (START, bad.checkpoint))
    report = RunReport(run, (good, bad))
    (column,) = run_rows(report, query.picture, query.label, None).columns
    assert column.title == "iteration 0"
    assert [panel.is_hit for panel in column.panels] == [None, True, True]
    values = reports_as_json([report], "q.jpg", None)
    assert values["runs"][0]["checkpoints"][1] == {
        "iteration": 5,
        "weights": None,
        "engine": None,
        "checkpoint": str(tmp_path / "5.pth"),
        "error": "it is damaged",
    }
    assert values["runs"][0]["changes"] == []
    assert run_title(run) == f"mine   ·   {network.name}   ·   average pooling"


@pytest.mark.parametrize("choice", ["mean", "class", "class:hotel_02", "image:other.jpg", "self"])
@pytest.mark.parametrize("is_pair", [False, True])
def test_relative_maps_add_up_to_the_difference_that_the_checkpoint_sees(
    choice: str,
    is_pair: bool,
    network: SimilarityNetwork,
    rooms: Gallery,
    rooms_index: GalleryIndex,
    query: FollowedQuery,
) -> None:
    if choice == "class" and not is_pair:
        return  # the next test has it
    other = load_image(rooms.images[-1].path)
    wanted = FollowedReference(relative_to(choice), other if "image" in choice else None)
    partner = load_image(rooms.images[7].path) if is_pair else None
    plain = look(network, rooms_index, replace(query, partner=partner))
    report = look(network, rooms_index, replace(query, partner=partner, relative_to=wanted))
    assert report.relative is not None
    assert report.snapshot is not None
    assert plain.snapshot is not None
    # The similarity, its own map and what is measured of it stay.
    assert report.snapshot.similarity == plain.snapshot.similarity
    assert report.snapshot.ranking.matches == plain.snapshot.ranking.matches
    assert report.mask_share == plain.mask_share
    np.testing.assert_array_equal(report.snapshot.map, plain.snapshot.map)
    own = rooms_index.matrix[rooms_index.row[query.id or ""]]
    own_class = rooms_index.class_of == rooms_index.place[query.label or ""]
    own_class[rooms_index.row[query.id or ""]] = False
    expected = {
        "mean": own @ rooms_index.matrix.mean(0),
        "class": own @ rooms_index.matrix[own_class].mean(0),
        "class:hotel_02": own
        @ rooms_index.matrix[rooms_index.class_of == rooms_index.place["hotel_02"]].mean(0),
        "image:other.jpg": own @ rooms_index.matrix[-1],
        "self": report.snapshot.similarity,
    }[choice]
    relative = report.relative.query
    assert relative.reference_similarity == pytest.approx(expected, abs=1e-5)
    assert relative.difference == pytest.approx(report.snapshot.similarity - expected, abs=1e-5)
    assert relative.values.sum() + relative.bias == pytest.approx(relative.difference, abs=1e-5)
    assert report.relative.residual < 1e-5
    np.testing.assert_array_equal(report.shown_map, relative.values)
    for match, difference in zip(
        report.snapshot.ranking.matches, report.differences[1:], strict=True
    ):
        subtracted = match.score if choice == "self" else expected
        assert difference == pytest.approx(match.score - subtracted, abs=1e-5)
    assert (report.shown_pair is None) != is_pair
    if report.shown_pair is not None:
        np.testing.assert_allclose(report.shown_pair.query_map, report.shown_map, atol=1e-6)
    (row,) = checkpoint_table([RunReport(Run(Path("r"), "n", "average", 224, (START,)), (report,))])
    assert (row["relative_to"], row["difference"]) == (choice, relative.difference)


@pytest.mark.parametrize("choice", ["class", "class:hotel_00"])
def test_a_map_for_a_class_is_not_shown_relative_to_it(
    choice: str, network: SimilarityNetwork, rooms_index: GalleryIndex, query: FollowedQuery
) -> None:
    wanted = FollowedReference(relative_to(choice))
    with pytest.raises(SettingsError, match="nothing would be left of its map"):
        look(network, rooms_index, replace(query, relative_to=wanted))
