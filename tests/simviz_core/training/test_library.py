from dataclasses import replace
from typing import Any

import pytest
import torch

from simviz_core.errors import SettingsError, TrainingError
from simviz_core.training import TrainingSettings
from simviz_core.training.library import (
    LOSSES,
    MINERS,
    built,
    check_name,
    described_names,
    drawing_from,
    names,
    options_from_text,
)
from simviz_core.training.losses import asked_loss
from simviz_core.training.trainer import Trainer

NEEDED: dict[str, dict[str, Any]] = {"RankedListLoss": {"margin": 0.4, "Tn": 10}}
"""Options without which a loss cannot be built."""
WITH_WEIGHTS = (
    "ArcFaceLoss CosFaceLoss LargeMarginSoftmaxLoss NormalizedSoftmaxLoss P2SGradLoss "
    "ProxyAnchorLoss ProxyNCALoss SoftTripleLoss SphereFaceLoss SubCenterArcFaceLoss"
)
WRAPPERS = ("CrossBatchMemory", "MultipleLosses", "SelfSupervisedLoss", "GenericPairLoss")
LABELS = torch.arange(3).repeat_interleave(2)


def batch() -> torch.Tensor:
    return torch.randn(6, 3, 224, 224, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def deterministic() -> Any:
    """As a training on a CPU runs."""
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("name", names(LOSSES))
def test_each_loss_trains_the_network_and_its_own_weights(
    name: str, settings: TrainingSettings, deterministic: None
) -> None:
    asked = replace(settings, loss=name, loss_options=NEEDED.get(name, {}))
    trainer = Trainer(asked, classes=3)
    first = [values.clone() for values in trainer.loss.parameters()]
    weight = next(trainer.network.parameters()).clone()
    for _ in range(3):
        trainer.step(batch(), LABELS)
    assert not torch.equal(weight, next(trainer.network.parameters()))
    assert bool(first) == (name in WITH_WEIGHTS.split())
    for before, after in zip(first, trainer.loss.parameters(), strict=True):
        assert not torch.equal(before, after)


@pytest.mark.parametrize("name", names(MINERS))
def test_each_miner_chooses_for_a_loss(
    name: str, settings: TrainingSettings, deterministic: None
) -> None:
    asked = replace(settings, loss="TripletMarginLoss", miner=name)
    trainer = Trainer(asked, classes=3)
    assert trainer.step(batch(), LABELS) >= 0


def test_the_weights_of_a_loss_have_a_learning_rate_of_their_own(
    settings: TrainingSettings,
) -> None:
    asked = replace(settings, loss="ProxyAnchorLoss", loss_learning_rate=1e-9)
    trainer = Trainer(asked, classes=3)
    (proxies,) = trainer.loss.parameters()
    assert proxies.shape == (3, 16)
    before = proxies.clone()
    trainer.step(batch(), LABELS)
    assert [group["lr"] for group in trainer.optimizer.param_groups] == [0.01, 1e-9]
    assert torch.allclose(before, proxies, atol=1e-8)


def test_what_cannot_be_used_is_refused_with_the_cause() -> None:
    for name in WRAPPERS:
        assert name not in names(LOSSES)
        with pytest.raises(SettingsError, match=r"made of another (loss|losses|mat_based_loss)"):
            check_name(LOSSES, name)
    for name in ("VICRegLoss", "ManifoldLoss"):
        with pytest.raises(SettingsError, match="it takes no classes"):
            check_name(LOSSES, name)
    with pytest.raises(SettingsError, match="batches of triplets"):
        check_name(MINERS, "EmbeddingsAlreadyPackagedAsTriplets")
    for name in ("Adam", "BaseMetricLossFunction", "__import__", "torch"):
        with pytest.raises(SettingsError, match=rf"unknown loss '{name}'; choose one of Angular"):
            check_name(LOSSES, name)


def test_losses_and_miners_are_listed_with_their_options() -> None:
    assert "CosFaceLoss  margin=0.35 scale=64" in described_names(LOSSES)
    assert "RankedListLoss  margin Tn imbalance=0.5 alpha=None Tp=0" in described_names(LOSSES)
    assert "MultiSimilarityMiner  epsilon=0.1" in described_names(MINERS)


def test_options_are_read_by_the_constructors_defaults() -> None:
    texts = ["margin=1", "swap=true", "triplets_per_anchor=5"]
    read = options_from_text(LOSSES, "TripletMarginLoss", texts)
    assert read == {"margin": 1, "swap": True, "triplets_per_anchor": 5}
    read = options_from_text(LOSSES, "TripletMarginLoss", ["margin=0.2", "triplets_per_anchor=all"])
    assert read == {"margin": 0.2, "triplets_per_anchor": "all"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("margin", "'margin' is no option of TripletMarginLoss; write one as margin=0.3"),
        ("marign=1", "no option 'marign'; it has margin, swap, smooth_loss, triplets_per_anchor"),
        ("margin=wide", "margin of TripletMarginLoss should be a number, not 'wide'"),
        ("margin=nan", "should be a number"),
        ("swap=1", "swap of TripletMarginLoss should be true or false"),
        ("distance=LpDistance", "no option 'distance'"),
    ],
)
def test_options_that_cannot_be_are_refused(text: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        options_from_text(LOSSES, "TripletMarginLoss", [text])


def test_a_loss_that_cannot_be_built_says_why() -> None:
    with pytest.raises(SettingsError, match="RankedListLoss needs Tn; give each as --loss-option"):
        built(LOSSES, "RankedListLoss", {"margin": 1}, 3, 8)
    with pytest.raises(SettingsError, match="PNPLoss cannot be built with variant=Z: "):
        built(LOSSES, "PNPLoss", {"variant": "Z"}, 3, 8)


def test_a_loss_and_a_miner_that_do_not_go_together_are_refused(
    settings: TrainingSettings,
) -> None:
    asked = replace(settings, loss="P2SGradLoss", miner="BatchHardMiner")
    with pytest.raises(TrainingError, match="P2SGradLoss with BatchHardMiner cannot be"):
        asked_loss(asked, 3, 8)


def test_random_choices_of_the_library_are_drawn_from_a_seed() -> None:
    from pytorch_metric_learning.utils import common_functions

    drawn = []
    for seed in (1, 1, 2):
        with drawing_from(seed):
            drawn.append(common_functions.safe_random_choice([*range(100)], 5).tolist())
    assert drawn[0] == drawn[1] != drawn[2]
