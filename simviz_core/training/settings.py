"""What a training is told, and which classes it never sees."""

import fnmatch
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from simviz_core.errors import SettingsError, TrainingError
from simviz_core.gallery import Gallery, GalleryImage
from simviz_core.networks import (
    BETWEEN,
    DEFAULT_NETWORK,
    DEFAULT_SIZE,
    SIZES,
    InputSize,
    is_program_name,
    is_source_name,
    pooling_by_name,
)
from simviz_core.networks.catalogue import network_entry
from simviz_core.networks.poolings import check_pooling
from simviz_core.networks.sizes import checked_size
from simviz_core.training.library import LOSSES, MINERS, OPTION, check_name

BATCH_HARD = "triplet-batch-hard"
BATCH_ALL = "triplet-batch-all"
TRIPLET_LOSSES = (BATCH_HARD, BATCH_ALL)
LEARNING_RATE = 1e-4
LEARNING_RATE_FROM_SCRATCH = 1e-3
LOSS_LEARNING_RATE = 1e-2
"""Of a loss's own weights. Source: Kim et al., "Proxy Anchor Loss for Deep Metric Learning", CVPR
2020, section 4.2: a hundred times that of the network."""
LONGEST_EMBEDDING = 65_536


@dataclass(frozen=True)
class TrainingSettings:
    """What a training depends on, beside its images.

    Attributes:
        network: One of `NETWORKS`, or one of a library.
        pooling: One of `POOLINGS`, or of `LEARNT_POOLINGS` where it is the network's own; or
            `OWN_POOLING`.
        size: Of the images, in pixels; of a network of the catalogue one of `SIZES`.
        embedding_size: Components of the embedding, made by a fully connected layer after the
            pooling; None for no such layer.
        from_scratch: Begin with random weights instead of the pretrained ones.
        iterations: How many batches to train on, 1 or more.
        checkpoints: After how many of them to keep the weights; the last is always one.
        loss: One of `TRIPLET_LOSSES`, or the name of a class of pytorch-metric-learning's losses.
        margin: Of the triplet losses, by which a wrong match should be farther than a right one: a
            Euclidean distance of unit embeddings, greater than 0, below 2.
        loss_options: Of a loss of the library, by the names of its constructor's arguments.
        miner: The name of a class of pytorch-metric-learning's miners, for a loss of the library;
            None for no miner.
        miner_options: Likewise.
        loss_learning_rate: Of the weights that a loss has itself, greater than 0.
        classes: P, the classes in a batch, 2 or more.
        images: K, the images of each, 2 or more.
        learning_rate: Of AdamW, greater than 0.
        seed: Of batches, augmentation and random weights, 0 or more.
        held_out: The classes to measure Recall@1 on, and never to train on.

    Raises:
        SettingsError: A value outside these ranges.
    """

    network: str = DEFAULT_NETWORK
    pooling: str = "average"
    size: InputSize = DEFAULT_SIZE
    embedding_size: int | None = None
    from_scratch: bool = False
    iterations: int = 200
    checkpoints: tuple[int, ...] = ()
    loss: str = BATCH_HARD
    margin: float = 0.2
    loss_options: Mapping[str, OPTION] = field(default_factory=dict)
    miner: str | None = None
    miner_options: Mapping[str, OPTION] = field(default_factory=dict)
    loss_learning_rate: float = LOSS_LEARNING_RATE
    classes: int = 8
    images: int = 4
    learning_rate: float = LEARNING_RATE
    seed: int = 0
    held_out: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _check_network(self.network, self.pooling, self.size)
        if self.embedding_size is not None:
            found = f"an embedding of {self.embedding_size} components"
            _require(1 <= self.embedding_size <= LONGEST_EMBEDDING, found, "1 to 65,536 long")
        self._check_loss()
        _require(self.iterations >= 1, f"{self.iterations} iterations", "1 or more")
        _require(0 < self.margin < 2, f"margin {self.margin}", "between 0 and 2")
        _require(self.classes >= 2, f"{self.classes} classes in a batch", "2 or more")
        _require(self.images >= 2, f"{self.images} images of a class in a batch", "2 or more")
        for rate in (self.learning_rate, self.loss_learning_rate):
            _require(0 < rate < 1, f"learning rate {rate}", "in 0..1")
        _require(0 <= self.seed < 2**63, f"seed {self.seed}", "0 or more")
        for checkpoint in self.checkpoints:
            expected = f"from 0 to the {self.iterations} iterations"
            _require(0 <= checkpoint <= self.iterations, f"checkpoint {checkpoint}", expected)

    def _check_loss(self) -> None:
        if self.loss not in TRIPLET_LOSSES:
            check_name(LOSSES, self.loss, TRIPLET_LOSSES)
        elif self.loss_options or self.miner is not None:
            raise SettingsError(
                f"{self.loss} has a margin and chooses its triplets itself; options and miners are "
                "for losses of pytorch-metric-learning, TripletMarginLoss among them"
            )
        if self.miner is not None:
            check_name(MINERS, self.miner)
        elif self.miner_options:
            raise SettingsError("options of a miner need a miner")

    @property
    def moments(self) -> tuple[int, ...]:
        """The iterations after which the weights are kept, in order, the last included."""
        return tuple(sorted({*self.checkpoints, self.iterations}))

    @property
    def batch_size(self) -> int:
        """P × K."""
        return self.classes * self.images


