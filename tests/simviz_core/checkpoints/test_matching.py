from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import resnet50, resnet101, vgg16

from simviz_core.checkpoints import (
    WeightsMatch,
    backbone_weights,
    match_weights,
    network_weights,
)
from simviz_core.checkpoints.choosing import choose_part, take_weights
from simviz_core.checkpoints.formats.stored import StoredTensor
from simviz_core.checkpoints.parts import Contents, Part
from simviz_core.errors import CheckpointError
from simviz_core.networks import build_network


def small_trunk() -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 16, 3))


def weights_of(trunk: nn.Module, prefix: str = "") -> dict[str, Tensor]:
    return {prefix + name: tensor.clone() for name, tensor in backbone_weights(trunk).items()}


def in_file(weights: dict[str, Tensor]) -> dict[str, StoredTensor]:
    return {
        name: StoredTensor(tuple(tensor.shape), tensor.dtype, tensor.clone)
        for name, tensor in weights.items()
    }


def load_weights(trunk: nn.Module, weights: dict[str, Tensor], name: str) -> WeightsMatch:
    """As `load_checkpoint` does, from a file with these weights alone."""
    expected = backbone_weights(trunk)
    contents = Contents((Part("", in_file(weights), {}),))
    choice = choose_part(contents, expected, Path(name), "small")
    take_weights(choice, expected, Path(name), "small")
    return choice.taken.match


@pytest.mark.parametrize(
    "prefix",
    ["", "module.", "_orig_mod.", "backbone.", "trunk.", "module.model.encoder.backbone.", "0."],
)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_weights_are_found_under_any_prefix_and_become_float32(
    prefix: str, dtype: torch.dtype
) -> None:
    source, target = small_trunk(), small_trunk()
    weights = {key: tensor.to(dtype) for key, tensor in weights_of(source, prefix).items()}
    match = load_weights(target, weights, "m.pth")
    assert match.is_complete
    plain = prefix.replace("module.", "").replace("_orig_mod.", "")
    assert (match.prefix, match.share, match.unexpected) == (plain, 1, ())
    for key, tensor in backbone_weights(target).items():
        assert tensor.dtype == torch.float32
        assert torch.equal(tensor, weights[prefix + key].float())


def test_heads_and_strangers_are_told_apart_from_what_is_beyond() -> None:
    weights = weights_of(small_trunk(), "backbone.")
    for head in ("classifier.weight", "fc.bias", "head.0.weight", "backbone.fc.weight"):
        weights[head] = torch.zeros(500, 500)
    weights["queue"] = torch.zeros(4)
    weights["backbone.0.total_ops"] = torch.zeros(1)
    match = load_weights(small_trunk(), weights, "m.pth")
    assert match.is_complete
    assert match.share == 1
    assert {"queue", "fc.bias", "backbone.fc.weight"} < set(match.unexpected)
    assert "backbone.0.total_ops" not in match.unexpected


def test_names_of_wrappers_inside_of_names_are_overlooked() -> None:
    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.block = small_trunk()

    source = Net()
    weights = {
        key.replace("block.", "_orig_mod.block.module._orig_mod."): tensor
        for key, tensor in network_weights(source).items()
    }
    match = match_weights(network_weights(Net()), weights)
    assert match.is_complete
    assert match.keys["block.0.weight"] == "_orig_mod.block.module._orig_mod.0.weight"


def test_names_outside_the_prefix_are_unexpected() -> None:
    weights = {**weights_of(small_trunk(), "student."), "2.bias": torch.zeros(16)}
    assert match_weights(backbone_weights(small_trunk()), weights).unexpected == ("2.bias",)


@pytest.mark.parametrize(
    ("amiss", "message"),
    [
        (lambda w: w.pop("0.bias"), r"fits only to 99% .*1 tensor missing: 0\.bias; choose"),
        (
            lambda w: w.update({"2.bias": torch.ones(17)}),
            r"1 tensor of another shape: 2\.bias \(2\.bias is 17 instead of 16\)",
        ),
        (lambda w: w.update({"0.extra": torch.ones(2)}), r"1 tensor beyond it: 0\.extra"),
        (
            lambda w: [w.pop(key) for key in list(w) if "running" in key],
            r"2 tensors missing: 1\.running_mean, 1\.running_var",
        ),
        (lambda w: w.update({"2.weight": torch.ones(16, 8, 5, 5)}), r"fits only to 19% \(272 of"),
    ],
)
def test_whatever_is_missing_or_misshapen_is_refused_by_name(amiss, message: str) -> None:
    trunk = small_trunk()
    before = weights_of(trunk)
    weights = weights_of(small_trunk())
    amiss(weights)
    with pytest.raises(CheckpointError, match=message):
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


