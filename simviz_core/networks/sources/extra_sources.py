"""Networks of libraries that are optional: Hugging Face transformers and open_clip.

requirements-extras.txt names their packages.
"""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from simviz_core.errors import NetworkError, SettingsError
from simviz_core.images import CentreCrop
from simviz_core.networks.preprocessing import Preprocessing
from simviz_core.networks.sources.base import NamedSource, interpolation_of, per_colour
from simviz_core.networks.sources.hub import hub_within_reach, not_downloaded
from simviz_core.networks.sources.policy import reached_folder

EXTRAS = "requirements-extras.txt"


class VisionTower(nn.Module):
    """The image side of a Hugging Face network; its output is its embedding."""

    def __init__(self, tower: nn.Module) -> None:
        super().__init__()
        self.tower = tower

    def forward(self, pixels: Tensor) -> Tensor:
        """Map pixels (N, 3, height, width) to the pooled output, or to the last hidden state."""
        output: Any = self.tower(pixel_values=pixels)
        pooled = getattr(output, "pooler_output", None)
        return output.last_hidden_state if pooled is None else pooled.flatten(1)


class ImageEncoder(nn.Module):
    """The image side of an open_clip network; its output is its embedding."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.visual = network.visual

    def forward(self, pixels: Tensor) -> Tensor:
        """Map pixels (N, 3, height, width) to embeddings (N, D)."""
        return self.visual(pixels)


def find_transformers(name: str) -> NamedSource:
    """Look a vision network of the Hugging Face hub up, "facebook/dinov2-small", or a folder.

    Raises:
        NetworkError: transformers is not installed, the name may not be reached, or neither disk
            nor hub have the network.
    """
    transformers = _library("transformers", "transformers")
    title = f"transformers {name}"
    folder = reached_folder(name)
    where, is_local = (name, False) if folder is None else (str(folder), True)
    asked_for = {"trust_remote_code": False, "local_files_only": is_local}
    with _hub_errors(title, is_local):
        config = transformers.AutoConfig.from_pretrained(where, **asked_for)
    vision = getattr(config, "vision_config", config)
    side = getattr(vision, "image_size", 224)
    size = (side, side) if isinstance(side, int) else (side[0], side[1])
    preprocessing = _processor_settings(transformers, where, asked_for)

    def build(pretrained: bool, asked: tuple[int, int]) -> nn.Module:
        with _hub_errors(title, is_local):
            if pretrained:
                network = transformers.AutoModel.from_pretrained(where, **asked_for)
            else:
                network = transformers.AutoModel.from_config(config, trust_remote_code=False)
        return VisionTower(getattr(network, "vision_model", network))

    return NamedSource(f"transformers/{name}", title, preprocessing, size, build)


def _processor_settings(transformers: Any, name: str, asked_for: dict[str, bool]) -> Preprocessing:
    """How the network's image processor scales pixels; the default where it has none."""
    try:
        processor = transformers.AutoImageProcessor.from_pretrained(name, **asked_for)
    except (OSError, ValueError, ImportError, KeyError, TypeError, AttributeError):
        return Preprocessing()
    resampling = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}
    return Preprocessing(
        per_colour(getattr(processor, "image_mean", None) or Preprocessing().mean),
        per_colour(getattr(processor, "image_std", None) or Preprocessing().std),
        resampling.get(int(getattr(processor, "resample", 3) or 3), "bicubic"),
        crop=_processor_crop(processor),
    )


def _processor_crop(processor: Any) -> CentreCrop | None:
    """The crop of an image processor that resizes the shorter side first; None for any other."""
    shorter = (getattr(processor, "size", None) or {}).get("shortest_edge")
    cut = (getattr(processor, "crop_size", None) or {}).get("height")
    if not (getattr(processor, "do_center_crop", False) and shorter and cut):
        return None
    return CentreCrop(min(cut / shorter, 1.0))


def find_open_clip(name: str) -> NamedSource:
    """Look an open_clip network up, "ViT-B-32" or "ViT-B-32.laion2b_s34b_b79k".

    Raises:
        NetworkError: open_clip is not installed.
        SettingsError: There is none of that name.
    """
    open_clip = _library("open_clip", "open_clip_torch")
    if ":" in name or name.startswith(("/", ".", "~")):
        # "local-dir:…" and "hf-hub:…" would open any folder, and any repository.
        raise SettingsError(
            f"open_clip networks are chosen by the names that open_clip has, not by {name[:80]!r}; "
            "see its list_models()"
        )
    architecture, _, tag = name.partition(".")
    config = open_clip.get_model_config(architecture)
    if config is None:
        raise SettingsError(f"open_clip has no network {architecture!r}; see its list_models()")
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    if tag and tag not in tags:
        raise SettingsError(f"{architecture} has no weights {tag!r}; choose one of {tags}")
    tag = tag or (tags[0] if tags else "")
    settings = open_clip.get_pretrained_cfg(architecture, tag) if tag else {}
    side = config["vision_cfg"].get("image_size", 224)
    preprocessing = Preprocessing(
        per_colour(settings.get("mean") or open_clip.OPENAI_DATASET_MEAN),
        per_colour(settings.get("std") or open_clip.OPENAI_DATASET_STD),
        interpolation_of(settings.get("interpolation") or "bicubic"),
        crop=CentreCrop(1.0, settings.get("resize_mode") != "squash"),
    )
    title = f"open_clip {name}"

    def build(pretrained: bool, asked: tuple[int, int]) -> nn.Module:
        with _hub_errors(title):
            network = open_clip.create_model(architecture, pretrained=tag if pretrained else None)
        return ImageEncoder(network)

    return NamedSource(f"open_clip/{name}", title, preprocessing, (side, side), build)


def open_clip_names() -> list[str]:
    """The networks of open_clip with the tags of their weights; none where it is not installed."""
    try:
        open_clip = importlib.import_module("open_clip")
    except ImportError:
        return []
    return sorted(f"{architecture}.{tag}" for architecture, tag in open_clip.list_pretrained())


def _library(module: str, package: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise NetworkError(
            f"networks of {module} need the package {package}, which is not installed; "
            f"`python -m pip install {package}`, or see {EXTRAS}"
        ) from error


@contextmanager
def _hub_errors(title: str, is_local: bool = False) -> Iterator[None]:
    try:
        with hub_within_reach():
            yield
    except NetworkError:
        raise
    except Exception as error:  # a folder or a repository may hold anything
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        if is_local:
            raise NetworkError(f"{title} cannot be loaded from its folder: {reason}") from error
        raise NetworkError(not_downloaded(title, reason)) from error
