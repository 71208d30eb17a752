"""The maps against the slow reference, for every pooling, tail, shape, dtype and tie pattern."""

from dataclasses import dataclass

import numpy as np
import pytest
import reference
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from simviz_core.decomposition import (
    AffineTail,
    AveragePooling,
    DecomposedImage,
    GeMPooling,
    MaxPooling,
    Pooling,
    SumPooling,
    apply_tail,
    batch_norm_tail,
    bias_term,
    cell_to_cell,
    cell_to_constant,
    channel_maps,
    class_map,
    contrast_map,
    cumulative_share,
    decompose,
    feature_contributions,
    linear_tail,
    region_embedding,
    region_score,
    region_weights,
    similarity,
    similarity_map,
    unit_norm,
    whitening_tail,
)

CHANNELS = 6
DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


@dataclass(frozen=True)
class Case:
    """Two feature maps, a pooling and a tail; and the same, as the reference has it."""

    F: tuple[Tensor, Tensor]
    pooling: Pooling
    modules: tuple[nn.Module, ...]

    def images(self) -> tuple[DecomposedImage, DecomposedImage]:
        i, j = (decompose(F, self.pooling) for F in self.F)
        for tail in self.tails():
            i, j = apply_tail(i, tail), apply_tail(j, tail)
        return i, j

    def tails(self) -> list[AffineTail]:
        return [
            linear_tail(module) if isinstance(module, nn.Linear) else batch_norm_tail(module)
            for module in self.modules
        ]

    def tolerance(self, *maps: Tensor) -> float:
        """1e-5, times the magnitude of what cancels in the sum where that is more than 1."""
        return 1e-5 * max(1.0, *(float(values.abs().sum()) for values in maps))


def feature_maps(seed: int, dtype: torch.dtype, levels: int, signed: bool) -> Tensor:
    chance = np.random.default_rng(seed)
    shape = (*chance.integers(1, 5, 2), CHANNELS)
    # Few levels make many cells tie for the maximum; one level makes constant maps.
    F = chance.integers(0, levels, shape) / max(1, levels - 1) * 2
    if signed:
        F = F - 0.7
    return torch.from_numpy(F).to(dtype)


def tail_modules(kind: str, seed: int) -> tuple[nn.Module, ...]:
    torch.manual_seed(seed)
    norm = nn.BatchNorm1d(CHANNELS, eps=1e-2, affine=seed % 2 == 0).eval()
    norm.running_mean = torch.randn(CHANNELS)
    norm.running_var = torch.rand(CHANNELS) + 0.1
    if norm.affine:
        nn.init.normal_(norm.weight)
        nn.init.normal_(norm.bias)
    linear = nn.Linear(CHANNELS, CHANNELS, bias=seed % 3 > 0)
    return {
        "none": (),
        "linear": (linear,),
        "norm": (norm,),
        "linear, norm": (linear, norm),
        "norm, linear": (norm, linear),
    }[kind]


@st.composite
def cases(draw: st.DrawFn, signed: bool | None = None, tails: tuple[str, ...] = ()) -> Case:
    seed = draw(st.integers(0, 10_000))
    dtype = draw(st.sampled_from(DTYPES))
    levels = draw(st.sampled_from([1, 2, 3, 1000]))
    is_signed = draw(st.booleans()) if signed is None else signed
    pooling = draw(
        st.sampled_from([AveragePooling(), SumPooling(), MaxPooling()])
        | st.builds(GeMPooling, st.floats(1, 10))
        | st.builds(lambda p: GeMPooling(torch.linspace(1, p, CHANNELS)), st.floats(1, 10))
    )
    kind = draw(
        st.sampled_from(tails or ("none", "linear", "norm", "linear, norm", "norm, linear"))
    )
    maps = tuple(feature_maps(seed + k, dtype, levels, is_signed) for k in (0, 1))
    return Case((maps[0], maps[1]), pooling, tail_modules(kind, seed))


def total(values: Tensor) -> Tensor:
    return values.sum((-2, -1))


@settings(deadline=None, max_examples=300)
@given(case=cases())
def test_map_and_bias_add_up_to_the_cosine_both_ways(case: Case) -> None:
    i, j = case.images()
    expected = torch.nn.functional.cosine_similarity(i.embedding, j.embedding, dim=-1, eps=1e-12)
    for one, other in ((i, j), (j, i)):
        values = similarity_map(one, other)
        assert values.dtype in (torch.float32, torch.float64)
        sum_of_map = total(values) + bias_term(one, other)
        tolerance = case.tolerance(values, bias_term(one, other))
        assert sum_of_map.item() == pytest.approx(similarity(i, j).item(), abs=tolerance)
        assert similarity(one, other).item() == pytest.approx(expected.item(), abs=1e-5)


