import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from simviz_core.errors import GalleryError, SettingsError
from simviz_core.gallery import open_gallery
from simviz_core.gallery.masks import GalleryMasks, find_masks, mask_weights
from simviz_core.images import WHOLE

NAMES = {"categories": ["background", "wall", "lamp"], "objects": ["lamp"]}


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A gallery of one image, whose mask has a wall on the left and a lamp on the right."""
    folder = tmp_path / "images" / "room"
    folder.mkdir(parents=True)
    Image.new("RGB", (8, 4)).save(folder / "1.jpg")
    values = np.zeros((4, 8), dtype=np.uint8)
    values[:, :3], values[:, 6:] = 1, 2
    mask = Image.fromarray(values, "P")
    mask.putpalette([0, 0, 0, 255, 0, 0, 0, 0, 255])
    (tmp_path / "masks" / "room").mkdir(parents=True)
    mask.save(tmp_path / "masks" / "room" / "1.png")
    (tmp_path / "masks" / "categories.json").write_text(json.dumps(NAMES))
    return tmp_path / "images"


def masks_of(images: Path) -> GalleryMasks:
    found = find_masks(open_gallery(images))
    assert found is not None
    return found


def test_objects_are_what_the_file_says(images: Path) -> None:
    mask = masks_of(images).of_image("room/1.jpg")
    assert mask is not None
    assert mask.shape == (4, 8)
    assert mask[:, 6:].all()
    assert mask.sum() == 8


def test_other_categories_can_be_asked_for(images: Path) -> None:
    masks = masks_of(images)
    both = masks.of_image("room/1.jpg", ["wall", "lamp"])
    assert both is not None
    assert both.sum() == 20
    with pytest.raises(SettingsError, match="no category 'sofa'; they have background, wall"):
        masks.of_image("room/1.jpg", ["sofa"])


def test_without_names_everything_but_the_background_is_an_object(images: Path) -> None:
    (images.parent / "masks" / "categories.json").unlink()
    mask = masks_of(images).of_image("room/1.jpg")
    assert mask is not None
    assert mask.sum() == 20
    with pytest.raises(SettingsError, match="not named"):
        masks_of(images).of_image("room/1.jpg", ["lamp"])


def test_an_image_without_a_mask_has_none(images: Path) -> None:
    assert masks_of(images).of_image("room/2.jpg") is None
    assert masks_of(images).of_image("../../etc/passwd") is None


def test_a_gallery_without_masks_has_none(images: Path, small_gallery: Path) -> None:
    assert find_masks(open_gallery(small_gallery)) is None
    assert find_masks(open_gallery(images), allowed=[images]) is None
    assert find_masks(open_gallery(images), allowed=[images.parent]) is not None


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"categories": 3}',
        '{"categories": [1, 2]}',
        '{"categories": ["wall"], "objects": ["lamp"]}',
        "[" * 100_000,
        '{"categories": ["' + "x" * 1_000_001 + '"]}',
    ],
)
def test_damaged_names_are_one_clear_error(images: Path, content: str) -> None:
    (images.parent / "masks" / "categories.json").write_text(content)
    with pytest.raises(GalleryError, match=r"categories.json is damaged"):
        masks_of(images)


def test_a_mask_that_is_no_picture_of_categories(images: Path) -> None:
    path = images.parent / "masks" / "room" / "1.png"
    whole = path.read_bytes()
    for content in (b"", whole[: len(whole) // 2], b"GIF89a" + whole):
        path.write_bytes(content)
        with pytest.raises(GalleryError, match=r"1\.png cannot be read"):
            masks_of(images).of_image("room/1.jpg")
    Image.new("RGB", (8, 4)).save(path)
    with pytest.raises(GalleryError, match="its pixels are RGB"):
        masks_of(images).of_image("room/1.jpg")
    Image.new("1", (30_000, 30_000)).save(path)
    with pytest.raises(GalleryError, match="cannot be read"):
        masks_of(images).of_image("room/1.jpg")


def test_cells_that_are_no_whole_pixels_get_their_exact_share(images: Path) -> None:
    mask = masks_of(images).of_image("room/1.jpg", ["wall"])
    assert mask is not None
    weights = mask_weights(mask, (1, 2), WHOLE)
    np.testing.assert_allclose(weights, [[3 / 4, 0]])
    assert float(mask_weights(mask, (3, 5), WHOLE).mean()) == pytest.approx(mask.mean())


def test_the_demo_s_masks_name_their_objects(demo_rooms: Path) -> None:
    masks = find_masks(open_gallery(demo_rooms))
    assert masks is not None
    rooms = json.loads((demo_rooms.parent / "rooms.json").read_text())
    assert list(masks.categories) == rooms["categories"]
    assert set(masks.objects) == {"bedspread", "headboard", "lamp", "picture"}
    mask = masks.of_image("hotel_00/view_0.jpg")
    assert mask is not None
    assert 0.02 < mask.mean() < 0.9
