import json
from itertools import combinations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from simviz_core.evidence import distributions as module
from simviz_core.evidence import similarity_distributions, standing_sentence
from simviz_core.gallery import GalleryImage
from simviz_core.retrieval import GalleryIndex


def index(labels: list[str | None], seed: int = 0) -> GalleryIndex:
    chance = np.random.default_rng(seed)
    centres = {label: chance.normal(0, 1, 16) for label in sorted(set(filter(None, labels)))}
    rows = [centres.get(label or "", np.zeros(16)) + chance.normal(0, 1, 16) for label in labels]
    matrix = np.array([row / np.linalg.norm(row) for row in rows], dtype=np.float32)
    images = tuple(
        GalleryImage(f"{n}.png", __file__, label)  # type: ignore[arg-type]
        for n, label in enumerate(labels)
    )
    return GalleryIndex(images, matrix)


LABELS: list[str | None] = [*"aaaaabbbbbccccddd", None, None]


def pairs_of(gallery: GalleryIndex) -> tuple[list[float], list[float]]:
    same, different = [], []
    for i, j in combinations(range(len(gallery.images)), 2):
        labels = gallery.images[i].label, gallery.images[j].label
        is_same = labels[0] is not None and labels[0] == labels[1]
        (same if is_same else different).append(float(gallery.matrix[i] @ gallery.matrix[j]))
    return same, different


def test_the_distributions_are_those_of_all_pairs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ROWS", 5)
    gallery = index(LABELS)
    same, different = pairs_of(gallery)
    found = similarity_distributions(gallery)
    assert (found.same.sum(), found.different.sum()) == (len(same), len(different))
    area = roc_auc_score([1] * len(same) + [0] * len(different), same + different)
    assert found.area == pytest.approx(area, abs=1e-3)
    assert found.area_interval is not None
    assert found.area_interval[0] < area < found.area_interval[1]
    standing = found.standing(0.3)
    assert standing.same_below == pytest.approx(np.mean(np.array(same) < 0.3), abs=1e-3)
    assert standing.different_below == pytest.approx(np.mean(np.array(different) < 0.3), abs=1e-3)
    alarms = 2 * np.sum(np.array(different) >= 0.3) / len(LABELS)
    assert standing.false_alarms == pytest.approx(alarms, abs=1e-6)
    assert "of different classes" in standing_sentence(standing, True)


def test_the_equal_error_is_equal() -> None:
    gallery = index([label for label in "abcdefgh" for _ in range(12)])
    found = similarity_distributions(gallery)
    same, different = map(np.array, pairs_of(gallery))
    assert found.equal_error is not None
    threshold, rate = found.equal_error
    assert (same < threshold).mean() == pytest.approx((different >= threshold).mean(), abs=0.01)
    assert rate == pytest.approx((same < threshold).mean(), abs=0.01)
    false, hits = found.roc(50)
    assert (np.diff(hits) >= -1e-12).all()
    assert (false[0], hits[0], false[1]) == (0, 0, 0)
    assert hits[1] == pytest.approx((same > different.max()).mean(), abs=0.01)
    assert np.trapezoid(hits, false) == pytest.approx(found.area, abs=0.01)
    assert json.loads(json.dumps(found.as_json(), allow_nan=False))["pairs_of_one_class"] == 528


def test_without_classes_a_score_stands_among_random_pairs() -> None:
    found = similarity_distributions(index([None] * 12))
    assert (found.has_classes, found.area, found.equal_error) == (False, None, None)
    standing = found.standing(2.0)
    assert (standing.same_below, standing.false_alarms) == (None, pytest.approx(0, abs=1))
    assert "of the gallery's pairs" in standing_sentence(standing, False)


def test_large_galleries_are_sampled_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_IMAGES", 60)
    gallery = index([label for label in "abcdef" for _ in range(20)])
    sampled = similarity_distributions(gallery)
    assert (sampled.images, sampled.gallery_images, sampled.is_sampled) == (60, 120, True)
    monkeypatch.setattr(module, "MOST_IMAGES", 1000)
    whole = similarity_distributions(gallery)
    assert not whole.is_sampled
    assert sampled.area == pytest.approx(whole.area, abs=0.06)
    alarms = [found.standing(0.2).false_alarms for found in (sampled, whole)]
    assert alarms[0] == pytest.approx(alarms[1], rel=0.3)
