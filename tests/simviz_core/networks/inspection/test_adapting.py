"""What is found in networks whose answer is known, since each is built here for one question."""

from collections.abc import Callable

import pytest
import torch
from networks_testing import SIZE, built, found
from torch import Tensor, nn

from simviz_core.decomposition import GeMPooling, MaxPooling
from simviz_core.errors import NetworkError, SettingsError
from simviz_core.networks import NetworkChoices
from simviz_core.networks.inspection.adapting import Adapted, adapt, verified_reading
from simviz_core.networks.inspection.detection import probe_images
from simviz_core.networks.inspection.tracing import Call, trace


def gem(p: float | Tensor, clamp: float = 1e-6) -> Callable[[Tensor], Tensor]:
    return lambda F: F.clamp(min=clamp).pow(p).mean((2, 3)).pow(1 / p)


def flat(F: Tensor) -> Tensor:
    return F.flatten(1)


@pytest.mark.parametrize(
    ("pooling", "head"),
    [
        ("average", lambda F: F.mean((2, 3))),
        ("average", lambda F: flat(nn.functional.adaptive_avg_pool2d(F, 1))),
        ("average", lambda F: flat(nn.functional.avg_pool2d(F, F.shape[2:]))),
        ("average", lambda F: F.flatten(2).mean(-1)),
        ("average", lambda F: F.mean(3).mean(2)),
        ("average", lambda F: F.permute(0, 2, 3, 1).mean((1, 2))),
        ("average", lambda F: F.flatten(2).transpose(1, 2).mean(1)),
        ("average", lambda F: nn.functional.normalize(F.mean((2, 3)))),
        ("max", lambda F: F.amax((2, 3))),
        ("max", lambda F: flat(nn.functional.adaptive_max_pool2d(F, 1))),
        ("sum", lambda F: F.sum((2, 3))),
        ("gem", gem(3.0)),
        ("gem", gem(2.5, 1e-3)),
        ("gem", gem(torch.tensor([4.0]))),
        (
            "gem",
            lambda F: flat(
                nn.functional.avg_pool2d(F.clamp(min=1e-6).pow(3), F.shape[2:]).pow(1 / 3)
            ),
        ),
    ],
)
def test_poolings_are_found_however_they_are_written(
    pooling: str, head: Callable[[Tensor], Tensor]
) -> None:
    reading = found(built(head))
    assert (reading.verdict, reading.pooling) == ("exact", pooling)
    assert (reading.grid, reading.channels, reading.dimension) == ((4, 6), 12, 12)
    assert reading.residual < 1e-5


def test_exponents_of_channels_are_read() -> None:
    p = nn.Parameter(torch.linspace(1, 5, 12)[:, None, None])
    network = built(lambda F: (F.clamp(min=1e-4) ** p).mean((2, 3)) ** (1 / p.flatten()))
    result = adapt(network, "mine", SIZE, NetworkChoices())
    assert isinstance(result, Adapted)
    assert isinstance(result.pooling, GeMPooling)
    torch.testing.assert_close(result.pooling.p, p.detach().flatten())
    assert result.pooling.clamp == pytest.approx(1e-4)


def embedder(*layers: nn.Module) -> nn.Module:
    tail = nn.Sequential(*layers)
    return built(lambda F: tail(F.mean((2, 3))), tail)


@pytest.mark.parametrize(
    ("network", "tail"),
    [
        (lambda: embedder(nn.BatchNorm1d(12)), ("batch norm",)),
        (lambda: embedder(nn.Linear(12, 5)), ("linear",)),
        (lambda: embedder(nn.Dropout(), nn.Linear(12, 5, bias=False)), ("linear",)),
        (lambda: embedder(nn.BatchNorm1d(12), nn.Linear(12, 5), nn.BatchNorm1d(5)), None),
        (lambda: built(lambda F: 3 * F.mean((2, 3)) + torch.arange(12)), ("scale", "shift")),
        (lambda: built(lambda F: (F.mean((2, 3)) - 0.5) / 2), ("shift", "scale")),
    ],
)
def test_affine_layers_after_the_pooling_are_kept(
    network: Callable[[], nn.Module], tail: tuple[str, ...] | None
) -> None:
    reading = found(network())
    assert reading.verdict == "exact"
    assert reading.tail == (tail or ("batch norm", "linear", "batch norm"))
    dropped = found(network(), NetworkChoices(tail="drop"))
    assert (dropped.tail, dropped.dimension) == ((), 12)
    assert "left out" in (dropped.note or "")


