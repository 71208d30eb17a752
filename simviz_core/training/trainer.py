"""One step after the other: the network being trained, its optimiser, and how to go on later."""

import io
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from simviz_core.errors import TrainingError
from simviz_core.files import write_atomically
from simviz_core.networks import build_network, pooling_by_name
from simviz_core.training.batches import mixed_seed
from simviz_core.training.losses import triplet_loss
from simviz_core.training.settings import TrainingSettings

DECAY_BEGINS = 0.6
"""The share of the training after which the learning rate falls."""
LAST_RATE = 0.01
"""The share of the learning rate that is left at the end."""
WEIGHT_DECAY = 1e-4
MOMENTUM_FROM_SCRATCH = 0.1
"""The weight of a new batch in the running statistics of batch norm. EfficientNets come with 0.01,
for trainings of 100,000 batches; after 100 batches a third of the initial values would be left."""


class Trainer:
    """A network in training.

    Batch norm: pretrained networks keep their statistics, since those of one small batch, with K
    images of each class in it, are a poor estimate of what the network meets later, and the
    network is evaluated with the running ones anyway. Scale and shift are trained. From scratch
    there are no statistics to keep, so there the layers learn theirs, and quickly enough
    (`MOMENTUM_FROM_SCRATCH`) for a training of a few hundred batches.

    Attributes:
        settings: What it was told.
        device: A GPU if there is one.
        trunk: The trunk being trained, on that device.
        iteration: How many batches it has seen.
        losses: Of the batches since the last checkpoint: their sum and number.
    """

    def __init__(self, settings: TrainingSettings) -> None:
        self.settings = settings
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(mixed_seed(settings.seed, 2))
        trunk = build_network(settings.network, pretrained=not settings.from_scratch)
        self.trunk = trunk.requires_grad_(True).to(self.device)
        for layer in _batch_norms(self.trunk):
            layer.momentum = MOMENTUM_FROM_SCRATCH
        self.pooling = pooling_by_name(settings.pooling)
        self.loss = triplet_loss(settings.loss, settings.margin)
        self.optimizer = torch.optim.AdamW(
            self.trunk.parameters(), settings.learning_rate, weight_decay=WEIGHT_DECAY
        )
        # bfloat16 has the range of float32; only float16 needs its gradients scaled.
        self.is_mixed = self.device.type == "cuda"
        has_bfloat16 = self.is_mixed and torch.cuda.is_bf16_supported(including_emulation=False)
        self.half = torch.bfloat16 if has_bfloat16 else torch.float16
        self.scaler = torch.amp.GradScaler(
            self.device.type, enabled=self.is_mixed and not has_bfloat16
        )
        self.iteration = 0
        self.losses = (0.0, 0)

    def step(self, pixels: Tensor, labels: Tensor) -> float:
        """Train on one batch.

        Args:
            pixels: (P·K, 3, size, size), on the trainer's device.
            labels: Class numbers, (P·K,), int64.

        Returns:
            The loss before the step.

        Raises:
            TrainingError: The loss is not a finite number.
        """
        # Whatever is random in the network itself depends on the iteration alone.
        torch.manual_seed(mixed_seed(self.settings.seed, 3, self.iteration))
        _set_training_mode(self.trunk, self.settings.from_scratch)
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.settings, self.iteration)
        self.optimizer.zero_grad()
        with torch.autocast(self.device.type, self.half, enabled=self.is_mixed):
            feature_map = self.trunk(pixels).permute(0, 2, 3, 1)
        loss = self.loss(self.pooling.embed(feature_map), labels)
        value = loss.item()
        if not torch.isfinite(loss):
            raise TrainingError(
                f"the loss is {value} at iteration {self.iteration}; use a lower learning rate"
            )
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.iteration += 1
        self.losses = (self.losses[0] + value, self.losses[1] + 1)
        return value

    def take_mean_loss(self) -> float | None:
        """The mean loss since this was last asked, or None if there was no batch."""
        total, count = self.losses
        self.losses = (0.0, 0)
        return total / count if count else None

    def save(self, path: Path, images: str) -> None:
        """Keep all that is needed to go on, whole or not at all.

        Args:
            path: The file.
            images: Identifies the images that the training uses.

        Raises:
            OSError: The file cannot be written.
        """
        content = io.BytesIO()
        state = {
            "settings": asdict(self.settings),
            "images": images,
            "iteration": self.iteration,
            "losses": self.losses,
            "trunk": self.trunk.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
        }
        torch.save(state, content)
        write_atomically(path, content.getvalue())

    def restore(self, path: Path, images: str) -> None:
        """Go on where a training was when it was last kept.

        Args:
            path: What `save` wrote.
            images: Identifies the images that the training uses.

        Raises:
            TrainingError: The file is damaged, or belongs to other settings or other images.
        """
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            _check_same(state["settings"], asdict(self.settings))
            if state["images"] != images:
                raise TrainingError(
                    "the images of the gallery have changed since the training began; train in "
                    "another folder"
                )
            self.trunk.load_state_dict(state["trunk"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.scaler.load_state_dict(state["scaler"])
            self.iteration, self.losses = state["iteration"], state["losses"]
        except TrainingError:
            raise
        except Exception as error:  # A damaged file can raise anything.
            raise TrainingError(
                f"{path} is damaged, the training cannot go on; train in another folder"
            ) from error


def learning_rate(settings: TrainingSettings, iteration: int) -> float:
    """The learning rate of a batch: constant at first, then falling exponentially.

    Args:
        settings: The rate to begin with, and the number of iterations.
        iteration: The number of the batch, from 0.

    Returns:
        `learning_rate` until `DECAY_BEGINS`, and `LAST_RATE` of it at the end.

    Source: Hermans et al. 2017, the schedule of their experiments.
    """
    progress = iteration / settings.iterations
    decayed = max(0.0, (progress - DECAY_BEGINS) / (1 - DECAY_BEGINS))
    return settings.learning_rate * LAST_RATE**decayed


def _set_training_mode(trunk: nn.Module, from_scratch: bool) -> None:
    trunk.train()
    for layer in _batch_norms(trunk):
        layer.train(from_scratch)


def _batch_norms(trunk: nn.Module) -> list[nn.modules.batchnorm._BatchNorm]:
    return [
        module for module in trunk.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)
    ]


def _check_same(begun: dict[str, Any], asked: dict[str, Any]) -> None:
    for name, value in asked.items():
        if begun.get(name) != value:
            raise TrainingError(
                f"the training began with {name} {begun.get(name)!r}, not {value!r}; resume it "
                "with the same settings, or train in another folder"
            )
