from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import reference
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import nn

from simviz_core.decomposition import (
    AveragePooling,
    DecomposedImage,
    GeMPooling,
    MaxPooling,
    Pooling,
    apply_tail,
    batch_norm_tail,
    bias_term,
    decompose,
    linear_tail,
    region_weights,
    similarity,
    similarity_map,
)
from simviz_core.decomposition.regions import Rectangle
from simviz_core.errors import GalleryError, StoreError
from simviz_core.gallery import Gallery, GalleryImage, open_gallery
from simviz_core.images import load_image
from simviz_core.networks import SimilarityNetwork
from simviz_core.networks.similarity_network import pooling_by_name
from simviz_core.retrieval import (
    GalleryIndex,
    Match,
    StoredImage,
    best_matches,
    choose,
    embedding_table,
    index_gallery,
    load_index,
    most_similar,
    region_vector,
    rival,
    whole_vector,
)

ONE = np.ones(1, dtype=np.float32)
POOLINGS = [AveragePooling(), MaxPooling(), GeMPooling(3.0)]
poolings = st.sampled_from(POOLINGS)
grids = st.tuples(st.integers(1, 8), st.integers(1, 8))
corner = st.floats(-0.3, 1.3)
rectangles = st.tuples(corner, corner, corner, corner)
labels_of_images = st.lists(st.sampled_from(["a", "b", "c", None]), min_size=1, max_size=25)


def index_of(matrix: NDArray[np.float32], labels: Sequence[str | None] = ()) -> GalleryIndex:
    labels = labels or [None] * len(matrix)
    return GalleryIndex(
        tuple(GalleryImage(f"{n}.png", Path(f"{n}.png"), label) for n, label in enumerate(labels)),
        np.ascontiguousarray(matrix, dtype=np.float32),
    )


def rows(matches: Sequence[Match]) -> list[int]:
    return [int(match.image.id.removesuffix(".png")) for match in matches]


def feature_maps(seed: int, count: int, grid: tuple[int, int]) -> torch.Tensor:
    """With ties and zeros, as after a ReLU."""
    generator = torch.Generator().manual_seed(seed)
    F = torch.rand((count, *grid, 24), generator=generator) * 3
    return torch.relu(F - 1) if seed % 2 else F.round() + 0.1 * (seed % 3)


@settings(deadline=None, max_examples=150)
@given(
    seed=st.integers(0, 10_000),
    pooling=poolings,
    grid=grids,
    include=st.lists(rectangles, max_size=3),
    exclude=st.lists(rectangles, max_size=2),
)
def test_one_product_gives_the_sum_of_the_map_inside_the_region(
    seed: int,
    pooling: Pooling,
    grid: tuple[int, int],
    include: list[Rectangle],
    exclude: list[Rectangle],
) -> None:
    query = decompose(feature_maps(seed, 1, grid)[0], pooling)
    matches = decompose(feature_maps(seed + 1, 9, (5, 3)), pooling)
    weights = region_weights(include, grid, (1, 1), exclude)
    index = index_of(matches.unit_embedding.numpy())
    scores = index.scores(region_vector(query, weights))
    assert (scores.shape, scores.dtype) == ((9,), np.float32)
    for number, score in enumerate(scores):
        inside = weights * similarity_map(query, matches[number])
        assert score == pytest.approx(inside.sum().item(), abs=1e-5)


@pytest.mark.parametrize("pooling", ["average", "max", "gem"])
def test_on_real_images_too(pooling: str, rooms: Gallery, network: SimilarityNetwork) -> None:
    network = replace(network, pooling=pooling_by_name(pooling))
    pictures = [load_image(image.path).pixels for image in rooms.images[:8]]
    images = network.decompose(pictures)
    index = GalleryIndex(
        rooms.images[:8], network.unit_embeddings(network.pixels(pictures)).numpy()
    )
    region = [(31.5, 120.2, 180, 239), (200, 10, 330, 90.7)]
    weights = region_weights(region, (7, 7), (320, 240), [(100, 150, 140, 200)])
    scores = index.scores(region_vector(images[0], weights))
    for number, score in enumerate(scores):
        inside = weights * similarity_map(images[0], images[number])
        assert score == pytest.approx(inside.sum().item(), abs=1e-5)
    assert scores[0] == pytest.approx(scores.max()), "the query is most like itself"
    assert 0 < scores[0] < 1


