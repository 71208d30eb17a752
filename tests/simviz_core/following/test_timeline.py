from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from simviz_core.decomposition import AveragePooling, DecomposedImage, decompose
from simviz_core.errors import GalleryError
from simviz_core.following import NEIGHBOURS, change, held_out_rows
from simviz_core.following.timeline import (
    changes,
    neighbour_overlap,
    neighbours,
    reference_maps,
    reference_vector,
    take_snapshot,
)
from simviz_core.gallery import Gallery, GalleryImage
from simviz_core.networks import SimilarityNetwork
from simviz_core.retrieval import GalleryIndex, choose, whole_vector


def made_index(labels: list[str | None], seed: int = 0, dimension: int = 6) -> GalleryIndex:
    """Random unit embeddings of images with these labels."""
    values = np.random.default_rng(seed).normal(size=(len(labels), dimension))
    units = (values / np.linalg.norm(values, axis=1, keepdims=True)).astype(np.float32)
    images = tuple(
        GalleryImage(f"{label}/{number}", Path(f"{number}.png"), label)
        for number, label in enumerate(labels)
    )
    return GalleryIndex(images, units)


def made_query(seed: int = 0, dimension: int = 6, signed: bool = True) -> DecomposedImage:
    values = torch.randn(3, 4, dimension, generator=torch.Generator().manual_seed(seed))
    return decompose(values if signed else values.abs(), AveragePooling())


def test_the_reference_is_the_mean_of_the_other_images_of_the_class() -> None:
    index = made_index(["a", "a", "a", "b"])
    allowed = choose(index)
    unit = index.matrix[0]
    expected = (index.matrix[1] + index.matrix[2]) / 2
    found = reference_vector(index, unit, "a", "a/0", allowed)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    with_itself = reference_vector(index, unit, "a", None, allowed)
    np.testing.assert_allclose(with_itself, index.matrix[:3].mean(0), rtol=1e-6)
    # The searched part of the gallery does not decide what the class is.
    elsewhere = reference_vector(index, unit, "a", "a/0", choose(index, ["b"]))
    np.testing.assert_allclose(elsewhere, expected, rtol=1e-6)


@pytest.mark.parametrize(("label", "own"), [(None, None), ("b", "b/3"), ("unknown", None)])
def test_without_others_of_the_class_it_is_the_nearest_neighbour(
    label: str | None, own: str | None
) -> None:
    index = made_index(["a", "a", "a", "b"])
    unit = index.matrix[3]
    allowed = choose(index, without_image="b/3")
    found = reference_vector(index, unit, label, own, allowed)
    nearest = np.argmax(index.matrix[:3] @ unit)
    np.testing.assert_array_equal(found, index.matrix[nearest])
    with pytest.raises(GalleryError, match="no image"):
        reference_vector(index, unit, label, own, np.zeros(4, dtype=bool))


@given(st.integers(0, 10_000), st.booleans())
def test_every_map_sums_to_its_similarity(seed: int, signed: bool) -> None:
    index = made_index(["a", "a", "b", "b", "c"], seed)
    query = made_query(seed, signed=signed)
    allowed = choose(index)
    vector = reference_vector(index, whole_vector(query), "a", None, allowed)
    snapshot = take_snapshot(index, query, vector, 2, allowed)
    assert snapshot.map.shape == (3, 4)
    total = float(np.abs(snapshot.map).sum())
    assert snapshot.map.sum() == pytest.approx(snapshot.similarity, abs=1e-5 * max(1, total))
    assert snapshot.residual <= 1e-5 * max(1, total)
    mean = float((index.matrix[:2] @ whole_vector(query)).mean())
    assert snapshot.similarity == pytest.approx(mean, abs=1e-5)
    assert len(snapshot.ranking.matches) == len(snapshot.ranking.similarities) == 2
    assert len(snapshot.neighbours) == 5
    assert snapshot.entropy is not None
    assert 0 <= snapshot.entropy <= 1 + 1e-9


def test_a_map_of_zeros_has_no_entropy() -> None:
    index = made_index(["a", "b"])
    query = decompose(torch.zeros(3, 4, 6), AveragePooling())
    snapshot = take_snapshot(index, query, index.matrix[0], 1, choose(index))
    assert snapshot.entropy is None
    assert snapshot.similarity == 0
    again = change(snapshot, snapshot)
    assert (again.pearson, again.jensen_shannon) == (None, None)
    assert again.neighbour_overlap == 1


@settings(max_examples=30)
@given(st.integers(0, 1000), st.integers(2, 30))
def test_neighbours_are_those_that_see_finds(seed: int, count: int) -> None:
    index = made_index(["x"] * count, seed)
    rows = np.arange(count)
    allowed = np.random.default_rng(seed).uniform(size=count) < 0.8
    found = neighbours(index, rows, allowed)
    for row in rows:
        unit = torch.from_numpy(index.matrix[row])
        query = DecomposedImage(unit[None, None], unit, torch.zeros(6))
        own = allowed & choose(index, without_image=index.images[row].id)
        assert found[row] == take_snapshot(index, query, index.matrix[row], 1, own).neighbours
        assert index.images[row].id not in found[row]
        assert len(found[row]) == min(NEIGHBOURS, own.sum())


def test_changes_are_between_neighbouring_moments() -> None:
    index = made_index(["a"] * 4)
    snapshots = [
        take_snapshot(index, made_query(seed), index.matrix[0], 1, choose(index))
        for seed in (1, 1, 2)
    ]
    same, other = changes(snapshots)
    assert same.pearson == pytest.approx(1)
    assert same.jensen_shannon == pytest.approx(0, abs=1e-9)
    assert same.neighbour_overlap == 1
    assert other.pearson is not None
    assert other.pearson < 0.999
    assert changes(snapshots[:1]) == changes([]) == []


def test_maps_of_different_grids_are_not_compared() -> None:
    index = made_index(["a"] * 4)
    finer = decompose(torch.rand(5, 5, 6), AveragePooling())
    snapshots = [
        take_snapshot(index, query, index.matrix[0], 1, choose(index))
        for query in (made_query(), finer)
    ]
    found = change(*snapshots)
    assert (found.pearson, found.jensen_shannon) == (None, None)
    assert found.neighbour_overlap is not None


def test_overlap_counts_ids_in_any_order() -> None:
    assert neighbour_overlap("abcd", "dcxy") == 0.5
    assert neighbour_overlap("ab", "ba") == 1
    assert neighbour_overlap((), ()) is None


def test_held_out_classes_that_the_gallery_lacks_are_passed_over() -> None:
    index = made_index(["a", "b", None])
    assert held_out_rows(index, ["b", "z"]).tolist() == [False, True, False]
    assert held_out_rows(index, ["z"]).all()
    assert held_out_rows(index, []).all()


def test_reference_maps_are_those_that_see_makes(
    rooms: Gallery, rooms_index: GalleryIndex, network: SimilarityNetwork
) -> None:
    from simviz_core.images import load_image

    rows = np.array([0, 7, 23])
    allowed = choose(rooms_index)
    done: list[int] = []
    maps = reference_maps(network, rooms_index, rows, allowed, done.append)
    assert done == [3]
    for row, values in zip(rows, maps, strict=True):
        image = rooms_index.images[row]
        query = network.decompose([load_image(image.path).pixels])[0]
        own = allowed & choose(rooms_index, without_image=image.id)
        unit = whole_vector(query)
        vector = reference_vector(rooms_index, unit, image.label, image.id, own)
        snapshot = take_snapshot(rooms_index, query, vector, 3, own)
        np.testing.assert_allclose(values, snapshot.map, atol=1e-5)
