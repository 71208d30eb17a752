"""A similarity network: images in, decomposed embeddings out."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from simviz_core.decomposition import DecomposedImage, Pooling, Tail, decompose_through, unit_norm
from simviz_core.images import Fit, Frame
from simviz_core.networks.engines.choosing import SettledEngine, TrunkEngine
from simviz_core.networks.engines.in_use import EngineInUse, by_torch
from simviz_core.networks.fingerprint import rule_settings, settings_digest, weights_digest
from simviz_core.networks.inspection.finite import require_finite, require_length
from simviz_core.networks.inspection.reading import NetworkReading
from simviz_core.networks.inspection.trunk import CutTrunk
from simviz_core.networks.poolings import pooling_by_name
from simviz_core.networks.preprocessing import BGR, Preprocessing
from simviz_core.networks.sizes import InputSize, height_and_width
from simviz_core.networks.weights import WeightsInUse


@dataclass(frozen=True)
class SimilarityNetwork:
    """A trunk, what its images look like on the way in, and how its feature map is pooled.

    Attributes:
        name: The network's name.
        trunk: (N, 3, height, width) to (N, C, H, W), in evaluation mode.
        preprocessing: How the trunk expects its pixels.
        pooling: The rule that makes a vector of the feature map.
        size: Width and height of the images that enter the trunk, in pixels; one number for a
            square.
        tail: The layers from that vector to the embedding; none where that is it, as in the paper.
        reading: What was found out about the network when it was loaded; None for networks of
            the catalogue, where there was nothing to find out.
        weights: Where its weights come from; None where that is not known.
        engine: What may run the trunk instead of its modules, where no gradients are needed; None
            for nothing. Hooks see the runs of the modules alone.
    """

    name: str
    trunk: nn.Module
    preprocessing: Preprocessing
    pooling: Pooling
    size: InputSize
    tail: tuple[Tail, ...] = ()
    reading: NetworkReading | None = None
    weights: WeightsInUse | None = None
    engine: TrunkEngine | None = None

    @property
    def device(self) -> torch.device:
        """Where the trunk's weights are."""
        return next(self.trunk.parameters()).device

    @cached_property
    def fingerprint(self) -> str:
        """What tells this network's embeddings from any other's, in hexadecimal.

        Two networks have the same one only if their weights, pooling, tail, input size and
        preprocessing are the same.
        """
        return settings_digest(
            self.name,
            weights_digest(self.trunk),
            *rule_settings(self.pooling),
            self.size,
            self.preprocessing,
            *([BGR] if self.preprocessing.channel_order == BGR else []),
            *self.preprocessing.fit_digest,
            *([self.trunk.cut] if isinstance(self.trunk, CutTrunk) else []),
            *(setting for tail in self.tail for setting in rule_settings(tail)),
        )

    @property
    def engine_in_use(self) -> EngineInUse:
        """What runs the trunk, where no gradients are needed; settled at first use."""
        return self._settled.in_use

    @cached_property
    def _settled(self) -> SettledEngine:
        if self.engine is None:
            return SettledEngine(by_torch())
        return self.engine.settle(self.trunk, height_and_width(self.size), self.embed_feature_map)

    def frame(self, image: Image.Image) -> Frame:
        """Where the trunk's input, and so every map, lies in an image."""
        return self.preprocessing.frame(image.size, self.size)

    def resized(self, image: Image.Image) -> NDArray[np.uint8]:
        """An image as the trunk sees it: stretched, padded or cropped, and resized.

        Returns:
            (height, width, 3), 0..255.
        """
        height, width = height_and_width(self.size)
        frame, interpolation = self.frame(image), self.preprocessing.interpolation
        return np.asarray(frame.resized(image, (width, height), interpolation))

    def pixels(self, images: Sequence[Image.Image]) -> Tensor:
        """Images as they enter the trunk.

        Args:
            images: RGB images of any size, N of them.

        Returns:
            (N, 3, height, width), float32, on the trunk's device.
        """
        return self.normalised([self.resized(image) for image in images])

    def normalised(self, resized: Sequence[NDArray[np.uint8]]) -> Tensor:
        """Resized images as they enter the trunk.

        Args:
            resized: Images as `resized` makes them, N of them.

        Returns:
            (N, 3, height, width), float32, on the trunk's device.
        """
        values = torch.from_numpy(np.stack(resized)).to(self.device).permute(0, 3, 1, 2)
        mean = torch.tensor(self.preprocessing.mean, device=self.device)[:, None, None]
        std = torch.tensor(self.preprocessing.std, device=self.device)[:, None, None]
        # (value / 255 − mean) / std as one product and one sum.
        scaled = torch.addcmul(-mean / std, values.float(), 1 / (255 * std))
        if self.preprocessing.channel_order == BGR:
            scaled = scaled.flip(1)
        return scaled.contiguous(memory_format=torch.channels_last)

    def run_trunk(self, pixels: Tensor) -> Tensor:
        """The last feature map before pooling.

        Args:
            pixels: (N, 3, height, width), as `pixels` makes them.

        Returns:
            F, (N, H, W, C), float32, on the trunk's device.

        Raises:
            NetworkError: A value is NaN or infinite.
        """
        if tuple(pixels.shape[2:]) == height_and_width(self.size):
            F = self._settled.run(self.trunk, pixels)
            if F is not None:
                return F
        with torch.inference_mode():
            F = self.trunk(pixels).permute(0, 2, 3, 1).contiguous()
        require_finite(F, self.trunk, pixels)
        return F

    def feature_map(self, images: Sequence[Image.Image]) -> Tensor:
        """The last feature map before pooling, of images of any size.

        Args:
            images: RGB images, N of them.

        Returns:
            F, (N, H, W, C), float32, on the trunk's device.
        """
        return self.run_trunk(self.pixels(images))

    def embed_feature_map(self, F: Tensor) -> Tensor:
        """The embedding that the pooling and the tail make of a feature map.

        Args:
            F: (..., H, W, C), as `feature_map` makes it.

        Returns:
            e, (..., D), float32 or wider; gradients flow through it.

        Raises:
            NetworkError: Its length is NaN or infinite.
        """
        e = self.pooling.embed(F)
        for layer in self.tail:
            e = layer.embed(e)
        require_length(e)
        return e

    def decompose_feature_map(self, F: Tensor) -> DecomposedImage:
        """Decompose the embedding that the pooling and the tail make of a feature map.

        Args:
            F: (..., H, W, C), as `feature_map` makes it.

        Returns:
            Contributions (..., H, W, D), embedding (..., D).

        Raises:
            NetworkError: The length of an embedding is NaN or infinite.
        """
        decomposed = decompose_through(F, self.pooling, self.tail)
        require_length(decomposed.embedding)
        return decomposed

    def with_pooling(self, name: str) -> "SimilarityNetwork":
        """The same network with another pooling of the same feature map.

        The layers after its own pooling are dropped, unless that is the one.

        Raises:
            SettingsError: There is no such pooling.
        """
        if name == self.pooling.name:
            return self
        return replace(
            self,
            pooling=pooling_by_name(name),
            tail=(),
            reading=None,
            weights=self.weights_for_another_pooling,
        )

    def with_fit(self, fit: Fit) -> "SimilarityNetwork":
        """The same network with images that become its input in another way."""
        return replace(self, preprocessing=replace(self.preprocessing, fit=fit))

    @property
    def weights_for_another_pooling(self) -> WeightsInUse | None:
        """Where the weights come from, without an embedder, which was learnt for this pooling."""
        if self.weights is None:
            return None
        return self.weights.without_embedder(f"learnt for {self.pooling.name} pooling")

    def unit_embeddings(self, pixels: Tensor) -> Tensor:
        """Embed images without decomposing them.

        Args:
            pixels: (N, 3, height, width), as `pixels` makes them.

        Returns:
            Unit embeddings ê, (N, D), float32, on the trunk's device.
        """
        return self.unit_embeddings_of(self.run_trunk(pixels))

    def sees_as(self, other: "SimilarityNetwork") -> bool:
        """Whether both make the same feature map of an image: one trunk, one input."""
        return self.trunk is other.trunk and self.reads_as(other)

    def reads_as(self, other: "SimilarityNetwork") -> bool:
        """Whether an image that was read and resized for one is the other's input, too."""
        return (self.size, self.preprocessing) == (other.size, other.preprocessing)

    @property
    def weights_bytes(self) -> int:
        """What the trunk's weights take in memory."""
        tensors = [*self.trunk.parameters(), *self.trunk.buffers()]
        return sum(tensor.nbytes for tensor in tensors)

    def unit_embeddings_of(self, F: Tensor) -> Tensor:
        """The same of feature maps (N, H, W, C) that are there already."""
        with torch.inference_mode():
            return unit_norm(self.embed_feature_map(F))

    def decompose(self, images: Sequence[Image.Image]) -> DecomposedImage:
        """Embed images and decompose their embeddings.

        Args:
            images: RGB images of any size, N of them.

        Returns:
            A batch of N decomposed images: contributions (N, H, W, D), embedding (N, D).
        """
        return self.decompose_feature_map(self.feature_map(images))
