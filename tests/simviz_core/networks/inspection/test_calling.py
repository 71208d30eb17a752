"""Networks as people write them: what they return, and what they must be given."""

from typing import Any

import pytest
import torch
from networks_testing import SIZE, Network, built, found
from torch import Tensor, nn

from simviz_core.errors import NetworkError, SettingsError
from simviz_core.networks import NetworkChoices


class Returning(Network):
    """Returns what its head makes, whatever form that has."""

    def __init__(self, head: Any, *layers: nn.Module) -> None:
        super().__init__(head, *layers)


def classifier() -> nn.Linear:
    torch.manual_seed(1)
    return nn.Linear(12, 30)


@pytest.mark.parametrize("order", [1, -1])
def test_the_embedding_is_what_the_others_are_made_of(order: int) -> None:
    layer = classifier()

    def head(F: Tensor) -> Any:
        e = F.mean((2, 3))
        return (e, layer(e))[::order]

    reading = found(built(head, layer))
    taken = "01"[::order][0]
    assert (reading.pooling, reading.dimension, reading.outputs) == ("average", 12, ("0", "1"))
    assert f"of its outputs, '{taken}' is taken" in (reading.note or "")


def test_also_where_it_is_computed_twice() -> None:
    layer = classifier()
    reading = found(built(lambda F: (layer(F.mean((2, 3))), F.mean((2, 3))), layer))
    assert reading.dimension == 12


def test_names_tell_the_embedding() -> None:
    layer = classifier()
    network = built(lambda F: {"logits": layer(F.mean((2, 3))), "embedding": F.amax((2, 3))}, layer)
    reading = found(network)
    assert (reading.pooling, reading.outputs) == ("max", ("logits", "embedding"))


def test_a_list_of_one() -> None:
    reading = found(built(lambda F: [F.mean((2, 3))]))
    assert (reading.pooling, reading.note) == ("average", None)


def test_an_output_can_be_chosen() -> None:
    network = built(lambda F: {"a": F.mean((2, 3)), "b": [F.amax((2, 3)), F.sum((2, 3))]})
    with pytest.raises(NetworkError, match=r"returns 'a' \(12\), 'b.0' \(12\), 'b.1' \(12\)"):
        found(network)
    assert found(network, NetworkChoices(output="b.0")).pooling == "max"
    with pytest.raises(SettingsError, match=r"no output 'c'; it has a, b.0, b.1"):
        found(network, NetworkChoices(output="c"))


def test_one_tensor_has_no_names() -> None:
    with pytest.raises(SettingsError, match="no output 'x'"):
        found(built(lambda F: F.mean((2, 3))), NetworkChoices(output="x"))


class Labelled(Network):
    def forward(self, pixels: Tensor, label: Tensor) -> Tensor:  # type: ignore[override]
        return self.head(self.body(pixels))


class LookingAtLabels(Labelled):
    def forward(self, pixels: Tensor, label: Tensor) -> Tensor:  # type: ignore[override]
        return self.head(self.body(pixels)) * torch.ones_like(label)[:, None]


class Pair(Network):
    def forward(self, pixels: Tensor, other: Tensor) -> Tensor:  # type: ignore[override]
        return self.head(self.body(pixels)) - self.head(self.body(other))


@pytest.mark.parametrize("kind", [Labelled, LookingAtLabels])
def test_labels_are_left_out(kind: type[Network]) -> None:
    reading = found(kind(lambda F: F.mean((2, 3))))
    assert reading.pooling == "average"
    assert "it is given no label" in (reading.note or "")


def test_a_second_image_is_the_true_cause() -> None:
    with pytest.raises(NetworkError, match="more than one image: it needs other, too"):
        found(Pair(lambda F: F.mean((2, 3))))


def test_one_channel_is_the_luma() -> None:
    network = Network(lambda F: F.mean((2, 3)))
    network.body[0] = nn.Conv2d(1, 8, 8, stride=8)
    reading = found(network)
    assert (reading.verdict, reading.residual < 1e-5) == ("exact", True)
    assert "the luma" in (reading.note or "")


def test_four_channels_are_the_true_cause() -> None:
    network = Network(lambda F: F.mean((2, 3)))
    network.body[0] = nn.Conv2d(4, 8, 8, stride=8)
    with pytest.raises(NetworkError, match="it takes 4 channels, and pictures have three"):
        found(network)


def test_half_precision_runs_in_single() -> None:
    network = built(lambda F: F.mean((2, 3))).half()
    reading = found(network)
    assert reading.residual < 1e-5
    assert "half precision" in (reading.note or "")
    assert network.body[0].weight.dtype == torch.float16


def test_a_network_in_training_mode_is_taken_out_of_it() -> None:
    layer = nn.Dropout(0.5)
    network = built(lambda F: layer(F.mean((2, 3))), layer).train()
    reading = found(network)
    assert (reading.verdict, reading.note) == ("exact", None)


def test_a_size_that_it_runs_on_is_named() -> None:
    layer = nn.Linear(12 * 7 * 7, 5)
    network = built(lambda F: layer(F.flatten(1)), layer)
    with pytest.raises(NetworkError, match="it runs on 112 × 112: choose that size"):
        found(network, size=SIZE)
