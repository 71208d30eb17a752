"""Class tokens that are sums: of every way that transformers are written, against a slow reference.

Weights are random and large enough that attention is far from even.
"""

import copy
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import Tensor, nn

from simviz_core.decomposition import CLASS_TOKEN, attention_weights
from simviz_core.errors import NetworkError
from simviz_core.evidence.methods import METHODS, ExplainedImage, Target
from simviz_core.evidence.receptive_field import cell_heat
from simviz_core.networks import (
    ClassTokenNetwork,
    FineNetwork,
    NetworkChoices,
    NetworkFacts,
    NetworkReading,
    Preprocessing,
    SimilarityNetwork,
    adapt_network,
)
from simviz_core.networks.class_token_network import mean_shares
from simviz_core.networks.ensembles import ensemble
from simviz_core.networks.inspection.adapting import Adapted, adapt
from simviz_core.networks.inspection.class_tokens.trunk import ClassTokenTrunk
from simviz_core.networks.inspection.detection import probe_images

SIZE = (32, 32)


def randomised(network: nn.Module) -> nn.Module:
    """Weights for which attention differs from token to token."""
    torch.manual_seed(1)
    for parameter in network.parameters():
        nn.init.normal_(parameter, std=0.3 if parameter.dim() > 1 else 0.5)
    return network.eval().requires_grad_(False)


def vit(**changes: Any) -> nn.Module:
    """A small vision transformer of timm."""
    from timm.models.vision_transformer import VisionTransformer

    built = {"img_size": 32, "patch_size": 8, "embed_dim": 24, "depth": 2, "num_heads": 3}
    return randomised(VisionTransformer(**(built | {"num_classes": 0} | changes)))


def found(network: nn.Module, choices: NetworkChoices | None = None) -> NetworkReading:
    result = adapt(network, "mine", SIZE, choices or NetworkChoices())
    return result.reading if isinstance(result, Adapted) else result


def trunk_of(network: nn.Module) -> ClassTokenTrunk:
    adapted = adapt(network, "mine", SIZE, NetworkChoices())
    assert isinstance(adapted, Adapted)
    assert isinstance(adapted.trunk, ClassTokenTrunk)
    return adapted.trunk


def loaded(network: nn.Module, choices: NetworkChoices | None = None) -> SimilarityNetwork:
    facts = NetworkFacts("mine", Preprocessing(), SIZE[0])
    return adapt_network("timm/mine", network, SIZE[0], choices, facts)


def pictures(count: int = 2) -> list[Image.Image]:
    noise = torch.randint(0, 256, (count, 40, 50, 3), generator=torch.Generator().manual_seed(4))
    return [Image.fromarray(values.to(torch.uint8).numpy()) for values in noise]


@settings(max_examples=12, deadline=None)
@given(
    depth=st.integers(1, 3),
    heads=st.sampled_from([1, 2, 4]),
    registers=st.integers(0, 3),
    scale=st.sampled_from([None, 0.1]),
    qk_norm=st.booleans(),
    pre_norm=st.booleans(),
    no_embed_class=st.booleans(),
)
def test_the_token_is_the_sum_of_its_cells_and_of_what_lies_in_none(
    depth: int,
    heads: int,
    registers: int,
    scale: float | None,
    qk_norm: bool,
    pre_norm: bool,
    no_embed_class: bool,
) -> None:
    network = vit(
        depth=depth,
        num_heads=heads,
        reg_tokens=registers,
        init_values=scale,
        qk_norm=qk_norm,
        pre_norm=pre_norm,
        no_embed_class=no_embed_class,
    )
    trunk = trunk_of(network)
    assert trunk.layers == depth
    pixels = probe_images(SIZE, seed=5, count=3).double()
    exact = copy.deepcopy(trunk).double()
    image = exact.decomposed(pixels)
    assert image.grid == (4, 4)
    assert image.residual().max() < 1e-12
    torch.testing.assert_close(image.embedding, exact.class_token(pixels))
    by_layer = exact.by_layer(pixels)
    assert by_layer.contributions.shape == (3, 1, 1 + 2 * depth, 24)
    assert by_layer.residual().max() < 1e-12
    cells = by_layer.contributions[:, 0, 1::2].sum(1)
    torch.testing.assert_close(cells, image.contributions.sum((1, 2)))


def reference(network: Any, pixels: Tensor) -> Tensor:
    """Contributions of the patch tokens to the final token, (N, 4, 4, C), loop by loop."""
    x = network._pos_embed(network.patch_embed(pixels))
    x = network.norm_pre(x)
    total = torch.zeros(len(x), 16, x.shape[-1], dtype=x.dtype)
    for block in network.blocks:
        attention, normed = block.attn, block.norm1(x)
        qkv = attention.qkv(normed).unflatten(-1, (3, attention.num_heads, -1))
        q, k, v = qkv.unbind(2)
        for n in range(len(x)):
            for token in range(16):
                place = network.num_prefix_tokens + token
                parts = []
                for head in range(attention.num_heads):
                    products = k[n, :, head] @ q[n, 0, head] * attention.scale
                    parts.append(products.softmax(0)[place] * v[n, place, head])
                added = block.ls1.gamma * (attention.proj.weight @ torch.cat(parts))
                total[n, token] += added
        x = block(x)
    return total.unflatten(1, (4, 4))


