"""P×K batches of augmented images, each a pure function of the seed and its number.

Nothing random has to be remembered to go on after a kill: batch 137 is the same batch whether
the 136 before it were drawn by this process or by one that is gone.
"""

import os
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from simviz_core.errors import ImageError, TrainingError
from simviz_core.gallery import GalleryImage
from simviz_core.images import resize_for_network
from simviz_core.networks import Preprocessing, height_and_width
from simviz_core.training.library import drawing_from
from simviz_core.training.settings import TrainingSettings

MOST_WORKERS = 8


def batch_order(labels: Sequence[str], settings: TrainingSettings) -> list[int]:
    """Which image stands where in which batch.

    Args:
        labels: The class of each training image.
        settings: P, K, the number of iterations and the seed.

    Returns:
        Indices of images, iterations · P · K of them: K of one class, K of the next, ….
        A class with fewer than K images gives some of them twice.
    """
    from pytorch_metric_learning.samplers import MPerClassSampler

    length = settings.iterations * settings.batch_size
    sampler = MPerClassSampler(labels, settings.images, settings.batch_size, length)
    with drawing_from(mixed_seed(settings.seed, 0)):
        return [int(index) for index in sampler]


class AugmentedImages(Dataset[tuple[Tensor, int]]):
    """The images of all the batches, one after the other, each augmented in its own way.

    An image is stretched into a rectangle, as the network sees it later, then cropped (at least
    70 % of its area), mirrored half of the time, and changed a little in brightness, contrast,
    saturation and hue.
    """

    def __init__(
        self,
        images: Sequence[GalleryImage],
        settings: TrainingSettings,
        preprocessing: Preprocessing,
    ) -> None:
        from torchvision.transforms import v2

        self.images = images
        self.settings = settings
        self.interpolation = preprocessing.interpolation
        height, width = height_and_width(settings.size)
        # A little larger than the network's input, so that most crops need not be enlarged.
        self.enlarged = width * 8 // 7, height * 8 // 7
        shape = width / height
        self.labels = [image.label or "" for image in images]
        self.order = batch_order(self.labels, settings)
        self.numbers = {label: n for n, label in enumerate(dict.fromkeys(self.labels))}
        self.augment = v2.Compose(
            [
                v2.PILToTensor(),
                v2.RandomResizedCrop(
                    (height, width), scale=(0.7, 1), ratio=(0.9 * shape, 1.1 * shape)
                ),
                v2.RandomHorizontalFlip(),
                v2.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2, hue=0.02),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize(preprocessing.mean, preprocessing.std),
            ]
        )

    def __len__(self) -> int:
        return len(self.order)

    def __getitem__(self, position: int) -> tuple[Tensor, int]:
        """The image at a position of the whole training.

        Returns:
            Pixels, (3, height, width), float32, scaled as the network expects them; and the
            number of the class.

        Raises:
            ImageError: It cannot be read.
        """
        index = self.order[position]
        image = self.images[index]
        resized = resize_for_network(image.load().pixels, self.enlarged, self.interpolation)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(mixed_seed(self.settings.seed, 1, position))
            return self.augment(resized), self.numbers[self.labels[index]]


def workers_beside(device: torch.device) -> int:
    """How many processes should read images: none beside a CPU, which is busy with the network."""
    return 0 if device.type == "cpu" else min(MOST_WORKERS, os.cpu_count() or 1)


def batches(
    dataset: AugmentedImages, first: int, device: torch.device, workers: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """The batches of a training, from one of them on.

    Args:
        dataset: The images of all the batches.
        first: The number of the first batch to give, from 0.
        device: Where the batches are wanted.
        workers: Processes that read the images; 0 for this one. The batches are the same.

    Yields:
        Pixels, (P·K, 3, height, width), float32, and class numbers, (P·K,), int64.

    Raises:
        TrainingError: An image cannot be read.
    """
    batch_size = dataset.settings.batch_size
    loader: DataLoader[tuple[Tensor, int]] = DataLoader(
        dataset,
        batch_size=batch_size,
        sampler=range(first * batch_size, len(dataset)),
        num_workers=workers,
        pin_memory=device.type == "cuda",
    )
    try:
        for pixels, labels in loader:
            in_format = pixels.to(device, memory_format=torch.channels_last, non_blocking=True)
            yield in_format, labels.to(device, non_blocking=True)
    except ImageError as error:
        # A worker's error comes with its traceback; the message is the last line.
        reason = str(error).strip().splitlines()[-1]
        raise TrainingError(f"{reason}; repair or remove the image") from error


def mixed_seed(*numbers: int) -> int:
    """One seed from several numbers, 64 bits, unrelated for neighbouring numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])
