"""A small gallery and a run whose names are markup: Markdown, formulas, HTML, links, sentinels."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from simviz_core.networks import build_network
from simviz_core.runs import Run, RunCheckpoint, write_run

NETWORK = "timm/test_resnet"
LABELS = (
    "![i](http://outside.test/i.png) $\\alpha$ :smile:",
    "<b>b</b><br><a href='http://outside.test'>a</a> *x* 日本語",
    "nothing",
)
"""The classes; a table may give labels that no folder could have."""
FILES = (
    "$x^2$ [a](b).png",
    "*x* :smile: www.outside.test.png",
    "<b>c someone@outside.test.png",
    ":material home: ~~gone~~ # heading.png",
    "None.png",
    "日本語 `code` &lt;.png",
)
RUN = "$r$ <b>run [a](b) :smile:"
RAW = ("](", "<b", "<a", ":smile:", "$", "*x*", "~~", "`code`", "e@o")
"""What Markdown or Plotly must not get to read of these names."""


def hostile_gallery(folder: Path) -> Path:
    """Write the images, two of each class, and return the table that names them."""
    folder.mkdir(parents=True, exist_ok=True)
    chance = np.random.default_rng(3)
    lines = ["path,label"]
    for number, name in enumerate(FILES):
        pixels = chance.integers(0, 255, (40, 60, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name)
        lines.append(f'"{name}","{LABELS[number // 2]}"')
    table = folder / "<b>$x$ :smile:.csv"
    table.write_text("\n".join(lines), encoding="utf-8")
    return table


def hostile_run(folder: Path) -> Path:
    """Write two checkpoints of a network as small as can be, and a file that tells no iteration."""
    run = folder / RUN
    run.mkdir(parents=True)
    checkpoints = []
    for number in (1, 2):
        torch.manual_seed(number)
        path = run / f"checkpoint_{number}.pth"
        torch.save(build_network(NETWORK, pretrained=False).state_dict(), path)
        checkpoints.append(RunCheckpoint(number, path))
    write_run(Run(run, NETWORK, "average", 160, tuple(checkpoints)))
    return run
