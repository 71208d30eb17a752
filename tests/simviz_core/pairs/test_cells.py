"""Cell pairs: blocks add up to the maps, whichever way they are taken."""

import json

import numpy as np
import pytest
import reference
import torch
from hypothesis import given
from hypothesis import strategies as st

from simviz_core.decomposition import (
    AveragePooling,
    GeMPooling,
    MaxPooling,
    Pooling,
    apply_tail,
    decompose,
    linear_tail,
)
from simviz_core.errors import SettingsError
from simviz_core.pairs import (
    CellBlock,
    CellPairs,
    block_around,
    block_part,
    cell_block,
    cell_pairs,
)
from simviz_core.pairs.cells import Side, block_as_json

RULES: tuple[Pooling, ...] = (AveragePooling(), MaxPooling(), GeMPooling(3.0))
OTHER: dict[Side, Side] = {"query": "match", "match": "query"}


def example(seed: int, pooling: Pooling, with_bias: bool) -> CellPairs:
    torch.manual_seed(seed)
    images = [decompose(torch.rand(shape), pooling) for shape in ((3, 5, 8), (4, 2, 8))]
    if with_bias:
        tail = linear_tail(torch.nn.Linear(8, 6))
        images = [apply_tail(image, tail) for image in images]
    return cell_pairs(*images)


@st.composite
def blocks(draw: st.DrawFn) -> CellBlock:
    side = draw(st.sampled_from(["query", "match"]))
    rows, columns = (3, 5) if side == "query" else (4, 2)
    top, left = draw(st.integers(0, rows - 1)), draw(st.integers(0, columns - 1))
    bottom, right = draw(st.integers(top, rows - 1)), draw(st.integers(left, columns - 1))
    return CellBlock(side, top, left, bottom, right)


@given(st.integers(0, 2**16), st.sampled_from(RULES), st.booleans(), blocks())
def test_a_block_s_map_adds_up_to_its_part_of_the_similarity_map(
    seed: int, pooling: Pooling, with_bias: bool, block: CellBlock
) -> None:
    pairs = example(seed, pooling, with_bias)
    part = block_part(pairs, block)
    assert part.partner_map.shape == pairs.map_of(OTHER[block.side]).shape
    total = part.partner_map.sum(dtype=np.float64) + part.rest
    assert total == pytest.approx(part.contribution, abs=1e-5)
    assert part.partner_contribution == part.partner_map.max()
    assert with_bias or part.rest == 0


@given(st.integers(0, 2**16), st.sampled_from(RULES), st.booleans())
def test_the_maps_of_all_cells_add_up_to_the_other_image_s_map(
    seed: int, pooling: Pooling, with_bias: bool
) -> None:
    pairs = example(seed, pooling, with_bias)
    for side, (rows, columns) in (("query", (3, 5)), ("match", (4, 2))):
        whole = block_part(pairs, CellBlock(side, 0, 0, rows - 1, columns - 1))
        expected = pairs.map_of(OTHER[side]) - pairs.rest_of(OTHER[side])
        np.testing.assert_allclose(whole.partner_map, expected, atol=1e-5)


def test_pairs_are_those_of_the_published_matrix() -> None:
    torch.manual_seed(3)
    F_i, F_j = torch.rand(3, 5, 8), torch.rand(4, 2, 8)
    pairs = cell_pairs(decompose(F_i, AveragePooling()), decompose(F_j, AveragePooling()))
    maps = reference.matrix_form(F_i.double().numpy(), F_j.double().numpy())
    np.testing.assert_allclose(pairs.values.sum((2, 3)), maps[0], atol=1e-6)
    np.testing.assert_allclose(pairs.values.sum((0, 1)), maps[1], atol=1e-6)


@given(blocks())
def test_a_block_is_read_as_it_is_written(block: CellBlock) -> None:
    assert cell_block(str(block)) == block


def test_corners_may_come_in_either_order() -> None:
    assert cell_block("match,3,1,0,0") == CellBlock("match", 0, 0, 3, 1)
    assert cell_block("query,2,4").cells == 1


@pytest.mark.parametrize(
    "text", ["", "query", "query,1", "query,1,2,3", "image,1,2", "query,-1,2", "query,1.5,2", "1,2"]
)
def test_what_is_no_cell_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="is no cell; write query,ROW,COLUMN"):
        cell_block(text)


@pytest.mark.parametrize("text", ["query,3,0", "query,0,5", "match,0,2", "match,0,0,4,1"])
def test_a_cell_outside_the_grid_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match=r"has no cell .*; its grid has \d rows and \d columns"):
        block_part(example(0, RULES[0], False), cell_block(text))


def test_json_holds_the_map_the_partner_and_its_share() -> None:
    part = block_part(example(1, RULES[1], True), cell_block("query,1,2,2,3"))
    values = json.loads(json.dumps(block_as_json(part), allow_nan=False))
    assert (values["image"], values["rows"], values["columns"]) == ("query", [1, 2], [2, 3])
    partner = values["partner"]
    assert values["map"][partner["row"]][partner["column"]] == partner["contribution"]
    assert partner["share"] == partner["contribution"] / values["contribution"]
    assert np.shape(values["map"]) == (4, 2)


def test_a_contribution_of_zero_has_no_shares() -> None:
    zero = decompose(torch.zeros(2, 2, 3), AveragePooling())
    part = block_part(cell_pairs(zero, zero), cell_block("match,0,1"))
    values = block_as_json(part)
    assert (values["contribution"], values["partner"]["share"]) == (0, None)


def test_a_block_around_a_region_holds_what_is_covered_by_half() -> None:
    weights = torch.zeros(4, 5, dtype=torch.float64)
    weights[1:3, 1:4] = torch.tensor([[0.5, 1.0, 0.2], [0.4, 1.0, 0.3]])
    assert block_around(weights, "query") == CellBlock("query", 1, 1, 2, 2)
    weights = weights.clamp(max=0.3)
    weights[3, 4] = 0.31
    assert block_around(weights, "match") == CellBlock("match", 3, 4, 3, 4)


@given(blocks())
def test_a_block_stays_on_its_image_when_the_pair_is_swapped(block: CellBlock) -> None:
    assert block.swapped.side == OTHER[block.side]
    assert block.swapped.swapped == block
