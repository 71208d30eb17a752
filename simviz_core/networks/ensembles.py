"""Ensembles: several networks as one, "efficientnet_lite0+timm/resnet18"."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from PIL import Image
from torch import Tensor, nn

from simviz_core.decomposition import CLASS_TOKEN, DecomposedImage, join, unit_norm
from simviz_core.errors import NetworkError, SettingsError
from simviz_core.images import Fit, Frame
from simviz_core.networks.engines.in_use import EngineInUse
from simviz_core.networks.fingerprint import settings_digest
from simviz_core.networks.inspection.reading import APPROXIMATE, EXACT, FROZEN, NetworkReading
from simviz_core.networks.poolings import AS_IT_IS, OWN_POOLING, pooling_by_name
from simviz_core.networks.preprocessing import Preprocessing
from simviz_core.networks.similarity_network import SimilarityNetwork
from simviz_core.networks.sizes import height_and_width

BETWEEN = "+"
"""Stands between the names of an ensemble's networks."""


@dataclass(frozen=True)
class OwnPoolings:
    """The pooling of an ensemble whose networks pool in different ways: each does its own."""

    name: str = OWN_POOLING

    def embed(self, F: Tensor) -> Tensor:
        """There is no feature map in common; see `EnsembleNetwork.embed_feature_map`."""
        raise NotImplementedError

    def contributions(self, F: Tensor) -> Tensor:
        """There is no feature map in common; see `EnsembleNetwork.decompose_feature_map`."""
        raise NotImplementedError


@dataclass(frozen=True)
class EnsembleNetwork(SimilarityNetwork):
    """Networks whose unit embeddings are put one after the other.

    Its "feature map" is that of all networks, flattened and put one after the other, (N, L).

    Attributes:
        members: The networks, all of one input size. Images are fitted and resized as for the
            first one.
        shapes: Of their feature maps, (H, W, C).
    """

    members: tuple[SimilarityNetwork, ...] = ()
    shapes: tuple[tuple[int, int, int], ...] = ()

    @cached_property
    def fingerprint(self) -> str:
        """What tells its embeddings from any other's; see `SimilarityNetwork.fingerprint`."""
        return settings_digest(self.name, *(member.fingerprint for member in self.members))

    @property
    def engine_in_use(self) -> EngineInUse:
        """What runs its networks; each of them where that differs."""
        each = [(member.name, member.engine_in_use) for member in self.members]
        first = each[0][1]
        if all(engine.line == first.line for _, engine in each):
            return EngineInUse(first.name, first.reason)
        return EngineInUse("; ".join(f"{name}: {engine.line}" for name, engine in each))

    def run_trunk(self, pixels: Tensor) -> Tensor:
        """The last feature maps of all networks, flattened.

        Args:
            pixels: (N, 3, height, width), 0..1, as `pixels` makes them.

        Returns:
            (N, L), float32.
        """
        maps = [member.run_trunk(scaled).flatten(1) for member, scaled in self._scaled(pixels)]
        return torch.cat(maps, 1)

    def unit_embeddings(self, pixels: Tensor) -> Tensor:
        """Embed images without decomposing them; see `SimilarityNetwork.unit_embeddings`."""
        parts = [member.unit_embeddings(scaled) for member, scaled in self._scaled(pixels)]
        return unit_norm(torch.cat(parts, -1))

    def embed_feature_map(self, F: Tensor) -> Tensor:
        """The unit embeddings, one after the other: (..., L) to (..., D)."""
        parts = zip(self.members, self._parts(F), strict=True)
        return torch.cat([unit_norm(member.embed_feature_map(part)) for member, part in parts], -1)

    def decompose_feature_map(self, F: Tensor) -> DecomposedImage:
        """Decompose the embedding over the finest grid of all: (..., L)."""
        parts = zip(self.members, self._parts(F), strict=True)
        return join([member.decompose_feature_map(part) for member, part in parts])

    def with_pooling(self, name: str) -> "EnsembleNetwork":
        """The ensemble with another pooling of all its networks' feature maps."""
        if name == self.pooling.name:
            return self
        members = tuple(member.with_pooling(name) for member in self.members)
        return replace(self, pooling=pooling_by_name(name), members=members)

    def with_fit(self, fit: Fit) -> "EnsembleNetwork":
        """The ensemble with images that become its input in another way."""
        members = tuple(member.with_fit(fit) for member in self.members)
        return replace(self, preprocessing=replace(self.preprocessing, fit=fit), members=members)

    def frame(self, image: Image.Image) -> Frame:
        """Where the input lies in an image: as the first network has it."""
        return self.members[0].frame(image)

    def _scaled(self, pixels: Tensor) -> Iterator[tuple[SimilarityNetwork, Tensor]]:
        """Each network with the pixels as it expects them."""
        for member in self.members:
            mean = torch.tensor(member.preprocessing.mean, device=pixels.device)[:, None, None]
            std = torch.tensor(member.preprocessing.std, device=pixels.device)[:, None, None]
            yield member, (pixels - mean) / std

    def _parts(self, F: Tensor) -> list[Tensor]:
        """The feature maps of the networks, (..., H, W, C) each."""
        lengths = [rows * columns * channels for rows, columns, channels in self.shapes]
        parts = zip(F.split(lengths, -1), self.shapes, strict=True)
        return [part.unflatten(-1, shape) for part, shape in parts]


