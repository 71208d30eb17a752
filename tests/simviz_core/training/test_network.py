"""Networks of libraries in training: gradients, what is saved, and what it is when it is loaded."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from simviz_core.checkpoints import load_checkpoint, network_weights, save_weights
from simviz_core.checkpoints.loading import load_for_settings
from simviz_core.decomposition import CLASS_TOKEN
from simviz_core.errors import NetworkError, TrainingError
from simviz_core.gallery import Gallery
from simviz_core.networks import SimilarityNetwork
from simviz_core.runs import checkpoint_settings, open_run
from simviz_core.training import TrainingSettings, network, train
from simviz_core.training.network import NetworkInTraining
from simviz_core.training.trainer import Trainer

SMALL = TrainingSettings(
    network="timm/test_vit",
    pooling="own",
    size=160,
    from_scratch=True,
    iterations=8,
    checkpoints=(0,),
    classes=3,
    images=2,
    learning_rate=1e-3,
    held_out=("blue", "dun"),
)
LABELS = torch.arange(3).repeat_interleave(2)


def batch(height: int, width: int) -> Tensor:
    return torch.randn(6, 3, height, width, generator=torch.Generator().manual_seed(0))


def residual(loaded: SimilarityNetwork, pixels: Tensor) -> float:
    """How far the cells are from making the unit embedding of the network as it embeds."""
    image = loaded.decompose_feature_map(loaded.run_trunk(pixels))
    total = (image.contributions.sum((-3, -2)) + image.constant) / image.norm[..., None]
    return float((total - loaded.unit_embeddings(pixels)).abs().max())


@pytest.mark.parametrize(
    ("name", "pooling", "found", "size"),
    [
        ("timm/test_vit", "own", CLASS_TOKEN, 160),
        ("timm/test_vit", "average", "average", 160),
        ("timm/test_resnet", "gem", "gem", (96, 64)),
        ("timm/test_convnext", "own", "average", 160),
        ("timm/levit_128s", "own", "average", 224),
    ],
)
def test_steps_lower_the_loss_and_the_checkpoint_is_what_was_trained(
    name: str, pooling: str, found: str, size: int | tuple[int, int], tmp_path: Path
) -> None:
    trainer = Trainer(replace(SMALL, network=name, pooling=pooling, size=size), classes=3)
    assert trainer.network.pooling == found
    width, height = (size, size) if isinstance(size, int) else size
    pixels = batch(height, width)
    losses = [trainer.step(pixels, LABELS) for _ in range(5)]
    assert losses[-1] < losses[0]
    assert all(weight.grad is not None for weight in trainer.network.parameters())

    path = tmp_path / "c.safetensors"
    save_weights(trainer.network.weights(), path, found)
    loaded, _ = load_checkpoint(path, name, found, size)
    inner = loaded.trunk.network
    assert isinstance(inner, nn.Module)
    stored = load_file(path)
    for key, tensor in network_weights(inner).items():
        assert torch.equal(tensor, stored[key].float())
        assert torch.equal(stored[key], trainer.network.weights()[key].half())
    assert residual(loaded, pixels) < 1e-4
    # In full precision it embeds as the network in training does, evaluated.
    inner.load_state_dict(trainer.network.network.state_dict(), strict=False)
    trainer.network.eval()
    with torch.no_grad():
        trained = trainer.network.embed(trainer.network(pixels))
    unit = nn.functional.normalize(trained)
    assert torch.allclose(unit, loaded.unit_embeddings(pixels), atol=1e-5)


def test_a_run_of_any_network_describes_itself(gallery: Gallery, tmp_path: Path) -> None:
    settings = replace(SMALL, network="timm/test_resnet", size=(96, 64))
    run = train(gallery, tmp_path / "run", settings)
    opened = open_run(tmp_path / "run")
    assert opened == run
    assert (run.network, run.pooling, run.size) == ("timm/test_resnet", "average", (96, 64))
    loaded = load_for_settings(checkpoint_settings(opened, opened.checkpoints[-1]))
    assert (loaded.pooling.name, loaded.size) == ("average", (96, 64))
    assert train(gallery, tmp_path / "run", settings, resume=True) == run


def test_an_embedder_is_trained_and_belongs_to_its_pooling(
    gallery: Gallery, settings: TrainingSettings, tmp_path: Path
) -> None:
    asked = replace(settings, pooling="max", embedding_size=8, iterations=4, checkpoints=(0,))
    run = train(gallery, tmp_path / "run", asked)
    first, last = run.checkpoints
    assert first.path is not None
    assert last.path is not None
    assert not torch.equal(
        load_file(first.path)["embedder.weight"], load_file(last.path)["embedder.weight"]
    )
    loaded = load_for_settings(checkpoint_settings(run, last))
    (layer,) = loaded.tail
    assert torch.equal(layer.weight, load_file(last.path)["embedder.weight"].float())
    assert loaded.unit_embeddings(batch(224, 224)).shape == (6, 8)
    assert residual(loaded, batch(224, 224)) < 1e-4
    other, _ = load_checkpoint(last.path, settings.network, "average")
    assert not other.tail
    assert other.weights is not None
    assert "learnt for max pooling" in other.weights.line


class Small(nn.Module):
    """A network whose trunk does more in training than it does later."""

    def __init__(self, further: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 5, stride=8)
        self.further = further

    def forward(self, pixels: Tensor) -> Tensor:
        F = self.conv(pixels).relu()
        if self.training:
            F = self.further(F)
        return F.mean((2, 3))


def of(monkeypatch: pytest.MonkeyPatch, built: nn.Module) -> NetworkInTraining:
    monkeypatch.setattr(network, "build_network", lambda *_: built.eval().requires_grad_(False))
    return NetworkInTraining(replace(SMALL, network="timm/test_resnet"))


def test_what_a_network_does_in_training_alone_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Operations are counted, and another mean before the pooling would be taken for it."""
    for further in (lambda F: F * F.mean(), lambda F: F[:, :0]):
        trained = of(monkeypatch, Small(further))
        trained.set_training_mode()
        assert not trained.network.training
        trained.eval()
        expected = trained.embed(trained(batch(160, 160)))
        trained.set_training_mode()
        assert torch.equal(trained.embed(trained(batch(160, 160))), expected)
    trained = of(monkeypatch, Small(lambda F: F))
    trained.set_training_mode()
    assert trained.network.training


