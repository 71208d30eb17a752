"""What maps can be relative to, and that it is what it says."""

import numpy as np
import pytest
import torch

from simviz_core.decomposition import AveragePooling, DecomposedImage, decompose
from simviz_core.errors import SettingsError
from simviz_core.gallery import GalleryImage
from simviz_core.retrieval import (
    SELF_REFERENCE,
    GalleryIndex,
    RelativeTo,
    gallery_reference,
    image_reference,
    rank,
    region_vector,
    relative_map_of,
    relative_to,
    vector_without,
)
from simviz_core.retrieval.ranking import choose

LABELS = ["a", "b", "a", None, "b", "c", "a"]


def images() -> DecomposedImage:
    F = torch.rand((8, 4, 5, 24), generator=torch.Generator().manual_seed(3)) - 0.2
    return decompose(F, AveragePooling())


def index() -> GalleryIndex:
    members = tuple(
        GalleryImage(f"{number}.png", __file__, label)  # type: ignore[arg-type]
        for number, label in enumerate(LABELS)
    )
    return GalleryIndex(members, images()[1:].unit_embedding.numpy())


@pytest.mark.parametrize(
    "text", ["nothing", "mean", "class", "class:x:y z", "image:a/b.jpg", "self"]
)
def test_a_choice_is_read_as_it_is_written(text: str) -> None:
    assert str(relative_to(text)) == text


@pytest.mark.parametrize("text", ["", "median", "class:", "image", "image:", "mean:x", "self:"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="write nothing, mean, class"):
        relative_to(text)


def test_the_mean_and_the_classes_are_means_of_unit_embeddings() -> None:
    matrix = index().matrix
    mean = gallery_reference(RelativeTo("mean"), index(), None, None)
    np.testing.assert_allclose(mean.vector, matrix.mean(0), atol=1e-7)
    assert (mean.count, mean.description) == (7, "the average of the gallery's 7 images")
    other = gallery_reference(RelativeTo("class", "b"), index(), "0.png", "a")
    np.testing.assert_allclose(other.vector, matrix[[1, 4]].mean(0), atol=1e-7)
    assert other.choice == RelativeTo("class", "b")


def test_the_query_s_own_class_is_that_of_the_other_images() -> None:
    own = gallery_reference(RelativeTo("class"), index(), "0.png", "a")
    np.testing.assert_allclose(own.vector, index().matrix[[2, 6]].mean(0), atol=1e-7)
    assert own.count == 2
    assert "2 other images of a" in own.description
    assert str(own.choice) == "class"


def test_what_cannot_be_had_is_refused() -> None:
    with pytest.raises(SettingsError, match="no class"):
        gallery_reference(RelativeTo("class"), index(), None, None)
    with pytest.raises(SettingsError, match="no class 'z'"):
        gallery_reference(RelativeTo("class", "z"), index(), None, None)
    with pytest.raises(SettingsError, match="class 'c' has no other image"):
        gallery_reference(RelativeTo("class"), index(), "5.png", "c")


def test_a_relative_map_is_checked_and_no_ranking_changes() -> None:
    query = images()[0]
    reference = gallery_reference(RelativeTo("mean"), index(), None, None)
    maps = [relative_map_of(query, match, reference) for match in images()[1:]]
    assert max(found.residual for found in maps) < 1e-6
    ranking = rank(index(), query, None, 7, choose(index()))
    order = np.argsort([-found.difference for found in maps])
    assert [f"{place}.png" for place in order] == [match.image.id for match in ranking.matches]
    assert len({round(found.reference_similarity, 6) for found in maps}) == 1


def test_a_region_s_relative_map_adds_up_to_the_difference_of_its_scores() -> None:
    query, match = images()[0], images()[1]
    weights = torch.zeros(4, 5, dtype=torch.float64)
    weights[1:3, 2:] = 0.5
    reference = image_reference(images()[2], "k.jpg")
    found = relative_map_of(query, match, reference, weights)
    vector = region_vector(query, weights)
    expected = vector @ (match.unit_embedding.numpy() - images()[2].unit_embedding.numpy())
    assert found.difference == pytest.approx(expected, abs=1e-6)
    assert found.values.sum() == pytest.approx(expected, abs=1e-6)
    assert not found.values[0].any()


def test_self_says_that_its_sum_is_nothing() -> None:
    found = relative_map_of(images()[0], images()[1], SELF_REFERENCE)
    assert found.difference == pytest.approx(0, abs=1e-6)
    assert (found.values < 0).any(), "the sign is kept"
    assert "add up to 0" in SELF_REFERENCE.sentence
    assert "difference" in found.check()


def test_a_region_s_ranking_knows_the_similarity_without_it() -> None:
    query = images()[0]
    weights = torch.zeros(4, 5, dtype=torch.float64)
    weights[:2] = 1
    ranking = rank(index(), query, weights, 3, choose(index()))
    part = query.contributions[:2].sum((0, 1))
    rest = (query.embedding - part).numpy()
    for match, without in zip(ranking.matches, ranking.without, strict=True):
        unit = index().matrix[index().row[match.image.id]]
        assert without == pytest.approx(rest @ unit / np.linalg.norm(rest), abs=1e-5)
    assert not vector_without(query, query.unit_embedding.numpy()).any()