def ensemble(name: str, members: Sequence[SimilarityNetwork]) -> EnsembleNetwork:
    """Join networks that are loaded already.

    Args:
        name: Of the ensemble.
        members: Two or more, of one input size, on one device.

    Returns:
        The ensemble.

    Raises:
        NetworkError: Their input sizes differ.
    """
    first = members[0]
    if any(member.size != first.size for member in members):
        raise NetworkError("the networks of an ensemble need one input size; choose a --size")
    height, width = height_and_width(first.size)
    blank = torch.zeros(1, 3, height, width, device=first.device)
    shapes = [tuple(member.run_trunk(blank).shape[1:]) for member in members]
    poolings = {member.pooling.name for member in members}
    return EnsembleNetwork(
        name=name,
        trunk=nn.ModuleList(member.trunk for member in members),
        preprocessing=Preprocessing(
            (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), first.preprocessing.interpolation
        ),
        pooling=first.pooling if len(poolings) == 1 else OwnPoolings(),
        size=first.size,
        members=tuple(members),
        shapes=tuple((rows, columns, channels) for rows, columns, channels in shapes),
    )


def require_single(network: SimilarityNetwork, what: str) -> None:
    """Refuse an ensemble for what needs one trunk.

    Args:
        network: Any.
        what: What cannot be done with several: "measured".

    Raises:
        SettingsError: It is an ensemble.
    """
    if isinstance(network, EnsembleNetwork):
        raise SettingsError(f"an ensemble cannot be {what}; take its networks one by one")


def joined_reading(readings: Sequence[NetworkReading]) -> NetworkReading:
    """What is known of an ensemble, from what is known of its networks."""
    verdicts = [reading.verdict for reading in readings]
    poolings = {reading.pooling for reading in readings}
    notes = [f"{reading.title}: {reading.note}" for reading in readings if reading.note]
    notes += [f"{each.title}: {AS_IT_IS}" for each in readings if each.pooling == CLASS_TOKEN]
    return NetworkReading(
        title=" + ".join(reading.title for reading in readings),
        size=readings[0].size,
        verdict=next((v for v in (APPROXIMATE, FROZEN) if v in verdicts), EXACT),
        pooling=poolings.pop() if len(poolings) == 1 else OWN_POOLING,
        channels=sum(reading.channels for reading in readings),
        dimension=sum(reading.dimension for reading in readings),
        grid=(
            max(reading.grid[0] for reading in readings),
            max(reading.grid[1] for reading in readings),
        ),
        is_tokens=all(reading.is_tokens for reading in readings),
        residual=max(reading.residual for reading in readings),
        remainder=max(reading.remainder for reading in readings),
        note="; ".join(notes) or None,
    )
