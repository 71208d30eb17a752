import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from simviz_core.decomposition import (
    AveragePooling,
    DecomposedImage,
    GeMPooling,
    MaxPooling,
    Pooling,
    apply_tail,
    bias_term,
    decompose,
    linear_tail,
    region_weights,
    similarity,
    similarity_map,
)
from simviz_core.gallery import GalleryImage
from simviz_core.images import WHOLE, load_image
from simviz_core.networks import SimilarityNetwork
from simviz_core.networks.settings import NetworkSettings
from simviz_core.networks.similarity_network import pooling_by_name
from simviz_core.retrieval import (
    GalleryIndex,
    MatchMaps,
    Ranking,
    Region,
    SearchReport,
    choose,
    match_maps,
    rank,
    region_vector,
    search_as_json,
    weights_on,
    whole_vector,
)

poolings = st.sampled_from([AveragePooling(), MaxPooling(), GeMPooling(3.0)])
SETTINGS = NetworkSettings("example", "average", 224)
LABELS = ["a", "b", "a", None, "b", "c", "c", "a"]


def decomposed(seed: int, pooling: Pooling, with_bias: bool = False) -> DecomposedImage:
    """One query and eight images of a gallery."""
    F = torch.rand((9, 4, 5, 24), generator=torch.Generator().manual_seed(seed)) - 0.2
    images = decompose(F, pooling)
    if with_bias:
        torch.manual_seed(seed)
        images = apply_tail(images, linear_tail(nn.Linear(24, 16).requires_grad_(False)))
    return images


def index_of(images: DecomposedImage) -> GalleryIndex:
    matrix = np.ascontiguousarray(images.unit_embedding.numpy())
    return GalleryIndex(
        tuple(
            GalleryImage(f"{number}.png", Path("gallery", f"{number}.png"), label)
            for number, label in enumerate(LABELS)
        ),
        matrix,
    )


def left_half() -> Tensor:
    return region_weights([(0, 0, 0.5, 1)], (4, 5), (1, 1))


def test_a_whole_image_is_ranked_by_its_similarity() -> None:
    images = decomposed(0, AveragePooling())
    query, index = images[0], index_of(images[1:])
    ranking = rank(index, query, None, 3, choose(index))
    expected = similarity(query, images[1:]).sort(descending=True)
    assert [match.image.id for match in ranking.matches] == [
        f"{row}.png" for row in expected.indices[:3]
    ]
    scores = [match.score for match in ranking.matches]
    np.testing.assert_allclose(scores, expected.values[:3], atol=1e-6)
    assert list(ranking.similarities) == scores
    np.testing.assert_array_equal(ranking.vector, whole_vector(query))


def test_a_region_is_ranked_by_its_part_and_shows_the_whole_beside_it() -> None:
    images = decomposed(1, MaxPooling())
    query, index = images[0], index_of(images[1:])
    ranking = rank(index, query, left_half(), 8, choose(index))
    scores = [match.score for match in ranking.matches]
    assert scores == sorted(scores, reverse=True)
    for match, whole in zip(ranking.matches, ranking.similarities, strict=True):
        image = images[1 + index.row[match.image.id]]
        assert whole == pytest.approx(similarity(query, image).item(), abs=1e-6)
        part = (left_half() * similarity_map(query, image)).sum()
        assert match.score == pytest.approx(part.item(), abs=1e-5)


@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 1000), pooling=poolings, per_class=st.booleans())
def test_the_whole_image_drawn_ranks_as_the_whole_image(
    seed: int, pooling: Pooling, per_class: bool
) -> None:
    images = decomposed(seed, pooling)
    index = index_of(images[1:])
    rectangles = [(0.0, 0.0, 0.3, 1.0), (0.3, 0.0, 1.0, 1.0)]
    drawn = region_weights(rectangles, (4, 5), (1, 1))
    by_whole, by_region = (
        rank(index, images[0], weights, 5, choose(index), per_class) for weights in (None, drawn)
    )
    assert by_region.matches == by_whole.matches
    assert by_region.similarities == pytest.approx(by_whole.similarities, abs=1e-6)


def test_only_what_may_be_found_is_ranked() -> None:
    images = decomposed(2, AveragePooling())
    index = index_of(images[1:])
    allowed = choose(index, classes=["a", "b"], without_image="0.png", without_class="b")
    for per_class, expected in ((False, {"2.png", "7.png"}), (True, None)):
        ranking = rank(index, images[0], left_half(), 100, allowed, per_class)
        found = {match.image.id for match in ranking.matches}
        assert found == expected if expected else len(found) == 1
        assert len(ranking.similarities) == len(ranking.matches)
    none = rank(index, images[0], left_half(), 100, np.zeros(8, dtype=bool))
    assert (none.matches, none.similarities) == ((), ())


