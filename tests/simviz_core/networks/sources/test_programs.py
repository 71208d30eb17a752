"""Programs run code when loaded: only those that the operator named are."""

from pathlib import Path

import pytest
import torch
from torch import nn

from simviz_core.errors import NetworkError, SettingsError
from simviz_core.networks import allowing, load_network, network_reading

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


def layers() -> list[nn.Module]:
    return [nn.Conv2d(3, 8, 16, stride=16), nn.ReLU()]


def embedder() -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)]


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A Python module that leaves a mark when it is imported."""
    (tmp_path / "their_networks.py").write_text(
        f"""
import pathlib
pathlib.Path({str(tmp_path)!r}, "mark").touch()
from torch import nn

def build():
    return nn.Sequential(
        nn.Conv2d(3, 8, 16, stride=16), nn.AdaptiveMaxPool2d(1), nn.Flatten()
    )

def number():
    return 3

def failing():
    raise RuntimeError("no weights here")
"""
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(__import__("sys").modules, "their_networks", raising=False)
    return "python:their_networks"


def save_script(path: Path, *parts: nn.Module) -> str:
    torch.manual_seed(0)
    network = nn.Sequential(*parts).eval()
    torch.jit.save(torch.jit.trace(network, torch.zeros(1, 3, 224, 224)), path)
    return f"file:{path}"


def test_nothing_runs_that_was_not_allowed(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = "would run code when loaded, so it is off; allow it with --allow-code"
    script = save_script(tmp_path / "model.pt", *layers())
    for name in (f"{module}:build", script):
        with pytest.raises(NetworkError, match=expected):
            load_network(name)
    with allowing(script), pytest.raises(NetworkError, match=expected):
        load_network(f"{module}:build")
    monkeypatch.setenv("SIMVIZ_NETWORKS", f"{module}:other;{module}")
    with pytest.raises(NetworkError, match=expected):
        load_network(f"{module}:build")
    assert not (tmp_path / "mark").exists()


def test_a_function_that_the_operator_named(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMVIZ_NETWORKS", f"file:/a.pt2; {module}:build")
    network = load_network(f"{module}:build", size=64)
    assert (tmp_path / "mark").exists()
    assert network_reading(network).line == (
        "their_networks:build · 8 channels, 4 × 4 at 64 · max pooling · exact"
    )


def test_functions_that_cannot_be_used(module: str) -> None:
    for function, message in (
        ("number", "returned int; it should return an nn.Module"),
        ("failing", "RuntimeError: no weights here"),
        ("nothing", "AttributeError"),
    ):
        name = f"{module}:{function}"
        with allowing(name), pytest.raises(NetworkError, match=message):
            load_network(name)
    with allowing(module), pytest.raises(SettingsError, match=r"package\.module:function"):
        load_network(module)


def test_a_torchscript_trunk_is_pooled(tmp_path: Path) -> None:
    name = save_script(tmp_path / "trunk.pt", *layers())
    with allowing(name):
        network = load_network(name, "max")
    reading = network_reading(network)
    assert (reading.pooling, reading.grid, reading.verdict) == ("max", (14, 14), "exact")


def test_the_inside_of_torchscript_cannot_be_seen(tmp_path: Path) -> None:
    name = save_script(tmp_path / "whole.pt", *layers(), *embedder())
    with allowing(name), pytest.raises(NetworkError, match=r"cannot be seen.*exported program"):
        load_network(name)


def test_an_exported_program_is_read_like_any_network(tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = nn.Sequential(*layers(), *embedder()).eval()
    batch = torch.export.Dim("batch", min=1, max=64)
    program = torch.export.export(
        network, (torch.zeros(2, 3, 224, 224),), dynamic_shapes=({0: batch},)
    )
    torch.export.save(program, tmp_path / "model.pt2")
    name = f"file:{tmp_path / 'model.pt2'}"
    with allowing(name):
        loaded = load_network(name)
    assert network_reading(loaded).line.endswith("average pooling, linear · exact")
    pixels = torch.randn(3, 3, 224, 224)
    expected = nn.functional.normalize(network(pixels)).detach()
    torch.testing.assert_close(loaded.unit_embeddings(pixels), expected)


@pytest.mark.parametrize("name", ["model.pt", "model.pt2"])
def test_files_that_are_no_programs(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    with allowing(f"file:{path}"):
        with pytest.raises(NetworkError, match="there is no file"):
            load_network(f"file:{path}")
        path.write_bytes(b"nonsense")
        with pytest.raises(NetworkError, match="is neither a TorchScript file nor"):
            load_network(f"file:{path}")
