"""One range of values for a gallery, and its embeddings made anew when it changes."""

from pathlib import Path

import numpy as np
import pytest
from images_testing import tiff
from PIL import Image

from simviz_core.gallery import open_gallery
from simviz_core.images import given_range, shared_ranges
from simviz_core.images.value_range import FLOATS, INTEGERS
from simviz_core.networks import SimilarityNetwork
from simviz_core.retrieval import embedding_table, index_gallery, load_index

RAMP = np.linspace(0, 1, 64 * 48).reshape(48, 64)


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """Six pictures of 12 bits, each brighter than the one before; one of 8; one that is none."""
    folder = tmp_path / "scans"
    for number in range(6):
        path = folder / f"class_{number % 2}" / f"{number}.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(tiff(np.rint(RAMP * 4095 * (number + 1) / 6).astype(np.uint16)))
    Image.fromarray((RAMP * 255).astype(np.uint8)).save(folder / "class_0" / "eight.png")
    (folder / "class_1" / "none.tif").write_bytes(b"II*\0 and no more")
    return folder


def test_all_pictures_share_one_range(scans: Path) -> None:
    gallery = open_gallery(scans)
    (shown,) = gallery.value_ranges
    assert (shown.low, shown.high, shown.kind) == (0, 4095, INTEGERS)
    assert shown.how == "the 12 bits that hold 99.9% of the values; of 6 files"
    dark = gallery.image("class_0/0.tif").load()
    assert dark.pixels.getextrema()[0][1] == round(255 / 6)
    assert dark.value_range == shown
    assert gallery.image("class_0/eight.png").load().value_range is None


def test_a_gallery_of_8_bits_has_none_and_jpegs_are_not_opened(
    small_gallery: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert open_gallery(small_gallery).value_ranges == ()
    monkeypatch.setattr(Image, "open", lambda *_, **__: pytest.fail("a file was opened"))
    assert shared_ranges([Path("a.jpg"), Path("b.webp")]) == ()


def test_each_kind_of_values_has_its_own_range(scans: Path) -> None:
    (scans / "class_0" / "float.tif").write_bytes(tiff(RAMP.astype(np.float32)))
    kinds = {shown.kind: (shown.low, shown.high) for shown in open_gallery(scans).value_ranges}
    assert kinds == {INTEGERS: (0, 4095), FLOATS: (0, 1)}


def test_what_all_files_state_holds(tmp_path: Path) -> None:
    paths = []
    for number in range(3):
        paths.append(tmp_path / f"{number}.tif")
        values = np.rint(RAMP * 700).astype(np.uint16)
        high = (281, "H", 800 + number)
        paths[-1].write_bytes(tiff(values, low=(280, "H", 10 + number), high=high))
    (shown,) = shared_ranges(paths)
    assert (shown.low, shown.high) == (10, 802)
    assert shown.how == "stated by the file's sample values; of 3 files"


def test_the_range_hardly_moves_when_pictures_come(scans: Path) -> None:
    before = open_gallery(scans).value_ranges
    (scans / "class_0" / "more.tif").write_bytes(tiff(np.rint(RAMP * 3000).astype(np.uint16)))
    (after,) = open_gallery(scans).value_ranges
    assert (after.low, after.high) == (before[0].low, before[0].high)


def test_another_range_means_other_embeddings(
    scans: Path, network: SimilarityNetwork, tmp_path: Path
) -> None:
    def index(low: float, high: float) -> tuple[tuple[str, ...], tuple[str, ...], np.ndarray]:
        gallery = open_gallery(scans, value_ranges=given_range(low, high))
        table = embedding_table(gallery, network.fingerprint, folder=tmp_path / "store")
        report = index_gallery(gallery, network, table)
        found = load_index(gallery, table)
        query = network.decompose([gallery.image("class_1/5.tif").load().pixels])[0]
        row = found.matrix[found.row["class_1/5.tif"]]
        np.testing.assert_allclose(row, query.unit_embedding.numpy(), atol=1e-5)
        return report.added, report.updated, found.matrix

    added, updated, first = index(0, 4095)
    assert (len(added), updated) == (7, ())
    assert index(0, 4095)[:2] == ((), ())
    added, updated, second = index(1000, 2000)
    assert (added, len(updated)) == ((), 6), "all but the one of 8 bits"
    assert np.abs(first - second).max() > 0.01
    gallery = open_gallery(scans)
    table = embedding_table(gallery, network.fingerprint, folder=tmp_path / "store")
    assert len(index_gallery(gallery, network, table).updated) == 6
    np.testing.assert_allclose(load_index(gallery, table).matrix, first, atol=1e-6)
