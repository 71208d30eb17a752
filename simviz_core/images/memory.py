"""How much memory decoding takes, and that all that is decoded at once stays within a bound."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition
from typing import Any

from PIL import Image

from simviz_core.errors import ImageError

MOST_AT_ONCE = 1_600_000_000
"""Bytes that all pictures together may take while they are decoded; one alone may take them all."""
BLOCK = 64 << 20
"""Bytes that Pillow takes at a time for a large picture. Of less than 32 MB the C library keeps
what is given back, for each thread apart, and many threads together hold several times as much."""
Image.core.set_block_size(BLOCK)
SMALL_PIXELS = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2, "I;16N": 2}
"""Bytes of a pixel in Pillow's memory by mode; all other modes take four, RGB too."""
DECODERS = {"WEBP": 12, "AVIF": 8, "HEIF": 8, "JPEG2000": 12, "GIF": 4, "JPEG": 6, "MPO": 6}
"""Bytes of a pixel that a format's decoder takes besides, for planes and coefficients of its own;
measured, see docs/galleries.md. JPEG takes them where it is progressive alone."""
WIDE = 2.5
"""How many times the pixels themselves a picture of more than 8 bits takes: copies as numbers."""


def bytes_needed(image: Image.Image, size: tuple[int, int], is_wide: bool) -> int:
    """About how much memory a picture takes while it is decoded and reduced.

    Args:
        image: Opened, not decoded yet.
        size: What the decoder is told to make, in pixels.
        is_wide: Whether it has more than 8 bits.
    """
    pixels, decoded = image.width * image.height, size[0] * size[1]
    own = SMALL_PIXELS.get(image.mode, 4) * decoded
    if is_wide:
        return round(WIDE * own)
    form, info = image.format or "", image.info
    if form in ("JPEG", "MPO") and not (info.get("progressive") or info.get("progression")):
        return own
    return own + DECODERS.get(form, 0) * (decoded if form == "JPEG2000" else pixels)


class _Budget:
    """Memory that is taken and given back; who wants more than is left waits."""

    def __init__(self, most: int) -> None:
        self.most = self.left = most
        self.changed = Condition()

    @contextmanager
    def taken(self, count: int) -> Iterator[None]:
        with self.changed:
            self.changed.wait_for(lambda: count <= self.left)
            self.left -= count
        try:
            yield
        finally:
            with self.changed:
                self.left += count
                self.changed.notify_all()


_BUDGET = _Budget(MOST_AT_ONCE)


def memory_for(count: int, name: str) -> Any:
    """Wait until a picture may be decoded; to be used in a `with` statement.

    Args:
        count: Bytes that it takes.
        name: What to call it.

    Raises:
        ImageError: It takes more than there may be.
    """
    if count > MOST_AT_ONCE:
        raise ImageError(
            f"{name} takes about {count / 1e9:.1f} GB of memory while it is decoded; at most "
            f"{MOST_AT_ONCE / 1e9:.1f} GB are used; make it smaller, or save it as JPEG"
        )
    return _BUDGET.taken(count)
