"""The triplet loss on unit embeddings, batch hard and batch all.

Source: Hermans, Beyer, Leibe, "In Defense of the Triplet Loss for Person Re-Identification",
2017: batch hard is their equation 5, batch all their equation 6, over the non-zero triplets.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from simviz_core.training.settings import BATCH_HARD

Loss = Callable[[Tensor, Tensor], Tensor]
"""Embeddings, (B, D), and class numbers, (B,), give a scalar."""


def triplet_loss(name: str, margin: float) -> Loss:
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
        return TripletMarginLoss(margin, distance=distance, reducer=AvgNonZeroReducer())
    loss = TripletMarginLoss(margin, distance=distance, reducer=MeanReducer())
    miner = BatchHardMiner(distance=distance)
    return lambda embeddings, labels: loss(embeddings, labels, miner(embeddings, labels))
