"""Which poolings of the field can be decomposed: heads as they are written, on one trunk.

    python -m benchmarks.pooling_rules

puts each head on a ResNet-18 with random weights, finds out what it is, as `python -m simviz_core
inspect` does, and writes docs/pooling-rules.md. Nothing tells it which head it is looking at.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
import torch
import torchvision
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from benchmarks.architectures import randomise
from simviz_core.decomposition import CroWPooling, RMACPooling
from simviz_core.errors import SimVizError
from simviz_core.networks import NetworkChoices, NetworkReading
from simviz_core.networks.inspection.adapting import TOLERANCE, Adapted, adapt

REPORT = Path("docs/pooling-rules.md")
SIZE = (224, 224)
PERSON = (256, 128)
"""Height and width of images of persons, in pixels."""


class Headed(nn.Module):
    """The trunk, and whatever is put on it.

    Attributes:
        head: From the feature map, (N, 512, H, W), to the output.
    """

    def __init__(self, head: Callable[..., Any], *layers: nn.Module, is_deep: bool = False) -> None:
        super().__init__()
        resnet = torchvision.models.resnet18()
        parts = list(resnet.children())
        self.first, self.last = nn.Sequential(*parts[:-3]), parts[-3]
        self.layers = nn.ModuleList(layers)
        self.head, self.is_deep = head, is_deep

    def forward(self, pixels: Tensor) -> Any:
        """(N, 3, height, width) to whatever the head returns."""
        before = self.first(pixels)
        F = self.last(before)
        return self.head(before, F) if self.is_deep else self.head(F)


def average(F: Tensor) -> Tensor:
    """(N, C, H, W) to (N, C)."""
    return functional.adaptive_avg_pool2d(F, 1).flatten(1)


def maximum(F: Tensor) -> Tensor:
    """(N, C, H, W) to (N, C)."""
    return functional.adaptive_max_pool2d(F, 1).flatten(1)


def concatenated() -> nn.Module:
    """fastai's head: maximum and average, batch norm, dropout, a linear layer."""
    layers = nn.Sequential(nn.BatchNorm1d(1024), nn.Dropout(0.25), nn.Linear(1024, 128))
    return Headed(lambda F: layers(torch.cat([maximum(F), average(F)], 1)), layers)


def stripes() -> nn.Module:
    """Six stripes, each with a reduction of its own (PCB)."""
    reduced = [nn.Sequential(nn.Conv2d(512, 64, 1), nn.BatchNorm2d(64)) for _ in range(6)]

    def head(F: Tensor) -> Tensor:
        pooled = functional.adaptive_avg_pool2d(F, (6, 1))
        parts = [layer(pooled[:, :, i : i + 1]) for i, layer in enumerate(reduced)]
        return torch.cat(parts, 2).flatten(1)

    return Headed(head, *reduced)


def branches() -> nn.Module:
    """The whole, two halves and three thirds, by GeM, and put one after the other (MGN's kind)."""

    def gem(F: Tensor) -> Tensor:
        return F.clamp(min=1e-6).pow(3).mean((2, 3)).pow(1 / 3)

    def head(F: Tensor) -> Tensor:
        parts = [piece for count in (1, 2, 4) for piece in F.chunk(count, 2)]
        return torch.cat([functional.normalize(gem(piece)) for piece in parts], 1)

    return Headed(head)


def regional_maxima() -> nn.Module:
    """R-MAC with whitening of each region, which a linear layer does."""
    whitening = nn.Linear(512, 256)

    def head(F: Tensor) -> Tensor:
        cells = F.permute(0, 2, 3, 1)
        regions = [F[:, :, rows, columns] for rows, columns in RMACPooling().regions(cells)]
        vectors = [functional.normalize(region.amax((2, 3))) for region in regions]
        return torch.stack([functional.normalize(whitening(v)) for v in vectors]).sum(0)

    return Headed(head, whitening)


