"""`--checkpoint`: the same commands with the weights of a file."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from simviz_core.checkpoints import backbone_weights, save_weights
from simviz_core.cli.pair import pair_command
from simviz_core.cli.search import search_command
from simviz_core.figures import FigureStyle
from simviz_core.networks import build_network
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import Region

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def checkpoint(tiny_network: str, tmp_path: Path) -> Path:
    torch.manual_seed(5)
    path = tmp_path / "trained.safetensors"
    save_weights(backbone_weights(build_network(tiny_network, pretrained=False)), path)
    return path


def test_the_checkpoint_s_weights_embed(
    run: Run, checkpoint: Path, tiny_network: str, small_gallery: Path, tmp_path: Path
) -> None:
    pair = [small_gallery / "chairs" / f"view_{number}.png" for number in (1, 2)]
    words = ["pair", *pair, "--network", tiny_network]
    plain = json.loads(run(*words, "--json", "-")[1])
    trained = json.loads(
        run(*words, "--checkpoint", checkpoint, "--json", "-", "--npz", tmp_path / "p.npz")[1]
    )
    assert plain["checkpoint"] is None
    assert trained["checkpoint"] == str(checkpoint)
    assert trained["similarity"] != pytest.approx(plain["similarity"], abs=1e-6)
    assert np.sum(trained["query_map"]) == pytest.approx(trained["similarity"], abs=1e-5)
    assert str(np.load(tmp_path / "p.npz")["checkpoint"]) == str(checkpoint)


def test_a_gallery_s_embeddings_are_kept_for_each_checkpoint(
    run: Run, checkpoint: Path, tiny_network: str, small_gallery: Path
) -> None:
    words = ["index", small_gallery, "--network", tiny_network, "--json", "-"]
    for added in (6, 0):
        assert len(json.loads(run(*words)[1])["added"]) == added
    for added in (6, 0):
        assert len(json.loads(run(*words, "--checkpoint", checkpoint)[1])["added"]) == added


@pytest.mark.parametrize("command", ["pair", "index"])
def test_a_file_that_is_no_checkpoint_is_one_line(
    run: Run, command: str, small_gallery: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.pth"
    broken.write_bytes(b"not weights")
    image = small_gallery / "chairs" / "view_1.png"
    words = {"pair": [image, image], "index": [small_gallery]}[command]
    status, out, err = run(command, *words, "--checkpoint", broken)
    assert (status, out) == (2, "")
    assert "broken.pth" in err
    assert err.count("\n") == 1


def test_paths_are_never_taken_for_options() -> None:
    settings = NetworkSettings("vgg16", "max", 320, "--help")
    words = shlex.split(pair_command("-a.jpg", "--json", settings, FigureStyle()))
    assert words[4:6] == ["./-a.jpg", "./--json"]
    assert words[words.index("--checkpoint") + 1] == "./--help"
    words = shlex.split(search_command("-", "-rf", Region(), settings, FigureStyle(), 5))
    assert words[4:7] == ["./-", "--gallery", "./-rf"]


def test_commands_to_copy_name_the_checkpoint() -> None:
    settings = NetworkSettings("vgg16", "max", 320, "runs/my run/3.pth")
    for command in (
        pair_command("a.jpg", "b.jpg", settings, FigureStyle()),
        search_command("a.jpg", "gallery", Region(), settings, FigureStyle(), 5),
    ):
        words = shlex.split(command)
        assert words[words.index("--checkpoint") + 1] == "runs/my run/3.pth"