def _check_network(network: str, pooling: str, size: InputSize) -> None:
    if is_program_name(network):
        raise SettingsError(
            f"{network} runs code when it is loaded, and whoever opens a run should not have to "
            "allow that; train it with a program of your own, whose checkpoints SimViz opens"
        )
    if BETWEEN in network:
        raise SettingsError("the networks of an ensemble are trained one by one")
    check_pooling(pooling)
    if is_source_name(network):
        checked_size(size)
        return
    network_entry(network)
    pooling_by_name(pooling)
    _require(size in SIZES, f"size {size}", f"one of {', '.join(map(str, SIZES))}")


def _require(is_met: bool, found: str, expected: str) -> None:
    if not is_met:
        raise SettingsError(f"{found} cannot be used; it should be {expected}")


def default_moments(iterations: int) -> tuple[int, ...]:
    """Five moments of a training, close together while it changes most: 0, 5, 20, 50, 100 %."""
    return tuple(sorted({0, iterations // 20, iterations // 5, iterations // 2, iterations}))


def choose_held_out(gallery: Gallery, choice: str, seed: int) -> tuple[str, ...]:
    """Say which classes of a gallery training never sees.

    Args:
        gallery: Whose classes to choose from.
        choice: A number of classes, which are drawn; or a file with one label a line; or a
            pattern of labels such as "hotel_?[13579]".
        seed: Of the draw.

    Returns:
        The labels, in the gallery's order.

    Raises:
        SettingsError: The choice names none of the gallery's classes, or one that it lacks.
        TrainingError: The gallery has no classes.
    """
    labels = list(gallery.by_label)
    if not labels:
        raise TrainingError("no image of the gallery has a class; put them into class folders")
    if choice.isdecimal():
        if not 0 < int(choice) < len(labels):
            raise SettingsError(
                f"{choice} of {len(labels)} classes cannot be held out; choose fewer, but one"
            )
        chosen = set(random.Random(seed).sample(labels, int(choice)))
    elif Path(choice).is_file():
        chosen = _labels_in(Path(choice), labels)
    else:
        chosen = set(fnmatch.filter(labels, choice))
        if not chosen:
            raise SettingsError(
                f"{choice!r} is no number, no file and matches no class of the gallery "
                f"({labels[0]!r}, say)"
            )
    return tuple(label for label in labels if label in chosen)


def _labels_in(file: Path, labels: Sequence[str]) -> set[str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read as a list of labels: {error}") from error
    chosen = {line.strip() for line in lines} - {""}
    if unknown := chosen.difference(labels):
        raise SettingsError(f"{file} names {min(unknown)!r}, which is no class of the gallery")
    if not chosen:
        raise SettingsError(f"{file} names no class; write one label a line")
    return chosen


def split_gallery(
    gallery: Gallery, settings: TrainingSettings
) -> tuple[list[GalleryImage], list[GalleryImage]]:
    """Part a gallery into the images to train on and those to measure with.

    Returns:
        Images of the training classes, and of the held-out ones.

    Raises:
        TrainingError: There are fewer training classes than a batch takes; a training class has
            a single image; or no held-out class has two.
    """
    held_out = set(settings.held_out)
    training = {
        label: images for label, images in gallery.by_label.items() if label not in held_out
    }
    if len(training) < settings.classes:
        raise TrainingError(
            f"a batch takes {settings.classes} classes, but only {len(training)} are left to train "
            "on; take fewer, or hold fewer out"
        )
    for label, images in training.items():
        if len(images) < 2:
            raise TrainingError(
                f"the class {label!r} has a single image; a triplet needs two of a class"
            )
    measured = {label: gallery.by_label.get(label, ()) for label in settings.held_out}
    if max(map(len, measured.values()), default=0) < 2:
        raise TrainingError("no held-out class has two images, so Recall@1 cannot be measured")
    return list(chain(*training.values())), list(chain(*measured.values()))
