"""Which architectures can be decomposed: one or more from every family of torchvision and timm.

    python -m benchmarks.architectures

tries each on random images, as `python -m simviz_core inspect` does, and writes
docs/architectures.md. What is done is kept in the cache folder, so that a run that was stopped goes
on. Weights are random, so that no hub is needed, with biases, scales and the statistics of batch
norm drawn at random, too: as they are initialised, they would hide what they do to a residual.
"""

import argparse
import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn
from tqdm import tqdm

from simviz_core.errors import SimVizError
from simviz_core.networks import adapt_network, build_network
from simviz_core.networks.inspection.adapting import TOLERANCE
from simviz_core.networks.inspection.class_tokens.trunk import ClassTokenTrunk
from simviz_core.networks.inspection.reading import (
    APPROXIMATE,
    EXACT,
    FROZEN,
    REFUSED,
)
from simviz_core.networks.loading import RefusedNetwork
from simviz_core.networks.poolings import AS_IT_IS, POOLING_PHRASES
from simviz_core.retrieval import default_store_folder

REPORT = Path("docs/architectures.md")
CONVOLUTIONAL = [
    "timm/resnet18",
    "timm/resnet50",
    "torchvision/resnet50",
    "timm/resnet50_gn",
    "timm/resnext50_32x4d",
    "torchvision/wide_resnet50_2",
    "timm/seresnet50",
    "timm/ecaresnet50t",
    "timm/skresnet18",
    "timm/resnest14d",
    "timm/res2net50_26w_4s",
    "timm/resnetv2_50",
    "timm/resnetrs50",
    "timm/gcresnet50t",
    "torchvision/vgg11",
    "torchvision/vgg16_bn",
    "timm/vgg11_bn",
    "torchvision/alexnet",
    "torchvision/densenet121",
    "timm/densenet121",
    "timm/dpn68",
    "timm/dla34",
    "torchvision/squeezenet1_1",
    "torchvision/shufflenet_v2_x1_0",
    "torchvision/googlenet",
    "torchvision/inception_v3",
    "timm/inception_v4",
    "timm/inception_resnet_v2",
    "timm/inception_next_atto",
    "timm/legacy_xception",
    "timm/xception41",
    "timm/nasnetalarge",
    "timm/pnasnet5large",
    "torchvision/mobilenet_v2",
    "timm/mobilenetv2_100",
    "torchvision/mobilenet_v3_small",
    "timm/mobilenetv3_large_100",
    "timm/mobilenetv4_conv_small",
    "timm/mobileone_s0",
    "timm/mnasnet_100",
    "torchvision/mnasnet1_0",
    "timm/spnasnet_100",
    "timm/fbnetc_100",
    "timm/ghostnet_100",
    "timm/ghostnetv2_100",
    "timm/hardcorenas_a",
    "timm/lcnet_050",
    "timm/tinynet_e",
    "timm/mixnet_s",
    "torchvision/efficientnet_b0",
    "torchvision/efficientnet_v2_s",
    "timm/efficientnet_b0",
    "timm/tf_efficientnet_lite0",
    "timm/tf_efficientnetv2_b0",
    "timm/efficientnet_es",
    "torchvision/regnet_y_400mf",
    "timm/regnety_002",
    "timm/regnetx_002",
    "timm/regnetz_b16",
    "timm/rexnet_100",
    "timm/hrnet_w18_small",
    "timm/selecsls42b",
    "timm/cspresnet50",
    "timm/cspdarknet53",
    "timm/darknet53",
    "timm/vovnet39a",
    "timm/ese_vovnet19b_dw",
    "timm/tresnet_m",
    "timm/repvgg_a0",
    "timm/repghostnet_050",
    "timm/nf_resnet50",
    "timm/dm_nfnet_f0",
    "timm/eca_nfnet_l0",
    "timm/gernet_s",
    "timm/hgnet_tiny",
    "timm/hgnetv2_b0",
    "torchvision/convnext_tiny",
    "timm/convnext_atto",
    "timm/convnextv2_atto",
    "timm/rdnet_tiny",
    "timm/starnet_s1",
    "timm/fasternet_t0",
    "timm/repvit_m0_9",
    "timm/resnet50_clip",
    "timm/resnet50_clip_gap",
    "timm/bat_resnext26ts",
    "timm/lambda_resnet26t",
    "timm/focalnet_tiny_srf",
    "timm/edgenext_xx_small",
    "timm/swiftformer_xs",
]
"""Networks of convolutions, with whatever attention between their channels."""
OTHERS = [
    "timm/vit_tiny_patch16_224",
    "timm/vit_small_patch16_224",
    "torchvision/vit_b_32",
    "timm/vit_base_patch16_rpn_224",
    "timm/vit_relpos_small_patch16_224",
    "timm/vit_srelpos_small_patch16_224",
    "timm/vit_medium_patch16_gap_256",
    "timm/vit_small_r26_s32_224",
    "timm/flexivit_small",
    "timm/deit_tiny_patch16_224",
    "timm/deit_tiny_distilled_patch16_224",
    "timm/deit3_small_patch16_224",
    "timm/beit_base_patch16_224",
    "timm/beitv2_base_patch16_224",
    "timm/eva02_tiny_patch14_224",
    "timm/eva02_small_patch14_224",
    "timm/vit_small_patch14_dinov2",
    "timm/vit_small_patch14_reg4_dinov2",
    "timm/vit_small_patch16_dinov3",
    "timm/vit_base_patch32_clip_224",
    "timm/vit_base_patch16_siglip_224",
    "timm/vit_base_patch16_siglip_gap_224",
    "timm/samvit_base_patch16_224",
    "timm/swin_tiny_patch4_window7_224",
    "torchvision/swin_t",
    "torchvision/swin_v2_t",
    "timm/swinv2_tiny_window8_256",
    "timm/swinv2_cr_tiny_ns_224",
    "timm/twins_svt_small",
    "timm/hiera_tiny_224",
    "timm/mvitv2_tiny",
    "timm/pvt_v2_b0",
    "timm/poolformer_s12",
    "timm/caformer_s18",
    "timm/convformer_s18",
    "timm/maxvit_rmlp_pico_rw_256",
    "torchvision/maxvit_t",
    "timm/coatnet_0_rw_224",
    "timm/coat_tiny",
    "timm/crossvit_tiny_240",
    "timm/cait_xxs24_224",
    "timm/xcit_nano_12_p16_224",
    "timm/volo_d1_224",
    "timm/convit_tiny",
    "timm/pit_ti_224",
    "timm/levit_128s",
    "timm/efficientformer_l1",
    "timm/efficientvit_b0",
    "timm/mobilevit_xxs",
    "timm/mobilevitv2_050",
    "timm/fastvit_t8",
    "timm/gcvit_xxtiny",
    "timm/nest_tiny_jx",
    "timm/davit_tiny",
    "timm/visformer_tiny",
    "timm/tnt_s_patch16_224",
    "timm/sequencer2d_s",
    "timm/vit_pe_core_tiny_patch16_384",
    "timm/mixer_s32_224",
    "timm/gmixer_24_224",
    "timm/resmlp_12_224",
    "timm/gmlp_s16_224",
    "timm/halonet26t",
    "timm/botnet26t_256",
    "timm/mambaout_femto",
]
"""Transformers, mixers of tokens, and hybrids."""