@settings(deadline=None, max_examples=200)
@given(case=cases(signed=False, tails=("none",)))
def test_without_cancellation_the_sum_is_exact_to_1e_5(case: Case) -> None:
    i, j = case.images()
    for one, other in ((i, j), (j, i)):
        difference = total(similarity_map(one, other)) - similarity(i, j)
        assert abs(difference.item()) < 1e-5


@settings(deadline=None, max_examples=150)
@given(case=cases())
def test_equals_the_slow_reference(case: Case) -> None:
    name = case.pooling.name
    p = np.asarray(getattr(case.pooling, "p", 3.0), dtype=float)
    F = [f.double().numpy() for f in case.F]
    A = [reference.attributed(f, name, p) for f in F]
    e = [reference.pooled(f, name, p) for f in F]
    b = np.zeros(CHANNELS)
    for module in case.modules:
        # The module itself, in float64, on the pooled vectors; its linear part on the cells.
        module = module.double()
        with torch.no_grad():
            apply = lambda v, m=module: m(torch.from_numpy(np.atleast_2d(v))).numpy()  # noqa: E731
            origin = apply(np.zeros(CHANNELS))[0]
            e = [apply(v)[0] for v in e]
            A = [apply(a.reshape(-1, CHANNELS)).reshape(a.shape) - origin for a in A]
            b = apply(b)[0]
        module.float()
    i, j = case.images()
    np.testing.assert_allclose(i.embedding, e[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(i.constant, b, rtol=1e-4, atol=1e-5)
    expected = reference.map_of(A[0], e[0], e[1])
    scale = max(1.0, np.abs(expected).sum())
    np.testing.assert_allclose(similarity_map(i, j), expected, atol=1e-5 * scale)
    assert similarity(i, j).item() == pytest.approx(reference.cosine(e[0], e[1]), abs=1e-5 * scale)


@settings(deadline=None, max_examples=150)
@given(case=cases())
def test_cell_pairs_add_up_to_both_maps(case: Case) -> None:
    i, j = case.images()
    P = cell_to_cell(i, j)
    assert P.shape == (*i.grid, *j.grid)
    tolerance = case.tolerance(P)
    to_i = P.sum((-2, -1)) + cell_to_constant(i, j)
    to_j = P.sum((0, 1)) + cell_to_constant(j, i)
    torch.testing.assert_close(to_i, similarity_map(i, j), atol=tolerance, rtol=1e-4)
    torch.testing.assert_close(to_j, similarity_map(j, i), atol=tolerance, rtol=1e-4)


@settings(deadline=None, max_examples=100)
@given(case=cases(), split=st.floats(0, 1))
def test_regions_add_up(case: Case, split: float) -> None:
    i, j = case.images()
    whole = region_weights([(0, 0, 1, 1)], i.grid, (1, 1))
    left = region_weights([(0, 0, split, 1)], i.grid, (1, 1))
    right = region_weights([(split, 0, 1, 1)], i.grid, (1, 1))
    values = similarity_map(i, j)
    tolerance = case.tolerance(values, bias_term(i, j))
    score = region_score(i, j, whole) + bias_term(i, j)
    assert score.item() == pytest.approx(similarity(i, j).item(), abs=tolerance)
    parts = region_score(i, j, left) + region_score(i, j, right)
    assert parts.item() == pytest.approx(region_score(i, j, whole).item(), abs=tolerance)
    in_map = (left * values).sum().item()
    assert region_score(i, j, left).item() == pytest.approx(in_map, abs=tolerance)
    by_search = (region_embedding(i, left) @ unit_norm(j.embedding)).item()
    assert by_search == pytest.approx(in_map, abs=tolerance)


@settings(deadline=None, max_examples=60)
@given(case=cases(), others=st.integers(1, 5))
def test_class_map_is_the_sum_of_the_pairwise_maps(case: Case, others: int) -> None:
    i, j = case.images()
    torch.manual_seed(others)
    members = [
        DecomposedImage(j.contributions, j.embedding + torch.randn(CHANNELS), j.constant)
        for _ in range(others)
    ]
    expected = torch.stack([similarity_map(i, member) for member in members]).sum(0)
    found = class_map(i, torch.stack([member.embedding for member in members]))
    torch.testing.assert_close(found, expected, atol=case.tolerance(expected), rtol=1e-4)


@settings(deadline=None, max_examples=60)
@given(case=cases())
def test_contrast_channels_and_features(case: Case) -> None:
    i, j = case.images()
    k = DecomposedImage(j.contributions.flip(-1), j.embedding.flip(-1), j.constant.flip(-1))
    values = similarity_map(i, j)
    tolerance = case.tolerance(values, similarity_map(i, k))
    difference = values - similarity_map(i, k)
    torch.testing.assert_close(contrast_map(i, j, k), difference, atol=tolerance, rtol=1e-4)
    by_channel = channel_maps(i, j, torch.arange(CHANNELS))
    assert by_channel.shape == (CHANNELS, *i.grid)
    torch.testing.assert_close(by_channel.sum(0), values, atol=tolerance, rtol=1e-4)
    features = feature_contributions(i, j)
    assert features.sum().item() == pytest.approx(similarity(i, j).item(), abs=1e-5)


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 1000))
def test_matrix_form_of_average_pooling_gives_the_same_maps(seed: int) -> None:
    chance = np.random.default_rng(seed)
    F = [chance.random((*chance.integers(1, 6, 2), 16)) for _ in range(2)]
    expected = reference.matrix_form(*F)
    i, j = (decompose(torch.from_numpy(f).float(), AveragePooling()) for f in F)
    np.testing.assert_allclose(similarity_map(i, j), expected[0], atol=1e-6)
    np.testing.assert_allclose(similarity_map(j, i), expected[1], atol=1e-6)


