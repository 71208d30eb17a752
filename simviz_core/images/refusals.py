"""What to say of a file that is no picture that can be read: what it is, and what to do."""

from importlib.util import find_spec

from simviz_core.images.kinds import is_heic

LOOK_AT = 256
"""Bytes of a file's beginning that tell what it is."""
TIFF = "a TIFF of a kind that cannot be decoded; save it with 8 or 16 bits, or as 32-bit grey"
KINDS = (
    (b"II*\0", TIFF),
    (b"MM\0*", TIFF),
    (b"%PDF", "a PDF document; save its page as a PNG"),
    (b"<svg", "an SVG drawing; save it as a PNG"),
    (b"<?xml", "an XML document; save the drawing as a PNG"),
    (b"<html", "a web page; save the picture itself"),
    (b"<!DOCTYPE", "a web page; save the picture itself"),
    (b"\x93NUMPY", "a NumPy array; save it as a TIFF or PNG"),
    (b"PK\x03\x04", "a ZIP archive; unpack it"),
    (b"8BPS", "a Photoshop document; save it as a PNG"),
    (b"version https://git-lfs", "a pointer of Git LFS; fetch the file itself with `git lfs pull`"),
    (b"\xff\x0a", "a JPEG XL picture; save it as JPEG or PNG"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL picture; save it as JPEG or PNG"),
)
"""How files of other kinds begin, and what they are."""
NO_IMAGE = "is not an image that can be read"


def not_an_image(name: str, start: bytes) -> str:
    """The message for a file that no decoder knows.

    Args:
        name: What the file is called.
        start: Its first `LOOK_AT` bytes.
    """
    text = start.lstrip()
    for beginning, kind in KINDS:
        if start.startswith(beginning) or text.startswith(beginning):
            return f"{name} {NO_IMAGE}: it is {kind}"
    if is_heic(start):
        return (
            f"{name} {NO_IMAGE}: it is a HEIC photo, which SimViz reads with the library pi-heif "
            "(`pip install pi-heif`, then start again); or save it as JPEG"
            if find_spec("pi_heif") is None
            else f"{name} {NO_IMAGE}: it is a HEIC photo that is damaged; save it as JPEG"
        )
    if start[128:132] == b"DICM":
        return f"{name} {NO_IMAGE}: it is a DICOM file; save its picture as a 16-bit TIFF or PNG"
    return f"{name} {NO_IMAGE}; choose a JPEG, PNG, WebP, GIF, TIFF, BMP, JPEG 2000 or AVIF file"
