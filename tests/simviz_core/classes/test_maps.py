from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from simviz_core.classes import (
    class_map_of,
    class_reference,
    class_similarities,
    class_sums,
    class_to_contrast,
    classes_as_json,
    closest_classes,
    contrast_check,
    image_in_class,
    most_typical,
    order_in_blocks,
    summarise,
    summary_line,
)
from simviz_core.classes.maps import class_contrast, gallery_average
from simviz_core.decomposition import (
    AffineTail,
    AveragePooling,
    DecomposedImage,
    apply_tail,
    decompose,
    similarity_map,
)
from simviz_core.errors import GalleryError, SettingsError
from simviz_core.gallery import GalleryImage
from simviz_core.images import WHOLE, Frame
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import NOTHING, GalleryIndex, RelativeTo, relative_to

SETTINGS = NetworkSettings("tiny", "average", 224)


def decomposed(count: int, seed: int, with_bias: bool = False, signed: bool = True) -> list:
    """Random images of 3 × 4 cells and 8 components."""
    chance = torch.Generator().manual_seed(seed)
    images = []
    tail = AffineTail(torch.randn(8, 8, generator=chance), torch.randn(8, generator=chance))
    for _ in range(count):
        F = torch.randn(3, 4, 8, generator=chance)
        image = decompose(F if signed else F.abs(), AveragePooling())
        images.append(apply_tail(image, tail) if with_bias else image)
    return images


def index_of(images: list[DecomposedImage], labels: list[str | None]) -> GalleryIndex:
    known = tuple(
        GalleryImage(f"{label}/{n}.png", Path(f"{label}/{n}.png"), label)
        for n, label in enumerate(labels)
    )
    return GalleryIndex(known, np.stack([image.unit_embedding.numpy() for image in images]))


LABELS: list[str | None] = ["a", "b", "a", None, "a", "b", "lone"]


@given(st.integers(0, 1000), st.booleans())
def test_the_class_map_is_the_sum_of_the_pairwise_maps(seed: int, with_bias: bool) -> None:
    images = decomposed(len(LABELS), seed, with_bias)
    index = index_of(images, LABELS)
    sums = class_sums(index)
    for row, label in ((0, "a"), (3, "a"), (1, "a"), (2, "b")):
        image_id = index.images[row].id
        found = class_map_of(images[row], class_reference(sums, label, image_id))
        others = [n for n, other in enumerate(LABELS) if other == label and n != row]
        slow = sum(similarity_map(images[row], images[n]).double() for n in others)
        assert found.count == len(others)
        scale = max(1.0, float(np.abs(found.values).sum()))
        np.testing.assert_allclose(found.values, slow, atol=1e-5 * scale)
        cosines = index.matrix[others].astype(np.float64) @ index.matrix[row]
        assert found.similarity_sum == pytest.approx(cosines.sum(), abs=1e-5)
        assert found.typicality == pytest.approx(cosines.mean(), abs=1e-5)
        assert found.residual <= 1e-5 * scale
        np.testing.assert_allclose(found.mean_values, found.values / found.count, atol=1e-6)
        assert (found.bias != 0) == with_bias


def test_an_image_from_elsewhere_is_compared_with_all_of_the_class() -> None:
    images = decomposed(len(LABELS) + 1, 0)
    sums = class_sums(index_of(images[:-1], LABELS))
    assert class_map_of(images[-1], class_reference(sums, "a")).count == 3
    assert class_map_of(images[-1], class_reference(sums, "a", "unknown.png")).count == 3
    assert class_map_of(images[-1], class_reference(sums, "lone")).count == 1


@given(st.integers(0, 1000))
def test_contrast_is_the_difference_of_the_means(seed: int) -> None:
    images = decomposed(len(LABELS), seed)
    sums = class_sums(index_of(images, LABELS))
    one, other = class_reference(sums, "a", "a/0.png"), class_reference(sums, "b", "a/0.png")
    there = class_contrast(images[0], one, other)
    back = class_contrast(images[0], other, one)
    means = [class_map_of(images[0], reference).mean_values for reference in (one, other)]
    np.testing.assert_allclose(there.values, means[0] - means[1], atol=1e-5)
    np.testing.assert_allclose(there.values, -back.values, atol=1e-6)
    assert there.difference == pytest.approx(-back.difference)
    assert there.values.sum() + there.bias == pytest.approx(there.difference, abs=1e-5)
    assert (there.label, there.other) == ("a", "b")


