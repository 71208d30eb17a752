"""Networks of timm."""

from pathlib import Path
from typing import Any

from torch import nn

from simviz_core.errors import NetworkError, SettingsError
from simviz_core.images import CentreCrop
from simviz_core.networks.preprocessing import Preprocessing
from simviz_core.networks.sources.base import NamedSource, interpolation_of, per_colour
from simviz_core.networks.sources.hub import hub_silence, not_downloaded, weights_errors


def names() -> list[str]:
    """All networks: those with pretrained weights with their tags, and those without."""
    import timm

    pretrained = timm.list_pretrained()
    architectures = {name.partition(".")[0] for name in pretrained}
    return sorted([*pretrained, *(set(timm.list_models()) - architectures)])


def find(name: str) -> NamedSource:
    """Look a network up, "resnet50" or "resnet50.a1_in1k".

    Raises:
        SettingsError: There is none of that name.
    """
    import timm

    architecture, _, tag = name.partition(".")
    tags = timm.models.list_pretrained(f"{architecture}.*")
    if not timm.is_model(architecture) or (tag and name not in tags):
        offered = ", ".join(tags[:5]) if tags else "`python -m simviz_core networks timm`"
        raise SettingsError(f"timm has no network {name!r}; see {offered}")
    config = timm.get_pretrained_cfg(name) if tag or tags else None
    preprocessing, size = Preprocessing(), (224, 224)
    if config is not None:
        preprocessing = Preprocessing(
            per_colour(config.mean),
            per_colour(config.std),
            interpolation_of(config.interpolation),
            crop=_centre_crop(config),
        )
        size = config.input_size[1], config.input_size[2]

    def build(pretrained: bool, asked: tuple[int, int]) -> nn.Module:
        extra: dict[str, Any] = {}
        if asked != size and config is not None and config.fixed_input_size:
            extra["img_size"] = asked
        if pretrained:
            extra["pretrained_cfg_overlay"] = {"file": _weights_on_disk(config, f"timm {name}")}
        with weights_errors(f"timm {name}"):
            return _create(name, pretrained, extra)

    return NamedSource(f"timm/{name}", f"timm {name}", preprocessing, size, build)


def _centre_crop(config: Any) -> CentreCrop | None:
    if config.crop_mode not in ("center", "squash"):
        return None  # "border" cuts nothing off
    return CentreCrop(min(float(config.crop_pct), 1.0), config.crop_mode == "center")


def _create(name: str, pretrained: bool, extra: dict[str, Any]) -> nn.Module:
    import timm

    try:
        return timm.create_model(name, pretrained=pretrained, num_classes=0, **extra)
    except TypeError:
        if "img_size" not in extra:
            raise
        # Not every network that has a size of its own can be built for another.
        del extra["img_size"]
        return timm.create_model(name, pretrained=pretrained, num_classes=0, **extra)


def _weights_on_disk(config: Any, title: str) -> str | None:
    """The file of the weights, if it is there already; None where timm has to get it.

    Raises:
        NetworkError: There are no weights of that name, or no hub to get them from.
    """
    if config is None or not (config.hf_hub_id or config.url or config.file):
        raise NetworkError(
            f"{title} has no pretrained weights; load a checkpoint, or name one that has them"
        )
    if not config.hf_hub_id:
        return config.file
    from huggingface_hub import try_to_load_from_cache

    for file in filter(None, (config.hf_hub_filename, "model.safetensors", "pytorch_model.bin")):
        found = try_to_load_from_cache(config.hf_hub_id, file)
        if isinstance(found, str) and Path(found).is_file():
            return found
    if reason := hub_silence():
        raise NetworkError(not_downloaded(title, reason))
    return None
