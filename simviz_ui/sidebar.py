"""The network settings, the same on every page and part of the link."""

import streamlit as st

from simviz_core.networks import DEFAULT_NETWORK, DEFAULT_SIZE, NETWORKS, SIZES
from simviz_core.pairs import NetworkSettings

POOLING_TITLES = {"average": "Average", "max": "Max", "gem": "GeM"}
"""Sum pooling is left out: its unit embeddings, and so its maps, are those of the average."""


def network_settings() -> NetworkSettings:
    """Show the choice of network, pooling and input size in the sidebar, and return it."""
    with st.sidebar:
        st.subheader("Network")
        network = st.selectbox(
            "Network",
            list(NETWORKS),
            index=list(NETWORKS).index(DEFAULT_NETWORK),
            format_func=lambda name: NETWORKS[name].title,
            key="network",
            bind="query-params",
            label_visibility="collapsed",
        )
        entry = NETWORKS[network]
        st.caption(entry.description)
        pooling = st.segmented_control(
            "Pooling",
            list(POOLING_TITLES),
            default=entry.pooling,
            required=True,
            format_func=lambda name: POOLING_TITLES[name],
            key="pooling",
            bind="query-params",
            help="How the last feature map becomes the embedding. The network's own pooling is "
            f"{entry.pooling}; any other is exact too. GeM uses p = 3.",
        )
        size = st.segmented_control(
            "Input size",
            list(SIZES),
            default=DEFAULT_SIZE,
            required=True,
            format_func=lambda pixels: f"{pixels} px",
            key="size",
            bind="query-params",
            help="The whole image is resized to a square of this side. A larger one gives a finer "
            "grid of cells and takes longer: 7 × 7 at 224, 10 × 10 at 320, 14 × 14 at 448.",
        )
    return NetworkSettings(network, pooling or entry.pooling, size or DEFAULT_SIZE)
