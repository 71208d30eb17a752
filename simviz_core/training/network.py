"""A network in training: from pixels to embeddings through which gradients flow.

Where the embedding is what the network itself makes, the network itself is run, so that whatever
has weights on the way (a class token, a learnt pooling, a layer after it) is trained with the
rest. With another pooling the network is run as far as its feature map.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from simviz_core.checkpoints import backbone_weights, network_weights
from simviz_core.decomposition import Pooling
from simviz_core.decomposition.pooling import at_least_float32
from simviz_core.errors import TrainingError
from simviz_core.networks import (
    NETWORKS,
    OWN_POOLING,
    NetworkChoices,
    RefusedNetwork,
    build_network,
    height_and_width,
    network_facts,
    pooling_by_name,
)
from simviz_core.networks.inspection.adapting import Adapted, adapt
from simviz_core.networks.inspection.detection import probe_images
from simviz_core.networks.inspection.tails import agree
from simviz_core.networks.inspection.tracing import run_until
from simviz_core.training.settings import TrainingSettings

EMBEDDER = "embedder"
"""What the layer after the pooling is called in checkpoints, by which it is found there."""
MOMENTUM_FROM_SCRATCH = 0.1
"""The weight of a new batch in the running statistics of batch norm. EfficientNets come with 0.01,
for trainings of 100,000 batches; after 100 batches a third of the initial values would be left."""


class NetworkInTraining(nn.Module):
    """A network with its pooling and, where one is asked for, an embedder.

    Batch norm: pretrained networks keep their statistics, since those of one small batch, with K
    images of each class in it, are a poor estimate of what the network meets later, and the
    network is evaluated with the running ones anyway. Scale and shift are trained. From scratch
    there are no statistics to keep, so there the layers learn theirs, and quickly enough
    (`MOMENTUM_FROM_SCRATCH`) for a training of a few hundred batches.

    Attributes:
        network: The network itself; one of `NETWORKS` ends in its feature map.
        pooling: The name of its pooling.
        embedder: The layer after the pooling; None for none.
        dimension: Components of an embedding, D.

    Raises:
        NetworkError: It cannot be decomposed, or its weights cannot be had.
        TrainingError: It cannot be trained; the message says why.
    """

    def __init__(self, settings: TrainingSettings) -> None:
        super().__init__()
        self._title = network_facts(settings.network).title
        self._is_pretrained = not settings.from_scratch
        self.network = build_network(settings.network, settings.size, self._is_pretrained)
        self._refuse_untrainable()
        self._run, self._rule, self.pooling = _way(settings, self.network)
        self.requires_grad_(True)
        self.embedder: nn.Linear | None = None
        self._is_trunk = settings.network in NETWORKS
        self._format = torch.channels_last
        if not self._is_trunk and not torch.cuda.is_available():
            # On a CPU the way back through some networks (FastViT) ends the process otherwise.
            self._format = torch.contiguous_format
            self.network.to(memory_format=self._format)
        for layer in self._batch_norms():
            layer.momentum = MOMENTUM_FROM_SCRATCH
            # The counter is not needed with a momentum, and counting is an operation more than
            # the network has in evaluation, where its feature map was found.
            layer.num_batches_tracked = None
        self._runs_in_training_mode = False
        self.dimension = self._checked(probe_images(height_and_width(settings.size), 0))
        if settings.embedding_size is not None:
            self.embedder = nn.Linear(self.dimension, settings.embedding_size)
            self.dimension = settings.embedding_size

    def forward(self, pixels: Tensor) -> Tensor:
        """What the network itself makes of pixels (N, 3, height, width): `embed` takes it.

        Returns:
            The feature map, (N, H, W, C), or the embedding, (N, D).
        """
        return self._run(pixels.contiguous(memory_format=self._format))

    def embed(self, made: Tensor) -> Tensor:
        """The embeddings, (N, D), float32, of what `forward` returns."""
        e = at_least_float32(made) if self._rule is None else self._rule.embed(made)
        return e if self.embedder is None else self.embedder(e)

    def set_training_mode(self) -> None:
        """Prepare for a step: dropout is on, and batch norm as the class says."""
        self._set_mode(is_step=True)

    def weights(self) -> dict[str, Tensor]:
        """What a checkpoint holds: the network's own tensors by its names, and the embedder's."""
        own = backbone_weights if self._is_trunk else network_weights
        weights = own(self.network)
        if self.embedder is not None:
            weights |= {f"{EMBEDDER}.{k}": v for k, v in self.embedder.state_dict().items()}
        return weights

    def _refuse_untrainable(self) -> None:
        kinds = {values.dtype for values in self.network.parameters()}
        if not kinds:
            raise TrainingError(f"{self._title} has no weights, so there is nothing to train")
        if kinds & {torch.float16, torch.bfloat16}:
            raise TrainingError(
                f"{self._title} has weights in half precision, in which the small steps of a "
                "training are lost; train a network whose weights are in single precision"
            )

    def _checked(self, pixels: Tensor) -> int:
        """Try the way from the weights to the embedding and back.

        Training mode is used where it leads to the embedding of evaluation, apart from dropout
        and batch norm. Where it does not, since the network then does other things (stochastic
        depth, further outputs), all but these two stay in evaluation mode.

        Returns:
            The number of components.

        Raises:
            TrainingError: No gradient reaches a weight.
        """
        self._set_mode(is_step=False)
        try:
            with torch.no_grad():
                expected = self.embed(self(pixels))
            self._runs_in_training_mode = True
            self._set_mode(is_step=False)
            self._runs_in_training_mode = self._makes(expected, pixels)
            self._set_mode(is_step=False)
            self.embed(self(pixels)).sum().backward()
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:200]
            raise TrainingError(
                f"{self._title} cannot be trained, since gradients cannot be had of it ({reason}); "
                "choose another network"
            ) from error
        if all(values.grad is None for values in self.parameters()):
            raise TrainingError(
                f"{self._title} cannot be trained: its embedding depends on none of its weights"
            )
        self.zero_grad()
        return expected.shape[1]

    def _makes(self, expected: Tensor, pixels: Tensor) -> bool:
        try:
            with torch.no_grad():
                return agree(self.embed(self(pixels)), expected)
        except Exception:  # whatever its code raises in this mode
            return False

    def _set_mode(self, is_step: bool) -> None:
        self.network.train(self._runs_in_training_mode)
        for layer in self.network.modules():
            if isinstance(layer, nn.modules.dropout._DropoutNd):
                layer.train(is_step)
        for norm in self._batch_norms():
            norm.train(is_step and not self._is_pretrained)

    def _batch_norms(self) -> list[nn.modules.batchnorm._BatchNorm]:
        return [
            module
            for module in self.network.modules()
            if isinstance(module, nn.modules.batchnorm._BatchNorm)
        ]


def _way(
    settings: TrainingSettings, network: nn.Module
) -> tuple[Callable[[Tensor], Tensor], Pooling | None, str]:
    """How a network is run, how what it makes is pooled, and the name of its pooling.

    The pooling is None where the network does it itself.
    """

    def feature_map(pixels: Tensor) -> Tensor:
        return trunk(pixels).permute(0, 2, 3, 1)

    if settings.network in NETWORKS:
        trunk, rule = network, pooling_by_name(settings.pooling)
        return feature_map, rule, rule.name
    choices = NetworkChoices(None if settings.pooling == OWN_POOLING else settings.pooling)
    size = height_and_width(settings.size)
    found = adapt(network, network_facts(settings.network).title, size, choices)
    if not isinstance(found, Adapted):
        raise RefusedNetwork(found)
    end, trunk = found.reproduces, found.trunk
    if end is None:
        return feature_map, found.pooling, found.pooling.name
    whole = found.trunk.network

    def embedding(pixels: Tensor) -> Tensor:
        return run_until(whole, pixels, [end])[0].flatten(1)

    return embedding, None, found.pooling.name
