"""Figures of a part of a gallery say so."""

from pathlib import Path

import numpy as np
import pytest

from simviz_core.classes import class_sums, classes_as_json, summarise
from simviz_core.classes.report import summary_line
from simviz_core.features import caveats, curve_as_json, draw_pairs, feature_curve
from simviz_core.gallery import Gallery, open_gallery
from simviz_core.networks import SimilarityNetwork
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import (
    EmbeddingTable,
    GalleryIndex,
    Region,
    SearchReport,
    embedding_table,
    index_gallery,
    load_index,
    quality_as_json,
    rank,
    retrieval_quality,
    search_as_json,
)

SETTINGS = NetworkSettings("efficientnet_lite0", "average", 224)


@pytest.fixture
def indexed(
    small_gallery: Path, network: SimilarityNetwork, tmp_path: Path
) -> tuple[Gallery, EmbeddingTable]:
    (small_gallery / "lamps" / "view_10.png").write_bytes(b"no picture")
    gallery = open_gallery(small_gallery)
    table = embedding_table(gallery, network.fingerprint, folder=tmp_path / "store")
    index_gallery(gallery, network, table)
    table.remove(["chairs/view_2.png"])
    return gallery, table


@pytest.fixture
def part(indexed: tuple[Gallery, EmbeddingTable]) -> GalleryIndex:
    return load_index(*indexed)


def test_the_index_knows_what_it_lacks(part: GalleryIndex) -> None:
    assert [image.id for image in part.lacking] == ["chairs/view_2.png", "lamps/view_10.png"]
    assert (part.coverage.indexed, part.coverage.in_gallery) == (4, 6)
    assert part.coverage.share == pytest.approx(4 / 6)
    assert part.coverage.note.startswith("rests on 4 of the gallery's 6 images (66.7%)")
    chairs = part.part(np.array([image.label == "chairs" for image in part.images]))
    assert (chairs.coverage.indexed, chairs.coverage.in_gallery) == (2, 3)


def test_every_figure_and_json_says_how_much_it_rests_on(
    part: GalleryIndex, network: SimilarityNetwork
) -> None:
    numbers = {"images_in_gallery": 6, "images_indexed": 4}
    quality = quality_as_json(retrieval_quality(part))
    assert quality.items() >= numbers.items()
    query = network.decompose([part.images[0].load().pixels])[0]
    ranking = rank(part, query, None, 2, np.ones(4, dtype=bool))
    report = SearchReport(SETTINGS, ranking, None, [], [])
    assert search_as_json(report, "q.png", Region()).items() >= numbers.items()
    sums = class_sums(part)
    summary = summarise(sums, "chairs")
    assert classes_as_json([summary], [], "g", SETTINGS).items() >= numbers.items()
    assert "rests on 4 of the gallery's 6" in summary_line(summary)
    curve = feature_curve(part, draw_pairs(part, True, 10, 0))
    assert curve_as_json(curve).items() >= numbers.items()
    assert "rests on 4 of the gallery's 6" in caveats(curve)[0]
