"""Input sizes: one number for a square, or width and height, in pixels."""

from simviz_core.errors import SettingsError

InputSize = int | tuple[int, int]
"""The side of a square, or (width, height), in pixels."""
SIZES = (224, 320, 448)
"""Input sizes on offer for the networks of the catalogue, in pixels: multiples of 32, so that
cells tile the image evenly."""
DEFAULT_SIZE = 224
SMALLEST, LARGEST = 32, 2048
"""Of the sides of images for any network, in pixels."""


def height_and_width(size: InputSize) -> tuple[int, int]:
    """The two sides as arrays have them: rows first."""
    return (size, size) if isinstance(size, int) else (size[1], size[0])


def input_size(height: int, width: int) -> InputSize:
    """The input size of so many rows and columns of pixels."""
    return width if width == height else (width, height)


def size_text(size: InputSize) -> str:
    """An input size as it is shown and typed: "224", or "128x256" for width × height."""
    return str(size) if isinstance(size, int) else f"{size[0]}x{size[1]}"


def size_from_text(text: str) -> InputSize:
    """Read what `size_text` writes.

    Raises:
        SettingsError: It is no size, or one out of bounds.
    """
    sides = text.lower().replace("×", "x").split("x")
    if not 1 <= len(sides) <= 2 or not all(side.strip().isdecimal() for side in sides):
        raise SettingsError(f"{text!r} is no input size; write 224, or 128x256 (width x height)")
    width, height = int(sides[0]), int(sides[-1])
    return checked_size(input_size(height, width))


def checked_size(size: InputSize) -> InputSize:
    """The size itself, where it is one that a network can be tried on.

    Raises:
        SettingsError: A side is too small or too large.
    """
    for side in height_and_width(size):
        if not SMALLEST <= side <= LARGEST:
            raise SettingsError(
                f"input size {size_text(size)} cannot be used; sides are {SMALLEST} to {LARGEST} "
                "pixels long"
            )
    return size
