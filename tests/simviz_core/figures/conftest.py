import io
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

Count = Callable[[bytes], dict[tuple[int, int, int], int]]


@pytest.fixture(scope="session")
def count_colours() -> Count:
    """How many pixels of a PNG file have each colour."""

    def count(png: bytes) -> dict[tuple[int, int, int], int]:
        picture = Image.open(io.BytesIO(png))
        assert picture.format == "PNG"
        pixels = np.asarray(picture.convert("RGB")).astype(np.int64)
        packed, counts = np.unique(pixels @ (1 << 16, 1 << 8, 1), return_counts=True)
        return {
            (value >> 16, value >> 8 & 255, value & 255): number
            for value, number in zip(packed.tolist(), counts.tolist(), strict=True)
        }

    return count
