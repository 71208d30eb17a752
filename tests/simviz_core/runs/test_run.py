from pathlib import Path

import pytest
import torch

from simviz_core.checkpoints import backbone_weights, save_weights
from simviz_core.checkpoints.loading import load_for_settings
from simviz_core.errors import CheckpointError, RunError
from simviz_core.networks import SimilarityNetwork, build_network
from simviz_core.runs import Run, RunCheckpoint, checkpoint_settings


@pytest.fixture
def run(tmp_path: Path, tiny_network: str) -> Run:
    trunk = build_network(tiny_network)
    trunk.get_submodule("0").weight.zero_()
    save_weights(backbone_weights(trunk), tmp_path / "c.safetensors")
    checkpoints = (RunCheckpoint(0, None), RunCheckpoint(5, tmp_path / "c.safetensors"))
    return Run(tmp_path, tiny_network, "max", 224, checkpoints)


def load_at(run: Run, iteration: int) -> SimilarityNetwork:
    return load_for_settings(checkpoint_settings(run, run.checkpoint(iteration)))


def test_networks_are_loaded_as_they_were_at_each_checkpoint(run: Run) -> None:
    before = load_at(run, 0)
    assert (before.pooling.name, before.size) == ("max", 224)
    pretrained = backbone_weights(build_network(run.network))
    assert torch.equal(backbone_weights(before.trunk)["0.weight"], pretrained["0.weight"])
    after = load_at(run, 5)
    assert not backbone_weights(after.trunk)["0.weight"].any()


def test_a_checkpoint_that_is_gone_is_named(run: Run) -> None:
    (run.root / "c.safetensors").unlink()
    load_at(run, 0)
    with pytest.raises(CheckpointError, match=r"there is no file .*c\.safetensors"):
        load_at(run, 5)


def test_an_iteration_without_a_checkpoint_lists_those_that_are(run: Run) -> None:
    with pytest.raises(RunError, match="has no checkpoint 3; it has 0, 5"):
        run.checkpoint(3)


def test_a_checkpoint_takes_the_place_of_its_iteration(run: Run) -> None:
    changed = run.with_checkpoint(RunCheckpoint(5, None, 0.5))
    assert [checkpoint.loss for checkpoint in changed.checkpoints] == [None, 0.5]
    longer = run.with_checkpoint(RunCheckpoint(3, None))
    assert [checkpoint.iteration for checkpoint in longer.checkpoints] == [0, 3, 5]
    assert len(run.checkpoints) == 2