CLASS_TOKENS = [
    "timm/vit_base_patch16_clip_quickgelu_224",
    "open_clip/ViT-B-32",
]
"""More networks that embed by a class token."""
TOKENS = ("cls_token", "class_token", "class_embedding")
"""What libraries call the parameter that a class token starts with."""


@dataclass(frozen=True)
class Row:
    """What was found of an architecture.

    Attributes:
        name: Of the network.
        verdict: One of the verdicts of `NetworkReading`.
        pooling: In words.
        grid: "7 × 7 at 224".
        residual: The largest, relative to the embedding's length.
        remark: A reason or a note.
        remainder: The largest share of an embedding's squared length that lies in no cell.
        layers: Of attention that a class token goes through; 0 where it is none.
        seconds: That it took to find out.
    """

    name: str
    verdict: str
    pooling: str = ""
    grid: str = ""
    residual: float = 0.0
    remark: str = ""
    seconds: float = 0.0
    remainder: float = 0.0
    layers: int = 0


def try_architecture(name: str) -> Row:
    """Build a network with random weights and find out what it does."""
    start = time.perf_counter()
    try:
        torch.manual_seed(0)
        network = build_network(name, pretrained=False)
        randomise(network)
        sharpen_attention(network)
        adapted = adapt_network(name, network)
        reading = adapted.reading
    except RefusedNetwork as error:
        return Row(name, REFUSED, remark=error.reading.reason or "", seconds=_since(start))
    except SimVizError as error:
        return Row(name, "not built", remark=str(error), seconds=_since(start))
    assert reading is not None
    unit = " tokens" if reading.is_tokens else ""
    rows, columns = reading.grid
    pooling = ", ".join([POOLING_PHRASES[reading.pooling or ""], *reading.tail])
    grid = f"{rows} × {columns}{unit} at {reading.size[1]}"
    layers = adapted.trunk.layers if isinstance(adapted.trunk, ClassTokenTrunk) else 0
    return Row(
        name,
        reading.verdict,
        pooling,
        grid,
        reading.residual,
        reading.note or "",
        _since(start),
        reading.remainder,
        layers,
    )


def _since(start: float) -> float:
    return round(time.perf_counter() - start, 1)