def test_per_class_gives_one_image_of_each_class_best_first() -> None:
    images = decomposed(3, AveragePooling())
    index = index_of(images[1:])
    ranking = rank(index, images[0], left_half(), 10, choose(index), per_class=True)
    assert sorted(match.image.label or "" for match in ranking.matches) == ["a", "b", "c"]
    scores = [match.score for match in ranking.matches]
    assert scores == sorted(scores, reverse=True)


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 1000),
    pooling=poolings,
    with_bias=st.booleans(),
    is_region=st.booleans(),
)
def test_both_maps_add_up_to_the_score(
    seed: int, pooling: Pooling, with_bias: bool, is_region: bool
) -> None:
    images = decomposed(seed, pooling, with_bias)
    query, match = images[0], images[1]
    weights = left_half() if is_region else None
    vector = region_vector(query, weights) if weights is not None else whole_vector(query)
    score = float(index_of(images[1:]).scores(vector)[0])
    maps = match_maps(query, match, vector, weights)
    assert maps.query_map.dtype == maps.match_map.dtype == np.float32
    bias = 0.0 if is_region else bias_term(query, match).item()
    assert maps.query_map.sum() + bias == pytest.approx(score, abs=1e-5)
    match_bias = float(match.constant.numpy() @ vector) / match.norm.item()
    assert maps.match_map.sum() + match_bias == pytest.approx(score, abs=1e-5)
    if not with_bias:
        assert (bias, match_bias) == (0, 0)
    if is_region:
        assert not maps.query_map[:, 3:].any(), "nothing outside the region"


@pytest.mark.parametrize("pooling", ["average", "max", "gem"])
def test_maps_of_real_images_add_up(
    pooling: str, rooms_index: GalleryIndex, network: SimilarityNetwork
) -> None:
    network = replace(network, pooling=pooling_by_name(pooling))
    query, match = (load_image(rooms_index.images[row].path) for row in (0, 9))
    i, j = network.decompose([query.pixels])[0], network.decompose([match.pixels])[0]
    weights = weights_on(Region(((40, 110, 290, 235),)), query, i.grid, WHOLE)
    vector = region_vector(i, weights)
    maps = match_maps(i, j, vector, weights)
    score = float(vector @ j.unit_embedding.numpy())
    assert maps.query_map.sum() == pytest.approx(score, abs=1e-5)
    assert maps.match_map.sum() == pytest.approx(score, abs=1e-5)


def example_ranking(region: bool) -> tuple[Ranking, list[MatchMaps]]:
    images = decomposed(4, AveragePooling())
    index = index_of(images[1:])
    weights = left_half() if region else None
    ranking = rank(index, images[0], weights, 4, choose(index))
    matches = [images[1 + index.row[match.image.id]] for match in ranking.matches]
    maps = [match_maps(images[0], match, ranking.vector, weights) for match in matches]
    return ranking, maps


def test_json_of_a_search_by_the_whole_image() -> None:
    ranking, _ = example_ranking(region=False)
    values = search_as_json(SearchReport(SETTINGS, ranking), "query.jpg", Region())
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert values["results"] == [
        {"path": str(match.image.path), "label": match.image.label, "score": match.score}
        for match in ranking.matches
    ]
    assert {name: values[name] for name in ("query", "network", "pooling", "size")} == {
        "query": "query.jpg",
        "network": "example",
        "pooling": "average",
        "size": 224,
    }
    assert (values["regions"], values["excluded_regions"]) == ([], [])


def test_json_of_a_search_by_a_region_with_its_maps() -> None:
    ranking, maps = example_ranking(region=True)
    region = Region(((0, 0, 50, 100),), ((1, 2, 3, 4.5), (5, 6, 7, 8)))
    report = SearchReport(SETTINGS, ranking, maps=maps)
    values = json.loads(
        json.dumps(search_as_json(report, "query.jpg", region, with_maps=True), allow_nan=False)
    )
    assert values["regions"] == [[0, 0, 50, 100]]
    assert values["excluded_regions"] == [[1, 2, 3, 4.5], [5, 6, 7, 8]]
    for result, match, whole, found in zip(
        values["results"], ranking.matches, ranking.similarities, maps, strict=True
    ):
        assert (result["score"], result["similarity"]) == (match.score, whole)
        np.testing.assert_array_equal(np.float32(result["query_map"]), found.query_map)
        np.testing.assert_array_equal(np.float32(result["match_map"]), found.match_map)
