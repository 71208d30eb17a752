"""A similarity network: images in, decomposed embeddings out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from simviz_core.decomposition import (
    AveragePooling,
    DecomposedImage,
    GeMPooling,
    MaxPooling,
    Pooling,
    SumPooling,
    decompose,
    unit_norm,
)
from simviz_core.errors import SettingsError
from simviz_core.images import resize_for_network
from simviz_core.networks.catalogue import Preprocessing, load_trunk, network_entry
from simviz_core.networks.fingerprint import pooling_settings, settings_digest, weights_digest

SIZES = (224, 320, 448)
"""Input sizes on offer, in pixels: multiples of 32, so that cells tile the image evenly."""
DEFAULT_SIZE = 224
POOLINGS: dict[str, Pooling] = {
    rule.name: rule for rule in (AveragePooling(), MaxPooling(), GeMPooling(3.0), SumPooling())
}


def pooling_by_name(name: str) -> Pooling:
    """Look a pooling rule up by its name.

    Raises:
        SettingsError: There is none of that name.
    """
    if name not in POOLINGS:
        raise SettingsError(f"unknown pooling {name!r}; choose one of {', '.join(POOLINGS)}")
    return POOLINGS[name]


@dataclass(frozen=True)
class SimilarityNetwork:
    """A trunk, what its images look like on the way in, and how its feature map is pooled.

    The embedding is the layer right after the pooling, as in the paper: what follows it in the
    network (a classifier, say) is dropped.

    Attributes:
        name: The network's name.
        trunk: (N, 3, size, size) to (N, C, H, W), in evaluation mode.
        preprocessing: How the trunk expects its pixels.
        pooling: The rule that makes the embedding.
        size: Width and height of the images that enter the trunk, in pixels.
    """

    name: str
    trunk: nn.Module
    preprocessing: Preprocessing
    pooling: Pooling
    size: int

    @property
    def device(self) -> torch.device:
        """Where the trunk's weights are."""
        return next(self.trunk.parameters()).device

    @cached_property
    def fingerprint(self) -> str:
        """What tells this network's embeddings from any other's, in hexadecimal.

        Two networks have the same one only if their weights, pooling, input size and
        preprocessing are the same.
        """
        return settings_digest(
            self.name,
            weights_digest(self.trunk),
            *pooling_settings(self.pooling),
            self.size,
            self.preprocessing,
        )

    def resized(self, image: Image.Image) -> NDArray[np.uint8]:
        """An image stretched into the square that the trunk sees, nothing cropped.

        Returns:
            (size, size, 3), 0..255.
        """
        return np.asarray(resize_for_network(image, self.size))

    def pixels(self, images: Sequence[Image.Image]) -> Tensor:
        """Images as they enter the trunk.

        Args:
            images: RGB images of any size, N of them.

        Returns:
            (N, 3, size, size), float32, on the trunk's device.
        """
        return self.normalised([self.resized(image) for image in images])

    def normalised(self, resized: Sequence[NDArray[np.uint8]]) -> Tensor:
        """Resized images as they enter the trunk.

        Args:
            resized: Images as `resized` makes them, N of them.

        Returns:
            (N, 3, size, size), float32, on the trunk's device.
        """
        values = torch.from_numpy(np.stack(resized)).to(self.device).permute(0, 3, 1, 2)
        mean = torch.tensor(self.preprocessing.mean, device=self.device)[:, None, None]
        std = torch.tensor(self.preprocessing.std, device=self.device)[:, None, None]
        # (value / 255 − mean) / std as one product and one sum.
        return torch.addcmul(-mean / std, values.float(), 1 / (255 * std)).contiguous(
            memory_format=torch.channels_last
        )

    def run_trunk(self, pixels: Tensor) -> Tensor:
        """The last feature map before pooling.

        Args:
            pixels: (N, 3, size, size), as `pixels` makes them.

        Returns:
            F, (N, H, W, C), float32, on the trunk's device.
        """
        with torch.inference_mode():
            return self.trunk(pixels).permute(0, 2, 3, 1).contiguous()

    def feature_map(self, images: Sequence[Image.Image]) -> Tensor:
        """The last feature map before pooling, of images of any size.

        Args:
            images: RGB images, N of them.

        Returns:
            F, (N, H, W, C), float32, on the trunk's device.
        """
        return self.run_trunk(self.pixels(images))

    def unit_embeddings(self, pixels: Tensor) -> Tensor:
        """Embed images without decomposing them.

        Args:
            pixels: (N, 3, size, size), as `pixels` makes them.

        Returns:
            Unit embeddings ê, (N, D), float32, on the trunk's device.
        """
        return unit_norm(self.pooling.embed(self.run_trunk(pixels)))

    def decompose(self, images: Sequence[Image.Image]) -> DecomposedImage:
        """Embed images and decompose their embeddings.

        Args:
            images: RGB images of any size, N of them.

        Returns:
            A batch of N decomposed images: contributions (N, H, W, D), embedding (N, D).
        """
        return decompose(self.feature_map(images), self.pooling)


def load_network(
    name: str, pooling: str | None = None, size: int = DEFAULT_SIZE, pretrained: bool = True
) -> SimilarityNetwork:
    """Load a network by name.

    Args:
        name: One of `NETWORKS`.
        pooling: One of `POOLINGS`; None takes the network's own.
        size: One of `SIZES`, in pixels.
        pretrained: Whether to load its pretrained weights; otherwise they are random.

    Returns:
        The network, ready for inference.

    Raises:
        SettingsError: A name or a size that is not on offer.
        NetworkError: The weights cannot be downloaded, or do not fit.
    """
    entry = network_entry(name)
    rule = pooling_by_name(pooling or entry.pooling)
    if size not in SIZES:
        raise SettingsError(f"unknown size {size}; choose one of {', '.join(map(str, SIZES))}")
    return SimilarityNetwork(name, load_trunk(name, pretrained), entry.preprocessing, rule, size)
