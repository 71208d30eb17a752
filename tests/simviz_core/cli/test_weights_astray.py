"""Weights that make NaN or infinity: one line from each command that runs a network."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from simviz_core.networks import build_network, load_network
from simviz_core.networks.inspection.finite import require_length

Run = Callable[..., Any]
Weights = dict[str, Tensor]

COMMANDS = {
    "pair": "pair {image} {image}",
    "cells of a pair": "pair {image} {image} --partners-of query,0,0",
    "poolings of a pair": "pair {image} {image} --compare-poolings",
    "search": "search {image} --gallery {gallery}",
    "region": "search {image} --gallery {gallery} --region 0,0,20,20",
    "fine region": "search {image} --gallery {gallery} --region 0,0,20,20 --fine",
    "crop": "search {image} --gallery {gallery} --region 0,0,20,20 --crop",
    "index": "index {gallery}",
    "evaluate": "evaluate {gallery}",
    "classmap": "classmap {image} --gallery {gallery}",
    "features": "features --gallery {gallery} --pairs 3",
    "features of a pair": "features --gallery {gallery} --of-pair {image} {image}",
    "faithfulness": "faithfulness {gallery} --collages 1 --methods random --out {out}",
    "inspect": "inspect tiny",
    "checkpoints": "checkpoints {image} --gallery {gallery} --run {run}",
}


def is_nan(weights: Weights) -> Weights:
    return {**weights, "3.weight": torch.full_like(weights["3.weight"], float("nan"))}


def overflows(weights: Weights) -> Weights:
    large = {name: weights[name] * 1e30 for name in ("0.weight", "1.weight", "3.weight")}
    return {**weights, **large}


def has_negative_variance(weights: Weights) -> Weights:
    return {**weights, "4.running_var": -weights["4.running_var"]}


def is_too_long(weights: Weights) -> Weights:
    """Each number is finite; their squares, which the length is made of, are not."""
    return {**weights, "4.weight": torch.full_like(weights["4.weight"], 1e25)}


def has_an_embedder_too_long(weights: Weights) -> Weights:
    return {**weights, "embedder.weight": torch.full((8, 16), 1e30)}


HARMS = (is_nan, overflows, has_negative_variance, is_too_long, has_an_embedder_too_long)


@pytest.mark.parametrize("harm", HARMS, ids=lambda harm: harm.__name__)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_says_it_in_one_line(
    command: str,
    harm: Callable[[Weights], Weights],
    run: Run,
    tiny_network: str,
    small_gallery: Path,
    tmp_path: Path,
) -> None:
    torch.manual_seed(0)
    weights = build_network(tiny_network, pretrained=False).state_dict()
    folder = tmp_path / "run"
    folder.mkdir()
    torch.save(harm(weights), folder / "step_1.pth")
    places = {
        "image": small_gallery / "chairs" / "view_1.png",
        "gallery": small_gallery,
        "run": folder,
        "out": tmp_path / "out",
    }
    words = [word.format(**places) for word in COMMANDS[command].split()]
    if words[0] != "checkpoints":
        words += ["--checkpoint", str(folder / "step_1.pth")]
    if words[0] != "inspect":
        words += ["--network", tiny_network]
    status, out, err = run(*words, "--json", "-") if words[0] != "faithfulness" else run(*words)
    assert (status, out) == (2, ""), err
    lines = [line for line in err.splitlines() if line.startswith("simviz: ")]
    # Of a run each checkpoint is named, and then that none is left.
    assert len(lines) == 1 or words[0] == "checkpoints", err
    assert any(word in lines[-1] for word in ("not finite", "not a finite", "negative")), err


def test_an_embedding_that_is_too_long_has_no_similarity(tiny_network: str) -> None:
    """Divided by an infinite length it would be 0, and so would be every similarity."""
    network = load_network(tiny_network)
    with pytest.raises(Exception, match=r"length is not a finite number.*1\.0e\+25"):
        network.embed_feature_map(torch.full((7, 7, 16), 1e25))
    with pytest.raises(Exception, match=r"length is not a finite number.*hold NaN"):
        network.with_pooling("gem").decompose_feature_map(torch.full((7, 7, 16), torch.inf))
    require_length(torch.full((2, 16), 1e15))


def test_a_checkpoint_gone_astray_does_not_take_the_run_with_it(
    run: Run, tiny_network: str, small_gallery: Path, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    weights = build_network(tiny_network, pretrained=False).state_dict()
    for iteration, state in enumerate((weights, is_too_long(weights))):
        torch.save(state, tmp_path / f"step_{iteration}.pth")
    image = small_gallery / "chairs" / "view_1.png"
    where = ["--gallery", small_gallery, "--run", tmp_path, "--network", tiny_network]
    status, out, err = run("checkpoints", image, *where, "--json", "-")
    assert status == 0, err
    assert "iteration 1: the network makes embeddings whose length" in err
    first, second = json.loads(out)["runs"][0]["checkpoints"]
    assert "error" not in first
    assert "not a finite number" in second["error"]
