"""Curves and channels of features as figures and exports show them."""

from collections.abc import Callable, Sequence
from typing import Any

from PIL import Image

from simviz_core import __version__
from simviz_core.decomposition import (
    DecomposedImage,
    cumulative_share,
    feature_contributions,
)
from simviz_core.features.channels import PairChannel, excitation_map
from simviz_core.features.curve import SAME, FeatureCurve
from simviz_core.figures import ChannelRow, CurveLine, MapPanel
from simviz_core.images import LoadedImage
from simviz_core.networks.settings import NetworkSettings
from simviz_core.pairs import TOP_FEATURES, PairPadding, padding_note
from simviz_core.retrieval import GalleryIndex


def curve_line(curve: FeatureCurve, title: str) -> CurveLine:
    """The curve of many pairs, as figures draw it: dashed for pairs of different classes."""
    top = min(TOP_FEATURES, curve.mean_share.size)
    return CurveLine(title, curve.mean_share, curve.std_share, top, curve.kind != SAME)


def pair_line(query: DecomposedImage, match: DecomposedImage, title: str) -> CurveLine | None:
    """The curve of one pair; None where it is not similar, so that there is nothing to share."""
    features = feature_contributions(query, match)
    if float(features.sum()) <= 0:
        return None
    shares = cumulative_share(features).numpy(force=True)
    return CurveLine(title, shares, None, min(TOP_FEATURES, shares.size))


def top_words(curve: FeatureCurve) -> str:
    """The marked point in words."""
    top = min(TOP_FEATURES, curve.mean_share.size)
    return (
        f"The {top} strongest of {curve.mean_share.size:,} components carry {curve.top_share:.1%} "
        f"of the similarity, averaged over {curve.pairs:,} pairs of {curve.kind}"
    )


def caveats(curve: FeatureCurve) -> list[str]:
    """What a reader of the curve has to know, beside it."""
    found = [f"The curve {curve.coverage.note}."] if curve.coverage.note else []
    if curve.pairs + curve.left_out == curve.possible:
        found.append(f"These are all the pairs of {curve.kind} that the gallery has.")
    if curve.left_out:
        found.append(
            f"{curve.left_out:,} more pairs were drawn, but are not similar: they have no share."
        )
    if curve.signed_pairs:
        found.append(
            f"In {curve.signed_pairs:,} pairs some components contribute negatively; those come "
            "last, so the curve rises above 100 % before it ends there."
        )
    return found


def channel_rows(
    channels: Sequence[PairChannel],
    pictures: tuple[Image.Image, Image.Image],
    settings: NetworkSettings,
    decompose: Callable[[Sequence[LoadedImage]], Sequence[DecomposedImage]],
) -> list[ChannelRow]:
    """Channels of a pair as the figure shows them.

    Args:
        channels: Strongest first.
        pictures: The query and the match, RGB.
        settings: The network.
        decompose: Decomposes the images that excite them.

    Raises:
        ImageError: A file of the gallery cannot be read any more.
    """
    rows = []
    for found in channels:
        images = [match.image.load() for match in found.excited]
        maps = [excitation_map(each, found.channel) for each in decompose(images)]
        examples = tuple(
            MapPanel(
                settings.seen(image.pixels),
                values,
                f"{match.image.label or match.image.path.name} · {match.score:.3f}",
                note=padding_note(settings.frame(image.pixels), values, match.score),
            )
            for image, values, match in zip(images, maps, found.excited, strict=True)
        )
        query, match = (
            MapPanel(
                settings.seen(picture),
                values,
                "",
                note=padding_note(settings.frame(picture), values, found.contribution),
            )
            for picture, values in zip(pictures, (found.query_map, found.match_map), strict=True)
        )
        rows.append(ChannelRow(channel_words(found), (query, match), examples))
    return rows


def channel_words(found: PairChannel) -> str:
    """A channel in one line."""
    share = "" if found.share is None else f" ({found.share:.1%})"
    return f"channel {found.channel}: {found.contribution:.4f}{share}"


def settings_as_json(
    settings: NetworkSettings, gallery: str, index: GalleryIndex | None = None
) -> dict[str, Any]:
    """What figures of features were asked of, and how much of the gallery that is."""
    covered = {} if index is None else index.coverage.as_json()
    return {"gallery": gallery, **settings.as_json(), **covered, "version": __version__}


def curve_rows(lines: Sequence[CurveLine]) -> list[dict[str, Any]]:
    """Curves as rows of a table: for each curve and k the share, and one standard deviation."""
    return [
        {
            "curve": line.title,
            "k": k + 1,
            "share": float(share),
            "standard_deviation": None if line.spread is None else float(line.spread[k]),
        }
        for line in lines
        for k, share in enumerate(line.shares)
    ]


def channel_table(channels: Sequence[PairChannel]) -> list[dict[str, Any]]:
    """Channels as rows of a table, with the image that excites each most.

    Where one of the pair is padded, what of the contribution lies in the padding of each.
    """
    return [
        {
            "channel": found.channel,
            "contribution": found.contribution,
            "share": found.share,
            **_padding_columns(found.in_padding),
            "excited_most": str(found.excited[0].image.path) if found.excited else None,
        }
        for found in channels
    ]


def _padding_columns(padding: PairPadding | None) -> dict[str, float]:
    if padding is None:
        return {}
    return {"query_in_padding": padding.query, "match_in_padding": padding.match}
