import io

import pytest
from PIL import Image

from simviz_core.errors import ImageError
from simviz_ui.choices.uploads import IS_UPLOAD, UploadStore


def png(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), colour).save(buffer, "PNG")
    return buffer.getvalue()


def test_an_upload_is_held_under_an_id_that_its_content_yields() -> None:
    store = UploadStore()
    first = store.add(png("red"), "a.png")
    assert store.add(png("red"), "a.png") == first
    assert store.add(png("blue"), "a.png") != first
    assert IS_UPLOAD.fullmatch(first)
    held = store.get(first)
    assert held is not None
    assert held.pixels.getpixel((0, 0)) == (255, 0, 0)


def test_the_ones_not_used_for_longest_make_room() -> None:
    store = UploadStore(capacity=2)
    red, lime = store.add(png("red"), "r"), store.add(png("lime"), "l")
    store.get(red)
    blue = store.add(png("blue"), "b")
    assert store.get(lime) is None
    assert store.get(red) is not None
    assert store.get(blue) is not None


def test_what_is_no_image_is_not_held() -> None:
    store = UploadStore()
    with pytest.raises(ImageError, match=r"a\.png is not an image"):
        store.add(b"text", "a.png")


@pytest.mark.parametrize("image_id", ["hotel_00/view_0.jpg", "a.png (upload 12)", "", "(upload )"])
def test_gallery_ids_are_no_uploads(image_id: str) -> None:
    assert not IS_UPLOAD.fullmatch(image_id)
