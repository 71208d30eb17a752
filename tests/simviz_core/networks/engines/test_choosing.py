"""A trunk is run by OpenVINO where it makes the same of images as PyTorch, and nowhere else."""

import importlib.util
import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from simviz_core.cli.main import main
from simviz_core.errors import NetworkError, SettingsError
from simviz_core.evidence.games.randomisation import shuffled_from_top
from simviz_core.files import CACHE_VARIABLE
from simviz_core.networks import (
    NetworkFacts,
    Preprocessing,
    SimilarityNetwork,
    adapt_network,
    load_network,
    network_reading,
)
from simviz_core.networks.engines import choosing
from simviz_core.networks.engines.choosing import (
    EMBEDDING_TOLERANCE,
    ENGINE_VARIABLE,
    MAP_TOLERANCE,
)
from simviz_core.networks.inspection.detection import probe_images

if importlib.util.find_spec("openvino") is None:  # imported as SimViz does, which tells nobody
    pytest.skip("OpenVINO is not installed", allow_module_level=True)
FAMILIES = ["efficientnet", "convnext2", "nfnet", "byobnet", "vit"]
"""Small networks of timm's, made for tests, one for each kind of layers."""
NAME = "timm/test_resnet"
SIZE = 96


@pytest.fixture(autouse=True)
def by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENGINE_VARIABLE, raising=False)


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[Path]]:
    """The converted trunks in a cache folder that is empty at first."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    return lambda: sorted((tmp_path / "engines").glob("*.safetensors"))


def network(name: str = NAME, size: int = SIZE) -> SimilarityNetwork:
    """The same weights every time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return load_network(name, "average", size, pretrained=False)


@pytest.fixture(scope="module")
def shared() -> SimilarityNetwork:
    """One for tests that change nothing of it."""
    return network()


def is_fast(of: SimilarityNetwork) -> bool:
    return of.engine_in_use.is_openvino


def by_modules(of: SimilarityNetwork, pixels: Tensor) -> Tensor:
    with torch.inference_mode():
        return of.trunk(pixels).permute(0, 2, 3, 1)


def agree(F: Tensor, other: Tensor) -> bool:
    """Within tolerance, and not the same bits, which would be PyTorch's own."""
    return bool((F - other).abs().max() <= MAP_TOLERANCE * other.abs().max())


@pytest.mark.parametrize("family", FAMILIES)
def test_networks_of_all_kinds_agree_with_pytorch(family: str) -> None:
    """Whatever the number of images, also those that were not seen when it was converted."""
    own = network(f"timm/test_{family}", 160)
    assert own.engine_in_use.reason is None
    assert (own.engine_in_use.embedding_difference or 0) <= EMBEDDING_TOLERANCE
    pixels = probe_images((160, 160), seed=9, count=5)
    expected = by_modules(own, pixels)
    for count in (5, 1, 4):
        F = own.run_trunk(pixels[:count])
        assert F.shape == expected[:count].shape
        assert F.is_contiguous()
        assert agree(F, expected[:count])
        apart = own.unit_embeddings(pixels[:count]) - own.unit_embeddings_of(expected[:count])
        assert torch.linalg.vector_norm(apart, dim=-1).max() <= EMBEDDING_TOLERANCE


def test_each_size_has_its_own(shared: SimilarityNetwork) -> None:
    for size in (64, SIZE):
        own = replace(shared, size=size)
        pixels = probe_images((size, size), seed=9)
        assert is_fast(own)
        assert agree(own.run_trunk(pixels), by_modules(own, pixels))
    # The trunk takes any size, and runs those itself that the network was not made for.
    pixels = probe_images((128, 128), seed=9)
    assert torch.equal(own.run_trunk(pixels), by_modules(own, pixels))


def test_many_threads_at_once_get_what_each_would_get_alone(shared: SimilarityNetwork) -> None:
    own = shared
    batches = [probe_images((SIZE, SIZE), seed, count=1 + seed % 4) for seed in range(24)]
    alone = [own.run_trunk(pixels) for pixels in batches]
    with ThreadPoolExecutor(6) as threads:
        together = list(threads.map(own.run_trunk, batches))
    for F, expected in zip(together, alone, strict=True):
        assert agree(F, expected)


