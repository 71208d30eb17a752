"""The first page: its findings are computed anew, and a click opens exactly what they tell of."""

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlencode

import numpy as np
import pytest
from page_testing import new_app
from PIL import Image

from docs.make_pictures import story_picture
from simviz_core.checkpoints.loading import load_for_settings
from simviz_core.decomposition import similarity, similarity_map
from simviz_core.gallery import Gallery, open_gallery
from simviz_core.gallery.masks import find_masks, mask_weights
from simviz_core.images import WHOLE
from simviz_core.networks import DEFAULT_NETWORK, DEFAULT_SIZE, NETWORKS
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import (
    GalleryIndex,
    embedding_table,
    index_gallery,
    load_index,
    region_vector,
    weights_on,
    whole_vector,
)
from simviz_ui.display.words import GLOSSARY
from simviz_ui.overview.stories import PICTURES, STORIES
from simviz_ui.view import as_link

RIGHT, WRONG, REGION = STORIES
SETTINGS = NetworkSettings(DEFAULT_NETWORK, NETWORKS[DEFAULT_NETWORK].pooling, DEFAULT_SIZE)
BED = ["bedspread", "headboard", "pillows"]


@pytest.fixture(scope="module")
def network():
    return load_for_settings(SETTINGS)


@pytest.fixture(scope="module")
def gallery(demo_rooms: Path) -> Gallery:
    return open_gallery(demo_rooms)


@pytest.fixture(scope="module")
def index(gallery: Gallery, network) -> GalleryIndex:
    table = embedding_table(gallery, network.fingerprint)
    index_gallery(gallery, network, table)
    return load_index(gallery, table)


def designs(demo_rooms: Path, image: str) -> dict[str, str]:
    rooms = json.loads((demo_rooms.parent / "rooms.json").read_text())
    return rooms["hotels"][image.partition("/")[0]]["designs"]


def numbers(sentence: str) -> list[float]:
    return [float(number) for number in re.findall(r"\d+(?:\.\d+)?", sentence)]


def decomposed(network, gallery: Gallery, *images: str):
    pictures = [gallery.image(name).load().pixels for name in images]
    return [network.decompose_feature_map(each) for each in network.feature_map(pictures)]


def share_on(gallery: Gallery, query, match, image: str, objects: list[str]) -> tuple[float, float]:
    """What objects of the query have of the similarity, and of the picture, in percent."""
    masks = find_masks(gallery)
    mask = masks and masks.of_image(image, objects)
    assert mask is not None
    values = similarity_map(query, match).double()
    on_objects = (mask_weights(mask, query.grid, WHOLE) * values).sum() / values.sum()
    return 100 * on_objects.item(), 100 * mask.mean()


def test_the_match_for_the_right_reason(network, gallery: Gallery) -> None:
    query, match = decomposed(network, gallery, RIGHT.query, RIGHT.match)
    share, covered = share_on(gallery, query, match, RIGHT.query, ["bedspread"])
    score = similarity(query, match).item()
    assert numbers(RIGHT.sentence) == [round(score, 3), round(share), round(covered)]


def test_the_match_for_the_wrong_reason(
    network, gallery: Gallery, index: GalleryIndex, demo_rooms: Path
) -> None:
    query, match = decomposed(network, gallery, WRONG.query, WRONG.match)
    scores = index.scores(whole_vector(query))
    ids = [image.id for image in index.images]
    others = sorted(
        ((score, name) for score, name in zip(scores, ids, strict=True) if name != WRONG.query),
        reverse=True,
    )
    hotel = WRONG.query.partition("/")[0]
    own = max(score for score, name in others if name.startswith(f"{hotel}/"))
    share, _ = share_on(gallery, query, match, WRONG.query, BED)
    assert others[0][1] == WRONG.match
    said = [len(others), round(float(others[0][0]), 3), round(float(own), 3), round(share)]
    assert numbers(WRONG.sentence) == said
    first, second = (designs(demo_rooms, name) for name in (WRONG.query, WRONG.match))
    assert not {kind for kind in BED if first[kind] == second[kind]}


def test_the_same_bedspread_elsewhere(
    network, gallery: Gallery, index: GalleryIndex, demo_rooms: Path
) -> None:
    (query,) = decomposed(network, gallery, REGION.query)
    picture = gallery.image(REGION.query).load()
    bedspread = designs(demo_rooms, REGION.query)["bedspread"]
    masks = find_masks(gallery)
    assert masks is not None

    def found(vector) -> list[str]:
        best = np.argsort(-index.scores(vector), kind="stable")
        names = [index.images[row].id for row in best]
        return [n for n in names if not n.startswith(REGION.query.partition("/")[0])][:12]

    def showing(names: list[str]) -> int:
        for name in names:
            mask = masks.of_image(name, ["bedspread"])
            assert mask is not None
            assert mask.any()
        return sum(designs(demo_rooms, name)["bedspread"] == bedspread for name in names)

    by_region = found(region_vector(query, weights_on(REGION.region, picture, query.grid, WHOLE)))
    assert by_region[0] == REGION.match
    assert designs(demo_rooms, REGION.match)["bedspread"] == bedspread
    said = [showing(by_region), 12, showing(found(whole_vector(query))), 12]
    assert numbers(REGION.sentence) == said


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_pictures_are_the_maps(story, demo_rooms: Path) -> None:
    kept = np.asarray(Image.open(PICTURES / f"{story.name}.jpg"), dtype=float)
    made = np.asarray(story_picture(story, demo_rooms), dtype=float)
    assert np.abs(kept - made).mean() < 4, "python -m docs.make_pictures --only-stories"


def test_a_click_opens_exactly_that_view() -> None:
    app = new_app()
    app.query_params["network"] = "timm/test_resnet"
    app.query_params["pooling"] = "max"
    app.run()
    assert not app.exception
    app.get_by_key("open_right").click().run()
    assert not app.exception
    link = parse_qs(urlencode(app.query_params, doseq=True))
    assert link == as_link(RIGHT.view, "pair")
    assert app.title[0].value == "Pair"


def test_every_page_explains_the_words_of_the_docs() -> None:
    app = new_app()
    app.run()
    (shown,) = [text.value for text in app.sidebar.markdown if "**cell**" in text.value]
    terms = re.findall(r"^\*\*(.+?)\*\*.*?: ", GLOSSARY.read_text(), re.MULTILINE)
    assert {"cell", "pooling", "GeM", "residual", "entropy", "mAP@R", "Recall@K"} <= set(terms)
    assert re.findall(r"^\*\*(.+?)\*\*.*?: ", shown, re.MULTILINE) == terms
