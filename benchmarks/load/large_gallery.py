"""A gallery of many small images with an index, made in minutes instead of hours.

The files are the demo's images, each with its number in a comment, so that no two have the same
content and the app keeps none for another. The embeddings are made of the demo's own: half or
more of each is that of its image, the rest that of two others, which the 20 images of a class
share, and noise. An image and its row agree only roughly, which makes no search slower or faster.
"""

import shutil
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.scale import views_in
from simviz_core.gallery import open_gallery
from simviz_core.images import load_image
from simviz_core.networks import DEFAULT_NETWORK, DEFAULT_SIZE, load_network
from simviz_core.retrieval import EmbeddingTable, StoredImage, embedding_table, load_index
from simviz_core.retrieval.planning import file_state

OF_A_CLASS = 20
AT_ONCE = 5000
UNINDEXED = "unindexed"
FIRST_UNINDEXED, MANY = 100_000, 4_000
VIEWS = 4
"""Of each image of the demo; the first is the whole image."""
NOISE = 0.25
"""As a share of each component's deviation."""


def make_gallery(folder: Path, count: int) -> Path:
    """Make a gallery and its index, or the rest of them where some is there.

    Args:
        folder: Where everything goes: `images`, and `cache` for `SIMVIZ_CACHE`.
        count: How many images.

    Returns:
        The gallery's folder.
    """
    images = _images(folder / "images", range(count))
    gallery = open_gallery(images)
    network = load_network(DEFAULT_NETWORK, "average", DEFAULT_SIZE)
    table = embedding_table(gallery, network.fingerprint, folder=folder / "cache")
    _write(table, folder, count)
    load_index(gallery, table)  # makes what searches need, once
    return images


def make_unindexed(folder: Path) -> Path:
    """Make a gallery without an index; returns its folder."""
    return _images(folder / UNINDEXED, range(FIRST_UNINDEXED, FIRST_UNINDEXED + MANY))


def remove_index(folder: Path) -> None:
    """Remove what was indexed of that gallery."""
    for path in (folder / "cache").glob(f"{UNINDEXED}_*"):
        shutil.rmtree(path, ignore_errors=True)


def _images(folder: Path, numbers: range) -> Path:
    """Write the images of these numbers, as far as they are not there; returns the folder."""
    sources = sorted(Path("demo/rooms/images").glob("*/*.jpg"))
    contents = [path.read_bytes() for path in sources]
    for number in numbers:
        path = folder / _id_of(number)
        if path.exists():
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        unfinished.write_bytes(_with_comment(contents[_source_of(number, len(sources))], number))
        unfinished.rename(path)
    return folder


def _id_of(number: int) -> str:
    return f"class_{number // OF_A_CLASS:04}/{number:05}.jpg"


def _source_of(number: int, sources: int) -> int:
    """The place of the demo's image that an image is made of; a class has neighbouring ones."""
    return (number // OF_A_CLASS + number % OF_A_CLASS % 4) % sources


def _with_comment(jpeg: bytes, number: int) -> bytes:
    """A JPEG with a comment right after its beginning."""
    comment = f"image {number}".encode()
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]


def _write(table: EmbeddingTable, folder: Path, count: int) -> None:
    """Write the rows that the table lacks; each depends on its number alone."""
    whole = views_in(folder).whole
    has = table.images()
    missing = [number for number in range(count) if _id_of(number) not in has]
    for start in range(0, len(missing), AT_ONCE):
        numbers = missing[start : start + AT_ONCE]
        rows = [_row(folder / "images", number) for number in numbers]
        table.append(rows, np.stack([_embedding(whole, number) for number in numbers]))


def _row(images: Path, number: int) -> StoredImage:
    image_id = _id_of(number)
    loaded = load_image(images / image_id, name=image_id)
    size, modified = file_state(images / image_id)
    label = image_id.partition("/")[0]
    return StoredImage(image_id, label, loaded.width, loaded.height, size, modified, None)


def _embedding(whole: NDArray[np.float32], number: int) -> NDArray[np.float32]:
    of_class = np.random.default_rng([1, number // OF_A_CLASS])
    shared = whole[of_class.integers(0, len(whole), 2)].mean(0)
    own = np.random.default_rng([2, number])
    share = own.uniform(0.5, 0.9)
    real = whole[VIEWS * _source_of(number, len(whole) // VIEWS)]
    noise = NOISE * whole.std(0) * own.standard_normal(whole.shape[1])
    mixed = np.maximum(share * real + (1 - share) * shared + noise, 0).astype(np.float32)
    unit: NDArray[np.float32] = mixed / np.linalg.norm(mixed)
    return unit
