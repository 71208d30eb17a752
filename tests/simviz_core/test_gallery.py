import random
from pathlib import Path

import pytest

from simviz_core.errors import GalleryError
from simviz_core.gallery import Gallery, open_gallery, random_pair


def test_lists_images_by_class_in_natural_order(small_gallery: Path) -> None:
    gallery = open_gallery(small_gallery)
    assert [image.id for image in gallery.images] == [
        f"{label}/view_{number}.png" for label in ("chairs", "lamps") for number in (1, 2, 10)
    ]
    assert list(gallery.by_label) == ["chairs", "lamps"]
    assert gallery.image("lamps/view_2.png").path == small_gallery / "lamps" / "view_2.png"
    assert gallery.image("lamps/view_2.png").label == "lamps"


def test_steps_run_round_the_ends(small_gallery: Path) -> None:
    gallery = open_gallery(small_gallery)
    assert gallery.neighbour("chairs/view_10.png", +1) == "lamps/view_1.png"
    assert gallery.neighbour("chairs/view_1.png", -1) == "lamps/view_10.png"


def test_links_out_of_the_folder_are_passed_over(small_gallery: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.png"
    outside.write_bytes((small_gallery / "chairs" / "view_1.png").read_bytes())
    (small_gallery / "chairs" / "link.png").symlink_to(outside)
    assert "chairs/link.png" not in open_gallery(small_gallery).by_id


@pytest.mark.parametrize("image_id", ["", "chairs", "../gallery/chairs/view_1.png", "/etc/passwd"])
def test_only_listed_images_can_be_had(small_gallery: Path, image_id: str) -> None:
    with pytest.raises(GalleryError, match="has no image"):
        open_gallery(small_gallery).image(image_id)


def test_missing_and_empty_folders_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(GalleryError, match="does not exist"):
        open_gallery(tmp_path / "nowhere")
    with pytest.raises(GalleryError, match="one folder per class"):
        open_gallery(tmp_path)


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
    one_each = Gallery(gallery.root, (gallery.images[0], gallery.images[-1]))
    with pytest.raises(GalleryError, match="two images"):
        random_pair(one_each, True, random.Random(0))
    one_class = Gallery(gallery.root, gallery.images[:3])
    with pytest.raises(GalleryError, match="only one class"):
        random_pair(one_class, False, random.Random(0))
