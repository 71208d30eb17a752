import json
from pathlib import Path

import numpy as np
import pytest
from images_testing import png
from PIL import Image

from simviz_core.decomposition import DecomposedImage
from simviz_core.evidence import measure_trust, read_trust, save_trust, trust, trust_path
from simviz_core.gallery import Gallery, open_gallery
from simviz_core.images import given_range
from simviz_core.networks import SimilarityNetwork
from simviz_core.retrieval import GalleryIndex, embedding_table


class Stopped(Exception):
    pass


def test_a_report_is_measured_kept_and_read_back(
    rooms: Gallery,
    network: SimilarityNetwork,
    rooms_index: GalleryIndex,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(trust, "PAIRS", 4)
    monkeypatch.setattr(trust, "CHECKED", 1)
    steps: list[tuple[int, int, str]] = []
    report = measure_trust(network, rooms, rooms_index, lambda *step: steps.append(step))
    assert [done for done, _, _ in steps] == list(range(1, 7))
    assert {total for _, total, _ in steps} == {6}
    found = {finding.name: finding for finding in report.findings}
    assert found["adds up"].value is not None
    assert found["adds up"].value < 1e-5
    specific, random = found["like the self map"].value, found["like shuffled weights"].value
    assert specific is not None
    assert random is not None
    assert specific > 0.8 > random
    assert found["predicted against real"].count == 1
    assert report.distributions["area_under_roc"] > 0.8
    table = embedding_table(rooms, network.fingerprint)
    try:
        save_trust(report, table)
        assert json.loads(trust_path(table).read_text())["version"] == report.version
        kept = read_trust(table)
        assert kept is not None
        assert kept.findings == report.findings
        trust_path(table).write_text("{")
        assert read_trust(table) is None
    finally:
        trust_path(table).unlink()
    assert read_trust(table) is None


def test_deep_pictures_are_measured_as_the_gallery_shows_them(
    network: SimilarityNetwork, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    chance = np.random.default_rng(0)
    for name, brightest in (("dark", 900), ("bright", 4000)):
        (tmp_path / "a").mkdir(exist_ok=True)
        values = chance.integers(0, brightest, (16, 16)).astype(np.uint16)
        (tmp_path / "a" / f"{name}.png").write_bytes(png(values))
    gallery = open_gallery(tmp_path, value_ranges=given_range(0, 4095))
    monkeypatch.setattr(trust, "CHECKED", 1)
    seen: list[int] = []
    decompose = SimilarityNetwork.decompose

    def spy(self: SimilarityNetwork, pictures: list[Image.Image]) -> list[DecomposedImage]:
        seen.extend(np.asarray(picture).max() for picture in pictures)
        return decompose(self, pictures)

    monkeypatch.setattr(SimilarityNetwork, "decompose", spy)
    index = GalleryIndex(gallery.images, np.eye(2, 1280, dtype=np.float32))
    measure_trust(network, gallery, index)
    # 900 of 4,095 is dark: a range of its own would have made it white.
    assert {value < 64 for value in seen} == {True, False}


def test_it_can_be_stopped(
    rooms: Gallery, network: SimilarityNetwork, rooms_index: GalleryIndex
) -> None:
    def stop(done: int, total: int, name: str) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        measure_trust(network, rooms, rooms_index, stop)