def test_contributions_are_those_of_the_papers_equation() -> None:
    network = vit(init_values=0.5, reg_tokens=2)
    trunk = copy.deepcopy(trunk_of(network)).double()
    pixels = probe_images(SIZE, seed=6).double()
    expected = reference(trunk.network, pixels)
    torch.testing.assert_close(trunk.decomposed(pixels).contributions, expected)


def test_fused_and_explicit_attention_give_the_same() -> None:
    fused, explicit = vit(), vit()
    for block in explicit.blocks:  # type: ignore[union-attr]
        block.attn.fused_attn = False
    pixels = probe_images(SIZE, seed=7)
    maps = [trunk_of(network)(pixels) for network in (fused, explicit)]
    torch.testing.assert_close(maps[0], maps[1], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("has_gelu_head", [False, True])
def test_what_follows_the_final_norm_is_kept_where_it_is_affine(has_gelu_head: bool) -> None:
    network: Any = vit()
    network.head = randomised(nn.Linear(24, 10))
    whole = nn.Sequential(network, nn.GELU()) if has_gelu_head else network
    reading = found(whole.eval())
    assert reading.pooling == CLASS_TOKEN
    assert reading.tail == (("layer norm",) if has_gelu_head else ("layer norm", "linear"))
    assert bool(reading.note) == has_gelu_head


class PostNorm(nn.Module):
    """A transformer that normalises after each sum, with multi-head attention of PyTorch."""

    def __init__(self, gate: bool = False) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 24, 8, stride=8)
        self.token = nn.Parameter(torch.zeros(1, 1, 24))
        self.attentions = nn.ModuleList(
            nn.MultiheadAttention(24, 3, batch_first=True) for _ in range(2)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(24) for _ in range(4))
        self.mlps = nn.ModuleList(
            nn.Sequential(nn.Linear(24, 48), nn.GELU(), nn.Linear(48, 24)) for _ in range(2)
        )
        self.gate = gate

    def forward(self, pixels: Tensor) -> Tensor:
        x = self.patches(pixels).flatten(2).mT
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1)
        for layer, (attention, mlp) in enumerate(zip(self.attentions, self.mlps, strict=True)):
            made, _ = attention(x, x, x, need_weights=False)
            made = made.sigmoid() * made if self.gate else made
            x = self.norms[2 * layer](x + made)
            x = self.norms[2 * layer + 1](x + mlp(x))
        return x[:, 0]


def test_norms_after_each_sum_are_followed_with_their_deviation_as_it_is() -> None:
    trunk = trunk_of(randomised(PostNorm()))
    pixels = probe_images(SIZE, seed=8)
    assert trunk.decomposed(pixels).residual().max() < 1e-5
    assert trunk.by_layer(pixels).residual().max() < 1e-5


def test_a_gate_on_attention_is_refused_with_the_cause_and_what_to_choose() -> None:
    network = randomised(PostNorm(gate=True))
    reading = found(network)
    assert reading.pooling is None
    assert "what its attention makes goes on through 'mul', which is not affine" in reading.line
    assert "average" in reading.line
    assert found(network, NetworkChoices("average")).pooling == "average"


class Parallel(nn.Module):
    """Attention and MLP side by side, and two class tokens whose mean is the embedding."""

    def __init__(self) -> None:
        super().__init__()
        inner: Any = vit(depth=1, reg_tokens=1)
        self.inner, self.block = inner, inner.blocks[0]

    def forward(self, pixels: Tensor) -> Tensor:
        x = self.inner._pos_embed(self.inner.patch_embed(pixels))
        for _ in range(2):
            x = x + self.block.attn(self.block.norm1(x)) + self.block.mlp(self.block.norm2(x))
        return (x[:, 0] + x[:, 1]) / 2


def test_parallel_blocks_and_two_class_tokens() -> None:
    trunk = trunk_of(Parallel().eval())
    assert trunk.layers == 2
    pixels = probe_images(SIZE, seed=9)
    assert trunk.decomposed(pixels).residual().max() < 1e-5
    assert trunk.by_layer(pixels).residual().max() < 1e-5


def tower(impl: str, name: str) -> nn.Module:
    """A small network of transformers."""
    transformers = pytest.importorskip("transformers")
    from simviz_core.networks.sources.extra_sources import VisionTower

    sizes = {"hidden_size": 24, "num_hidden_layers": 2, "num_attention_heads": 3}
    sizes |= {"image_size": 32, "patch_size": 8}
    if name == "CLIPVision":
        sizes |= {"intermediate_size": 48, "projection_dim": 16}
    config = getattr(transformers, f"{name}Config")(**sizes, attn_implementation=impl)
    return randomised(VisionTower(getattr(transformers, f"{name}Model")(config)))