def test_a_network_that_divides_by_the_length_in_its_own_way() -> None:
    def head(F: Tensor) -> Tensor:
        e = F.mean((2, 3))
        return e / e.norm(dim=1, keepdim=True)

    assert found(built(head)).verdict == "exact"


def test_a_layer_norm_is_exact_and_labelled() -> None:
    reading = found(embedder(nn.LayerNorm(12)))
    assert (reading.verdict, reading.tail) == ("frozen", ("layer norm",))
    assert reading.line.endswith("average pooling, layer norm · exact, layer norm frozen")


def test_layers_that_are_not_affine_are_left_out_or_approximate() -> None:
    network = embedder(nn.Linear(12, 9), nn.ReLU(), nn.Linear(9, 5))
    reading = found(network)
    assert (reading.verdict, reading.tail, reading.dimension) == ("exact", (), 12)
    assert "'relu', which is not affine" in (reading.note or "")
    kept = found(network, NetworkChoices(tail="keep"))
    assert (kept.verdict, kept.dimension) == ("approximate", 5)
    assert kept.remainder > 0.001
    assert "approximate, " in kept.line


def test_layers_that_are_not_understood_cannot_be_kept() -> None:
    network = built(lambda F: torch.cumsum(F.mean((2, 3)), 1))
    assert found(network).verdict == "exact"
    refused = found(network, NetworkChoices(tail="keep"))
    assert refused.verdict == "refused"
    assert "'cumsum' is not known to be affine; drop it" in (refused.reason or "")


@pytest.mark.parametrize("order", ["CHW", "HWC"])
def test_flattening_belongs_to_the_first_layer(order: str) -> None:
    layers = nn.Sequential(nn.Linear(12 * 24, 9), nn.ReLU(), nn.Linear(9, 5))

    def head(F: Tensor) -> Tensor:
        return layers(flat(F if order == "CHW" else F.permute(0, 2, 3, 1)))

    reading = found(built(head, layers))
    assert (reading.pooling, reading.dimension, reading.verdict) == ("flatten", 9, "exact")
    assert reading.remainder > 0, "the bias belongs to no cell"
    other = found(built(head, layers), NetworkChoices(pooling="max"))
    assert (other.pooling, other.dimension) == ("max", 12)


def test_a_convolution_as_large_as_the_feature_map_is_a_flattening() -> None:
    layer = nn.Conv2d(12, 9, (4, 6))
    assert found(built(lambda F: flat(layer(F)), layer)).pooling == "flatten"


class Tokens(nn.Module):
    """A transformer's tokens: some that are no cells, then one for each cell."""

    def __init__(self, prefix: int, head: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, 16, 8, stride=8)
        self.prefix = nn.Parameter(torch.randn(1, prefix, 16))
        layer = nn.TransformerEncoderLayer(16, 2, 32, dropout=0, batch_first=True)
        self.blocks = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = head

    def forward(self, pixels: Tensor) -> Tensor:
        tokens = self.embed(pixels).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.prefix.expand(len(pixels), -1, -1), tokens], 1)
        return self.head(self.blocks(tokens))


def tokens(prefix: int, head: Callable[[Tensor], Tensor]) -> nn.Module:
    torch.manual_seed(0)
    return Tokens(prefix, head).eval().requires_grad_(False)


@pytest.mark.parametrize("prefix", [0, 1, 5])
def test_mean_tokens_leave_class_and_register_tokens_out(prefix: int) -> None:
    reading = found(tokens(prefix, lambda x: x[:, prefix:].mean(1)))
    assert (reading.verdict, reading.pooling, reading.is_tokens) == ("exact", "average", True)
    assert (reading.grid, reading.channels) == ((8, 12), 16)
    assert "8 × 12 tokens at 96x64" in reading.line


def test_a_class_token_is_decomposed_and_mean_tokens_offered() -> None:
    network = tokens(1, lambda x: x[:, 0])
    reading = found(network)
    assert (reading.verdict, reading.pooling, reading.grid) == ("frozen", "class_token", (8, 12))
    assert "max" in reading.alternatives
    chosen = found(network, NetworkChoices(pooling="average"))
    assert (chosen.verdict, chosen.pooling, chosen.grid) == ("exact", "average", (8, 12))


