"""The rankings that the Region page shows: by the whole image, the region, the crop, per class."""

from dataclasses import replace

from torch import Tensor

from simviz_core.errors import SettingsError
from simviz_core.images import LoadedImage
from simviz_core.networks import FineNetwork
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import (
    AllowedRows,
    GalleryIndex,
    Region,
    crop_to,
    rank,
    weights_on,
)
from simviz_ui.display.messages import show_error
from simviz_ui.region.columns import BY_REGION, Column, by_fine_cells
from simviz_ui.region.fine import fine_vector
from simviz_ui.retrieval.matches import Query
from simviz_ui.serving.resources import decomposed

BLANK = "\N{NO-BREAK SPACE}"
"""A line of a card that keeps it in step with those beside it."""


def region_cells(region: Region, query: Query) -> Tensor | None:
    """The region's share of each cell; None where nothing is drawn, or nothing of use."""
    if not region.is_drawn:
        return None
    try:
        return weights_on(region, query.chosen.picture, query.image.grid, query.frame)
    except SettingsError as error:
        show_error(error)
        return None


def both_rankings(
    index: GalleryIndex,
    query: Query,
    region: Region,
    weights: Tensor | None,
    fine: FineNetwork | None,
    allowed: AllowedRows,
    top: int,
) -> list[Column]:
    """By the whole image and, where something is drawn, by the region.

    Args:
        index: The gallery's embeddings.
        query: The query.
        region: What is drawn on it.
        weights: Its share of each cell, (H, W); None where nothing is drawn.
        fine: What the region is taken from; None for the cells of the last feature map.
        allowed: What may be found, (N,).
        top: How many matches, at most.
    """
    whole = rank(index, query.image, None, top, allowed)
    whole_column = Column(
        "Whole image", "By the similarity to the whole query.", query, whole, None, (), Region()
    )
    if weights is None:
        return [whole_column]
    vector = fine_vector(fine, query, region)
    found = rank(index, query.image, weights, top, allowed, fine_vector=vector)
    named, marked = ("region", "") if fine is None else ("fine region", "fine, ")
    rows = [index.row[match.image.id] for match in whole.matches]
    of_whole = (index.matrix[rows] @ found.vector).tolist()
    # Its maps show where the region is found in the best matches of the whole image.
    shown = replace(whole, vector=found.vector)
    return [
        replace(
            whole_column,
            fine=fine,
            ranking=shown,
            weights=weights,
            notes=tuple(
                f"{named} {score:.3f} · {share_of(score, match.score)}\n{BLANK}"
                for match, score in zip(whole.matches, of_whole, strict=True)
            ),
        ),
        Column(
            "Region",
            BY_REGION if fine is None else by_fine_cells(fine),
            query,
            found,
            weights,
            tuple(
                f"{marked}of {similarity:.3f} · {share_of(match.score, similarity)}\n"
                f"without it {rest:.3f}"
                for match, similarity, rest in zip(
                    found.matches, found.similarities, found.without, strict=True
                )
            ),
            region,
            fine=fine,
        ),
    ]


def by_the_crop(
    index: GalleryIndex,
    query: Query,
    region: Region,
    settings: NetworkSettings,
    allowed: AllowedRows,
    top: int,
) -> Column:
    """The ranking by the cut-out, embedded anew."""
    whole = query.chosen.picture
    pixels = crop_to(region, whole)
    picture = LoadedImage(
        pixels, *pixels.size, f"{whole.name}, cropped", f"{whole.digest} {region.include}"
    )
    (image,) = decomposed([picture], settings)
    cropped = replace(query, chosen=replace(query.chosen, picture=picture), image=image)
    return Column(
        "Crop",
        "By the similarity to the cut-out, which the network has seen by itself.",
        cropped,
        rank(index, image, None, top, allowed),
        None,
        (f"{BLANK}\n{BLANK}",) * top,
        region,
    )


def class_rankings(
    index: GalleryIndex,
    query: Query,
    region: Region,
    fine: FineNetwork | None,
    allowed: AllowedRows,
    count: int,
) -> list[Column]:
    """One row for the whole image and one for each included rectangle."""
    whole = rank(index, query.image, None, count, allowed, per_class=True)
    columns = [
        Column("Whole image", "By the whole query.", query, whole, None, (), Region()),
    ]
    for number, rectangle in enumerate(region.include, start=1):
        part = Region((rectangle,), region.exclude)
        weights = region_cells(part, query)
        if weights is not None:
            vector = fine_vector(fine, query, part)
            found = rank(index, query.image, weights, count, allowed, True, vector)
            title = "Region" if len(region.include) == 1 else f"Region {number}"
            how = "By this rectangle alone."
            how += "" if fine is None else f" {by_fine_cells(fine)}"
            columns.append(Column(title, how, query, found, weights, (), part, fine=fine))
    return columns


def share_of(part: float, whole: float) -> str:
    """The share that a region carries of a similarity; a dash where that is no share."""
    return f"{part / whole:.0%}" if whole > 0 else "–"
