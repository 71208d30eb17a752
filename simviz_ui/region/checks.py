"""The Region page's occlusion check: blank what is drawn and run the network again."""

import streamlit as st

from simviz_core.evidence import removed_region
from simviz_core.figures import FigureStyle
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import Ranking, Region
from simviz_ui.checks.checked import CheckedPair
from simviz_ui.checks.occlusion import fill_choice, occlusion_wanted, show_occlusion
from simviz_ui.retrieval.matches import Query
from simviz_ui.serving.resources import decomposed, open_picture
from simviz_ui.view import region_as_text


def region_check(
    query: Query,
    region: Region,
    ranking: Ranking,
    settings: NetworkSettings,
    style: FigureStyle,
) -> None:
    """Offer to blank what is drawn, and compare the query with its best match again.

    Args:
        query: The query.
        region: What is drawn on it.
        ranking: By the region; its first match is compared.
        settings: The network.
        style: How maps are shown.
    """
    if not ranking.matches or not occlusion_wanted("what is drawn"):
        return
    fill = fill_choice()
    match = ranking.matches[0]
    picture = open_picture(match)
    if picture is None:
        st.info("The best match's file cannot be read any more.")
        return
    (other,) = decomposed([picture], settings)
    pair = CheckedPair(query.chosen, query.image, other, match.image.id, picture.digest, settings)
    show_occlusion(
        pair,
        f"{query.chosen.id}, what is drawn on it",
        (region_as_text(region),),
        lambda network: removed_region(region, query.chosen.picture, network, query.image.grid),
        fill,
        style,
    )
