from pathlib import Path

import pytest

from simviz_core.errors import GalleryError
from simviz_core.gallery import Gallery, open_gallery
from simviz_core.networks import SimilarityNetwork
from simviz_core.retrieval import GalleryIndex, retrieval_quality
from simviz_core.training.measure import held_out_quality


def test_the_quality_is_that_of_the_stored_embeddings(
    rooms: Gallery, rooms_index: GalleryIndex, network: SimilarityNetwork
) -> None:
    measured, stored = held_out_quality(network, rooms.images), retrieval_quality(rooms_index)
    assert measured.recall_at == stored.recall_at
    assert measured.map_at_r == pytest.approx(stored.map_at_r)


def test_a_class_with_two_images_is_needed(
    colour_gallery: Path, network: SimilarityNetwork
) -> None:
    first_of_each = [images[0] for images in open_gallery(colour_gallery).by_label.values()]
    with pytest.raises(GalleryError, match="a class with two images"):
        held_out_quality(network, first_of_each)
