"""Games end to end on small samples: what they know, that they resume, that they are repeatable."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from simviz_core.errors import GalleryError, SettingsError
from simviz_core.evidence import Plan, measure_faithfulness
from simviz_core.evidence.games.collages import CollageGame, draw_collages, quarters_of
from simviz_core.evidence.games.perturbation import normalised_area, removal_masks
from simviz_core.evidence.games.randomisation import shuffled_from_top
from simviz_core.evidence.games.twins import read_twins
from simviz_core.evidence.methods import METHODS
from simviz_core.evidence.results import OUTCOMES_FILE
from simviz_core.gallery import Gallery, open_gallery
from simviz_core.networks import SimilarityNetwork
from simviz_core.retrieval import GalleryIndex

FEW = ("exact map", "relative to itself", "random")


def test_a_collage_has_its_parts_in_its_quarters(rooms: Gallery) -> None:
    (collage,) = draw_collages(rooms, 1, seed=3)
    assert len({part.label for part in collage.parts}) == 4
    for part, match in zip(collage.parts, collage.matches, strict=True):
        assert part.label == match.label
        assert part.id != match.id
    with Image.open(collage.parts[2].path) as opened:
        expected = np.asarray(opened.convert("RGB").resize((112, 112))).astype(int)
    shown = np.asarray(collage.picture(224, 224)).astype(int)[112:, :112]
    assert np.abs(shown - expected).mean() < 4
    assert draw_collages(rooms, 2, seed=3)[0] == collage


def test_quarters_share_the_cells(rooms: Gallery) -> None:
    np.testing.assert_allclose(quarters_of((7, 7)).sum(0), 1)
    assert quarters_of((7, 7))[0, 3, 3] == 0.25


def test_too_few_classes_are_refused(small_gallery: Path) -> None:
    with pytest.raises(GalleryError, match="four classes"):
        draw_collages(open_gallery(small_gallery), 1, 0)


def test_a_run_goes_on_where_it_stopped_and_is_repeatable(
    rooms: Gallery, network: SimilarityNetwork, rooms_index: GalleryIndex, tmp_path: Path
) -> None:
    def measure(collages: int, folder: str, seen: list[int]) -> dict[str, float]:
        plan = Plan(collages=collages, methods=FEW, seed=1)
        (table,) = measure_faithfulness(
            plan, rooms, network, rooms_index, tmp_path / folder, lambda p: seen.append(p.done)
        )
        assert (table.items, table.groups) == (4 * collages, collages)
        found = {row.method: row.measures["ROC area"] for row in table.rows}
        return {name: interval.mean for name, interval in found.items() if interval}

    first: list[int] = []
    measure(2, "a", first)
    lines = (tmp_path / "a" / OUTCOMES_FILE).read_text().splitlines()
    # As a kill leaves it: half a line at the end.
    (tmp_path / "a" / OUTCOMES_FILE).write_text("\n".join(lines[:2]) + "\n" + lines[2][:50])
    resumed, whole = measure(3, "a", []), measure(3, "b", [])
    assert resumed == pytest.approx(whole)
    assert first == [1, 2]
    assert resumed["relative to itself"] > 0.6 > resumed["random"]
    with pytest.raises(SettingsError, match="other settings"):
        measure_faithfulness(
            Plan(collages=2, methods=FEW, seed=2), rooms, network, rooms_index, tmp_path / "a"
        )


def test_shuffled_weights_lose_their_place_from_the_top(network: SimilarityNetwork) -> None:
    half = shuffled_from_top(network, 0.5, seed=1)
    before, after = (list(net.trunk.parameters()) for net in (network, half))
    same = [torch.equal(a, b) for a, b in zip(before, after, strict=True)]
    assert all(same[: len(same) // 2])
    matrices = [stays for stays, weight in zip(same, before, strict=True) if weight.dim() > 1]
    assert not any(matrices[-len(matrices) // 4 :])
    for a, b in zip(before, after, strict=True):
        torch.testing.assert_close(a.sum(), b.sum(), atol=1e-2, rtol=1e-4)


def test_randomised_networks_find_nothing(rooms: Gallery, network: SimilarityNetwork) -> None:
    methods = [METHODS["relative to itself"]]
    found = {}
    for share in (0.0, 1.0):
        game = CollageGame(shuffled_from_top(network, share), methods)
        outcomes = [o for c in draw_collages(rooms, 4, 0) for o in game.play(c)]
        found[share] = np.mean([o.values["ROC area"] for o in outcomes])
    assert found[0.0] > 0.62
    assert found[1.0] < 0.57


def test_cells_are_removed_strongest_first() -> None:
    masks = removal_masks(np.array([[0.1, 0.4], [0.3, 0.2]]), steps=4)
    assert [int(mask.sum()) for mask in masks] == [0, 1, 2, 3, 4]
    assert masks[1, 0, 1] == masks[2, 1, 0] == masks[3, 1, 1] == 1
    assert normalised_area(np.array([0.9, 0.5, 0.1]), 0.9, 0.1) == pytest.approx(0.5)
    assert normalised_area(np.array([0.5, 0.5]), 0.5, 0.5) is None


@pytest.mark.parametrize(
    "games", ["[]", '{"games": [{"category": "lamp"}]}', '{"games": [1]}', "{", '{"games": 3}']
)
def test_a_damaged_list_of_twins_is_refused(games: str, tmp_path: Path) -> None:
    (tmp_path / "twins.json").write_text(games)
    with pytest.raises(GalleryError, match="cannot be read as a list of twins"):
        read_twins(tmp_path)


def test_twins_outside_their_folder_are_refused(tmp_path: Path) -> None:
    game = dict.fromkeys(("category", "design", "query", "match", "twin"), "x")
    (tmp_path / "twins.json").write_text(json.dumps({"games": [game | {"mask": "../../x.png"}]}))
    with pytest.raises(GalleryError, match="outside the folder"):
        read_twins(tmp_path)