def test_the_first_run_may_come_from_many_threads() -> None:
    own = network()
    pixels = probe_images((SIZE, SIZE), seed=9)
    with ThreadPoolExecutor(6) as threads:
        maps = list(threads.map(own.run_trunk, [pixels] * 6))
    assert all(agree(F, by_modules(own, pixels)) for F in maps)


class Custom(nn.Module):
    """A convolution whose result goes through code."""

    def __init__(self, code: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Conv2d(3, 8, 8, stride=8)
        self.code = code

    def forward(self, pixels: Tensor) -> Tensor:
        return self.code(self.layer(pixels)).mean((2, 3))


def custom(code: Callable[[Tensor], Tensor]) -> SimilarityNetwork:
    facts = NetworkFacts("mine", Preprocessing(), 32)
    return adapt_network("mine", Custom(code).eval().requires_grad_(False), facts=facts)


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (torch.special.bessel_j0, "OpenVINO cannot run it"),
        # A number that is read once, when the network is converted.
        (lambda F: F * int(F.shape[0]), "OpenVINO's feature map differs by"),
        (lambda F: torch.where(F > 10, torch.nan, F), ""),
    ],
)
def test_pytorch_runs_what_openvino_does_not_make_the_same(
    code: Callable[[Tensor], Tensor], reason: str
) -> None:
    own = custom(code)
    engine = own.engine_in_use
    assert is_fast(own) == (not reason)
    assert reason in (engine.reason or "")
    pixels = probe_images((32, 32), seed=9, count=4)
    expected = by_modules(own, pixels)
    assert agree(own.run_trunk(pixels), expected)
    if reason:
        assert torch.equal(own.run_trunk(pixels), expected)


def test_an_embedding_that_differs_is_made_by_pytorch(shared: SimilarityNetwork) -> None:
    """However well the feature maps agree, a tail may enlarge what is between them."""
    own = shared
    assert is_fast(own)

    class Enlarging(type(own.pooling)):  # type: ignore[misc]
        def embed(self, F: Tensor) -> Tensor:
            e = super().embed(F)
            return e - e.round(decimals=3)

    other = replace(own, pooling=Enlarging())
    assert "OpenVINO's embedding differs by" in other.engine_in_use.line
    pixels = probe_images((SIZE, SIZE), seed=9)
    assert torch.equal(other.run_trunk(pixels), by_modules(own, pixels))


def test_values_that_are_not_finite_are_refused_as_before() -> None:
    """OpenVINO's ReLU makes 0 of NaN, so that nothing would be seen of it."""
    own = network()
    with torch.no_grad():
        next(own.trunk.parameters()).mul_(1e38)
    assert not is_fast(own)
    with pytest.raises(NetworkError, match="values that are not finite numbers"):
        own.run_trunk(probe_images((SIZE, SIZE), seed=9))


def test_shuffled_weights_are_never_run_as_the_original_ones(shared: SimilarityNetwork) -> None:
    own = shared
    pixels = probe_images((SIZE, SIZE), seed=9)
    before = own.run_trunk(pixels)
    shuffled = shuffled_from_top(own, 1.0)
    assert not is_fast(shuffled)
    F = shuffled.run_trunk(pixels)
    assert torch.equal(F, by_modules(shuffled, pixels))
    assert not agree(F, before)
    assert is_fast(own)


def test_weights_that_are_changed_in_place_are_seen_at_once() -> None:
    own = network()
    pixels = probe_images((SIZE, SIZE), seed=9)
    before = own.run_trunk(pixels)
    with torch.no_grad():
        for values in own.trunk.parameters():
            values.mul_(1.5)
    expected = by_modules(own, pixels)
    assert not agree(before, expected)
    assert torch.equal(own.run_trunk(pixels), expected)
    anew = replace(own)
    assert is_fast(anew)
    assert agree(anew.run_trunk(pixels), expected)


