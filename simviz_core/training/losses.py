"""Losses: the triplet loss on unit embeddings, batch hard and batch all, or one of the library.

Source of the triplet loss: Hermans, Beyer, Leibe, "In Defense of the Triplet Loss for Person
Re-Identification", 2017: batch hard is their equation 5, batch all their equation 6, over the
non-zero triplets.
"""

from copy import deepcopy

import torch
from torch import Tensor, nn

from simviz_core.errors import TrainingError
from simviz_core.training.library import LOSSES, MINERS, built, reason_of
from simviz_core.training.settings import BATCH_HARD, TRIPLET_LOSSES, TrainingSettings


class MinedLoss(nn.Module):
    """A loss with what chooses the pairs or triplets that it is made of.

    Attributes:
        loss: Embeddings, (B, D), and class numbers, (B,), give a scalar.
        miner: Chooses; None where the loss takes all.
    """

    def __init__(self, loss: nn.Module, miner: nn.Module | None = None) -> None:
        super().__init__()
        self.loss = loss
        self.miner = miner

    def forward(self, embeddings: Tensor, labels: Tensor) -> Tensor:
        """The loss of a batch, differentiable with respect to the embeddings."""
        for kept in self.buffers():
            kept.detach_()  # or the way back would lead into the batch before
        chosen = () if self.miner is None else (self.miner(embeddings, labels),)
        return self.loss(embeddings, labels, *chosen)


def asked_loss(settings: TrainingSettings, classes: int, components: int) -> MinedLoss:
    """Build the loss that a training is told to use, and try it on random embeddings.

    Args:
        settings: The names and options of loss and miner.
        classes: How many there are to learn.
        components: Of an embedding.

    Raises:
        SettingsError: A name or an option that is not on offer.
        TrainingError: Loss and miner do not go together.
    """
    if settings.loss in TRIPLET_LOSSES:
        return triplet_loss(settings.loss, settings.margin)
    counts = classes, components
    loss = built(LOSSES, settings.loss, settings.loss_options, *counts)
    miner = None
    if settings.miner is not None:
        miner = built(MINERS, settings.miner, settings.miner_options, *counts)
    mined = MinedLoss(loss, miner)
    chance = torch.Generator().manual_seed(0)
    embeddings = torch.randn(settings.batch_size, components, generator=chance)
    labels = torch.arange(settings.classes).repeat_interleave(settings.images)
    try:
        deepcopy(mined)(embeddings.requires_grad_(), labels).backward()
    except Exception as error:  # whatever the library raises
        words = f"{settings.loss} with {settings.miner}" if settings.miner else settings.loss
        raise TrainingError(f"{words} cannot be trained with: {reason_of(error)}") from error
    return mined


def triplet_loss(name: str, margin: float) -> MinedLoss:
    """Build the loss.

    Of each triplet it is max(0, d(anchor, positive) − d(anchor, negative) + margin), with the
    Euclidean distance d of unit embeddings, 0..2.

    Args:
        name: "triplet-batch-hard" takes each image as anchor once, with the farthest image of its
            class and the nearest of another, and averages over all the anchors;
            "triplet-batch-all" takes every triplet of the batch and averages over those that are
            not zero yet.
        margin: Greater than 0.

    Returns:
        The loss of a batch, differentiable with respect to the embeddings.
    """
    from pytorch_metric_learning.distances import LpDistance
    from pytorch_metric_learning.losses import TripletMarginLoss
    from pytorch_metric_learning.miners import BatchHardMiner
    from pytorch_metric_learning.reducers import AvgNonZeroReducer, MeanReducer

    class UnitDistance(LpDistance):
        """The Euclidean distance of unit embeddings, computed from their differences.

        For batches of more than 25 `LpDistance` computes it from products. Of embeddings that
        almost coincide that leaves rounding, and the square root makes huge gradients of it.
        """

        def compute_mat(self, query_emb: Tensor, ref_emb: Tensor) -> Tensor:
            exact = "donot_use_mm_for_euclid_dist"
            return torch.cdist(query_emb, ref_emb, p=self.p, compute_mode=exact)

    distance = UnitDistance()
    if name != BATCH_HARD:
        reducer = AvgNonZeroReducer()
        return MinedLoss(TripletMarginLoss(margin, distance=distance, reducer=reducer))
    loss = TripletMarginLoss(margin, distance=distance, reducer=MeanReducer())
    return MinedLoss(loss, BatchHardMiner(distance=distance))
