"""Large pictures: made small in parts exactly as they would be whole, and within a memory."""

import io
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from simviz_core.errors import ImageError
from simviz_core.images import load_image, loading, memory, reducing
from simviz_core.images.memory import bytes_needed
from simviz_core.images.orientation import turned_upright
from simviz_core.images.reducing import reduced_upright, reduction


def whole(image: Image.Image, orientation: int) -> Image.Image:
    """As a picture is reduced that is converted and turned as a whole."""
    upright = turned_upright(image.convert("RGB"), orientation)
    factor = reduction(upright.size)
    return upright.reduce(factor) if factor > 1 else upright


@given(
    st.integers(1, 90),
    st.integers(1, 90),
    st.integers(0, 9),
    st.sampled_from([1, 50, 10**6]),
    st.sampled_from(["L", "RGB", "P", "1", "CMYK"]),
)
def test_in_parts_as_if_whole(
    width: int, height: int, orientation: int, band: int, mode: str
) -> None:
    pixels = np.random.default_rng(width * height).integers(0, 256, (height, width, 3))
    image = Image.fromarray(pixels.astype(np.uint8)).convert(mode)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reducing, "WORKING_SIDE", 8)
        patch.setattr(reducing, "LONGEST_SIDE", 40)
        patch.setattr(reducing, "BAND", band)

        def rows(part: tuple[int, int]) -> Image.Image:
            return image.crop((0, part[0], width, part[1])).convert("RGB")

        found = reduced_upright(image.size, orientation, rows)
        assert found.tobytes() == whole(image, orientation).tobytes()


@pytest.mark.parametrize("size", [(10_000, 1), (1, 60_000), (20_000, 2), (3, 9_000)])
def test_very_long_jpegs_are_read(size: tuple[int, int], tmp_path: Path) -> None:
    Image.new("RGB", size, (200, 0, 0)).save(tmp_path / "a.jpg")
    loaded = load_image(tmp_path / "a.jpg")
    assert (loaded.width, loaded.height) == size
    assert max(loaded.pixels.size) <= 8192
    assert min(loaded.pixels.size) >= 1


@pytest.mark.parametrize("size", [(101, 50), (64, 77), (33, 35), (127, 97)])
def test_large_jpeg_2000_is_halved_while_it_is_decoded(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reducing, "WORKING_SIDE", 8)
    monkeypatch.setattr(loading, "MOST_WHOLE", 1000)
    buffer = io.BytesIO()
    ramp = Image.linear_gradient("L").resize(size)
    ramp.save(buffer, "JPEG2000")
    loaded = load_image(buffer.getvalue())
    assert (loaded.width, loaded.height) == size
    assert 8 <= min(loaded.pixels.size) < 17
    shown = np.asarray(loaded.pixels.convert("L"), float)
    exact = np.asarray(ramp.resize(loaded.pixels.size, Image.Resampling.BOX), float)
    assert np.abs(shown - exact).mean() < 16  # half a cell further on, at most


def test_what_takes_more_memory_than_there_may_be_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memory, "MOST_AT_ONCE", 39_999)
    buffer = io.BytesIO()
    Image.new("RGB", (100, 100)).save(buffer, "PNG")
    with pytest.raises(ImageError, match="GB of memory while it is decoded; at most"):
        load_image(buffer.getvalue())
    monkeypatch.setattr(memory, "MOST_AT_ONCE", 40_000)
    assert load_image(buffer.getvalue()).width == 100


def test_a_progressive_jpeg_takes_more_than_another() -> None:
    needed = []
    for progressive in (False, True):
        buffer = io.BytesIO()
        Image.new("RGB", (100, 100)).save(buffer, "JPEG", progressive=progressive)
        with Image.open(buffer) as image:
            needed.append(bytes_needed(image, (10, 10), is_wide=False))
    assert needed == [400, 60_400]


def test_pictures_wait_for_one_another() -> None:
    """Never more at once than there is, and all come to their turn."""
    budget, running, most = memory._Budget(100), [0], [0]
    lock = threading.Lock()

    def take(count: int) -> None:
        with budget.taken(count):
            with lock:
                running[0] += count
                most[0] = max(most[0], running[0])
            time.sleep(0.001)
            with lock:
                running[0] -= count

    threads = [threading.Thread(target=take, args=(count,)) for count in (100, 60, 30, 41, 7) * 6]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)
    assert most[0] <= 100
    assert budget.left == 100


@pytest.mark.parametrize("path", ["/proc/self/environ", "/proc/kmsg", "/dev/zero", "/dev/stdin"])
def test_what_the_system_makes_is_no_picture_and_is_not_waited_for(path: str) -> None:
    if not Path(path).exists():
        pytest.skip(f"there is no {path} here")
    with pytest.raises(ImageError, match=r"is empty|no plain file|cannot be read"):
        load_image(path)
