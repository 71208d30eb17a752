"""One step after the other: the network being trained, its optimiser, and how to go on later."""

import io
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from simviz_core.errors import TrainingError
from simviz_core.files import write_atomically
from simviz_core.training.batches import mixed_seed
from simviz_core.training.library import drawing_from
from simviz_core.training.losses import asked_loss
from simviz_core.training.network import NetworkInTraining
from simviz_core.training.settings import TrainingSettings

DECAY_BEGINS = 0.6
"""The share of the training after which the learning rate falls."""
LAST_RATE = 0.01
"""The share of the learning rate that is left at the end."""
WEIGHT_DECAY = 1e-4


class Trainer:
    """A network in training, its loss and its optimiser.

    Attributes:
        settings: What it was told.
        device: A GPU if there is one.
        network: The network being trained, on that device.
        loss: What is trained with, and its own weights, if it has any.
        rates: The learning rates to begin with: of the network, and of the loss's weights.
        iteration: How many batches it has seen.
        losses: Of the batches since the last checkpoint: their sum and number.
    """

    def __init__(self, settings: TrainingSettings, classes: int) -> None:
        self.settings = settings
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        torch.manual_seed(mixed_seed(settings.seed, 2))
        self.network = NetworkInTraining(settings).to(self.device)
        self.loss = asked_loss(settings, classes, self.network.dimension).to(self.device)
        groups = [{"params": list(self.network.parameters())}]
        self.rates = [settings.learning_rate]
        if weights := list(self.loss.parameters()):
            groups.append({"params": weights})
            self.rates.append(settings.loss_learning_rate)
        self.optimizer = torch.optim.AdamW(groups, weight_decay=WEIGHT_DECAY)
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
            pixels: (P·K, 3, height, width), on the trainer's device.
            labels: Class numbers, (P·K,), int64.

        Returns:
            The loss before the step.

        Raises:
            TrainingError: The loss is not a finite number.
        """
        # Whatever is random in the network itself depends on the iteration alone.
        seed = mixed_seed(self.settings.seed, 3, self.iteration)
        torch.manual_seed(seed)
        self.network.set_training_mode()
        decay = learning_rate_decay(self.iteration / self.settings.iterations)
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = rate * decay
        self.optimizer.zero_grad()
        with torch.autocast(self.device.type, self.half, enabled=self.is_mixed):
            made = self.network(pixels)
        with drawing_from(seed):
            loss = self.loss(self.network.embed(made), labels)
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
            "network": self.network.state_dict(),
            "loss": self.loss.state_dict(),
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
            self.network.load_state_dict(state["network"])
            self.loss.load_state_dict(state["loss"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.scaler.load_state_dict(state["scaler"])
            self.iteration, self.losses = state["iteration"], state["losses"]
        except TrainingError:
            raise
        except Exception as error:  # A damaged file can raise anything.
            raise TrainingError(
                f"{path} is damaged, the training cannot go on; train in another folder"
            ) from error


def learning_rate_decay(progress: float) -> float:
    """What is left of a learning rate: all at first, then it falls exponentially.

    Args:
        progress: The share of the training that is done, 0..1.

    Returns:
        1 until `DECAY_BEGINS`, and `LAST_RATE` at the end.

    Source: Hermans et al. 2017, the schedule of their experiments.
    """
    return LAST_RATE ** max(0.0, (progress - DECAY_BEGINS) / (1 - DECAY_BEGINS))


def _check_same(begun: dict[str, Any], asked: dict[str, Any]) -> None:
    for name, value in asked.items():
        if begun.get(name) != value:
            raise TrainingError(
                f"the training began with {name} {begun.get(name)!r}, not {value!r}; resume it "
                "with the same settings, or train in another folder"
            )
