import os
import pickle
import random
import zipfile
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from simviz_core.checkpoints import read_checkpoint
from simviz_core.errors import CheckpointError

WEIGHTS = {"conv.weight": torch.arange(6.0).reshape(2, 3), "conv.bias": torch.zeros(2)}


class Payload:
    """Writes a file when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (f"touch '{self.target}'",)


def save_legacy(content: object, path: Path) -> None:
    torch.save(content, path, _use_new_zipfile_serialization=False)


def save_plain_pickle(content: object, path: Path) -> None:
    path.write_bytes(pickle.dumps(content, protocol=2))


SAVE: dict[str, Callable[[Any, Path], None]] = {
    "zip": torch.save,
    "legacy": save_legacy,
    "safetensors": save_file,
}


@pytest.mark.parametrize("save", [torch.save, save_legacy, save_plain_pickle])
@pytest.mark.parametrize("is_wrapped", [False, True])
def test_code_in_a_file_never_runs(
    save: Callable[[object, Path], None], is_wrapped: bool, tmp_path: Path
) -> None:
    target, file = tmp_path / "harm", tmp_path / "model.pth"
    payload = Payload(target)
    save({"state_dict": WEIGHTS, "epoch": payload} if is_wrapped else payload, file)
    reason = r"model\.pth (holds a pickled \w+\.system|was written by pickle), which could run code"
    with pytest.raises(CheckpointError, match=reason):
        read_checkpoint(file)
    assert not target.exists()


@pytest.mark.parametrize("save", [torch.save, save_legacy])
def test_a_pickled_module_is_refused_with_the_way_out(
    save: Callable[[object, Path], None], tmp_path: Path
) -> None:
    save({"model": nn.Linear(2, 3)}, tmp_path / "model.pth")
    expected = (
        r"holds a pickled nn\.Module \(torch\.nn\.modules\.linear\.Linear\), which could run code "
        r"when loaded; save its state_dict\(\) instead"
    )
    with pytest.raises(CheckpointError, match=expected):
        read_checkpoint(tmp_path / "model.pth")


@pytest.mark.parametrize("extra", [Namespace(rate=1), np.float64(0.5)])
def test_objects_beside_the_weights_are_named(extra: Any, tmp_path: Path) -> None:
    torch.save({"state_dict": WEIGHTS, "extra": extra}, tmp_path / "model.pth")
    with pytest.raises(
        CheckpointError, match=r"holds a pickled (argparse\.Namespace|numpy.*scalar)"
    ):
        read_checkpoint(tmp_path / "model.pth")


@pytest.mark.filterwarnings("ignore:.*torch.jit")
def test_a_torchscript_program_is_refused(tmp_path: Path) -> None:
    torch.jit.save(torch.jit.trace(nn.Linear(2, 3), torch.zeros(1, 2)), tmp_path / "model.pt")
    with pytest.raises(CheckpointError, match=r"TorchScript program.*save its state_dict\(\)"):
        read_checkpoint(tmp_path / "model.pt")


@pytest.mark.parametrize("save", [torch.save, save_legacy])
@pytest.mark.parametrize("wrapping", [(), ("state_dict",), ("model_state_dict",), ("model",)])
def test_state_dicts_are_read_plain_and_wrapped(
    save: Callable[[object, Path], None], wrapping: tuple[str, ...], tmp_path: Path
) -> None:
    content: dict[str, Any] = dict(WEIGHTS)
    for name in wrapping:
        content = {"epoch": 3, "temperature": torch.tensor(0.07), "optimizer": {}, name: content}
    save(content, tmp_path / "model.pt")
    read = read_checkpoint(tmp_path / "model.pt")
    assert read.keys() == WEIGHTS.keys()
    assert all(torch.equal(read[name], WEIGHTS[name]) for name in WEIGHTS)


def test_safetensors_are_read(tmp_path: Path) -> None:
    save_file({name: tensor.half() for name, tensor in WEIGHTS.items()}, tmp_path / "m.safetensors")
    read = read_checkpoint(tmp_path / "m.safetensors")
    assert read["conv.weight"].dtype == torch.float16
    assert torch.equal(read["conv.weight"].float(), WEIGHTS["conv.weight"])


def test_what_is_no_number_is_left_out(tmp_path: Path) -> None:
    content = {
        **WEIGHTS,
        "batches": torch.tensor(7),
        "sparse": torch.eye(2).to_sparse(),
        "nowhere": torch.zeros(2, device="meta"),
        3: torch.zeros(2),
    }
    torch.save(content, tmp_path / "model.pth")
    assert read_checkpoint(tmp_path / "model.pth").keys() == WEIGHTS.keys()


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors"])
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"<html>404 Not Found</html>", "no checkpoint"),
        (b"\x80\x02]q\x00.", "holds no weights by name|no checkpoint"),
        (b"\xff" * 5000, "no checkpoint"),
        (b"PK\x03\x04" + bytes(100), "no checkpoint"),
    ],
)
def test_what_is_no_checkpoint_is_refused(
    suffix: str, content: bytes, reason: str, tmp_path: Path
) -> None:
    file = tmp_path / f"model{suffix}"
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match=reason) as caught:
        read_checkpoint(file)
    assert str(file) in str(caught.value)
    assert "weights_only" not in str(caught.value)
    assert len(str(caught.value)) < len(str(file)) + 200


@pytest.mark.parametrize("kept", [0.001, 0.3, 0.99])
@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
def test_truncated_files_are_refused(kind: str, kept: float, tmp_path: Path) -> None:
    file = tmp_path / ("m.safetensors" if kind == "safetensors" else "m.pth")
    weights = {"weight": torch.randn(100, 100)}
    SAVE[kind](weights, file)
    whole = file.read_bytes()
    file.write_bytes(whole[: int(len(whole) * kept)])
    with pytest.raises(CheckpointError, match=r"no checkpoint"):
        read_checkpoint(file)


@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
def test_damage_anywhere_is_one_clear_error_or_harmless(kind: str, tmp_path: Path) -> None:
    file = tmp_path / ("m.safetensors" if kind == "safetensors" else "m.pth")
    SAVE[kind](WEIGHTS, file)
    whole, chance = file.read_bytes(), random.Random(0)
    refusals = []
    for _ in range(150):
        damaged = bytearray(whole)
        for _ in range(chance.choice((1, 3, 30))):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        file.write_bytes(damaged)
        try:
            read_checkpoint(file)
        except CheckpointError as error:
            refusals.append(str(error))
    assert len(refusals) > 30
    assert max(map(len, refusals)) < len(str(file)) + 400


def test_a_small_archive_is_not_unpacked_to_a_huge_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simviz_core.checkpoints.reading.MOST_COMPRESSED_AWAY", 1_000_000)
    torch.save({"weight": torch.zeros(1000, 1000)}, tmp_path / "large.pth")
    with (
        zipfile.ZipFile(tmp_path / "large.pth") as large,
        zipfile.ZipFile(tmp_path / "small.pth", "w", zipfile.ZIP_DEFLATED) as small,
    ):
        for entry in large.infolist():
            small.writestr(entry.filename, large.read(entry))
    with pytest.raises(CheckpointError, match="would unpack to 4 MB"):
        read_checkpoint(tmp_path / "small.pth")


@pytest.mark.parametrize("content", [[1, 2], 3, {}, {"epoch": 3}, torch.zeros(3)])
def test_a_file_without_named_weights_says_what_to_save(content: Any, tmp_path: Path) -> None:
    torch.save(content, tmp_path / "model.pth")
    with pytest.raises(CheckpointError, match=r"no weights by name; save the network's state_dict"):
        read_checkpoint(tmp_path / "model.pth")


def test_missing_files_folders_and_other_endings_are_named(tmp_path: Path) -> None:
    (tmp_path / "folder.pth").mkdir()
    (tmp_path / "model.exe").write_bytes(b"MZ")
    for name, reason in [
        ("none.pth", "there is no file"),
        ("folder.pth", "there is no file"),
        ("model.exe", r"should end in \.pt, \.pth, \.safetensors"),
        ("nul\0.pth", "there is no file"),
        ("x" * 300 + ".pth", "no checkpoint"),
    ]:
        with pytest.raises(CheckpointError, match=reason):
            read_checkpoint(tmp_path / name)
