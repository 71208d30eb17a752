from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from simviz_core.gallery import GalleryImage
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import (
    Match,
    MatchMaps,
    Ranking,
    SearchReport,
    is_hit,
    search_panels,
    search_title,
    searches_as_json,
)

SETTINGS = NetworkSettings("example", "max", 224)
PICTURE = Image.new("RGB", (8, 6))


def example(label: str | None = "a") -> SearchReport:
    images = [GalleryImage(f"{n}.jpg", Path(f"{n}.jpg"), c) for n, c in enumerate(("a", "b", None))]
    matches = tuple(Match(image, 0.9 - image_rank / 10) for image_rank, image in enumerate(images))
    ranking = Ranking(np.ones(2, np.float32), matches, tuple(match.score for match in matches))
    maps = [MatchMaps(np.full((2, 2), n, np.float32), np.eye(2, dtype=np.float32)) for n in (1, 2)]
    return SearchReport(
        SETTINGS, ranking, label, [PICTURE, None, PICTURE], [maps[0], None, maps[1]]
    )


def test_panels_keep_their_rank_where_a_picture_cannot_be_read() -> None:
    panels = search_panels(example())
    assert [panel.caption for panel in panels] == ["1. a · 0.900", "3. 2.jpg · 0.700"]
    assert [panel.query_map[0, 0] for panel in panels] == [1, 2]
    assert [panel.is_hit for panel in panels] == [True, None]


def test_a_match_without_maps_has_no_spread() -> None:
    (values,) = searches_as_json([example()])
    assert values["pooling"] == "max"
    assert [result["query_spread"] is None for result in values["results"]] == [False, True, False]


@pytest.mark.parametrize(
    ("own", "other", "expected"),
    [("a", "a", True), ("a", "b", False), (None, "a", None), ("a", None, None), (None, None, None)],
)
def test_a_hit_is_of_the_query_s_class(
    own: str | None, other: str | None, expected: bool | None
) -> None:
    assert is_hit(own, GalleryImage("x", Path("x"), other)) is expected


def test_a_comparison_s_title_names_no_pooling() -> None:
    assert "max pooling" in search_title("whole image", SETTINGS)
    assert "max" not in search_title("whole image", SETTINGS, is_comparison=True)
