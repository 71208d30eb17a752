"""Checkpoints of networks by name, with the embedders that stand beside their trunk."""

import re
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from simviz_core.checkpoints import load_checkpoint, read_checkpoint
from simviz_core.errors import CheckpointError, SettingsError
from simviz_core.networks import build_network, network_reading

NAME = "timm/test_resnet"


@pytest.fixture(scope="module")
def trained() -> nn.Module:
    torch.manual_seed(5)
    return build_network(NAME, pretrained=False)


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    return Image.effect_noise((200, 160), 80).convert("RGB")


def under(prefix: str, network: nn.Module) -> dict[str, torch.Tensor]:
    return {prefix + name: tensor.contiguous() for name, tensor in network.state_dict().items()}


@pytest.mark.parametrize("prefix", ["", "module.", "trunk.", "model.backbone."])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_weights_reach_a_named_network(
    prefix: str, suffix: str, trained: nn.Module, tmp_path: Path, picture: Image.Image
) -> None:
    path = tmp_path / f"model{suffix}"
    weights = {**under(prefix, trained), f"{prefix}fc.weight": torch.zeros(7, 96)}
    if suffix == ".pth":
        torch.save({"state_dict": weights}, path)
    else:
        save_file(weights, path)
    network, match = load_checkpoint(path, NAME)
    assert match.is_complete
    pixels = network.pixels([picture])
    with torch.inference_mode():
        torch.testing.assert_close(network.decompose([picture]).embedding, trained(pixels))


def test_layers_after_the_pooling_come_from_the_checkpoint(tmp_path: Path) -> None:
    torch.manual_seed(5)
    trained = build_network("timm/test_convnext", pretrained=False)
    nn.init.normal_(trained.head.norm.weight)
    torch.save(trained.state_dict(), tmp_path / "model.pth")
    network, match = load_checkpoint(tmp_path / "model.pth", "timm/test_convnext")
    assert match.is_complete
    torch.testing.assert_close(network.tail[0].weight, trained.head.norm.weight)


def embedder(*layers: nn.Module) -> nn.Module:
    torch.manual_seed(6)
    made = nn.Sequential(*layers).eval()
    for layer in made:
        if isinstance(layer, nn.BatchNorm1d):
            nn.init.normal_(layer.running_mean)
            nn.init.uniform_(layer.running_var, 0.5, 2)
    return made


@pytest.mark.parametrize("is_beside", [False, True])
@pytest.mark.parametrize(
    "layers",
    [
        lambda: [nn.Linear(96, 16)],
        lambda: [nn.BatchNorm1d(96), nn.Linear(96, 16, bias=False)],
        lambda: [nn.Linear(96, 16), nn.BatchNorm1d(16)],
    ],
)
def test_an_embedder_is_found(
    is_beside: bool, layers, trained: nn.Module, tmp_path: Path, picture: Image.Image
) -> None:
    made = embedder(*layers())
    path = tmp_path / "trunk_best.pth"
    if is_beside:
        torch.save(trained.state_dict(), path)
        torch.save(made.state_dict(), tmp_path / "embedder_best.pth")
    else:
        torch.save(under("trunk.", trained) | under("embedder.", made), path)
    network, _ = load_checkpoint(path, NAME)
    image = network.decompose([picture])
    with torch.inference_mode():
        expected = made(trained(network.pixels([picture])))
    torch.testing.assert_close(image.embedding, expected, rtol=1e-4, atol=1e-5)
    assert image.residual().max() < 1e-5
    assert network_reading(network).dimension == 16
    dropped, _ = load_checkpoint(path, NAME, tail="drop")
    assert network_reading(dropped).dimension == 96
    other, _ = load_checkpoint(path, NAME, "max")
    assert network_reading(other).dimension == 96
    assert len({loaded.fingerprint for loaded in (network, dropped, other)}) == 3


def test_the_catalogue_takes_embedders_too(tmp_path: Path, picture: Image.Image) -> None:
    trunk = build_network("efficientnet_lite0", pretrained=False)
    weights = under("trunk.", trunk.network) | under("embedder.", embedder(nn.Linear(1280, 8)))
    torch.save(weights, tmp_path / "model.pth")
    network, match = load_checkpoint(tmp_path / "model.pth", "efficientnet_lite0")
    assert match.is_complete
    assert network.decompose([picture]).embedding.shape == (1, 8)


