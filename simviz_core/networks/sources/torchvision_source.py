"""Networks of torchvision."""

from typing import Any

from torch import nn

from simviz_core.errors import SettingsError
from simviz_core.images import CentreCrop
from simviz_core.networks.preprocessing import Preprocessing
from simviz_core.networks.sources.base import NamedSource, interpolation_of, per_colour
from simviz_core.networks.sources.hub import weights_errors


def names() -> list[str]:
    """All networks that classify images, with the tags of their weights where there are several."""
    from torchvision import models

    found = []
    for name in models.list_models(module=models):
        tags = [weights.name for weights in models.get_model_weights(name)]
        found += [f"{name}.{tag}" for tag in tags] if len(tags) > 1 else [name]
    return sorted(found)


def find(name: str) -> NamedSource:
    """Look a network up, "resnet50" or "resnet50.IMAGENET1K_V1".

    Raises:
        SettingsError: There is none of that name.
    """
    from torchvision import models

    architecture, _, tag = name.partition(".")
    if architecture not in models.list_models(module=models):
        raise SettingsError(
            f"torchvision has no network {architecture!r}; `python -m simviz_core networks "
            "torchvision` lists them"
        )
    offered = models.get_model_weights(architecture)
    if tag and tag not in offered.__members__:
        raise SettingsError(
            f"{architecture} has no weights {tag!r}; choose one of {', '.join(offered.__members__)}"
        )
    weights = offered[tag] if tag else offered.DEFAULT
    preset = weights.transforms()
    preprocessing = Preprocessing(
        per_colour(preset.mean),
        per_colour(preset.std),
        interpolation_of(preset.interpolation),
        crop=CentreCrop(min(preset.crop_size[0] / preset.resize_size[0], 1.0)),
    )
    side = preset.crop_size[0]

    def build(pretrained: bool, asked: tuple[int, int]) -> nn.Module:
        extra: dict[str, Any] = {}
        if architecture.startswith("vit_") and asked != (side, side) and asked[0] == asked[1]:
            extra["image_size"] = asked[0]
        with weights_errors(f"torchvision {name}"):
            if architecture in ("googlenet", "inception_v3") and not pretrained:
                extra["init_weights"] = False  # their own way takes half a minute
            network = models.get_model(
                architecture, weights=weights if pretrained else None, **extra
            )
        return without_classifier(network)

    return NamedSource(
        f"torchvision/{name}", f"torchvision {name}", preprocessing, (side, side), build
    )


def without_classifier(network: nn.Module) -> nn.Module:
    """Put an identity in the place of the last fully connected layer, which is the classifier.

    Networks without one (SqueezeNet, whose last layer is a convolution) stay as they are.
    """
    layers = [name for name, part in network.named_modules() if isinstance(part, nn.Linear)]
    if layers:
        parent, _, child = layers[-1].rpartition(".")
        setattr(network.get_submodule(parent), child, nn.Identity())
    return network