def test_a_mean_that_the_class_token_is_part_of_is_refused() -> None:
    assert "class or register tokens" in (found(tokens(1, lambda x: x.mean(1))).reason or "")


def test_vectors_that_are_put_together_otherwise_are_refused() -> None:
    reading = found(built(lambda F: torch.maximum(F.mean((2, 3)), F.amax((2, 3)) / 2)))
    assert "put together from several vectors (its last step is 'maximum')" in (
        reading.reason or ""
    )
    assert reading.alternatives


def test_a_trunk_alone_is_pooled_by_average() -> None:
    reading = found(built(lambda F: F))
    assert (reading.verdict, reading.pooling, reading.grid) == ("exact", "average", (4, 6))


def test_a_layer_can_be_chosen() -> None:
    network = built(lambda F: F.mean((2, 3)))
    reading = found(network, NetworkChoices(layer="body.2", pooling="max"))
    assert (reading.grid, reading.channels, reading.pooling) == ((8, 12), 8, "max")
    with pytest.raises(SettingsError, match=r"no layer 'nowhere'; it has body, layers"):
        found(network, NetworkChoices(layer="nowhere"))


def test_a_layer_without_a_feature_map_is_named() -> None:
    network = embedder(nn.Linear(12, 5))
    with pytest.raises(SettingsError, match=r"'layers.0' puts out \(5,\), which is no feature map"):
        found(network, NetworkChoices(layer="layers.0"))


def test_another_pooling_drops_what_was_learnt_for_its_own() -> None:
    network = embedder(nn.BatchNorm1d(12))
    reading = found(network, NetworkChoices(pooling="max"))
    assert (reading.pooling, reading.tail, reading.own_pooling) == ("max", (), "average")
    kept = found(network, NetworkChoices(pooling="max", tail="keep"))
    assert kept.tail == ("batch norm",)


def test_unknown_choices_list_what_is_offered() -> None:
    network = built(lambda F: F.mean((2, 3)))
    with pytest.raises(SettingsError, match="auto, keep, drop"):
        found(network, NetworkChoices(tail="some"))
    with pytest.raises(SettingsError, match="average, max, gem, sum"):
        found(network, NetworkChoices(pooling="median"))


def test_an_image_that_a_network_cannot_take_is_named() -> None:
    layer = nn.Linear(12 * 24, 9)
    network = built(lambda F: layer(flat(F)), layer)
    with pytest.raises(NetworkError, match="cannot run on images of 128 × 128 pixels"):
        found(network, size=(128, 128))


def test_cells_that_do_not_make_the_embedding_are_refused() -> None:
    network = built(lambda F: F.mean((2, 3)))
    plan = adapt(network, "mine", SIZE, NetworkChoices())
    assert isinstance(plan, Adapted)
    with pytest.raises(NetworkError, match=r"only up to \d\.\de[-+]\d+ of its length"):
        verified_reading(plan.trunk, MaxPooling(), plan.reading, (), last_call(network))


def last_call(network: nn.Module) -> Call:
    run = trace(network, probe_images(SIZE, seed=0))
    call = run.nodes[run.output].call
    assert call is not None
    return call


def test_what_runs_before_the_feature_map_can_be_trained() -> None:
    network = built(lambda F: F.mean((2, 3))).requires_grad_(True)
    result = adapt(network, "mine", SIZE, NetworkChoices())
    assert isinstance(result, Adapted)
    result.trunk(torch.randn(2, 3, *SIZE)).sum().backward()
    gradients = [parameter.grad for parameter in network.parameters()]
    assert all(gradient is not None and gradient.abs().sum() > 0 for gradient in gradients)


class Failing:
    """A head that averages, until it is told to fail."""

    fails = False

    def __call__(self, F: Tensor) -> Tensor:
        pooled = F.mean((2, 3))
        assert not self.fails, "the head ran on"
        return pooled


def test_a_run_ends_where_the_feature_map_is_there() -> None:
    head = Failing()
    result = adapt(built(head), "mine", SIZE, NetworkChoices())
    assert isinstance(result, Adapted)
    head.fails = True
    assert result.trunk(torch.randn(5, 3, 128, 96)).shape == (5, 12, 8, 6)
    with pytest.raises(AssertionError, match="ran on"):
        result.trunk.network(torch.randn(2, 3, *SIZE))