def crow() -> nn.Module:
    """CroW, as it is computed from the feature map."""
    return Headed(lambda F: CroWPooling().embed(F.permute(0, 2, 3, 1)))


class NetVLAD(nn.Module):
    """Residuals to centres, weighed by soft assignments; optionally without some clusters."""

    def __init__(self, clusters: int = 16, ghosts: int = 0) -> None:
        super().__init__()
        self.assign = nn.Conv2d(512, clusters + ghosts, 1)
        self.centres = nn.Parameter(torch.randn(clusters, 512) / 20)
        self.clusters = clusters

    def forward(self, F: Tensor) -> Tensor:
        """(N, 512, H, W) to (N, clusters · 512)."""
        F = functional.normalize(F, dim=1)
        weights = self.assign(F).flatten(2).softmax(1)[:, : self.clusters]
        sums = torch.einsum("nkl,ncl->nkc", weights, F.flatten(2))
        found = sums - weights.sum(-1, keepdim=True) * self.centres
        return functional.normalize(functional.normalize(found, dim=2).flatten(1))


def netvlad(ghosts: int = 0) -> nn.Module:
    """NetVLAD and a linear layer that reduces it."""
    vlad, reduced = NetVLAD(ghosts=ghosts), nn.Linear(16 * 512, 256)
    return Headed(lambda F: reduced(vlad(F)), vlad, reduced)


def bilinear() -> nn.Module:
    """Products of channels, summed over the cells."""
    fewer = nn.Conv2d(512, 24, 1)

    def head(F: Tensor) -> Tensor:
        F = fewer(F).flatten(2)
        return torch.einsum("nal,nbl->nab", F, F).flatten(1)

    return Headed(head, fewer)


def two_layers() -> nn.Module:
    """The averages of the last two stages, one after the other."""
    return Headed(lambda early, F: torch.cat([average(early), average(F)], 1), is_deep=True)


def depthwise() -> nn.Module:
    """A convolution by channels as large as the map, a batch norm, a linear layer, another norm."""
    layers = nn.Sequential(
        *(nn.Conv2d(512, 512, 7, groups=512, bias=False), nn.BatchNorm2d(512), nn.Flatten()),
        *(nn.Linear(512, 128, bias=False), nn.BatchNorm1d(128)),
    )
    return Headed(layers, layers)


def attended() -> nn.Module:
    """A softmax over the cells of one score each, beside the mean."""
    score = nn.Conv2d(512, 1, 1)

    def head(F: Tensor) -> Tensor:
        weights = score(F).flatten(2).softmax(-1)
        return torch.cat([(F.flatten(2) * weights).sum(-1), average(F)], 1)

    return Headed(head, score)


def mixed() -> nn.Module:
    """Layers that mix all cells before they are reduced (MixVPR's kind)."""
    mix, rows = nn.Sequential(nn.Linear(49, 49), nn.ReLU(), nn.Linear(49, 49)), nn.Linear(49, 4)

    def head(F: Tensor) -> Tensor:
        cells = F.flatten(2)
        return functional.normalize(rows(cells + mix(cells)).flatten(1))

    return Headed(head, mix, rows)


def returning(form: str) -> nn.Module:
    """The average and scores of classes, in some form."""
    classes = nn.Linear(512, 10)

    def head(F: Tensor) -> Any:
        e = average(F)
        return {"tuple": (classes(e), e), "names": {"logits": classes(e), "feat": e}}[form]

    return Headed(head, classes)


