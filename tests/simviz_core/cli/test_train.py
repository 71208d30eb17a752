import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simviz_core.runs import open_run
from simviz_core.training import BATCH_ALL, BATCH_HARD, STATE_FILE
from simviz_core.training.trainer import Trainer

Run = Callable[..., Any]


@pytest.fixture
def tiny_training(colour_gallery: Path, tmp_path: Path, tiny_network: str) -> list[str]:
    options = ["--network", "tiny", "--iterations", "4", "--classes", "2", "--images", "2"]
    return ["train", str(colour_gallery), "--run", str(tmp_path / "run"), *options]


def test_checkpoints_are_printed_as_they_come(
    tiny_training: list[str], tmp_path: Path, run: Run
) -> None:
    status, out, err = run(*tiny_training, "--checkpoints", "0,2")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["iteration 0", "iteration 2", "iteration 4"]
    assert "the pretrained weights" in lines[0]
    assert "loss" not in lines[0]
    assert all("Recall@1 " in line and "mAP@R " in line for line in lines)
    assert lines[2].endswith("checkpoint_000004.safetensors")
    assert len(open_run(tmp_path / "run").checkpoints) == 3


def test_options_reach_the_training(tiny_training: list[str], tmp_path: Path, run: Run) -> None:
    options = "--pooling max --size 320 --from-scratch --margin 0.3 --seed 9 --held-out [ab]*"
    options += f" --loss {BATCH_ALL} --learning-rate 0.002"
    assert run(*tiny_training, *options.split())[0] == 0
    described = json.loads((tmp_path / "run" / "run.json").read_text())
    expected = {
        "network": "tiny",
        "pooling": "max",
        "size": 320,
        "loss": BATCH_ALL,
        "seed": 9,
        "from_scratch": True,
        "held_out": ["amber", "blue"],
        "settings": {
            "iterations": 4,
            "margin": 0.3,
            "classes": 2,
            "images": 2,
            "learning_rate": 0.002,
        },
    }
    assert {name: described[name] for name in expected} == expected
    assert [entry["iteration"] for entry in described["checkpoints"]] == [0, 2, 4]


def test_a_loss_of_the_library_is_told_in_the_run(
    tiny_training: list[str], tmp_path: Path, run: Run
) -> None:
    options = "--loss CosFaceLoss --loss-option margin=0.2 --loss-option scale=32"
    options += " --loss-learning-rate 0.02 --embedding-size 8 --classes 3"
    options += " --miner MultiSimilarityMiner --miner-option epsilon=0.2"
    assert run(*tiny_training, *options.split())[0] == 0
    opened = open_run(tmp_path / "run")
    assert opened.loss == "CosFaceLoss"
    assert opened.settings == {
        "iterations": 4,
        "loss_options": {"margin": 0.2, "scale": 32},
        "miner": "MultiSimilarityMiner",
        "miner_options": {"epsilon": 0.2},
        "loss_learning_rate": 0.02,
        "classes": 3,
        "images": 2,
        "learning_rate": 0.0001,
        "embedding_size": 8,
    }


def test_losses_are_listed(run: Run) -> None:
    status, out, _ = run("losses")
    assert status == 0
    assert "  triplet-batch-hard  (with --margin)\n" in out
    assert "  ArcFaceLoss  margin=28.6 scale=64\n" in out
    assert out.index("\nminers\n") < out.index("  AngularMiner  angle=20\n")
    assert run("losses", "proxynca")[1] == "losses\n  ProxyNCALoss  softmax_scale=1\n"
    status, _, err = run("losses", "nothing")
    assert (status, err.count("\n")) == (2, 1)


def test_defaults(tiny_training: list[str], tmp_path: Path, run: Run) -> None:
    assert run(*tiny_training)[0] == 0
    opened = open_run(tmp_path / "run")
    assert (opened.loss, opened.pooling, opened.size) == (BATCH_HARD, "average", 224)
    assert len(opened.held_out) == 1, "a quarter of six classes"


