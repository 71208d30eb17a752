import json
from pathlib import Path
from typing import Any

import pytest

from simviz_core.errors import RunError
from simviz_core.runs import (
    RUN_FILE,
    Run,
    RunCheckpoint,
    checkpoint_settings,
    open_run,
    run_as_json,
    write_run,
)

CHECKPOINTS = [
    {"iteration": 100, "file": "b.safetensors", "loss": 0.1, "recall_at_1": 0.9, "map_at_r": 0.8},
    {"iteration": 0, "file": None},
]
VALUES = {
    "version": 1,
    "network": "efficientnet_lite0",
    "pooling": "max",
    "size": 224,
    "checkpoints": CHECKPOINTS,
}


def write(root: Path, **changes: Any) -> Path:
    """A folder with a `run.json`, changed from a good one."""
    (root / RUN_FILE).write_text(json.dumps({**VALUES, **changes}))
    return root


def test_a_fit_that_there_is_not_is_named(tmp_path: Path) -> None:
    assert open_run(write(tmp_path)).fit == "stretch"
    with pytest.raises(RunError, match="'fit' is 'squeeze', which is none of stretch, pad, crop"):
        open_run(write(tmp_path, fit="squeeze"))


def test_a_run_is_read_as_it_was_written(tmp_path: Path) -> None:
    run = Run(
        root=tmp_path,
        network="resnet50",
        pooling="gem",
        size=448,
        checkpoints=(
            RunCheckpoint(0, None, None, 0.5, 0.25),
            RunCheckpoint(7, tmp_path / "weights" / "c.safetensors", 0.125, 0.75, 0.5),
        ),
        dataset="demo/rooms/images",
        loss="triplet-batch-hard",
        seed=3,
        from_scratch=False,
        held_out=("a", "ü"),
        settings={"margin": 0.2, "iterations": 7},
        fit="crop",
    )
    write_run(run)
    assert open_run(tmp_path) == run
    settings = checkpoint_settings(run, run.checkpoints[1])
    assert settings.fit == "crop"
    assert settings.preprocessing is not None
    assert json.loads((tmp_path / RUN_FILE).read_text()) == run_as_json(run)


def test_a_hand_written_run_needs_little(tmp_path: Path) -> None:
    run = open_run(write(tmp_path, owner="unknown names are passed over"))
    assert [checkpoint.iteration for checkpoint in run.checkpoints] == [0, 100]
    assert run.checkpoint(0).path is None
    assert run.checkpoint(100).path == tmp_path / "b.safetensors"
    assert (run.dataset, run.seed, run.from_scratch, run.held_out) == (None, None, None, ())


def test_a_run_without_checkpoints_yet_is_one(tmp_path: Path) -> None:
    assert open_run(write(tmp_path, checkpoints=[])).checkpoints == ()


@pytest.mark.parametrize(
    "file",
    [
        "../outside.pth",
        "weights/../../outside.pth",
        "/etc/passwd",
        "linked.pth",
        "linked/outside.pth",
        "nul\0.pth",
        "loop/c.pth",
    ],
)
def test_file_names_that_lead_out_are_refused(file: str, tmp_path: Path) -> None:
    (tmp_path / "outside.pth").write_bytes(b"weights")
    root = tmp_path / "run"
    root.mkdir()
    (root / "linked.pth").symlink_to(tmp_path / "outside.pth")
    (root / "linked").symlink_to(tmp_path)
    (root / "loop").symlink_to(root / "loop")
    with pytest.raises(RunError, match=r"checkpoint 1: .*(leads out of the folder|no file name)"):
        open_run(write(root, checkpoints=[{"iteration": 1, "file": file}]))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is damaged"),
        (b'{"version": 1, "checkpo', "is damaged"),
        (b"\xff\xfe\x00", "is damaged"),
        (b"[" * 100_000, "is damaged"),
        (b"[]", "does not describe a run"),
        (b'{"name": "a foreign file"}', "does not describe a run"),
        (b'{"checkpoints": []}', "has version None; this SimViz reads version 1"),
        (b'{"checkpoints": [], "version": 2}', "has version 2"),
    ],
)
def test_damaged_and_foreign_files_are_named(content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / RUN_FILE).write_bytes(content)
    with pytest.raises(RunError, match=rf"run\.json {reason}"):
        open_run(tmp_path)


def test_a_huge_file_is_not_parsed(tmp_path: Path) -> None:
    with (tmp_path / RUN_FILE).open("wb") as file:
        file.truncate(20_000_000)
    with pytest.raises(RunError, match="larger than 10 MB"):
        open_run(tmp_path)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"network": "alexnet"}, "unknown network 'alexnet'; choose one of"),
        ({"network": ["resnet50"]}, "'network' should be a str"),
        ({"pooling": "median"}, "unknown pooling 'median'"),
        ({"size": "224"}, "'size' should be a int, not '224'"),
        ({"size": 200}, "the size 200 is none of 224, 320, 448"),
        ({"size": True}, "'size' should be a int, not True"),
        ({"size": [64, "96"]}, "'size' should be a int, not '96'"),
        ({"size": [1, 2, 3]}, "'size' should be a int"),
        ({"network": "timm/resnet18", "size": [64, 9]}, "sides are 32 to 2048"),
        ({"seed": 0.5}, "'seed' should be a int"),
        ({"held_out": "a"}, "'held_out' should be a list"),
        ({"checkpoints": {}}, "'checkpoints' should be a list"),
        ({"checkpoints": ["c.pth"]}, "checkpoint 1 is not a dictionary"),
        ({"checkpoints": [{"iteration": -1}]}, "iteration -1 is negative"),
        ({"checkpoints": [{"iteration": 1.5}]}, "'iteration' should be a int"),
        ({"checkpoints": [{"iteration": 5}]}, "iteration 5 has no file"),
        ({"checkpoints": [{"iteration": 0, "file": 3}]}, "'file' should be a str"),
        ({"checkpoints": [{"iteration": 0, "loss": "low"}]}, "'loss' should be a number"),
        ({"checkpoints": [{"iteration": 0, "loss": float("nan")}]}, "'loss' should be a number"),
        ({"checkpoints": [{"iteration": 0, "loss": 10**400}]}, "'loss' should be a number"),
        ({"from_scratch": True}, "has no file, but the run began from scratch"),
        (
            {"checkpoints": [{"iteration": 3, "file": f"{name}.pth"} for name in "ab"]},
            r"two checkpoints of iteration 3 \(a\.pth and b\.pth\)",
        ),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], reason: str, tmp_path: Path) -> None:
    with pytest.raises(RunError, match=reason) as caught:
        open_run(write(tmp_path, **changes))
    assert len(str(caught.value)) < len(str(tmp_path)) + 300


def test_numbers_that_are_not_finite_are_not_written(tmp_path: Path) -> None:
    run = open_run(write(tmp_path)).with_checkpoint(RunCheckpoint(0, None, float("nan")))
    before = (tmp_path / RUN_FILE).read_bytes()
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_run(run)
    assert (tmp_path / RUN_FILE).read_bytes() == before


def test_a_reader_meanwhile_never_sees_half_a_file(tmp_path: Path) -> None:
    """The file is another one after each writing: the old one stays whole for who has it open."""
    run = open_run(write(tmp_path))
    write_run(run)
    with (tmp_path / RUN_FILE).open() as opened:
        write_run(run.with_checkpoint(RunCheckpoint(300, tmp_path / "c.safetensors")))
        assert len(json.load(opened)["checkpoints"]) == 2
    assert len(open_run(tmp_path).checkpoints) == 3