HEADS: list[tuple[str, str, Callable[[], nn.Module], tuple[int, int]]] = [
    ("average + maximum (timm's avgmax)", "–", lambda: _timm("avgmax"), SIZE),
    ("average and maximum, concatenated (timm's catavgmax)", "–", lambda: _timm("catavgmax"), SIZE),
    ("the same, batch norm, linear (fastai's head)", "–", concatenated, SIZE),
    ("stripes, each reduced (PCB)", "Sun et al., ECCV 2018", stripes, (384, 192)),
    ("GeM of the whole and of parts", "Wang et al., ACM MM 2018", branches, PERSON),
    ("R-MAC, regions whitened", "Tolias et al., ICLR 2016", regional_maxima, SIZE),
    ("CroW", "Kalantidis et al., ECCVW 2016", crow, SIZE),
    ("NetVLAD, linear", "Arandjelović et al., CVPR 2016", netvlad, SIZE),
    ("GhostVLAD, linear", "Zhong et al., ACCV 2018", lambda: netvlad(ghosts=4), SIZE),
    ("bilinear", "Lin et al., ICCV 2015", bilinear, SIZE),
    ("two layers, concatenated", "–", two_layers, SIZE),
    ("global depthwise convolution", "Chen et al., CCBR 2018", depthwise, SIZE),
    ("softmax over the cells, and the mean", "–", attended, SIZE),
    ("all cells mixed by a perceptron", "Ali-bey et al., WACV 2023", mixed, SIZE),
    ("average, returned after scores", "–", lambda: returning("tuple"), SIZE),
    ("average, returned by name", "–", lambda: returning("names"), SIZE),
]


def _timm(pooling: str) -> nn.Module:
    model: nn.Module = timm.create_model("resnet18", num_classes=0, global_pool=pooling)
    return model


@dataclass(frozen=True)
class Tried:
    """What was found of a head.

    Attributes:
        title: Of the head.
        source: Where it comes from.
        reading: What was found.
        seconds: That it took to find out.
    """

    title: str
    source: str
    reading: NetworkReading
    seconds: float


def try_head(
    title: str, source: str, build: Callable[[], nn.Module], size: tuple[int, int]
) -> Tried:
    """Build a head on the trunk and find out what it does."""
    torch.manual_seed(0)
    network = build().eval().requires_grad_(False)
    randomise(network)
    start = time.perf_counter()
    found = adapt(network, title, size, NetworkChoices())
    reading = found.reading if isinstance(found, Adapted) else found
    return Tried(title, source, reading, time.perf_counter() - start)


def write_report(rows: list[Tried], file: Path) -> None:
    """Write the table."""
    file.write_text("\n".join([_HEAD, *map(_line, rows)]) + "\n", encoding="utf-8")


_HEAD = f"""# Which poolings can be decomposed

Written by `python -m benchmarks.pooling_rules`: each head was put on a ResNet-18 with random
weights, and found out about without being told which it is. Where it is none of the plain rules,
the share of each cell is carried through the head operation by operation, as long as each is affine
in what it takes, keeps the cells apart, takes the largest of them, or multiplies by a factor, which
is then taken as it is in the image: a length that is divided by, an assignment, a weight.
*Residual* is the largest difference between the sum of the cells and the network's own embedding,
relative to its length; above {TOLERANCE:g} it is refused.

Cells are those of the last tensor that has a place for each of them. What earlier layers mixed into
a place (convolutions, or a perceptron over all of them) is not told: a cell sees more than it
covers.

| head | source | found to be | cells | numbers | verdict | as it is | largest residual |
|---|---|---|---|---:|---|---|---:|"""


def _line(row: Tried) -> str:
    reading = row.reading
    if reading.pooling is None:
        return f"| {row.title} | {row.source} | {reading.reason} | | | {reading.verdict} | | |"
    found = ", ".join([reading.pooling_phrase, *reading.tail])
    rows, columns = reading.grid
    return (
        f"| {row.title} | {row.source} | {found} | {rows} × {columns} | {reading.dimension:,} "
        f"| {reading.verdict} | {', '.join(reading.frozen)} | {reading.residual:.0e} |"
    )


def main() -> None:
    """Try all heads, and write the table."""
    argparse.ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    rows = []
    for head in tqdm(HEADS):
        try:
            rows.append(try_head(*head))
        except SimVizError as error:
            raise SystemExit(f"{head[0]}: {error}") from error
    write_report(rows, REPORT)
    print(f"{REPORT} is written")


if __name__ == "__main__":
    main()
