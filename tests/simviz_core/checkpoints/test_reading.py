import json
import os
import pickle
import random
import zipfile
from argparse import Namespace
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.serialization import set_crc32_options

from simviz_core.checkpoints import is_checkpoint_name, open_checkpoint, read_checkpoint
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


class Callback:
    """A class that whoever reads a file need not have, with everything that pickle would call."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __setstate__(self, state: dict[str, Any]) -> None:
        state["target"].touch()


class Config(dict[str, Any]):
    """A dictionary of its own class."""


@pytest.mark.parametrize("save", [torch.save, save_legacy, save_plain_pickle])
@pytest.mark.parametrize(
    "extra",
    [
        Namespace(rate=1),
        np.float64(0.5),
        np.arange(3),
        Path("/data"),
        defaultdict(list, {"loss": [0.5]}),
        Counter("abc"),
        {frozenset({1, 2}): {3}},
        Config(depth=3),
        slice(1, 2),
        complex(1, 2),
        torch.Size([2]),
        torch.float16,
        b"bytes",
    ],
    ids=lambda extra: type(extra).__name__,
)
def test_anything_may_lie_beside_the_weights(
    save: Callable[[object, Path], None], extra: Any, tmp_path: Path
) -> None:
    save({"epoch": extra, "state_dict": WEIGHTS, "more": [extra]}, tmp_path / "model.pth")
    read = read_checkpoint(tmp_path / "model.pth")
    assert all(torch.equal(read[name], WEIGHTS[name]) for name in WEIGHTS)


def test_objects_are_never_set_up(tmp_path: Path) -> None:
    target = tmp_path / "harm"
    torch.save({"state_dict": WEIGHTS, "callback": Callback(target)}, tmp_path / "model.pth")
    contents = open_checkpoint(tmp_path / "model.pth")
    assert any(name.endswith("Callback") for name in contents.strangers)
    assert not target.exists()


@pytest.mark.parametrize("name", ["m.pth.tar", "m.pth.tar-60", "m.ckpt", "m.bin", "m.pkl", "m"])
@pytest.mark.parametrize("kind", ["zip", "legacy", "safetensors"])
def test_files_are_judged_by_their_content(kind: str, name: str, tmp_path: Path) -> None:
    SAVE[kind](WEIGHTS, tmp_path / name)
    assert read_checkpoint(tmp_path / name).keys() == WEIGHTS.keys()
    assert is_checkpoint_name(name) == (name != "m")


def test_files_of_python_2_are_read(tmp_path: Path) -> None:
    """Texts without an encoding, in the protocols that Python 2 had, one of them not ASCII."""
    torch.save({"state_dict": WEIGHTS}, tmp_path / "new.pth")
    with zipfile.ZipFile(tmp_path / "new.pth") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(tmp_path / "old.pth", "w") as archive:
        for name, content in parts.items():
            if name.endswith("data.pkl"):
                # {"state_dict": …} becomes {…, "auteur": "Andr\xe9"}, as byte strings.
                added = b"U\x06auteurU\x05Andr\xe9sS'lieu'\nS'Orl\\xe9ans'\ns"
                content = content[:-1] + added + b"."
                content = content.replace(b"X\x0a\x00\x00\x00state_dict", b"U\x0astate_dict")
            archive.writestr(name, content)
    assert read_checkpoint(tmp_path / "old.pth").keys() == WEIGHTS.keys()


def sharded(folder: Path, kind: str) -> Path:
    suffix, save = (".safetensors", save_file) if kind == "safetensors" else (".bin", torch.save)
    names = [f"model-0000{number}-of-00002{suffix}" for number in (1, 2)]
    for name, key in zip(names, WEIGHTS, strict=True):
        save({key: WEIGHTS[key]}, folder / name)
    index = folder / f"model{suffix}.index.json"
    places = dict(zip(WEIGHTS, names, strict=True))
    index.write_text(json.dumps({"metadata": {}, "weight_map": places}))
    return index


@pytest.mark.parametrize("kind", ["safetensors", "zip"])
@pytest.mark.parametrize("is_folder", [False, True])
def test_checkpoints_in_several_parts(kind: str, is_folder: bool, tmp_path: Path) -> None:
    index = sharded(tmp_path, kind)
    read = read_checkpoint(tmp_path if is_folder else index)
    assert all(torch.equal(read[name], WEIGHTS[name]) for name in WEIGHTS)


def test_parts_that_are_missing_alone_or_elsewhere_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    index = sharded(folder, "safetensors")
    second = folder / "model-00002-of-00002.safetensors"
    with pytest.raises(CheckpointError, match=r"part 2 of 2 .*choose their index"):
        read_checkpoint(second)
    second.rename(tmp_path / second.name)
    with pytest.raises(CheckpointError, match="a part of it is not there: model-00002"):
        read_checkpoint(index)
    index.write_text(index.read_text().replace("model-00002", "../model-00002"))
    with pytest.raises(CheckpointError, match="names a file outside its folder"):
        read_checkpoint(index)
    second.symlink_to(tmp_path / second.name)
    index.write_text(index.read_text().replace("../", ""))
    with pytest.raises(CheckpointError, match="names a file outside its folder"):
        read_checkpoint(index)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\x08\x07\x12\x07pytorch\x1a\x052.5.1:\x80", "ONNX network.*onnx2torch"),
        (b"\x89HDF\r\n\x1a\n" + bytes(99), "HDF5"),
        (b"\x1f\x8b\x08" + bytes(99), "compressed or packed file; unpack it"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (bytes(257) + b"ustar" + bytes(99), "unpack it"),
    ],
)
def test_other_files_are_called_by_their_names(content: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "model.pth").write_bytes(content)
    with pytest.raises(CheckpointError, match=words):
        read_checkpoint(tmp_path / "model.pth")


def test_a_bit_that_flipped_among_the_numbers_is_noticed(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1000)}, tmp_path / "model.pth")
    content = bytearray((tmp_path / "model.pth").read_bytes())
    content[len(content) // 2] ^= 4
    (tmp_path / "model.pth").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"checksum of .*data/0"):
        read_checkpoint(tmp_path / "model.pth")


def test_files_without_checksums_are_read(tmp_path: Path) -> None:
    set_crc32_options(False)
    try:
        torch.save(WEIGHTS, tmp_path / "model.pth")
    finally:
        set_crc32_options(True)
    assert read_checkpoint(tmp_path / "model.pth").keys() == WEIGHTS.keys()


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
    monkeypatch.setattr(
        "simviz_core.checkpoints.formats.torch_files.MOST_COMPRESSED_AWAY", 1_000_000
    )
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
        ("model.exe", "damaged or no checkpoint"),
        ("nul\0.pth", "there is no file"),
        ("x" * 300 + ".pth", "no checkpoint"),
    ]:
        with pytest.raises(CheckpointError, match=reason):
            read_checkpoint(tmp_path / name)
