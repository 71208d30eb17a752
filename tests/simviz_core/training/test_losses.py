from itertools import product

import pytest
import torch
from torch import Tensor

from simviz_core.training import BATCH_ALL, BATCH_HARD
from simviz_core.training.losses import triplet_loss

LABELS = torch.arange(4).repeat_interleave(3)


def random_embeddings(count: int = 12) -> Tensor:
    return torch.randn(count, 5, generator=torch.Generator().manual_seed(0)) * 10


def distances(embeddings: Tensor) -> list[list[float]]:
    """Between unit embeddings, one by one."""
    unit = [embedding / embedding.norm() for embedding in embeddings.double()]
    return [[float((first - second).norm()) for second in unit] for first in unit]


def test_batch_hard_is_equation_5_averaged_over_the_anchors() -> None:
    embeddings, labels = random_embeddings(), LABELS.tolist()
    d = distances(embeddings)
    terms = []
    for anchor in range(12):
        farthest = max(d[anchor][i] for i in range(12) if labels[i] == labels[anchor])
        nearest = min(d[anchor][i] for i in range(12) if labels[i] != labels[anchor])
        terms.append(max(0.0, 0.3 + farthest - nearest))
    assert 0 in terms or min(terms) > 0
    loss = triplet_loss(BATCH_HARD, 0.3)(embeddings, LABELS)
    assert loss.item() == pytest.approx(sum(terms) / 12, rel=1e-5)


def test_batch_all_averages_the_triplets_that_are_not_zero_yet() -> None:
    embeddings, labels = random_embeddings(), LABELS.tolist()
    d = distances(embeddings)
    terms = [
        max(0.0, 0.3 + d[anchor][positive] - d[anchor][negative])
        for anchor, positive, negative in product(range(12), repeat=3)
        if anchor != positive
        and labels[anchor] == labels[positive]
        and labels[anchor] != labels[negative]
    ]
    left = [term for term in terms if term > 0]
    assert 0 < len(left) < len(terms)
    loss = triplet_loss(BATCH_ALL, 0.3)(embeddings, LABELS)
    assert loss.item() == pytest.approx(sum(left) / len(left), rel=1e-5)


@pytest.mark.parametrize("name", [BATCH_HARD, BATCH_ALL])
def test_separated_classes_cost_nothing(name: str) -> None:
    embeddings = torch.eye(4).repeat_interleave(3, 0).requires_grad_()
    loss = triplet_loss(name, 0.2)(embeddings, LABELS)
    loss.backward()
    assert loss.item() == 0


@pytest.mark.parametrize("name", [BATCH_HARD, BATCH_ALL])
def test_embeddings_that_coincide_have_small_gradients(name: str) -> None:
    """Thirty of them, since larger batches are where distances get computed from products."""
    labels = torch.arange(10).repeat_interleave(3)
    embeddings = random_embeddings(10).repeat_interleave(3, 0)
    embeddings = (embeddings + 1e-7).requires_grad_()
    triplet_loss(name, 1.0)(embeddings, labels).backward()
    assert embeddings.grad is not None
    assert embeddings.grad.isfinite().all()
    assert embeddings.grad.abs().max() < 1
