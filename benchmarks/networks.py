"""How fast four networks embed images on this machine, and what the faster settings cost.

    python -m benchmarks.networks

Plain eager execution (float32, one image after the other, tensors in the usual order) is 1.00;
every other setting is a multiple of it: `channels_last` memory, batches, threads, bfloat16,
dynamic int8, OpenVINO bare, and SimViz's own way. *Drift* is 1 − cosine of an embedding to that of
plain execution, the largest over the images. Weights are random but for EfficientNet-Lite0's, so
that their drift is no more than a hint; speed does not depend on them.
"""

import argparse
import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn

from benchmarks.architectures import randomise
from benchmarks.timing import median_ratio, take_turns
from simviz_core.decomposition import unit_norm
from simviz_core.networks import SimilarityNetwork, height_and_width, load_network
from simviz_core.networks.engines.program import openvino_library

NETWORKS = {
    "EfficientNet-Lite0": ("efficientnet_lite0", None),
    "ResNet-50": ("timm/resnet50", None),
    "ConvNeXt-Tiny": ("timm/convnext_tiny", None),
    "ViT-S/16 (mean of tokens)": ("timm/vit_small_patch16_224", "average"),
}
IMAGES = Path("demo/rooms/images")
Embed = Callable[[Tensor], Tensor]


def embedder(network: SimilarityNetwork, trunk: Callable[[Tensor], Tensor] | None = None) -> Embed:
    """Embed images with the network's trunk, or with another form of it."""

    def embed(pixels: Tensor) -> Tensor:
        F = (trunk or network.trunk)(pixels).float().permute(0, 2, 3, 1)
        return unit_norm(network.embed_feature_map(F))

    return embed


def in_batches(embed: Embed, pixels: Tensor, size: int) -> Tensor:
    """Embed images, so many at a time."""
    with torch.inference_mode():
        return torch.cat([embed(part) for part in pixels.split(size)])


def loaded(title: str) -> SimilarityNetwork:
    """One of the networks; its weights are the same each time."""
    name, pooling = NETWORKS[title]
    torch.manual_seed(0)
    network = load_network(name, pooling, 224, pretrained=name == "efficientnet_lite0")
    if name != "efficientnet_lite0":
        randomise(network.trunk)
    return network


def contenders(
    network: SimilarityNetwork, own: SimilarityNetwork, threads: int
) -> dict[str, tuple[Embed, int, int, bool]]:
    """Settings by name: how to embed, batch size, threads, and whether memory is channels last.

    Args:
        network: Whose weights are put into one order of memory and the other.
        own: The same once more, left alone, as SimViz runs it.
        threads: Of PyTorch.
    """
    plain = embedder(network)

    def half(pixels: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return network.trunk(pixels)

    found = {
        "plain": (plain, 1, threads, False),
        "channels last": (plain, 1, threads, True),
        "channels last, batches of 8": (plain, 8, threads, True),
        "channels last, batches of 16": (plain, 16, threads, True),
        "bfloat16, batches of 8": (embedder(network, half), 8, threads, True),
    }
    if threads > 1:
        found["channels last, batches of 8, one thread"] = (plain, 8, 1, True)
    linear = [layer for layer in network.trunk.modules() if isinstance(layer, nn.Linear)]
    if len(linear) > 1:  # a single one would be a classifier
        found["int8, batches of 8"] = (embedder(network, _quantised(network)), 8, threads, True)
    bare = embedder(network, bare_openvino(network))
    found["bare OpenVINO, batches of 16"] = (bare, 16, threads, False)
    found["SimViz, batches of 16"] = (own.unit_embeddings, 16, threads, True)
    return found


def _quantised(network: SimilarityNetwork) -> Callable[[Tensor], Tensor]:
    """The trunk with its fully connected layers in int8, their inputs scaled as they come."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return torch.ao.quantization.quantize_dynamic(network.trunk, {nn.Linear}, torch.qint8)


def bare_openvino(network: SimilarityNetwork) -> Callable[[Tensor], Tensor]:
    """The trunk, converted and compiled by OpenVINO in float32 as its documentation has it."""
    openvino = openvino_library()
    example = torch.zeros(8, 3, *height_and_width(network.size))
    # As a traced program, which knows nothing of where the network is cut.
    with warnings.catch_warnings(), torch.inference_mode(False), torch.no_grad():
        warnings.simplefilter("ignore")
        converted = openvino.convert_model(
            torch.jit.trace(network.trunk, example, check_trace=False), example_input=example
        )
    settings = {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
    compiled = openvino.Core().compile_model(converted, "CPU", settings)
    return lambda pixels: torch.from_numpy(compiled(pixels.contiguous().numpy())[0])


def measure(title: str, images: int, rounds: int, threads: int) -> dict[str, dict[str, float]]:
    """Time all settings of one network, in turns.

    Returns:
        For each setting its speed in multiples of plain execution, and its drift.
    """
    network = loaded(title)
    paths = sorted(IMAGES.glob("*/*.jpg"))[:images]
    pixels = network.pixels([Image.open(path).convert("RGB") for path in paths])
    settings = contenders(network, loaded(title), threads)
    usual = pixels.contiguous()
    results: dict[str, Tensor] = {}

    def run(setting: str) -> Callable[[], object]:
        embed, batch, count, is_last = settings[setting]

        def call() -> None:
            torch.set_num_threads(count)
            form = torch.channels_last if is_last else torch.contiguous_format
            network.trunk.to(memory_format=form)
            results[setting] = in_batches(embed, pixels if is_last else usual, batch)

        return call

    times = take_turns({setting: run(setting) for setting in settings}, rounds)
    drift = {s: float((1 - (results[s] * results["plain"]).sum(1)).max()) for s in settings}
    return {
        setting: {
            "times_as_fast": 1 / median_ratio(times, setting, "plain"),
            "per_second": images / sorted(times[setting])[rounds // 2],
            "drift": max(drift[setting], 0.0),
        }
        for setting in settings
    }


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--images", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", nargs="*", choices=NETWORKS, default=list(NETWORKS))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = {}
    for title in options.only:
        found[title] = measure(title, options.images, options.rounds, options.threads)
        print(f"\n| {title} | times as fast | images/s | drift |\n|---|---:|---:|---:|")
        for setting, values in found[title].items():
            print(
                f"| {setting} | {values['times_as_fast']:.2f} | {values['per_second']:.1f} | "
                f"{values['drift']:.0e} |",
                flush=True,
            )
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