def test_dropout_is_on_and_batch_norm_learns_from_scratch(monkeypatch: pytest.MonkeyPatch) -> None:
    built = nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=8),
        nn.BatchNorm2d(8),
        nn.Dropout(0.5),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    trained = of(monkeypatch, built)
    trained.set_training_mode()
    pixels = batch(160, 160)
    assert not torch.equal(trained(pixels), trained(pixels))
    assert built[1].running_mean.any()


class Detached(Small):
    """A network through which no gradient flows."""

    def forward(self, pixels: Tensor) -> Tensor:
        with torch.no_grad():
            return super().forward(pixels)


@pytest.mark.parametrize(
    ("built", "reason"),
    [
        (Small(nn.Identity()).half(), "weights in half precision, in which the small steps"),
        (nn.Sequential(nn.AvgPool2d(8), nn.AdaptiveAvgPool2d(1), nn.Flatten()), "has no weights"),
        (Detached(nn.Identity()), "cannot be trained, since gradients cannot be had of it"),
    ],
)
def test_what_cannot_be_trained_says_why(
    monkeypatch: pytest.MonkeyPatch, built: nn.Module, reason: str
) -> None:
    with pytest.raises(TrainingError, match=reason):
        of(monkeypatch, built)


def test_what_cannot_be_decomposed_is_not_trained() -> None:
    with pytest.raises(NetworkError, match="cannot be decomposed: its attention pooling"):
        NetworkInTraining(replace(SMALL, network="timm/test_vit3"))