@pytest.mark.parametrize("pooling", [AveragePooling(), MaxPooling(), GeMPooling()])
def test_batches_broadcast(pooling: Pooling) -> None:
    torch.manual_seed(0)
    query = decompose(torch.rand(3, 5, CHANNELS), pooling)
    matches = decompose(torch.rand(4, 2, 6, CHANNELS), pooling)
    on_query, on_matches = similarity_map(query, matches), similarity_map(matches, query)
    pairs = cell_to_cell(query, matches)
    assert (on_query.shape, on_matches.shape) == ((4, 3, 5), (4, 2, 6))
    assert pairs.shape == (4, 3, 5, 2, 6)
    for n in range(4):
        torch.testing.assert_close(on_query[n], similarity_map(query, matches[n]))
        torch.testing.assert_close(on_matches[n], similarity_map(matches[n], query))
        torch.testing.assert_close(pairs[n], cell_to_cell(query, matches[n]))
        torch.testing.assert_close(similarity(query, matches)[n], similarity(query, matches[n]))


def test_cumulative_share_of_signed_contributions() -> None:
    share = cumulative_share(torch.tensor([0.1, 0.6, -0.2]))
    torch.testing.assert_close(share, torch.tensor([1.2, 1.4, 1.0]))
    rising = cumulative_share(torch.rand(2, 50))
    assert torch.all(rising.diff(dim=-1) >= 0)
    torch.testing.assert_close(rising[:, -1], torch.ones(2))


def test_a_zero_embedding_is_similar_to_nothing() -> None:
    zero = decompose(torch.zeros(2, 2, CHANNELS), MaxPooling())
    other = decompose(torch.rand(2, 2, CHANNELS), MaxPooling())
    for one, two in ((zero, other), (other, zero), (zero, zero)):
        assert similarity(one, two).item() == 0
        assert torch.all(similarity_map(one, two) == 0)


def test_whitening_centres_and_projects() -> None:
    torch.manual_seed(0)
    mean, projection = torch.rand(CHANNELS), torch.randn(4, CHANNELS)
    image = apply_tail(
        decompose(torch.rand(3, 2, CHANNELS), AveragePooling()), whitening_tail(mean, projection)
    )
    pooled = decompose(torch.rand(3, 2, CHANNELS), AveragePooling()).embedding
    assert image.embedding.shape == (4,)
    assert image.residual() < 1e-5
    tail = whitening_tail(mean, projection)
    expected = projection @ (pooled - mean)
    torch.testing.assert_close(tail.linear_part(pooled) + tail.offset, expected)


@pytest.mark.parametrize("first", ["norm", "linear"])
@pytest.mark.parametrize("second", ["norm", "linear"])
def test_tails_compose(first: str, second: str) -> None:
    image = decompose(torch.rand(3, 2, CHANNELS), AveragePooling())
    tails = []
    for seed, kind in enumerate((first, second)):
        case = Case((torch.empty(0), torch.empty(0)), AveragePooling(), tail_modules(kind, seed))
        tails += case.tails()
    one_by_one = apply_tail(apply_tail(image, tails[0]), tails[1])
    at_once = apply_tail(image, tails[0].then(tails[1]))
    torch.testing.assert_close(at_once.contributions, one_by_one.contributions)
    torch.testing.assert_close(at_once.embedding, one_by_one.embedding)
    torch.testing.assert_close(at_once.constant, one_by_one.constant)


def test_what_does_not_fit_is_named() -> None:
    image = decompose(torch.rand(3, 2, CHANNELS), AveragePooling())
    with pytest.raises(ValueError, match="expects 4 components; the embedding has 6"):
        apply_tail(image, linear_tail(nn.Linear(4, 2)))
    with pytest.raises(ValueError, match="running statistics"):
        batch_norm_tail(nn.BatchNorm1d(4, track_running_stats=False))
    for shape in ((3, 4), (0, 3, 4)):
        with pytest.raises(ValueError, match="feature map"):
            decompose(torch.zeros(shape), AveragePooling())