@given(st.integers(0, 1000), st.booleans())
def test_relative_to_the_gallery_it_is_the_sum_less_as_many_times_the_mean(
    seed: int, with_bias: bool
) -> None:
    images = decomposed(len(LABELS), seed, with_bias)
    index = index_of(images, LABELS)
    sums = class_sums(index)
    reference = class_reference(sums, "a", "a/0.png")
    found = class_contrast(images[0], reference, gallery_average(sums))
    mean = index.matrix.mean(0, dtype=np.float64)
    # K times the map is the class map less K times the mean map with all images of the gallery.
    maps = np.mean([similarity_map(images[0], image).numpy() for image in images], 0)
    expected = class_map_of(images[0], reference).values - reference.count * maps
    np.testing.assert_allclose(reference.count * found.values, expected, atol=1e-4)
    unit = images[0].unit_embedding.numpy()
    assert found.reference_similarity == pytest.approx(unit @ mean, abs=1e-5)
    typicality = class_map_of(images[0], reference).typicality
    assert found.difference == pytest.approx(typicality - unit @ mean, abs=1e-5)
    assert found.values.sum() + found.bias == pytest.approx(found.difference, abs=1e-4)
    assert found.residual < 1e-4
    assert found.relative_to == RelativeTo("mean")
    assert "7 images" in found.other
    assert f"difference {found.difference:.4f}" in contrast_check(found)


@pytest.mark.parametrize("choice", ["class", "self", "image:a.jpg", "class:a", "class:unknown"])
def test_what_class_maps_cannot_be_relative_to_is_refused(choice: str) -> None:
    images = decomposed(len(LABELS), 0)
    sums = class_sums(index_of(images, LABELS))
    with pytest.raises((SettingsError, GalleryError), match=r"cannot be|itself|no class 'unknown'"):
        image_in_class(images[0], sums, "a", "a/0.png", "a/0.png", relative_to(choice))


def test_the_most_typical_come_first() -> None:
    images = decomposed(len(LABELS), 3, signed=False)
    index = index_of(images, LABELS)
    found = most_typical(class_sums(index), "a")
    values = [value for _, value in found]
    assert values == sorted(values, reverse=True)
    for image, value in found:
        row = index.row[image.id]
        others = [n for n, label in enumerate(LABELS) if label == "a" and n != row]
        mean = float((index.matrix[others] @ index.matrix[row]).mean())
        assert value == pytest.approx(mean, abs=1e-6)
    assert most_typical(class_sums(index), "lone") == [(index.images[6], None)]


def test_what_is_missing_is_said() -> None:
    images = decomposed(len(LABELS), 0)
    sums = class_sums(index_of(images, LABELS))
    with pytest.raises(GalleryError, match="'lone' has no other image to compare"):
        class_reference(sums, "lone", "lone/6.png")
    with pytest.raises(GalleryError, match="no class 'z'"):
        class_reference(sums, "z")
    without = class_sums(index_of(images, [None] * len(LABELS)))
    with pytest.raises(GalleryError, match="the gallery has no classes"):
        class_reference(without, "a")
    with pytest.raises(SettingsError, match="cannot be contrasted with itself"):
        class_to_contrast(sums, "a", "a")
    alone = class_sums(index_of(images, ["a"] * len(LABELS)))
    with pytest.raises(GalleryError, match="one class only"):
        class_to_contrast(alone, "a")


