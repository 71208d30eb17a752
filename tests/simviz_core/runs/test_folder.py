import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from simviz_core.errors import RunError, SettingsError
from simviz_core.runs import describes_itself, open_run


def folder_with(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).write_bytes(b"weights")
    return root


def test_a_folder_of_bare_checkpoints_is_a_run(tmp_path: Path) -> None:
    folder_with(tmp_path, "step_200.pth", "step_1000.pt", "step_30.safetensors", "log.txt")
    assert not describes_itself(tmp_path)
    run = open_run(tmp_path, "resnet50", "gem", 448)
    assert [checkpoint.iteration for checkpoint in run.checkpoints] == [30, 200, 1000]
    assert run.checkpoint(1000).path == tmp_path / "step_1000.pt"
    assert (run.network, run.pooling, run.size) == ("resnet50", "gem", 448)
    assert open_run(tmp_path, "resnet50").pooling == "average"


@pytest.mark.parametrize(
    ("name", "iteration"),
    [
        ("100.pth", 100),
        ("checkpoint_000100.safetensors", 100),
        ("resnet50_300.pth", 300),
        ("step_300_fp16.pth", 300),
        ("epoch=12-step=3400.pt", 3400),
        ("epoch12.PTH", 12),
        ("ckpt-7.pt", 7),
        ("iter250.pth", 250),
        ("net_2024_500.pth", 500),
        ("efficientnet_lite0_v2_40.pth", 40),
        ("model.pth.tar-60", 60),
        ("step_70.safetensors.index.json", 70),
    ],
)
def test_the_iteration_is_in_the_file_name(name: str, iteration: int, tmp_path: Path) -> None:
    run = open_run(folder_with(tmp_path, name), "resnet50")
    assert [checkpoint.iteration for checkpoint in run.checkpoints] == [iteration]


@pytest.mark.parametrize("name", ["model-60", "model.60", "weights_60.dat", "epoch60.model"])
@pytest.mark.parametrize("kind", ["archive", "old", "safetensors"])
def test_under_an_unusual_name_the_content_counts(name: str, kind: str, tmp_path: Path) -> None:
    folder_with(tmp_path, "log_5", "log_6.txt", "photos_7.zip", "step_8-00001-of-00002.bin")
    with zipfile.ZipFile(tmp_path / "photos_7.zip", "w") as archive:
        archive.writestr("a/b.png", b"x")
    (tmp_path / "results_9").write_bytes(pickle.dumps({"recall": 0.5}))
    weights = {"conv.weight": torch.zeros(2)}
    if kind == "safetensors":
        save_file(weights, tmp_path / name)
    else:
        torch.save(weights, tmp_path / name, _use_new_zipfile_serialization=kind == "archive")
    run = open_run(tmp_path, "resnet50")
    assert [(each.iteration, each.path) for each in run.checkpoints] == [(60, tmp_path / name)]


def test_files_without_an_iteration_are_passed_over_and_listed(tmp_path: Path) -> None:
    folder_with(tmp_path, "100.pth", "best.pth", "resnet50-0676ba61.pth", ".200.pth")
    run = open_run(tmp_path, "resnet50")
    assert [checkpoint.iteration for checkpoint in run.checkpoints] == [100]
    assert run.passed_over == ("best.pth", "resnet50-0676ba61.pth")


def test_if_no_name_tells_an_iteration_it_says_how_to_rename(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"best\.pth, say\); rename them like checkpoint_100\.pth"):
        open_run(folder_with(tmp_path, "best.pth"), "resnet50")


def test_two_files_of_one_iteration_are_refused(tmp_path: Path) -> None:
    folder_with(tmp_path, "100.pth", "0100.safetensors")
    with pytest.raises(RunError, match=r"iteration 100 \(0100\.safetensors and 100\.pth\)"):
        open_run(tmp_path, "resnet50")


def test_links_that_lead_out_are_passed_over(tmp_path: Path) -> None:
    root = tmp_path / "run"
    root.mkdir()
    folder_with(tmp_path, "outside_1.pth")
    folder_with(root, "2.pth")
    (root / "1.pth").symlink_to(tmp_path / "outside_1.pth")
    (root / "3.pth").symlink_to(root / "2.pth")
    (root / "4.pth").symlink_to(root / "nowhere.pth")
    run = open_run(root, "resnet50")
    assert [checkpoint.iteration for checkpoint in run.checkpoints] == [2, 3]


def test_missing_and_empty_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"the run folder .*nowhere does not exist"):
        open_run(tmp_path / "nowhere")
    with pytest.raises(RunError, match=r"neither a run\.json nor a checkpoint"):
        open_run(folder_with(tmp_path, "notes.txt"), "resnet50")


def test_bare_checkpoints_need_a_network(tmp_path: Path) -> None:
    folder_with(tmp_path, "100.pth")
    with pytest.raises(RunError, match=r"no run\.json; say which network"):
        open_run(tmp_path)
    with pytest.raises(SettingsError, match="alexnet"):
        open_run(tmp_path, "alexnet")
    with pytest.raises(SettingsError, match="median"):
        open_run(tmp_path, "resnet50", "median")
