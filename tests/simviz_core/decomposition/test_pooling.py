import pytest
import torch

from simviz_core.decomposition import (
    AveragePooling,
    GeMPooling,
    MaxPooling,
    Pooling,
    SumPooling,
    decompose,
)

RULES = [AveragePooling(), SumPooling(), MaxPooling(), GeMPooling(3.0), GeMPooling(50.0)]


def test_average_and_max_are_torchs_own() -> None:
    F = torch.randn(2, 5, 7, 8)
    channels_first = F.movedim(-1, -3)
    average = torch.nn.functional.adaptive_avg_pool2d(channels_first, 1).flatten(1)
    maximum = torch.nn.functional.adaptive_max_pool2d(channels_first, 1).flatten(1)
    torch.testing.assert_close(AveragePooling().embed(F), average)
    torch.testing.assert_close(MaxPooling().embed(F), maximum)


def test_ties_share_a_maximum_evenly() -> None:
    F = torch.tensor([[[2.0], [1.0]], [[2.0], [2.0]]])
    A = MaxPooling().contributions(F)
    torch.testing.assert_close(A, torch.tensor([[[2 / 3], [0.0]], [[2 / 3], [2 / 3]]]))


def test_a_negative_maximum_is_kept() -> None:
    image = decompose(torch.tensor([[[-3.0], [-1.0]]]), MaxPooling())
    assert image.contributions.flatten().tolist() == [0.0, -1.0]
    assert image.embedding.item() == -1.0


def test_gem_lies_between_average_and_max() -> None:
    F = torch.rand(4, 4, 8) + 0.1
    average, maximum = AveragePooling().embed(F), MaxPooling().embed(F)
    torch.testing.assert_close(GeMPooling(1.0).embed(F), average)
    torch.testing.assert_close(GeMPooling(500.0).embed(F), maximum, rtol=0.01, atol=0)
    assert torch.all(GeMPooling(3.0).embed(F) > average)
    assert torch.all(GeMPooling(3.0).embed(F) < maximum)


def test_gem_takes_an_exponent_for_each_channel() -> None:
    F, p = torch.rand(4, 5, 3), torch.tensor([1.0, 3.0, 8.0])
    together = GeMPooling(p)
    for c in range(3):
        alone = GeMPooling(p[c].item())
        torch.testing.assert_close(together.embed(F)[c], alone.embed(F)[c])
        torch.testing.assert_close(
            together.contributions(F)[..., c], alone.contributions(F)[..., c]
        )


@pytest.mark.parametrize("p", [0.0, -1.0, torch.tensor([1.0, 0.0])])
def test_gem_needs_a_positive_exponent(p: float) -> None:
    with pytest.raises(ValueError, match="p > 0"):
        GeMPooling(p)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.name}{getattr(rule, 'p', '')}")
@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_no_scale_overflows_or_vanishes(rule: Pooling, scale: float) -> None:
    torch.manual_seed(0)
    image = decompose(torch.rand(7, 7, 16) * scale, rule)
    assert bool(image.contributions.isfinite().all())
    assert bool(image.embedding.isfinite().all())
    assert image.residual() < 1e-5


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.name}{getattr(rule, 'p', '')}")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_sums_are_taken_in_float32_or_wider(rule: Pooling, dtype: torch.dtype) -> None:
    """In half precision the sum of these 196 values would overflow or lose its last digits."""
    F = torch.full((14, 14, 2), 6e4 if dtype == torch.float16 else 1.01).to(dtype)
    image = decompose(F, rule)
    assert image.embedding.dtype == torch.promote_types(dtype, torch.float32)
    assert bool(image.embedding.isfinite().all())
    assert image.residual() < 1e-5