@given(st.integers(0, 500), st.lists(st.sampled_from("abc"), min_size=3, max_size=12))
def test_class_similarities_are_means_over_pairs(seed: int, labels: list[str]) -> None:
    images = decomposed(len(labels), seed)
    index = index_of(images, labels)
    sums = class_sums(index)
    found = class_similarities(sums, sums.places(list(index.classes)))
    cosines = index.matrix.astype(np.float64) @ index.matrix.T
    for i, one in enumerate(index.classes):
        for j, other in enumerate(index.classes):
            pairs = [
                cosines[a, b]
                for a, label in enumerate(labels)
                for b, second in enumerate(labels)
                if label == one and second == other and a != b
            ]
            if pairs:
                assert found[i, j] == pytest.approx(np.mean(pairs), abs=1e-5)
            else:
                assert np.isnan(found[i, j])


def test_the_closest_class_comes_first() -> None:
    images = decomposed(6, 1)
    index = index_of(images, ["a", "a", "b", "b", "c", "c"])
    sums = class_sums(index)
    matrix = class_similarities(sums, sums.places(["a", "b", "c"]))
    found = closest_classes(sums, "a")
    expected = sorted(zip(matrix[0, 1:], "bc", strict=True), reverse=True)
    assert [label for label, _ in found] == [label for _, label in expected]
    summary = summarise(sums, "a")
    assert summary.closest == found[0]
    assert summary_line(summary).startswith("a: 2 images · mean similarity ")
    assert class_to_contrast(sums, "a") == found[0][0]


@given(st.integers(0, 100), st.integers(0, 9))
def test_order_is_a_permutation(seed: int, count: int) -> None:
    values = np.random.default_rng(seed).uniform(-1, 1, (count, count))
    order = order_in_blocks((values + values.T) / 2)
    assert sorted(order.tolist()) == list(range(count))


def test_blocks_stand_together() -> None:
    group = np.array([0, 1, 0, 1, 0, 1])
    similarities = np.where(group[:, None] == group, 0.9, 0.1)
    ordered = group[order_in_blocks(similarities)]
    assert np.abs(np.diff(ordered)).sum() == 1


def test_json_has_the_maps_and_their_checks() -> None:
    images = decomposed(len(LABELS), 0)
    sums = class_sums(index_of(images, LABELS))
    relative = RelativeTo("class", "b")
    found = image_in_class(images[0], sums, "a", "a/0.png", "a/0.png", relative)
    values = classes_as_json(
        [summarise(sums, "a"), summarise(sums, "lone")], [found], "g", SETTINGS
    )
    assert values["classes"][1]["mean_similarity"] is None
    (image,) = values["images"]
    assert np.sum(image["class_map"]) + image["bias"] == pytest.approx(
        image["similarity_sum"], abs=1e-5
    )
    assert image["contrast"]["against"] == "b"
    assert np.sum(image["contrast"]["map"]) == pytest.approx(
        image["contrast"]["difference"], abs=1e-5
    )
    assert image["label"] == image["class"] == "a"


@pytest.mark.parametrize("relative", [NOTHING, RelativeTo("class", "b")])
def test_what_lies_in_the_padding_is_a_number(relative: RelativeTo) -> None:
    images = decomposed(len(LABELS), 0)
    sums = class_sums(index_of(images, LABELS))
    rows, _ = images[0].grid
    frame = Frame(0, -1, 1, 2)  # the picture is the middle third
    padded, whole = (
        image_in_class(images[0], sums, "a", "a/0.png", "a/0.png", relative, lies)
        for lies in (frame, WHOLE)
    )
    shown = whole.contrast.values if whole.contrast else whole.map.mean_values
    of_rows = np.clip(
        np.minimum(np.arange(rows) + 1, 2 * rows / 3) - np.maximum(np.arange(rows), rows / 3), 0, 1
    )
    expected = ((1 - of_rows)[:, None] * shown).sum()
    assert padded.in_padding == pytest.approx(expected, abs=1e-5)
    values = [
        classes_as_json([summarise(sums, "a")], [found], "g", SETTINGS)["images"][0]
        for found in (padded, whole)
    ]
    assert values[0]["in_padding"] == padded.in_padding
    assert "in_padding" not in values[1]
