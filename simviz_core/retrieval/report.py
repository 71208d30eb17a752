"""What the pages and the command export of a search alike: panels of a figure, and JSON."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from simviz_core import __version__
from simviz_core.decomposition import DecomposedImage
from simviz_core.map_measures import map_spread
from simviz_core.networks import SimilarityNetwork
from simviz_core.networks.fine_regions import LABEL, FineNetwork
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval.ranking import is_hit
from simviz_core.retrieval.regions import Region
from simviz_core.retrieval.relative import SAME_RANKING, Reference
from simviz_core.retrieval.search import MatchMaps, Ranking, RelativeMatchMaps, match_maps

FINE_NOTE = (
    "The matches' maps add up to the fine scores, up to the constant; the query's are of the "
    "coarse cells and do not."
)
"""Of maps where fine regions rank."""


@dataclass(frozen=True)
class SearchReport:
    """A search with all that is shown of it.

    Attributes:
        settings: The network that was asked.
        ranking: What was found.
        label: The query's class; None where it has none, or is not of the gallery.
        pictures: RGB, of each match; None where its file cannot be read. Empty where no figure is
            asked for.
        maps: Of each match; None where there are none. Empty where none are asked for.
        reference: What the maps are shown relative to; None where that is nothing.
        relative: The maps of each match relative to it; None where there are none, empty where
            none are asked for.
        fine: What the region was taken from; None for the cells of the last feature map.
        in_padding: What of each match's two maps lies in the padding, `query` and `match`; empty
            where images are not padded, or no maps are asked for.
    """

    settings: NetworkSettings
    ranking: Ranking
    label: str | None = None
    pictures: Sequence[Image.Image | None] = ()
    maps: Sequence[MatchMaps | None] = ()
    reference: Reference | None = None
    relative: Sequence[RelativeMatchMaps | None] = ()
    fine: FineNetwork | None = None
    in_padding: Sequence[dict[str, float]] = ()


@dataclass(frozen=True)
class SearchPanel:
    """One match of a search, as figures show it.

    Attributes:
        picture: RGB.
        caption: Its rank, label and score.
        match_map: What its cells contribute to the score, (H, W).
        query_map: What the query's cells contribute to the score, (H', W').
        is_hit: Whether it is of the query's class; None where that is not known.
    """

    picture: Image.Image
    caption: str
    match_map: NDArray[np.float32]
    query_map: NDArray[np.float32]
    is_hit: bool | None = None


def search_report(
    ranking: Ranking,
    query: DecomposedImage,
    network: SimilarityNetwork,
    settings: NetworkSettings,
    weights: Tensor | None = None,
    label: str | None = None,
) -> SearchReport:
    """A search with the picture and the maps of every match, which are made now.

    Args:
        ranking: What was found.
        query: The image that was asked for, contributions (H, W, D).
        network: The network, which runs once for each match.
        settings: Those of the network.
        weights: As for `rank`: share of each of the query's cells that the region covers, (H, W);
            None for the whole image.
        label: The query's class, by which matches are hits; None where it has none.

    Raises:
        ImageError: A match's file cannot be read.
    """
    pictures = [match.image.load().pixels for match in ranking.matches]
    decomposed = (network.decompose([picture])[0] for picture in pictures)
    maps = [match_maps(query, match, ranking.vector, weights) for match in decomposed]
    seen = [network.frame(picture).seen(picture) for picture in pictures]
    return SearchReport(settings, ranking, label, seen, maps)


def search_panels(report: SearchReport) -> list[SearchPanel]:
    """The matches that have a picture and maps, best first, each with its rank among all.

    Args:
        report: The search; relative maps take the place of the others where it has them.
    """
    panels = []
    for number, match in enumerate(report.ranking.matches):
        picture, maps = report.pictures[number], report.maps[number]
        if picture is None or maps is None:
            continue
        name = match.image.label or match.image.path.name
        caption = f"{number + 1}. {name} · {match.score:.3f}"
        query_map, match_map = maps.query_map, maps.match_map
        relative = report.relative[number] if report.relative else None
        if relative is not None:
            caption += f" ({relative.query.difference:+.3f})"
            query_map = relative.query.values
            match_map = match_map if relative.match is None else relative.match.values
        hit = is_hit(report.label, match.image)
        panels.append(SearchPanel(picture, caption, match_map, query_map, hit))
    return panels


def search_title(
    searched: str,
    settings: NetworkSettings,
    is_comparison: bool = False,
    ranking: Ranking | None = None,
) -> str:
    """The title of a search's figure.

    Args:
        searched: What was searched for, in words.
        settings: The network that was asked.
        is_comparison: Whether poolings are compared, so that the title names none.
        ranking: What was found; that it is approximate is part of the title.
    """
    title = settings.title_without_pooling if is_comparison else settings.title
    title = f"{searched}   ·   {title}"
    found_by = ranking.found_by.title if ranking and ranking.found_by else ""
    return f"{title}\n{found_by}" if found_by else title


def searched_region(fine: bool) -> str:
    """What a region's ranking is called in titles.

    Args:
        fine: Whether by its fine cells.
    """
    return f"region, fine, {LABEL}" if fine else "region"


def _fine_as_json(fine: FineNetwork) -> dict[str, Any]:
    """What is to be known of a ranking by fine regions."""
    return {
        "label": LABEL,
        "layer": fine.layer,
        "grid": list(fine.grid),
        "residual": fine.residual,
        "note": FINE_NOTE,
    }


def search_as_json(
    report: SearchReport,
    query: str,
    region: Region,
    with_maps: bool = False,
    is_crop: bool = False,
) -> dict[str, Any]:
    """A search as JSON-ready values.

    Args:
        report: The search.
        query: The query's path, as the user gave it.
        region: What was drawn on it; may be nothing.
        with_maps: Whether the maps are wanted, which the report then has of each match.
        is_crop: Whether the region was cut out and embedded anew.

    Returns:
        The settings, and `results`: path, label and score of each match; where a region was
        drawn also its similarity to the whole query, and to the query without the region's cells;
        maps as lists of rows, and what of them lies `in_padding`. `images_indexed` of the
        `images_in_gallery` were searched.
    """
    ranking = report.ranking
    results: list[dict[str, Any]] = []
    for number, match in enumerate(ranking.matches):
        result: dict[str, Any] = {
            "path": str(match.image.path),
            "label": match.image.label,
            "score": match.score,
        }
        if ranking.copy_of and ranking.copy_of[number] is not None:
            result["copy_of"] = ranking.copy_of[number]
        if region.is_drawn and not is_crop:
            result["similarity"] = ranking.similarities[number]
            if ranking.without:
                result["similarity_without_region"] = ranking.without[number]
        if with_maps:
            maps = report.maps[number]
            result["query_map"] = maps.query_map.tolist() if maps else None
            result["match_map"] = maps.match_map.tolist() if maps else None
            if report.in_padding:
                result["in_padding"] = report.in_padding[number]
        results.append(result)
    return {
        "query": query,
        **report.settings.as_json(),
        "regions": [list(rectangle) for rectangle in region.include],
        "excluded_regions": [list(rectangle) for rectangle in region.exclude],
        "crop": is_crop,
        **({"fine": _fine_as_json(report.fine)} if report.fine else {}),
        **(ranking.coverage.as_json() if ranking.coverage else {}),
        **ranking.found_by_as_json(),
        "results": results,
        "version": __version__,
    }


def searches_as_json(reports: Sequence[SearchReport]) -> list[dict[str, Any]]:
    """The same search under several poolings as JSON-ready values.

    Args:
        reports: One for each pooling, with the maps of each match; None where a match's file
            cannot be read any more.

    Returns:
        For each the `pooling` and its `results`: path, label and score of each match, and how
        widely both of its maps are spread.
    """
    return [
        {
            "pooling": report.settings.pooling,
            "results": [
                {
                    "path": str(match.image.path),
                    "label": match.image.label,
                    "score": match.score,
                    "query_spread": asdict(map_spread(maps.query_map)) if maps else None,
                    "match_spread": asdict(map_spread(maps.match_map)) if maps else None,
                }
                for match, maps in zip(report.ranking.matches, report.maps, strict=True)
            ],
        }
        for report in reports
    ]


def relative_search_as_json(
    reference: Reference, maps: Sequence[RelativeMatchMaps | None], is_region: bool
) -> dict[str, Any]:
    """What a search's maps are relative to, as JSON-ready values.

    Args:
        reference: What is subtracted.
        maps: Of each match, in their order; None where its file cannot be read.
        is_region: Whether a region was searched.

    Returns:
        `relative_to` as it was chosen, what it is, what the colours mean, that the ranking stays,
        and the maps of each match with their sums' checks.
    """
    note = "The matches' own maps are not relative: the reference has no region."
    return {
        "relative_to": str(reference.choice),
        "description": reference.description,
        "colours": reference.sentence,
        "ranking": SAME_RANKING,
        **({"note": note} if is_region else {}),
        "results": [
            None
            if each is None
            else {
                "query": each.query.as_json(),
                "match": None if each.match is None else each.match.as_json(),
            }
            for each in maps
        ],
    }


def ranking_rows(reports: Sequence[tuple[str, SearchReport]]) -> list[dict[str, Any]]:
    """One or more rankings as rows of a table.

    Args:
        reports: Each with its name: what was searched, or the pooling.

    Returns:
        For each match the ranking's name, its rank from 1, path, label, whether it is a hit (empty
        where that is not known), score; where a region was searched also the similarity to the
        whole query, and without the region's cells; where some are copies, of what; where one of
        the rankings is approximate, what found them.
    """
    has_copies = any(any(report.ranking.copy_of) for _, report in reports)
    is_approximate = any(report.ranking.is_approximate for _, report in reports)
    return [
        {
            "ranking": name,
            "rank": place + 1,
            "path": str(match.image.path),
            "label": match.image.label,
            "is_hit": is_hit(report.label, match.image),
            "score": match.score,
            **(
                {
                    "similarity": report.ranking.similarities[place],
                    "similarity_without_region": report.ranking.without[place],
                }
                if report.ranking.without
                else {}
            ),
            **({"copy": report.ranking.copy_note(place)} if has_copies else {}),
            **({"found_by": report.ranking.found_by_sentence} if is_approximate else {}),
        }
        for name, report in reports
        for place, match in enumerate(report.ranking.matches)
    ]