def test_a_finished_run_is_resumed_in_an_instant(tiny_training: list[str], run: Run) -> None:
    assert run(*tiny_training)[0] == 0
    status, out, err = run(*tiny_training, "--resume")
    assert (status, err) == (0, "")
    assert out == f"{tiny_training[3]} was finished already\n"


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--network", "alexnet"], "alexnet"),
        (["--pooling", "median"], "median"),
        (["--size", "200"], "200"),
        (["--iterations", "0"], "0 iterations cannot be used"),
        (["--iterations", "many"], "many"),
        (["--checkpoints", "0,,2"], "'0,,2' is not a list of whole numbers"),
        (["--checkpoints", "0,9"], "checkpoint 9 cannot be used"),
        (["--loss", "contrastive"], "contrastive"),
        (["--margin", "-1"], "margin -1.0"),
        (["--learning-rate", "nan"], "learning rate nan"),
        (["--classes", "7"], "takes 7 classes, but only 5 are left"),
        (["--images", "1"], "1 images"),
        (["--held-out", "6"], "6 of 6 classes"),
        (["--held-out", "hotel_*"], "matches no class"),
        (["--seed", "-3"], "seed -3"),
        (["--run", "/proc/run"], "/proc/run"),
        (["--unknown"], "--unknown"),
        (["--network", "tiny+tiny"], "trained one by one"),
        (["--network", "timm/resnet"], "timm has no network 'resnet'"),
        (["--loss", "CrossBatchMemory"], "it is made of another loss"),
        (["--loss", "NCALoss", "--margin", "0.1"], "--margin is of the triplet losses"),
        (["--loss", "NCALoss", "--loss-option", "scale=1"], "it has softmax_scale"),
        (["--loss-option", "margin=1"], "triplet-batch-hard has none; `python -m simviz_core loss"),
        (["--miner-option", "margin=1"], "no miner has none"),
        (["--embedding-size", "0"], "'0' is not a whole number"),
    ],
)
def test_a_wrong_option_is_one_line_and_status_2(
    tiny_training: list[str],
    options: list[str],
    reason: str,
    tmp_path: Path,
    run: Run,
) -> None:
    status, out, err = run(*tiny_training, *options)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert reason in err
    assert not (tmp_path / "run").exists()


def test_what_is_wrong_with_the_gallery_is_one_line_and_status_2(
    tiny_training: list[str], tmp_path: Path, run: Run
) -> None:
    status, _, err = run("train", str(tmp_path / "none"), "--run", str(tmp_path / "r"))
    assert (status, err.count("\n")) == (2, 1)
    assert "does not exist" in err
    for path in Path(tiny_training[1]).rglob("*.png"):
        path.write_bytes(b"no image")
    status, _, err = run(*tiny_training)
    assert (status, err.count("\n")) == (2, 1)
    assert "is not an image" in err


def test_a_folder_in_use_and_a_missing_run_folder_are_errors(
    tiny_training: list[str], run: Run
) -> None:
    assert run(*tiny_training)[0] == 0
    status, out, err = run(*tiny_training)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "--resume" in err
    assert run(*tiny_training[:2])[0] == 2


def test_interrupting_says_how_to_go_on(
    tiny_training: list[str], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> float:
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "step", interrupt)
    status, _, err = run(*tiny_training)
    assert (status, err) == (2, "simviz: stopped; the same command with --resume goes on\n")


def test_a_killed_training_ends_where_an_uninterrupted_one_does(
    colour_gallery: Path, tmp_path: Path, run: Run
) -> None:
    """The real network, a real kill, and another process that goes on."""
    killed, whole = tmp_path / "killed", tmp_path / "whole"
    words = ["train", str(colour_gallery), "--iterations", "3", "--checkpoints", "1"]
    words += ["--classes", "2", "--images", "2", "--held-out", "1", "--run"]
    process = subprocess.Popen(
        [sys.executable, "-m", "simviz_core", *words, str(killed)], stdout=subprocess.DEVNULL
    )
    state = killed / STATE_FILE
    patience = time.monotonic() + 120
    while not state.exists() and process.poll() is None and time.monotonic() < patience:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert state.exists()
    assert run(*words, str(killed), "--resume")[0] == 0
    assert run(*words, str(whole))[0] == 0
    files = [{path.name: path.read_bytes() for path in root.iterdir()} for root in (killed, whole)]
    assert files[0] == files[1]
    assert len(files[0]) == 3
