"""Fine regions on the Region page: the switch, where the network allows it, and their vectors."""

from functools import partial

import streamlit as st

from simviz_core.errors import SimVizError
from simviz_core.networks import FINE_LABEL, EnsembleNetwork, FineImage, FineNetwork
from simviz_core.networks.settings import NetworkSettings
from simviz_core.retrieval import Region, Vector, fine_region_vector, weights_on
from simviz_ui.display.messages import as_markdown
from simviz_ui.navigation import hold
from simviz_ui.retrieval.matches import Query
from simviz_ui.serving.resources import network_fingerprint, network_of
from simviz_ui.serving.turns import network_turn
from simviz_ui.view import region_as_text


def fine_choice(settings: NetworkSettings) -> FineNetwork | None:
    """Show the switch where the network's fine regions add up, else why there is none.

    Args:
        settings: The network.

    Returns:
        What regions are to be taken from; None for the cells of the last feature map.
    """
    try:
        fine = _fine_network(network_fingerprint(settings), settings)
    except SimVizError as error:
        fine = str(error)
    if isinstance(fine, str):
        st.caption(f"No fine regions here: {as_markdown(fine)}.")
        return None
    rows, columns = fine.grid
    is_wanted = st.toggle(
        "Fine regions",
        **hold("fine"),
        help=f"Rank by the {rows} × {columns} cells of an earlier layer, **{FINE_LABEL}**: with "
        "what the network's switches (ReLUs) do in this image taken as it is. What is drawn and "
        f"what is not still add up to the embedding (checked: off by {fine.residual:.0e} of its "
        "length). What the region *alone* would do is another question.",
    )
    return fine if is_wanted else None


def fine_vector(fine: FineNetwork | None, query: Query, region: Region) -> Vector | None:
    """What ranks by the fine cells of a region; None where no fine regions are asked for.

    Args:
        fine: As `fine_choice` returns it.
        query: What the region is drawn on.
        region: In pixels of the original, covering some of it.
    """
    if fine is None:
        return None
    digest = query.chosen.picture.digest
    fingerprint = fine.network.fingerprint
    with network_turn():
        return _vector(fingerprint, digest, region_as_text(region), fine, query, region)


@st.cache_resource(max_entries=2, show_spinner="Checking fine regions …")
def _fine_network(fingerprint: str, _settings: NetworkSettings) -> FineNetwork | str:
    """The network that can be asked, or why none can."""
    network = network_of(_settings)
    if isinstance(network, EnsembleNetwork):
        return "they are for single networks, not for ensembles"
    try:
        return FineNetwork(network)
    except SimVizError as error:
        return str(error).removeprefix("fine regions ").rstrip(".")


# Of the last images: what the layers gave, some 100 MB of each.
@st.cache_resource(max_entries=2, show_spinner="Running the network …")
def _fine_image(fingerprint: str, digest: str, _fine: FineNetwork, _query: Query) -> FineImage:
    return _fine.image(_query.chosen.picture.pixels)


@st.cache_data(max_entries=256, show_spinner=False)
def _vector(
    fingerprint: str,
    digest: str,
    drawn: str,
    _fine: FineNetwork,
    _query: Query,
    _region: Region,
) -> Vector:
    image = _fine_image(fingerprint, digest, _fine, _query)
    weights = partial(weights_on, _region, _query.chosen.picture, frame=_query.frame)
    return fine_region_vector(image, weights)
