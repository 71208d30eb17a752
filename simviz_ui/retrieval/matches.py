"""Matches with their maps: what to compute, and how to show it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from PIL import Image
from torch import Tensor

from simviz_core.decomposition import DecomposedImage
from simviz_core.figures import FigureStyle, MapScales
from simviz_core.gallery import Gallery
from simviz_core.images import Frame, LoadedImage
from simviz_core.networks.settings import NetworkSettings
from simviz_core.pairs import padding_note
from simviz_core.retrieval import (
    MatchMaps,
    Ranking,
    Reference,
    SearchReport,
    is_hit,
    match_maps,
)
from simviz_ui.chosen import ChosenImage
from simviz_ui.components.results import ShownMatch
from simviz_ui.display.map_style import CARD_BOX, as_data_uri, fitted, heat_uri
from simviz_ui.navigation import PAIR_PAGE, choose, open_page
from simviz_ui.retrieval.relative import relative_maps_of
from simviz_ui.serving.resources import (
    decomposed,
    not_run_yet,
    open_picture,
)

QUERY_BOX = (640, 640)


@dataclass(frozen=True)
class Query:
    """The query of a search.

    Attributes:
        chosen: The image.
        image: Decomposed.
        label: Its class; None where it has none, or is not of the gallery.
        settings: The network that decomposed it.
    """

    chosen: ChosenImage
    image: DecomposedImage
    label: str | None
    settings: NetworkSettings

    @property
    def frame(self) -> Frame:
        """Where its cells lie in its picture."""
        return self.settings.frame(self.chosen.picture.pixels)

    @property
    def seen(self) -> Image.Image:
        """What the network sees of it, RGB: what its maps are laid over."""
        return self.frame.seen(self.chosen.picture.pixels)


def make_query(chosen: ChosenImage, gallery: Gallery, settings: NetworkSettings) -> Query:
    """Decompose the chosen image and look up its class.

    Raises:
        NetworkError: The network cannot be had.
    """
    known = gallery.by_id.get(chosen.id)
    (image,) = decomposed([chosen.picture], settings)
    return Query(chosen, image, known.label if known else None, settings)


def maps_of(
    query: Query,
    ranking: Ranking,
    pictures: Sequence[LoadedImage | None],
    weights: Tensor | None,
    settings: NetworkSettings,
) -> list[MatchMaps | None]:
    """The maps of every match whose file can be read and which the network has seen."""
    waiting = {p.digest for p in not_run_yet([p for p in pictures if p], settings)}
    return [
        match_maps(query.image, decomposed([picture], settings)[0], ranking.vector, weights)
        if picture and picture.digest not in waiting
        else None
        for picture in pictures
    ]


def match_scales(
    maps: Iterable[MatchMaps | None],
    style: FigureStyle,
    with_query_maps: bool,
    is_relative: bool = False,
) -> MapScales:
    """The colour scales of the maps that are shown; diverging where they are relative."""
    shown = [values for values in maps if values is not None]
    values = [item.match_map for item in shown]
    values += [item.query_map for item in shown] if with_query_maps else []
    return (MapScales.of_contrasts if is_relative else MapScales.of_maps)(values, style)


def query_scales(maps: Iterable[MatchMaps | None], style: FigureStyle) -> MapScales:
    """The colour scales of the query's maps alone, which are relative."""
    return MapScales.of_contrasts([item.query_map for item in maps if item is not None], style)


def shown_matches(
    query: Query,
    ranking: Ranking,
    pictures: Sequence[LoadedImage | None],
    maps: Sequence[MatchMaps | None],
    style: FigureStyle,
    scales: MapScales,
    notes: Sequence[str] = (),
    with_query_maps: bool = False,
    of_query: MapScales | None = None,
) -> list[ShownMatch]:
    """Matches as the grid shows them; those without a map yet are shown plain.

    Args:
        query: The query.
        ranking: What was found.
        pictures: Of each match; None where it cannot be read.
        maps: Of each match; None where there is none yet.
        style: How maps are shown.
        scales: Of the maps.
        notes: A second line for each match.
        with_query_maps: Whether the query's maps are shown, too.
        of_query: The scales of the query's maps, where they are not those of the matches.

    Returns:
        One for each match.
    """
    shown, of_the_query = [], query.seen if with_query_maps else None
    for rank, (match, picture, both) in enumerate(
        zip(ranking.matches, pictures, maps, strict=True)
    ):
        source = heat = query_heat = None
        padding = ""
        if picture is not None:
            pixels = fitted(query.settings.seen(picture.pixels), CARD_BOX)
            source = as_data_uri(pixels)
            if both is not None:
                if not scales.is_centred:  # relative maps add up to something else
                    lies = query.settings.frame(picture.pixels)
                    padding = padding_note(lies, both.match_map, match.score)
                heat = heat_uri(pixels, both.match_map, scales.of(both.match_map), style)
                if of_the_query is not None:
                    values = both.query_map
                    query_heat = heat_uri(
                        of_the_query, values, (of_query or scales).of(values), style
                    )
        shown.append(
            ShownMatch(
                id=match.image.id,
                source=source,
                alt=f"{match.image.id}{', with its similarity map' if both else ''}",
                label=match.image.label or match.image.path.name,
                score=f"{match.score:.3f}",
                note=" · ".join(
                    filter(None, (ranking.copy_note(rank), *notes[rank : rank + 1], padding))
                ),
                is_hit=is_hit(query.label, match.image),
                heat=heat,
                query_heat=query_heat,
            )
        )
    return shown


def search_report(
    query: Query,
    ranking: Ranking,
    weights: Tensor | None,
    settings: NetworkSettings,
    reference: Reference | None = None,
) -> SearchReport:
    """A search with the pictures and maps of all its matches; the network runs where it must.

    Raises:
        NetworkError: The network cannot be had.
    """
    pictures = [open_picture(match) for match in ranking.matches]
    decomposed([picture for picture in pictures if picture], settings)
    return SearchReport(
        settings,
        ranking,
        query.label,
        [settings.seen(picture.pixels) if picture else None for picture in pictures],
        maps_of(query, ranking, pictures, weights, settings),
        reference,
        relative_maps_of(query.image, pictures, weights, settings, reference),
    )


def open_in_pair(match_id: str, pooling: str | None = None) -> None:
    """Have the Pair page opened on the query and a match; for callbacks.

    Args:
        match_id: The match's id.
        pooling: The pooling that it was found with, where that is not the sidebar's.
    """
    open_page(PAIR_PAGE, match=match_id, **({"pooling": pooling} if pooling else {}))


def make_query_of(match_id: str) -> None:
    """Make a match the new query; for callbacks."""
    choose(query=match_id)
