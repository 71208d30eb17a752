"""Queries of several parts: one vector, and the score is the sum of what the parts contribute."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn

from simviz_core.decomposition import (
    AveragePooling,
    DecomposedImage,
    GeMPooling,
    MaxPooling,
    Pooling,
    SumPooling,
    apply_tail,
    decompose,
    linear_tail,
    similarity_map,
)
from simviz_core.errors import SettingsError
from simviz_core.gallery import GalleryImage
from simviz_core.images import WHOLE, LoadedImage
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import (
    GalleryIndex,
    QueryPart,
    Region,
    allowed_for,
    choose,
    contributions_text,
    exclude_counts,
    in_order,
    match_maps,
    parts_as_json,
    parts_query,
    rank,
    rank_parts,
    shared_label,
)

SETTINGS = NetworkSettings("example", "average", 224)
GRID = (3, 4)
poolings = st.sampled_from([AveragePooling(), MaxPooling(), GeMPooling(3.0), SumPooling()])
weights_of_parts = st.floats(-3, 3).filter(lambda weight: abs(weight) > 0.01)


def images(seed: int, pooling: Pooling, with_bias: bool) -> list[DecomposedImage]:
    F = torch.rand((9, *GRID, 12), generator=torch.Generator().manual_seed(seed)) - 0.2
    made = decompose(F, pooling)
    if with_bias:
        torch.manual_seed(seed)
        made = apply_tail(made, linear_tail(nn.Linear(12, 9).requires_grad_(False)))
    return [made[place] for place in range(9)]


def index_of(members: list[DecomposedImage]) -> GalleryIndex:
    found = tuple(
        GalleryImage(f"{number}.png", Path(f"{number}.png"), "ab"[number % 2])
        for number in range(len(members))
    )
    return GalleryIndex(found, np.stack([each.unit_embedding.numpy() for each in members]))


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 2**16),
    pooling=poolings,
    with_bias=st.booleans(),
    factors=st.lists(weights_of_parts, min_size=1, max_size=4).filter(lambda f: max(f) > 0),
    wholes=st.lists(st.booleans(), min_size=4, max_size=4),
)
def test_the_score_is_the_sum_of_the_parts_and_the_product_with_one_vector(
    seed: int, pooling: Pooling, with_bias: bool, factors: list[float], wholes: list[bool]
) -> None:
    made = images(seed, pooling, with_bias)
    index = index_of(made[4:])
    chance = torch.Generator().manual_seed(seed)
    covered = [
        None if whole else torch.rand(GRID, generator=chance, dtype=torch.float64)
        for whole in wholes[: len(factors)]
    ]
    parts = [QueryPart(f"{n}.png", weight=factor) for n, factor in enumerate(factors)]
    query = parts_query(parts, made[: len(parts)], covered)
    found = rank_parts(index, query, 5, choose(index))
    assert found.residual < 1e-5
    for match, contributions in zip(found.ranking.matches, found.contributions, strict=True):
        j = made[4 + index.row[match.image.id]]
        assert match.score == pytest.approx(query.vector @ j.unit_embedding.numpy(), abs=1e-4)
        for part, weights, image, given_ in zip(parts, covered, made, contributions, strict=False):
            if weights is None:
                expected = (image.unit_embedding @ j.unit_embedding).item()
            else:  # independently: the sum of the region's part of the similarity map
                expected = (weights * similarity_map(image, j)).sum().item()
            assert given_ == pytest.approx(part.weight * expected, abs=1e-4)
        shown = match_maps(made[0], j, query.vector, None).match_map
        bias = (j.constant / j.norm).numpy() @ query.vector
        assert shown.sum() + bias == pytest.approx(match.score, abs=1e-4)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**16), poolings)
def test_one_part_ranks_as_a_plain_search_does(seed: int, pooling: Pooling) -> None:
    made = images(seed, pooling, True)
    index = index_of(made[1:])
    covered = torch.rand(GRID, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    for weights in (None, covered):
        plain = rank(index, made[0], weights, 8, choose(index))
        found = rank_parts(
            index, parts_query([QueryPart("0")], made[:1], [weights]), 8, choose(index)
        )
        assert found.ranking.matches == plain.matches
        both = parts_query([QueryPart("0"), QueryPart("0")], made[:1] * 2, [weights] * 2)
        twice = rank_parts(index, both, 8, choose(index))
        for once, double in zip(plain.matches, twice.ranking.matches, strict=True):
            assert double.score == pytest.approx(2 * once.score, abs=1e-5)


def test_what_is_subtracted_counts_where_what_is_cut_out_does_not() -> None:
    picture = LoadedImage(Image.new("RGB", (40, 30)), 40, 30, "room.png", "")
    apart = Region(((0, 0, 10, 30),), ((30, 0, 40, 30),))
    assert not exclude_counts(apart, picture, WHOLE)
    assert exclude_counts(Region(((0, 0, 32, 30),), apart.exclude), picture, WHOLE)
    assert exclude_counts(Region((), apart.exclude), picture, WHOLE)
    assert not exclude_counts(Region((), ((50, 0, 60, 30),)), picture, WHOLE)
    made = images(3, AveragePooling(), False)
    index = index_of(made[1:])
    left, right = torch.zeros(GRID), torch.zeros(GRID)
    left[:, 0], right[:, 3] = 1, 1
    plain = rank(index, made[0], left, 8, choose(index))
    query = parts_query([QueryPart("0"), QueryPart("0", weight=-2)], made[:1] * 2, [left, right])
    found = rank_parts(index, query, 8, choose(index))
    assert [m.score for m in found.ranking.matches] != [m.score for m in plain.matches]
    (row,) = [r for r in found.contributions if r[0] == pytest.approx(plain.matches[0].score)]
    assert row[1] < 0


def test_a_query_s_own_images_and_their_classes_are_left_out() -> None:
    index = index_of(images(1, AveragePooling(), False))
    own = [(index.images[0], False), (index.images[3], True), (None, False)]
    allowed = allowed_for(index, own)
    assert np.flatnonzero(~allowed).tolist() == [0, 3]
    assert allowed_for(index, own, keep_query=True).all()
    without = allowed_for(index, own, keep_query=True, without_own_class=True)
    assert [image.label for image, found in zip(index.images, without, strict=True) if found] == [
        "b"
    ] * 4
    assert allowed_for(index, own, ["a"], keep_query=True).sum() == 5
    assert shared_label([("a", False), ("b", True), ("a", False)]) == "a"
    assert shared_label([("a", False), ("b", False)]) is None


def test_what_cannot_be_a_query_is_refused() -> None:
    image = images(1, AveragePooling(), False)[0]
    for weight in (0.0, float("nan"), float("inf"), 1000.0):
        with pytest.raises(SettingsError, match="weight"):
            QueryPart("a", weight=weight)
    with pytest.raises(SettingsError, match="all parts of the query are subtracted"):
        parts_query([QueryPart("a", weight=-1)], [image], [None])
    with pytest.raises(SettingsError, match="1 to 12 parts"):
        parts_query([], [], [])


def test_json_says_what_each_part_contributes() -> None:
    made = images(1, AveragePooling(), False)
    index = index_of(made[2:])
    parts = in_order([QueryPart("b", weight=-0.5), QueryPart("a", Region(((0, 0, 1, 1),)))])
    assert [part.image for part in parts] == ["a", "b"]
    query = parts_query(parts, made[:2], [torch.ones(GRID), None])
    found = rank_parts(index, query, 3, choose(index))
    values = json.loads(json.dumps(parts_as_json(found, SETTINGS)))
    for result in values["results"]:
        assert sum(result["contributions"]) == pytest.approx(result["score"], abs=1e-5)
    assert values["parts"][0]["regions"] == [[0, 0, 1, 1]]
    assert values["parts"][1]["weight"] == -0.5
    assert "is no cosine" in values["score_is"]
    assert contributions_text([0.31, -0.052]).split() == ["+0.310", "−0.052"]