@settings(deadline=None, max_examples=150)
@given(
    seed=st.integers(0, 10_000),
    pooling=poolings,
    grid=grids,
    size=st.tuples(st.integers(1, 5000), st.integers(1, 5000)),
    cut=st.floats(0, 1),
    is_upright=st.booleans(),
    beyond=st.floats(0, 100),
)
def test_the_whole_image_as_a_region_ranks_as_the_whole_image_does(
    seed: int,
    pooling: Pooling,
    grid: tuple[int, int],
    size: tuple[int, int],
    cut: float,
    is_upright: bool,
    beyond: float,
) -> None:
    """To the last bit: drawn as one rectangle, and as two that together cover it."""
    query = decompose(feature_maps(seed, 1, grid)[0], pooling)
    width, height = size
    far = (-beyond, -beyond, width + beyond, height + beyond)
    halves = [(0, 0, cut * width, height), (cut * width, 0, width, height)]
    if is_upright:
        halves = [(0, 0, width, cut * height), (0, cut * height, width, height)]
    for drawn in ([(0, 0, width, height)], [far], halves, []):
        weights = region_weights(drawn, grid, size)
        np.testing.assert_array_equal(region_vector(query, weights), whole_vector(query))


def test_a_region_that_is_almost_the_whole_image_is_a_region() -> None:
    query = decompose(feature_maps(0, 1, (7, 7))[0], AveragePooling())
    weights = region_weights([(0, 0, 8000, 7999.9)], (7, 7), (8000, 8000))
    assert not np.array_equal(region_vector(query, weights), whole_vector(query))


def with_bias(image: DecomposedImage) -> DecomposedImage:
    torch.manual_seed(0)
    norm = nn.BatchNorm1d(24).eval()
    nn.init.normal_(norm.running_mean)
    nn.init.normal_(norm.bias)
    tail = batch_norm_tail(norm).then(linear_tail(nn.Linear(24, 16)))
    return apply_tail(image, tail)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_bias_belongs_to_no_region(pooling: Pooling) -> None:
    query = with_bias(decompose(feature_maps(1, 1, (4, 5))[0], pooling))
    matches = with_bias(decompose(feature_maps(2, 6, (3, 3)), pooling))
    index = index_of(matches.unit_embedding.detach().numpy())
    whole = index.scores(region_vector(query, torch.ones(4, 5)))
    expected = similarity(query, matches) - bias_term(query, matches)
    np.testing.assert_allclose(whole, expected.detach(), atol=1e-5)
    left, right = torch.zeros(4, 5), torch.ones(4, 5)
    left[:, :2], right[:, :2] = 1, 0
    parts = [index.scores(region_vector(query, weights)) for weights in (left, right)]
    np.testing.assert_allclose(parts[0] + parts[1], whole, atol=1e-5)


def test_the_whole_vector_gives_the_cosine() -> None:
    images = decompose(feature_maps(1, 7, (4, 4)), AveragePooling())
    index = index_of(images.unit_embedding.numpy())
    scores = index.scores(whole_vector(images[2]))
    np.testing.assert_allclose(scores, similarity(images[2], images), atol=1e-6)


@settings(deadline=None, max_examples=200)
@given(
    values=st.lists(st.integers(-3, 3), min_size=1, max_size=40),
    count=st.integers(0, 50),
    seed=st.integers(0, 100),
)
def test_best_matches_are_those_of_a_full_sort(values: list[int], count: int, seed: int) -> None:
    """With many equal scores, which stay in the gallery's order."""
    scores = np.array(values, dtype=np.float32)
    index = index_of(np.zeros((len(values), 1)))
    for allowed in (
        np.ones(len(values), dtype=bool),
        np.zeros(len(values), dtype=bool),
        np.random.default_rng(seed).random(len(values)) < 0.5,
    ):
        matches = best_matches(index, scores, count, allowed)
        expected = reference.ranking(scores, allowed)[:count]
        assert rows(matches) == expected
        assert [match.score for match in matches] == [scores[row] for row in expected]


def test_finding_leaves_the_scores_as_they_are() -> None:
    scores = np.array([1, 3, 2], dtype=np.float32)
    scores.flags.writeable = False
    index = index_of(scores[:, None], ["a", "b", "a"])
    allowed = np.array([True, False, True])
    assert rows(best_matches(index, scores, 9, allowed)) == [2, 0]
    assert rows(most_similar(index, ONE, 9, allowed, per_class=True)) == [2]


@settings(deadline=None, max_examples=200)
@given(labels=labels_of_images, seed=st.integers(0, 1000), count=st.integers(0, 5))
def test_the_best_of_each_class_is_the_first_of_it_in_the_ranking(
    labels: list[str | None], seed: int, count: int
) -> None:
    chance = np.random.default_rng(seed)
    scores = chance.integers(-2, 3, len(labels)).astype(np.float32)
    allowed = chance.random(len(labels)) < 0.8
    index = index_of(scores[:, None], labels)
    matches = most_similar(index, ONE, count, allowed, per_class=True)
    assert rows(matches) == reference.best_of_each_class(scores, labels, allowed)[:count]
    assert all(match.image.label is not None for match in matches)


