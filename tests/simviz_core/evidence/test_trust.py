import json
from pathlib import Path

import pytest

from simviz_core.evidence import measure_trust, read_trust, save_trust, trust, trust_path
from simviz_core.gallery import Gallery
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
    specific, random = found["pair-specific"].value, found["weights matter"].value
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


def test_it_can_be_stopped(
    rooms: Gallery, network: SimilarityNetwork, rooms_index: GalleryIndex
) -> None:
    def stop(done: int, total: int, name: str) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        measure_trust(network, rooms, rooms_index, stop)
