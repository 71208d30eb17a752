import pytest
import torch
from torch import Tensor, nn
from torchvision.models import resnet50, resnet101, vgg16

from simviz_core.checkpoints import WrongShape, backbone_weights, load_weights, match_weights
from simviz_core.errors import CheckpointError
from simviz_core.networks import build_network


def small_trunk() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 16, 3))


def weights_of(trunk: nn.Module, prefix: str = "") -> dict[str, Tensor]:
    return {prefix + name: tensor.clone() for name, tensor in backbone_weights(trunk).items()}


@pytest.mark.parametrize(
    "prefix", ["", "module.", "backbone.", "trunk.", "module.model.encoder.backbone.", "0."]
)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_weights_are_found_under_any_prefix_and_become_float32(
    prefix: str, dtype: torch.dtype
) -> None:
    source, target = small_trunk(), small_trunk()
    weights = {key: tensor.to(dtype) for key, tensor in weights_of(source, prefix).items()}
    match = load_weights(target, weights, "m.pth")
    assert match.is_complete
    assert (match.prefix, match.share, match.unexpected) == (prefix, 1, ())
    for key, tensor in backbone_weights(target).items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, weights[prefix + key].float())


def test_heads_are_tolerated_and_other_strangers_listed() -> None:
    weights = weights_of(small_trunk(), "backbone.")
    for head in ("classifier.weight", "fc.bias", "head.0.weight", "backbone.fc.weight"):
        weights[head] = torch.zeros(500, 500)
    weights["queue"] = torch.zeros(4)
    match = load_weights(small_trunk(), weights, "m.pth")
    assert match.is_complete
    assert match.share == 1
    assert match.unexpected == ("queue",)


def test_names_outside_the_prefix_are_unexpected() -> None:
    weights = {**weights_of(small_trunk(), "student."), "2.bias": torch.zeros(16)}
    assert match_weights(backbone_weights(small_trunk()), weights).unexpected == ("2.bias",)


def test_what_does_not_match_is_listed_and_left_alone() -> None:
    trunk = small_trunk()
    before = weights_of(trunk)
    weights = weights_of(small_trunk())
    del weights["0.bias"]
    weights["2.bias"] = torch.ones(17)
    match = load_weights(trunk, weights, "m.pth")
    assert match.missing == ("0.bias",)
    assert match.wrong_shape == (WrongShape("2.bias", (17,), (16,)),)
    assert match.matched == match.total - 8 - 16
    assert not match.is_complete
    assert torch.equal(backbone_weights(trunk)["2.bias"], before["2.bias"])


def test_a_poor_match_is_refused_with_numbers_and_changes_nothing() -> None:
    trunk = small_trunk()
    before = weights_of(trunk)
    weights = weights_of(small_trunk())
    weights["2.weight"] = torch.zeros(16, 8, 5, 5)
    weights["extra.weight"] = torch.zeros(3)
    del weights["1.running_var"]
    reason = (
        r"m\.pth fits only to 19% \(264 of 1,424 numbers; 1 tensors missing, 1 unexpected, 1 of "
        r"another shape\); choose the network"
    )
    with pytest.raises(CheckpointError, match=reason):
        load_weights(trunk, weights, "m.pth")
    assert all(torch.equal(tensor, before[key]) for key, tensor in backbone_weights(trunk).items())


def test_weights_of_something_else_fit_not_at_all() -> None:
    with pytest.raises(CheckpointError, match=r"fits only to 0% \(0 of"):
        load_weights(small_trunk(), {"encoder.layer.weight": torch.zeros(5, 5)}, "m.pth")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_weights_that_are_not_finite_are_refused(value: float) -> None:
    weights = {key: tensor.double() for key, tensor in weights_of(small_trunk()).items()}
    weights["1.weight"][3] = value
    with pytest.raises(CheckpointError, match=r"not finite numbers, first in 1\.weight"):
        load_weights(small_trunk(), weights, "m.pth")


def test_checkpoints_of_torchvision_fit_by_name() -> None:
    for name, network in (("resnet50", resnet50()), ("vgg16", vgg16())):
        trunk = build_network(name, pretrained=False)
        weights = {f"module.{key}": tensor for key, tensor in network.state_dict().items()}
        floating = {key: tensor for key, tensor in weights.items() if tensor.is_floating_point()}
        match = load_weights(trunk, floating, "m.pth")
        assert (match.is_complete, match.unexpected) == (True, ())


def test_a_deeper_network_that_holds_every_tensor_is_refused() -> None:
    with torch.device("meta"):
        trunk, deeper = resnet50(), resnet101()
    match = match_weights(backbone_weights(trunk), backbone_weights(deeper))
    assert match.is_complete
    assert match.share < 0.6


def test_the_classifier_is_no_part_of_the_backbone() -> None:
    weights = backbone_weights(build_network("efficientnet_lite0", pretrained=False))
    assert "conv_stem.weight" in weights
    assert not any("classifier" in name or "num_batches" in name for name in weights)
    assert sum(tensor.numel() for tensor in weights.values()) == 3_413_024