def test_negative_variances_are_named() -> None:
    weights = weights_of(small_trunk())
    weights["1.running_var"][3] = -0.5
    with pytest.raises(CheckpointError, match=r"negative variances, first in 1\.running_var"):
        load_weights(small_trunk(), weights, "m.pth")


def test_one_colour_channel_is_spread_over_three() -> None:
    """A network for grey images sees the mean of the colours, and is the same for grey ones."""
    grey = nn.Sequential(nn.Conv2d(1, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 16, 3)).eval()
    trunk = small_trunk().eval()
    match = load_weights(trunk, weights_of(grey), "m.pth")
    assert match.is_complete
    picture = torch.rand(2, 1, 9, 9)
    torch.testing.assert_close(trunk(picture.expand(2, 3, 9, 9)), grey(picture))


def parts_of(**weights: dict[str, Tensor]) -> Contents:
    return Contents(tuple(Part(name, in_file(inner), {}) for name, inner in weights.items()))


@pytest.mark.parametrize(
    ("names", "taken"),
    [
        (("model_ema", "model"), "model"),
        (("student", "teacher"), "teacher"),
        (("ema", "something"), "something"),
        (("encoder_k", "encoder_q"), "encoder_q"),
        (("state_dict_ema", "state_dict", "net"), "state_dict"),
    ],
)
def test_of_several_parts_that_fit_one_is_taken_and_the_others_are_offered(
    names: tuple[str, ...], taken: str
) -> None:
    contents = parts_of(**{name: weights_of(small_trunk()) for name in names})
    expected = backbone_weights(small_trunk())
    choice = choose_part(contents, expected, Path("m.pth"), "small")
    assert choice.taken.label == taken
    assert set(choice.others) == set(names) - {taken}
    for name in names:
        assert choose_part(contents, expected, Path("m.pth"), "small", name).taken.label == name
    with pytest.raises(CheckpointError, match=f"no part 'other'.*{taken}"):
        choose_part(contents, expected, Path("m.pth"), "small", "other")


def test_the_part_that_fits_is_found_by_fit_not_by_name() -> None:
    other = {"0.weight": torch.zeros(8, 3, 3, 3), "0.bias": torch.zeros(8)}
    contents = parts_of(state_dict=other, whatever=weights_of(small_trunk(), "x.y."))
    choice = choose_part(contents, backbone_weights(small_trunk()), Path("m.pth"), "small")
    assert choice.taken.label == "whatever.x.y"
    assert choice.others == ()


def test_two_networks_under_two_prefixes_are_two_parts() -> None:
    weights = weights_of(small_trunk(), "model.") | weights_of(small_trunk(), "model_ema.")
    expected = backbone_weights(small_trunk())
    choice = choose_part(parts_of(state_dict=weights), expected, Path("m.pth"), "small")
    assert (choice.taken.label, choice.others) == ("state_dict.model", ("state_dict.model_ema",))
    asked = choose_part(parts_of(state_dict=weights), expected, Path("m"), "small", "model_ema")
    assert asked.taken.match.keys["0.bias"] == "model_ema.0.bias"


def test_an_optimiser_is_no_network() -> None:
    contents = parts_of(**{"optimizer.exp_avg": weights_of(small_trunk())})
    with pytest.raises(CheckpointError, match="fits only to 0%"):
        choose_part(contents, backbone_weights(small_trunk()), Path("m.pth"), "small")


def test_checkpoints_of_torchvision_fit_by_name() -> None:
    for name, network in (("resnet50", resnet50()), ("vgg16", vgg16())):
        trunk = build_network(name, pretrained=False)
        weights = {f"module.{key}": tensor for key, tensor in network.state_dict().items()}
        floating = {key: tensor for key, tensor in weights.items() if tensor.is_floating_point()}
        match = load_weights(trunk, floating, "m.pth")
        assert match.is_complete
        heads = ("module.fc.", "module.classifier.")
        assert all(key.startswith(heads) for key in match.unexpected)


def test_a_deeper_network_that_holds_every_tensor_is_refused() -> None:
    with torch.device("meta"):
        trunk, deeper = resnet50(), resnet101()
    match = match_weights(backbone_weights(trunk), backbone_weights(deeper))
    assert not match.is_complete
    assert match.share < 0.6
    assert any(key.startswith("layer3.6.") for key in match.beyond)


def test_the_classifier_is_no_part_of_the_backbone() -> None:
    weights = backbone_weights(build_network("efficientnet_lite0", pretrained=False))
    assert "conv_stem.weight" in weights
    assert not any("classifier" in name or "num_batches" in name for name in weights)
    assert sum(tensor.numel() for tensor in weights.values()) == 3_413_024
