import random
from dataclasses import replace
from pathlib import Path

import pytest

from simviz_core.errors import GalleryError
from simviz_core.gallery import Gallery, open_gallery, random_pair


def test_images_are_found_by_id_and_by_class(small_gallery: Path) -> None:
    gallery = open_gallery(small_gallery)
    assert list(gallery.by_label) == ["chairs", "lamps"]
    assert [image.id for image in gallery.by_label["lamps"]] == [
        f"lamps/view_{number}.png" for number in (1, 2, 10)
    ]
    assert gallery.image("lamps/view_2.png").path == small_gallery / "lamps" / "view_2.png"
    assert gallery.image("lamps/view_2.png").label == "lamps"
    assert [gallery.position[image.id] for image in gallery.images] == list(range(6))


def test_images_without_a_class_are_in_none(small_gallery: Path) -> None:
    (small_gallery / "alone.png").write_bytes(b"")
    gallery = open_gallery(small_gallery)
    assert gallery.image("alone.png").label is None
    assert list(gallery.by_label) == ["chairs", "lamps"]


def test_steps_run_round_the_ends(small_gallery: Path) -> None:
    gallery = open_gallery(small_gallery)
    assert gallery.neighbour("chairs/view_10.png", +1) == "lamps/view_1.png"
    assert gallery.neighbour("chairs/view_1.png", -1) == "lamps/view_10.png"


@pytest.mark.parametrize("image_id", ["", "chairs", "../gallery/chairs/view_1.png", "/etc/passwd"])
def test_only_listed_images_can_be_had(small_gallery: Path, image_id: str) -> None:
    with pytest.raises(GalleryError, match="has no image"):
        open_gallery(small_gallery).image(image_id)


def _drawn(gallery: Gallery, same_class: bool) -> list[tuple[str, str]]:
    chance = random.Random(0)
    return [random_pair(gallery, same_class, chance) for _ in range(50)]


def test_random_pairs_are_of_the_classes_that_were_asked_for(small_gallery: Path) -> None:
    gallery = open_gallery(small_gallery)
    for same_class in (True, False):
        pairs = _drawn(gallery, same_class)
        assert len(set(pairs)) > 10
        for query, match in pairs:
            assert query != match
            same = gallery.image(query).label == gallery.image(match).label
            assert same is same_class


def test_random_pairs_need_two_images_or_two_classes(small_gallery: Path) -> None:
    gallery = open_gallery(small_gallery)
    one_each = Gallery(gallery.source, (gallery.images[0], gallery.images[-1]))
    with pytest.raises(GalleryError, match="two images"):
        random_pair(one_each, True, random.Random(0))
    for images in (gallery.images[:3], tuple(replace(i, label=None) for i in gallery.images)):
        with pytest.raises(GalleryError, match="fewer than two classes"):
            random_pair(Gallery(gallery.source, images), False, random.Random(0))