@torch.no_grad()
def randomise(network: nn.Module) -> None:
    """Move biases, scales and the statistics of batch norm away from 0 and 1."""
    for parameter in network.parameters():
        if parameter.dim() == 1:
            parameter.add_(torch.randn_like(parameter) / 10)
    for layer in network.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm):
            if layer.running_mean is not None:
                layer.running_mean.normal_(0, 0.1)
            if layer.running_var is not None:
                layer.running_var.uniform_(0.5, 1.5)


@torch.no_grad()
def sharpen_attention(network: nn.Module) -> None:
    """Draw the matrices of networks with a class token so large that attention is not even.

    As they are initialised, every token attends to all the others alike.
    """
    parameters = dict(network.named_parameters())
    if not any(name.rpartition(".")[2] in TOKENS for name in parameters):
        return
    for parameter in parameters.values():
        if parameter.dim() == 2:
            parameter.normal_(0, parameter.shape[1] ** -0.5)


def write_report(rows: Iterable[Row], file: Path) -> None:
    """Write the table."""
    found = {row.name: row for row in rows}
    text = [_HEAD]
    for title, names in (("Convolutional", CONVOLUTIONAL), ("Transformers and others", OTHERS)):
        tried = [found[name] for name in names if name in found]
        exact = [row for row in tried if row.verdict in (EXACT, FROZEN)]
        worst = max((row.residual for row in exact), default=0.0)
        text += [
            f"\n## {title}\n",
            f"{len(exact)} of {len(tried)} exact, with a residual of {worst:.0e} at most.\n",
            "| network | pooling | cells | verdict | largest residual | remark |",
            "|---|---|---|---|---:|---|",
            *map(_line, tried),
        ]
    tokens = [found[name] for name in [*OTHERS, *CLASS_TOKENS] if name in found]
    text += [_TOKENS_HEAD, *(_token_line(row) for row in tokens if row.layers)]
    file.write_text("\n".join(text) + "\n", encoding="utf-8")


_HEAD = f"""# Which architectures can be decomposed

Written by `python -m benchmarks.architectures`: each network was tried on random images, with
random weights, biases and batch norm statistics. *Residual* is the largest difference between the
sum of the cells and the network's own embedding, relative to its length; above {TOLERANCE:g} a
network is refused. *Frozen* is exact where attention weights, or the standard deviation of a layer
norm, are taken as they are in the image. A *refused* network can be used with the pooling that the
remark names: that is another embedding than its own. `python -m simviz_core inspect NAME` says the
same of any other network."""


_TOKENS_HEAD = """
## Class tokens

The embedding is the class token at the last layer, followed back along the residual stream: a cell
has what attention to its patch token adds, over all layers and heads, with the attention as it is
in the image; what MLPs, biases, the token's start, the class token itself and registers add lies
in no cell. *Share in no cell* is the largest part of an embedding's squared length, b · e / |e|²,
that was met on random images. The weights are **random** here (no trained ones can be had without
a hub), with matrices large enough that attention is not even; so the shares say nothing about
trained networks, whose own `inspect` and the Pair page show. Layers are those of attention that
the class token goes through: in networks that add it late (CaiT, VOLO, ConViT, XCiT) it is a few,
and what the patch tokens hold by then has already been mixed over the image. Maps of a class token
against those of the mean of patch tokens, of a small network that was trained for each on the
demo's gallery: ROC area 0.585 against 0.557 on collages, 0.602 against 0.372 on objects; see
[evidence.md](evidence.md#class-token-or-patch-tokens).

| network | cells | layers | label | largest residual | share in no cell |
|---|---|---:|---|---:|---:|"""


def _token_line(row: Row) -> str:
    return (
        f"| {row.name} | {row.grid} | {row.layers} | {AS_IT_IS} | {row.residual:.0e} | "
        f"{row.remainder:.0%} |"
    )


def _line(row: Row) -> str:
    residual = f"{row.residual:.0e}" if row.verdict in (EXACT, FROZEN, APPROXIMATE) else ""
    remark = row.remark.replace("|", "\\|")
    return f"| {row.name} | {row.pooling} | {row.grid} | {row.verdict} | {residual} | {remark} |"


def main() -> None:
    """Try what is still to be tried, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--again", action="store_true", help="forget what was found before")
    parser.add_argument("--only", nargs="*", metavar="NAME", help="try these and print the result")
    options = parser.parse_args()
    if options.only:
        for name in options.only:
            print(try_architecture(name))
        return
    state = default_store_folder() / "architectures.jsonl"
    state.parent.mkdir(parents=True, exist_ok=True)
    if options.again:
        state.unlink(missing_ok=True)
    rows = (
        [Row(**json.loads(line)) for line in state.read_text().splitlines()]
        if state.exists()
        else []
    )
    done = {row.name for row in rows}
    names = [*CONVOLUTIONAL, *OTHERS, *CLASS_TOKENS]
    for name in tqdm([name for name in names if name not in done]):
        rows.append(try_architecture(name))
        with state.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(rows[-1])) + "\n")
    write_report(rows, REPORT)
    print(f"{REPORT} is written")


if __name__ == "__main__":
    main()
