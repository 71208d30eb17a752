"""Follow a query through the checkpoints of a run, and find the queries that changed most."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from simviz_core.decomposition import DecomposedImage
from simviz_core.errors import GalleryError
from simviz_core.following.relative import (
    RELATIVE_TO_NOTHING,
    FollowedReference,
    check_reference,
    reference_at,
    relative_report,
)
from simviz_core.following.report import ChangedQuery, CheckpointReport, order_of_change
from simviz_core.following.timeline import (
    Change,
    map_changes,
    neighbour_overlap,
    neighbours,
    reference_maps,
    reference_vector,
    take_snapshot,
)
from simviz_core.gallery import GalleryImage
from simviz_core.gallery.masks import PixelMask, mask_weights
from simviz_core.images import Frame, LoadedImage
from simviz_core.map_measures import share_inside
from simviz_core.networks import SimilarityNetwork
from simviz_core.pairs import PairPadding, padding_of
from simviz_core.retrieval import (
    AllowedRows,
    GalleryIndex,
    MatchMaps,
    RetrievalQuality,
    choose,
    match_maps,
    whole_vector,
)
from simviz_core.runs import RunCheckpoint

LoadNetwork = Callable[[], SimilarityNetwork]


@dataclass(frozen=True)
class FollowedQuery:
    """A query that is followed through checkpoints.

    Attributes:
        picture: The image.
        id: In the gallery; None where it is not of the gallery.
        label: Its class; None where it has none.
        partner: The image that it is followed with; None for its class, or its nearest neighbour.
        mask: Which of its pixels show objects, (height, width); None where that is not known.
        relative_to: What its maps are relative to.
    """

    picture: LoadedImage
    id: str | None
    label: str | None
    partner: LoadedImage | None = None
    mask: PixelMask | None = None
    relative_to: FollowedReference = RELATIVE_TO_NOTHING


def checkpoint_report(
    checkpoint: RunCheckpoint,
    index: GalleryIndex,
    query: FollowedQuery,
    rows: AllowedRows,
    top: int,
    decompose: Callable[[Sequence[LoadedImage]], Sequence[DecomposedImage]],
    quality: RetrievalQuality | None,
    frame: Callable[[Image.Image], Frame],
    load: Callable[[GalleryImage], LoadedImage] = GalleryImage.load,
) -> CheckpointReport:
    """Look at a query with one checkpoint.

    Args:
        checkpoint: The checkpoint.
        index: The gallery, embedded by it, N images.
        query: The query.
        rows: Which images are searched, (N,); the query itself is never found.
        top: How many matches.
        decompose: Decomposes images with the checkpoint's network.
        quality: Of the retrieval.
        frame: Where the cells lie in a picture.
        load: Loads the picture of a match.

    Returns:
        What it sees, with the maps.

    Raises:
        ImageError: A match's file cannot be read any more.
        GalleryError: No image may be found.
        SettingsError: The maps cannot be relative to what was chosen.
    """
    allowed = choose(index, without_image=query.id) & rows
    wanted = query.relative_to
    check_reference(wanted.choice, query.label, query.partner is not None)
    (image,) = decompose([query.picture])
    other = decompose([wanted.picture])[0] if wanted.picture else None
    reference = reference_at(wanted, index, (query.id, query.label), other)
    unit, partner, pair = whole_vector(image), None, None
    if query.partner is None:
        vector = reference_vector(index, unit, query.label, query.id, allowed)
    else:
        (partner,) = decompose([query.partner])
        vector, pair = whole_vector(partner), match_maps(image, partner, unit, None)
    snapshot = take_snapshot(index, image, vector, top, allowed)
    pictures = [load(match.image) for match in snapshot.ranking.matches]
    matches = decompose(pictures)
    maps = [match_maps(image, match, unit, None) for match in matches]
    of_query = frame(query.picture.pixels)

    def padding(match: LoadedImage, both: MatchMaps) -> PairPadding | None:
        frames = of_query, frame(match.pixels)
        return padding_of(frames, (both.query_map, both.match_map))

    mask_share = None
    if query.mask is not None:
        mask_share = share_inside(
            snapshot.map, mask_weights(query.mask, image.grid, of_query).numpy()
        )
    return CheckpointReport(
        checkpoint,
        quality,
        snapshot,
        tuple(maps),
        pair,
        mask_share,
        relative=relative_report(image, vector, reference, matches, partner) if reference else None,
        in_padding=of_query.in_padding(snapshot.map) if of_query.is_padded else None,
        paddings=tuple(map(padding, pictures, maps)),
        pair_padding=padding(query.partner, pair) if query.partner and pair else None,
    )


def most_changed(
    first: tuple[LoadNetwork | None, GalleryIndex],
    last: tuple[LoadNetwork | None, GalleryIndex],
    rows: AllowedRows,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[ChangedQuery]:
    """Every image as the query: what changed from one checkpoint to another.

    Args:
        first: What loads a checkpoint's network, and the gallery embedded by it; where nothing
            does, the maps are not compared.
        last: The same of the other.
        rows: Which images are asked and searched, (N,).
        on_progress: Called with the images that the networks have seen, and how many there are.

    Returns:
        One for each image that is asked, most changed first.

    Raises:
        GalleryError: The two do not hold the same images.
        ImageError: A file cannot be read any more.
    """
    if [image.id for image in first[1].images] != [image.id for image in last[1].images]:
        raise GalleryError("two checkpoints whose indexes hold different images cannot be compared")
    asked = np.flatnonzero(rows)
    found, maps = [], []
    for place, (load, index) in enumerate((first, last)):
        found.append(neighbours(index, asked, rows))
        if load is not None:

            def tell(done: int, before: int = place * len(asked)) -> None:
                on_progress(before + done, 2 * len(asked))

            maps.append(reference_maps(load(), index, asked, rows, tell))
    differences = [map_changes(*pair) for pair in zip(*maps, strict=True)] if len(maps) == 2 else []
    changed = [
        ChangedQuery(
            first[1].images[row],
            Change(
                *(differences[place] if differences else (None, None)),
                neighbour_overlap(found[0][place], found[1][place]),
            ),
        )
        for place, row in enumerate(asked)
    ]
    return sorted(changed, key=order_of_change)