@pytest.mark.parametrize("impl", ["sdpa", "eager"])
@pytest.mark.parametrize("name", ["ViT", "Dinov2", "Dinov2WithRegisters", "CLIPVision"])
def test_networks_of_transformers(name: str, impl: str) -> None:
    reading = found(tower(impl, name))
    assert reading.pooling == CLASS_TOKEN
    assert reading.tail == ("layer norm",)
    assert reading.residual < 1e-5
    assert ("tanh" in (reading.note or "")) == (name == "ViT")


def test_networks_of_open_clip_keep_their_projection() -> None:
    transformer = pytest.importorskip("open_clip.transformer")
    network = transformer.VisionTransformer(32, 8, 24, 2, 3, 2.0, output_dim=16)
    reading = found(randomised(network))
    assert reading.pooling == CLASS_TOKEN
    assert reading.tail == ("layer norm", "linear")
    assert reading.dimension == 16


def test_embedding_alone_is_what_the_decomposition_sums_to() -> None:
    network = loaded(vit(reg_tokens=1))
    assert isinstance(network, ClassTokenNetwork)
    images = pictures()
    pixels = network.pixels(images)
    decomposed = network.decompose(images)
    assert decomposed.residual().max() < 1e-5
    torch.testing.assert_close(network.unit_embeddings(pixels), decomposed.unit_embedding)
    assert decomposed[0].contributions.shape == (4, 4, 24)
    split = network.by_layer(pixels)
    torch.testing.assert_close(split.embedding, decomposed.embedding)
    assert split.residual().max() < 1e-5
    shares = mean_shares(network)
    assert [each["layer"] for each in shares] == [1, 2]


def test_the_reading_says_how_much_lies_in_no_cell() -> None:
    reading = found(vit())
    assert reading.verdict == "frozen"
    assert reading.own_pooling == CLASS_TOKEN
    assert "class token, layer norm · exact, attention as it is, up to" in reading.line
    assert reading.remainder > 0


def test_other_poolings_are_those_of_the_patch_tokens() -> None:
    module = vit(reg_tokens=1)
    network, asked = loaded(module), loaded(module, NetworkChoices("average"))
    other = network.with_pooling("average")
    assert type(other) is SimilarityNetwork
    assert other.fingerprint == asked.fingerprint != network.fingerprint
    pixels = network.pixels(pictures())
    torch.testing.assert_close(other.unit_embeddings(pixels), asked.unit_embeddings(pixels))
    assert asked.run_trunk(pixels).shape == (2, 4, 4, 24)


def test_what_needs_a_feature_map_or_convolutions_is_left_out() -> None:
    network = loaded(vit())
    with pytest.raises(NetworkError, match="not of tokens"):
        FineNetwork(network)
    image = ExplainedImage(network, pictures()[0])
    target = Target(image.unit, image.unit)
    left_out = [name for name, each in METHODS.items() if not each.can_explain(target, image)]
    assert left_out == [
        *("relative to the others", "Grad-CAM", "activation norm", "squared activation norm")
    ]
    for name in ("exact map", "relative to itself", "lost without the cell", "occlusion"):
        assert METHODS[name].map(image, target)[0].shape == (4, 4)


def test_a_cells_heat_is_a_gradient_through_the_decomposition() -> None:
    network, (picture, other) = loaded(vit()), pictures()
    unit = network.decompose([other])[0].unit_embedding
    heat = cell_heat(network, picture, unit, 1, 2)
    assert heat.sum() == pytest.approx(1)
    assert heat.shape == SIZE


def test_an_ensemble_takes_class_tokens() -> None:
    networks = [loaded(vit()), loaded(vit(reg_tokens=1), NetworkChoices("average"))]
    both = ensemble("both", networks)
    images = pictures()
    decomposed = both.decompose(images)
    assert decomposed.residual().max() < 1e-5
    units = both.unit_embeddings(both.pixels(images))
    torch.testing.assert_close(units, decomposed.unit_embedding)


def test_attention_weights_are_those_of_pytorch() -> None:
    torch.manual_seed(0)
    q, k, v = (torch.randn(2, 3, 5, 4) for _ in range(3))
    mask = torch.randn(5, 5)
    truth = torch.rand(5, 5) > 0.3
    truth |= torch.eye(5, dtype=torch.bool)
    for given_mask in (None, mask, truth):
        expected = nn.functional.scaled_dot_product_attention(q, k, v, given_mask)
        row = None if given_mask is None else given_mask[1].expand(2, 3, 5)
        weights = attention_weights(q[:, :, 1], k, None, row)
        torch.testing.assert_close((weights[..., None] * v).sum(-2), expected[:, :, 1])