def test_what_was_converted_is_read_again(
    files: Callable[[], list[Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = probe_images((SIZE, SIZE), seed=9)
    first = network().run_trunk(pixels)
    assert len(files()) == 1
    monkeypatch.setattr(choosing, "convert", lambda *_: pytest.fail("it was converted again"))
    assert agree(network().run_trunk(pixels), first)
    monkeypatch.undo()


def test_code_that_changed_is_seen_though_its_weights_are_the_same(
    files: Callable[[], list[Path]],
) -> None:
    before, after = custom(torch.relu), custom(lambda F: torch.relu(-F))
    assert is_fast(before)
    assert is_fast(after)
    assert len(files()) == 1
    pixels = probe_images((32, 32), seed=9)
    assert agree(after.run_trunk(pixels), by_modules(after, pixels))
    assert not agree(after.run_trunk(pixels), before.run_trunk(pixels))


@pytest.mark.parametrize("damage", ["cut", "bit", "other"])
def test_a_damaged_file_is_made_anew(files: Callable[[], list[Path]], damage: str) -> None:
    pixels = probe_images((SIZE, SIZE), seed=9)
    expected = network().run_trunk(pixels)
    (path,) = files()
    whole = path.read_bytes()
    if damage == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif damage == "bit":
        place = len(whole) * 3 // 4
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 64]) + whole[place + 1 :])
    else:  # sound, but another trunk's
        other = network("timm/test_nfnet")
        assert is_fast(other)
        (foreign,) = [file for file in files() if file != path]
        path.write_bytes(foreign.read_bytes())
    damaged = path.read_bytes()
    own = network()
    assert is_fast(own)
    assert agree(own.run_trunk(pixels), expected)
    assert path.read_bytes() != damaged


def test_a_cache_folder_that_cannot_be_written_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    assert is_fast(network())


def test_pytorch_can_be_asked_for(
    shared: SimilarityNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = replace(shared)
    assert is_fast(shared)
    monkeypatch.setenv(ENGINE_VARIABLE, "torch")
    assert own.engine_in_use.line.endswith("(SIMVIZ_ENGINE=torch)")
    pixels = probe_images((SIZE, SIZE), seed=9)
    assert torch.equal(own.run_trunk(pixels), by_modules(own, pixels))
    # An index that was made with one is good for the other.
    assert own.fingerprint == shared.fingerprint
    monkeypatch.setenv(ENGINE_VARIABLE, "tensorrt")
    with pytest.raises(SettingsError, match=r"'tensorrt'; it takes openvino.* or torch"):
        replace(shared).run_trunk(pixels)


def test_openvino_need_not_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    own = network()
    monkeypatch.setitem(sys.modules, "openvino", None)
    assert own.engine_in_use.reason == "OpenVINO is not installed"
    pixels = probe_images((SIZE, SIZE), seed=9)
    assert torch.equal(own.run_trunk(pixels), by_modules(own, pixels))


def test_openvino_cannot_report_to_its_makers(shared: SimilarityNetwork) -> None:
    assert is_fast(shared)
    assert sys.modules["openvino_telemetry"] is None  # type: ignore[comparison-overlap]


def test_class_tokens_stay_with_pytorch_and_their_patches_do_not() -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        own = load_network("timm/test_vit", pretrained=False)
    assert "class tokens" in own.engine_in_use.line
    assert is_fast(own.with_pooling("average"))


def test_ensembles_say_what_runs_each_of_them() -> None:
    joined = load_network(f"{NAME}+timm/test_vit", size=160, pretrained=False)
    assert joined.engine_in_use.line.startswith(f"{NAME}: OpenVINO")
    assert "; timm/test_vit: PyTorch" in joined.engine_in_use.line


def test_the_engine_is_said(
    shared: SimilarityNetwork, capsys: pytest.CaptureFixture[str], demo_rooms: Path
) -> None:
    assert network_reading(shared).engine == shared.engine_in_use
    asked = ["--network", NAME, "--random-weights", "--json", "-"]
    main(["inspect", NAME, *asked[2:]])
    told = json.loads(capsys.readouterr().out)["engine"]
    assert told["name"].startswith("OpenVINO ")
    assert told["map_difference"] <= MAP_TOLERANCE
    pictures = [str(path) for path in sorted(demo_rooms.glob("*/*.jpg"))[:2]]
    main(["pair", *pictures, *asked])
    assert json.loads(capsys.readouterr().out)["engine"] == told["line"]
