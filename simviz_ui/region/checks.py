"""The Region page's occlusion check: blank what is drawn and run the network again."""

import streamlit as st

from simviz_core.evidence import BlankedPart
from simviz_core.figures import FigureStyle
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import Region
from simviz_ui.checks.checked import CheckedPair
from simviz_ui.checks.occlusion import fill_choice, occlusion_wanted, show_occlusion
from simviz_ui.choices.allowed import readable_path
from simviz_ui.region.columns import Column
from simviz_ui.retrieval.matches import Query
from simviz_ui.serving.resources import decomposed, open_picture


def region_check(
    query: Query,
    region: Region,
    column: Column,
    settings: NetworkSettings,
    style: FigureStyle,
) -> None:
    """Offer to blank what is drawn, and compare the query with its best match again.

    Args:
        query: The query.
        region: What is drawn on it.
        column: The ranking by the region; its first match is compared.
        settings: The network.
        style: How maps are shown.
    """
    ranking = column.ranking
    if not ranking.matches or not occlusion_wanted("what is drawn"):
        return
    fill = fill_choice()
    match = ranking.matches[0]
    picture = open_picture(match)
    if picture is None:
        st.info("The best match's file cannot be read any more.")
        return
    (other,) = decomposed([picture], settings)
    name, path = match.image.id, readable_path(match.image.path)
    pair = CheckedPair(query.chosen, query.image, other, name, path, picture.digest, settings)
    show_occlusion(pair, BlankedPart(region=region), fill, style)
    if column.fine is not None:
        st.caption("The predictions are of the coarse cells, also where fine regions rank.")
