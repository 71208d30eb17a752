"""Which way up a picture is: EXIF orientation, whatever the format that carries it."""

from PIL import ExifTags, Image

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes a picture of an orientation upright. From 5 on width and height change places."""
UPRIGHT = 1


def orientation_of(image: Image.Image) -> int:
    """The orientation that is left to apply to a decoded picture, 1..8.

    Decoders that turn a picture by themselves, as that of TIFF does, say 1 afterwards: it must be
    decoded already. EXIF that cannot be read, or that holds no orientation, is that of an upright
    picture.
    """
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # whatever damaged EXIF leads to, the pixels can still be seen
        return UPRIGHT
    return orientation if isinstance(orientation, int) and orientation in TURNS else UPRIGHT


def turned_upright(image: Image.Image, orientation: int) -> Image.Image:
    """The picture as it is meant to be seen."""
    return image.transpose(TURNS[orientation]) if orientation in TURNS else image