def test_an_embedder_for_other_vectors_is_refused(trained: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    made = embedder(nn.Linear(64, 16))
    torch.save(under("trunk.", trained) | under("embedder.", made), path)
    with pytest.raises(CheckpointError, match="takes 64 numbers, but the network makes 96"):
        load_checkpoint(path, NAME)
    load_checkpoint(path, NAME, tail="drop")


@pytest.mark.parametrize("name", ["embedder", "fc", "head.neck"])
def test_an_embedder_of_several_layers_is_left_out_or_kept_as_approximate(
    name: str, trained: nn.Module, tmp_path: Path, picture: Image.Image
) -> None:
    path = tmp_path / "model.pth"
    made = embedder(nn.Linear(96, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 16))
    torch.save(under("", trained) | under(f"{name}.", made), path)
    left, _ = load_checkpoint(path, NAME)
    assert network_reading(left).dimension == 96
    assert "weights do not tell what stands between its layers; --tail keep" in left.weights.line
    kept, _ = load_checkpoint(path, NAME, tail="keep")
    with torch.inference_mode():
        expected = made(trained(kept.pixels([picture])))
    torch.testing.assert_close(kept.decompose([picture]).embedding, expected, rtol=1e-4, atol=1e-5)
    assert network_reading(kept).verdict == "approximate"
    assert "a ReLU, or a layer norm, is assumed" in kept.weights.line


@pytest.mark.parametrize(
    ("name", "outputs", "tail", "dimension", "words"),
    [
        ("fc", 32, "auto", 32, r"with fc \(96 → 32\) as its embedder"),
        ("head", 64, "auto", 64, r"with head \(96 → 64\) as its embedder"),
        ("fc", 32, "drop", 96, r"left out: fc \(96 → 32\), as asked"),
        ("fc", 1000, "auto", 96, r"fc \(96 → 1,000\), taken for a classifier, since it makes more"),
        ("fc", 10, "auto", 96, r"fc \(96 → 10\), taken for a classifier, since embeddings have"),
        ("fc", 10, "keep", 10, r"with fc \(96 → 10\) as its embedder"),
        ("classifier", 32, "auto", 96, r"left out: classifier \(96 → 32\)"),
        ("classifier", 32, "keep", 96, r"left out: classifier \(96 → 32\)"),
        ("embed", 10, "auto", 10, r"with embed \(96 → 10\) as its embedder"),
        ("fc", 32, "max", 96, r"fc \(96 → 32\), learnt for average pooling"),
    ],
)
def test_embedders_and_classifiers_of_any_name_are_told_apart_and_said(
    name: str,
    outputs: int,
    tail: str,
    dimension: int,
    words: str,
    trained: nn.Module,
    tmp_path: Path,
) -> None:
    path = tmp_path / "model.pth"
    torch.save(under("", trained) | under(f"{name}.", nn.Linear(96, outputs)), path)
    pooling, tail = ("max", "auto") if tail == "max" else (None, tail)
    network, _ = load_checkpoint(path, NAME, pooling, tail=tail)
    assert network_reading(network).dimension == dimension
    assert re.search(words, network.weights.line)


def test_a_classifier_after_the_embedder_is_none(trained: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    weights = under("base.", trained) | under("bottleneck.", nn.BatchNorm1d(96))
    weights |= under("fc.", nn.Linear(96, 64))
    torch.save(weights, path)
    network, _ = load_checkpoint(path, NAME)
    assert network_reading(network).tail == ("batch norm",)
    assert "fc (96 → 64), which follows the embedder" in network.weights.line


@pytest.mark.parametrize(
    "odd",
    [
        {"embedder.weight": torch.tensor(1.0)},
        {"embedder.weight": torch.randn(8, 96), "embedder.bias": torch.zeros(7)},
        {"embedder.weight": torch.randn(8, 96), "embedder.bias": torch.tensor(0.0)},
        {"embedder.weight": torch.full((8, 96), float("nan"))},
        {"embedder.weight": torch.zeros(8, 96)},
        {"embedder.weight": torch.zeros(0, 96)},
        {"embedder.weight": torch.randn(2, 4, 96)},
        {"embedder.weight": torch.zeros(1).expand(2_000_000_000, 96)},
        {"embedder.weight": torch.zeros(1, 96).expand(3_000_000, 96)},
        {"neck.weight": torch.ones(96), "neck.running_mean": torch.zeros(96)},
        {"neck.running_mean": torch.zeros(5), "neck.running_var": torch.ones(96)},
        {"neck.running_mean": torch.zeros(96), "neck.running_var": -torch.ones(96)},
        {"embedder.weight": torch.eye(96).to_sparse()},
        {"embedder.weight": torch.ones(8, 96, dtype=torch.int8)},
    ],
    ids=lambda odd: next(iter(odd)),
)
def test_odd_embedders_are_one_error(
    odd: dict[str, torch.Tensor], trained: nn.Module, tmp_path: Path
) -> None:
    torch.save(under("", trained) | odd, tmp_path / "model.pth")
    with pytest.raises(CheckpointError, match=r"model\.pth"):
        load_checkpoint(tmp_path / "model.pth", NAME)


def test_files_of_other_networks_are_refused(trained: nn.Module, tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    torch.save(trained.state_dict(), path)
    with pytest.raises(CheckpointError, match=r"for timm test_convnext fits only to \d+%"):
        load_checkpoint(path, "timm/test_convnext")
    wrong = {name: tensor.new_zeros(2) for name, tensor in trained.state_dict().items()}
    torch.save(wrong, path)
    with pytest.raises(CheckpointError, match="of another shape"):
        load_checkpoint(path, NAME)
    with pytest.raises(SettingsError, match="of one network"):
        load_checkpoint(path, f"{NAME}+{NAME}")


def test_a_checkpoint_of_a_network_with_a_class_token(tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    torch.save(build_network("timm/test_vit", pretrained=False).state_dict(), path)
    network, _ = load_checkpoint(path, "timm/test_vit")
    assert network.pooling.name == "class_token"
    assert load_checkpoint(path, "timm/test_vit")[0].fingerprint == network.fingerprint


def claims_two_gigabytes_safetensors(path: Path) -> None:
    header = b'{"a":{"dtype":"F32","shape":[500000000],"data_offsets":[0,2000000000]}}'
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"\0" * 64)


def claims_a_header_of_two_gigabytes(path: Path) -> None:
    path.write_bytes(struct.pack("<Q", 2_000_000_000) + b"{}" + b"\0" * 64)


def claims_two_gigabytes_zip(path: Path) -> None:
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("archive/data/0", "w", force_zip64=True) as entry,
    ):
        for _ in range(2000):
            entry.write(b"\0" * 1_000_000)


def claims_a_storage_of_two_gigabytes(path: Path) -> None:
    torch.save({"a": torch.zeros(4)}, path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            # The number of elements of the storage, 4, as one byte, becomes 500 million.
            if name.endswith("data.pkl"):
                content = content.replace(b"K\x04tq", b"J\x00\x65\xcd\x1dtq")
            archive.writestr(name, content)


@pytest.mark.parametrize(
    ("suffix", "write"),
    [
        (".safetensors", claims_two_gigabytes_safetensors),
        (".safetensors", claims_a_header_of_two_gigabytes),
        (".pth", claims_two_gigabytes_zip),
        (".pth", claims_a_storage_of_two_gigabytes),
    ],
)
def test_files_that_claim_two_gigabytes_are_refused_in_bounded_memory(
    suffix: str, write, tmp_path: Path
) -> None:
    path = tmp_path / f"model{suffix}"
    write(path)
    code = f"""
import resource
from simviz_core.checkpoints import read_checkpoint
from simviz_core.errors import CheckpointError
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    read_checkpoint({str(path)!r})
except CheckpointError as error:
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(after - before, error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    kilobytes, _, message = done.stdout.partition(" ")
    assert int(kilobytes) < 200_000
    assert str(path) in message


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_truncated_files_are_refused(
    share: float, suffix: str, trained: nn.Module, tmp_path: Path
) -> None:
    path = tmp_path / f"model{suffix}"
    weights = under("", trained)
    torch.save(weights, path) if suffix == ".pth" else save_file(weights, path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(CheckpointError, match=r"empty|damaged|no checkpoint"):
        read_checkpoint(path)
