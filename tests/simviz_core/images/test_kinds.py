import io
from pathlib import Path

import pytest
from PIL import Image

from simviz_core.errors import ImageError
from simviz_core.images import LOOK_AT, begins_as_image, is_image_file, load_image
from simviz_core.images.kinds import is_heic

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(2000)


@pytest.mark.parametrize(
    "form", ["JPEG", "PNG", "GIF", "BMP", "DIB", "TIFF", "WEBP", "PPM", "JPEG2000", "AVIF"]
)
def test_every_format_is_known_by_how_it_begins(form: str, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (9, 8), "red").save(buffer, form)
    if form != "DIB":  # which has no beginning of its own
        assert begins_as_image(buffer.getvalue()[:LOOK_AT])
        (tmp_path / "picture").write_bytes(buffer.getvalue())
        assert is_image_file(tmp_path / "picture")
        assert load_image(tmp_path / "picture").width == 9
        assert not is_heic(buffer.getvalue()[:LOOK_AT])


@pytest.mark.parametrize(
    "start",
    [b"", b"P5 is a name", b"BMW and others", b"II", b"RIFF1234WAVE", b"%PDF-1.4"],
)
def test_what_begins_otherwise_is_none(start: bytes) -> None:
    assert not begins_as_image(start)


def test_heic_says_how_it_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert begins_as_image(HEIC)
    for is_there, words in ((False, "pip install pi-heif"), (True, "damaged; save it as JPEG")):
        monkeypatch.setattr(
            "simviz_core.images.refusals.find_spec",
            lambda name, is_there=is_there: is_there or None,
        )
        with pytest.raises(ImageError, match=words):
            load_image(HEIC)