def test_an_index_knows_its_classes() -> None:
    index = index_of(np.zeros((5, 1)), ["b", None, "a", "b", "007"])
    assert index.classes == ("b", "a", "007")
    assert index.class_of.tolist() == [0, -1, 1, 0, 2]
    assert index.row["3.png"] == 3
    nothing = index_of(np.zeros((2, 1)))
    assert (nothing.classes, nothing.class_of.tolist()) == ((), [-1, -1])


def test_what_a_search_may_find_can_be_chosen() -> None:
    index = index_of(np.zeros((5, 1)), ["b", None, "a", "b", "c"])

    def chosen(**options: object) -> list[int]:
        return np.flatnonzero(choose(index, **options)).tolist()

    assert chosen() == [0, 1, 2, 3, 4]
    assert chosen(classes=["b"]) == [0, 3]
    assert chosen(classes=["c", "a", "a"]) == [2, 4]
    assert chosen(classes=[]) == []
    assert chosen(without_image="3.png") == [0, 1, 2, 4]
    assert chosen(without_image="not there.png") == [0, 1, 2, 3, 4]
    assert chosen(without_class="b") == [1, 2, 4]
    assert chosen(without_class="not there") == [0, 1, 2, 3, 4]
    assert chosen(classes=["a", "b"], without_image="0.png", without_class="a") == [3]
    assert chosen(classes=["b"], without_class="b") == []
    with pytest.raises(GalleryError, match="no class 'x'"):
        chosen(classes=["a", "x"])


def test_an_index_holds_what_is_readable_in_the_gallerys_order(
    small_gallery: Path, network: SimilarityNetwork, tmp_path: Path
) -> None:
    gallery = open_gallery(small_gallery)
    table = embedding_table(gallery, network.fingerprint, folder=tmp_path)
    with pytest.raises(GalleryError, match="has not been indexed yet"):
        load_index(gallery, table)
    (small_gallery / "chairs" / "view_2.png").write_bytes(b"text")
    index_gallery(gallery, network, table)
    shown = Gallery(small_gallery, gallery.images[::-1][1:])
    index = load_index(shown, table)
    assert [image.id for image in index.images] == [
        "lamps/view_2.png",
        "lamps/view_1.png",
        "chairs/view_10.png",
        "chairs/view_1.png",
    ]
    pictures = [load_image(image.path).pixels for image in index.images]
    np.testing.assert_allclose(index.matrix, network.decompose(pictures).unit_embedding, atol=1e-6)
    assert index.matrix.flags.c_contiguous
    assert not index.matrix.flags.writeable


def test_a_table_of_unreadable_files_only_is_no_index(
    small_gallery: Path, network: SimilarityNetwork, tmp_path: Path
) -> None:
    gallery = open_gallery(small_gallery)
    table = embedding_table(gallery, network.fingerprint, folder=tmp_path)
    row = StoredImage(gallery.images[0].id, "chairs", 0, 0, 0, 0, "it is empty")
    table.append([row], np.zeros((1, 4), np.float32))
    with pytest.raises(GalleryError, match="has not been indexed yet"):
        load_index(gallery, table)
    for file in (tmp_path / f"{table.name}.lance").rglob("*.lance"):
        file.write_bytes(b"")
    with pytest.raises(StoreError, match="damaged"):
        load_index(gallery, table)


def test_a_hotels_own_views_are_found_first(rooms_index: GalleryIndex) -> None:
    """A sanity check on real pictures."""
    hits = 0
    for row, image in enumerate(rooms_index.images):
        allowed = choose(rooms_index, without_image=image.id)
        scores = rooms_index.scores(rooms_index.matrix[row])
        assert scores[row] == pytest.approx(1, abs=1e-5)
        (best,) = best_matches(rooms_index, scores, 1, allowed)
        assert best.image.id != image.id
        hits += best.image.label == image.label
    assert hits > 0.8 * len(rooms_index.images)


def test_a_match_s_rival_is_of_the_class_that_it_is_not() -> None:
    labels = ["a", "a", "b", "b", None]
    images = tuple(
        GalleryImage(f"{number}.png", Path(f"{number}.png"), label)
        for number, label in enumerate(labels)
    )
    index = GalleryIndex(images, np.eye(5, dtype=np.float32))
    vector = np.array([0.9, 0.1, 0.8, 0.3, 0.5], dtype=np.float32)
    allowed = choose(index, without_image="0.png")

    def found(label: str | None, match: int) -> tuple[str, int] | None:
        best = rival(index, vector, label, images[match], allowed)
        return best and (best[0].image.id, best[1])

    assert found("a", 2) == ("1.png", 4), "the best right one, however far down"
    assert found("a", 1) == ("2.png", 1), "the best wrong one"
    assert found(None, 2) == ("4.png", 2), "without a class the best other one"
    assert found("a", 4) == ("2.png", 1), "the same for a match without one"
    assert rival(index, vector, "a", images[2], choose(index, ["b"])) is None
