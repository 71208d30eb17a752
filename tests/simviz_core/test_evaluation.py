from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from simviz_core.decomposition import unit_norm
from simviz_core.evaluation import embed_images, retrieval_scores
from simviz_core.gallery import open_gallery
from simviz_core.images import load_image
from simviz_core.networks import load_network


def slow_scores(embeddings: torch.Tensor, labels: list[str]) -> tuple[float, float]:
    """Both scores straight from their definitions, query by query."""
    recalls, averages = [], []
    for query, label in enumerate(labels):
        others = [other for other in range(len(labels)) if other != query]
        relevant = sum(labels[other] == label for other in others)
        if relevant:
            others.sort(key=lambda other: -float(embeddings[query] @ embeddings[other]))
            hits = [labels[other] == label for other in others]
            recalls.append(float(hits[0]))
            precisions = [sum(hits[: k + 1]) / (k + 1) for k in range(relevant) if hits[k]]
            averages.append(sum(precisions) / relevant)
    return sum(recalls) / len(recalls), sum(averages) / len(averages)


@given(st.lists(st.sampled_from("abcd"), min_size=5, max_size=12), st.integers(0, 1000))
def test_scores_agree_with_their_definitions(labels: list[str], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    embeddings = unit_norm(torch.randn(len(labels), 6, generator=generator))
    scores = retrieval_scores(embeddings, labels)
    recall, average = slow_scores(embeddings, labels)
    assert scores.recall_at_1 == pytest.approx(recall)
    assert scores.map_at_r == pytest.approx(average)


def test_an_image_does_not_find_itself() -> None:
    embeddings = torch.eye(2)[[0, 1, 0, 1]]
    assert retrieval_scores(embeddings, ["a", "a", "b", "b"]).recall_at_1 == 0


def test_without_a_right_answer_there_is_no_score() -> None:
    with pytest.raises(ValueError, match="no class has two images"):
        retrieval_scores(torch.eye(3), ["a", "b", "c"])


def test_images_are_embedded_as_the_network_decomposes_them(colour_gallery: Path) -> None:
    network = load_network("efficientnet_lite0", "max", 224)
    images = open_gallery(colour_gallery).images[:18]
    embeddings = embed_images(network, images)
    decomposed = network.decompose([load_image(images[17].path).pixels])
    torch.testing.assert_close(embeddings[17], decomposed.unit_embedding[0])
