"""The occlusion check of every cell: predicted against real changes, as a scatter."""

import json

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from simviz_core.cli.evidence.check import check_command
from simviz_core.errors import SimVizError
from simviz_core.evidence import CAVEAT, CellScatter, Fill, all_cells_as_json, check_all_cells
from simviz_core.figures import FigureStyle, scatter_figure
from simviz_ui.checks.checked import CheckedPair, kept_checks
from simviz_ui.display.exports import export_row, figure_files
from simviz_ui.display.messages import as_markdown, show_error
from simviz_ui.serving.resources import network_of
from simviz_ui.serving.turns import network_turn

WANTED = "all_cells_wanted"
"""In the session: the key of the check that was asked for."""


def all_cells(pair: CheckedPair, fill: Fill, style: FigureStyle) -> None:
    """Offer to blank every cell, one at a time, and show what came of it.

    The network runs in the page's own run: to cancel, or to choose something else, ends it.

    Args:
        pair: The image whose cells are blanked, and the one that it is compared with.
        fill: What takes the place of their pixels.
        style: How the command's figure shows maps.
    """
    kept, key = kept_checks(), pair.key("all cells", fill)
    rows, columns = pair.image.grid
    count = rows * columns
    if key not in kept:
        place = st.empty()
        with place.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.button(
                "Check all cells",
                icon=":material/grid_on:",
                key="check_all_cells",
                on_click=lambda: st.session_state.update({WANTED: key}),
                help=f"Blanks each of the {count} cells in turn: {count} runs of the network.",
            )
            # Taken at once: a run that is cut short does not begin anew by itself.
            if st.session_state.pop(WANTED, None) != key:
                return
            bar = st.progress(0.0, "Blanking cells …", width="stretch")
            # A click runs the fragment anew, which stops this run at its next sign of progress.
            st.button("Cancel", icon=":material/stop:", key="cancel_all_cells")

        try:
            network = network_of(pair.settings)
            with network_turn() as let_others_go:

                def show(done: int, total: int) -> None:
                    bar.progress(done / total, f"Blanking cells: {done} of {total} …")
                    let_others_go()

                kept[key] = check_all_cells(
                    network, pair.chosen.picture.pixels, pair.image, pair.other, fill, show
                )
        except SimVizError as error:
            show_error(error)
            return
        place.empty()
    _show(pair, kept[key], style)


def _show(pair: CheckedPair, found: CellScatter, style: FigureStyle) -> None:
    st.plotly_chart(scatter_chart(found), key="all_cells", config={"displaylogo": False})
    st.caption(f"{as_markdown(found.sentence)} It took {found.seconds:.1f} s.")
    names = pair.chosen.path, pair.other_path

    def figure(file_format: str) -> bytes:
        words = f"{pair.title} · {found.fill}", f"{found.sentence} {CAVEAT}"
        return scatter_figure(found.predicted, found.real, words, file_format)

    def numbers() -> str:
        return json.dumps(all_cells_as_json(found, *names, pair.settings), indent=1)

    export_row(
        {
            **figure_files("all-cells", figure, "All cells"),
            "All cells (JSON)": ("all-cells.json", numbers),
        },
        check_command(
            *names, pair.settings, style, None, found.fill, pair.chosen.picture.value_range
        ),
        key="all_cells_files",
    )


def scatter_chart(found: CellScatter) -> go.Figure:
    """Predicted against real changes, with the diagonal."""
    colours = st.get_option("theme.chartCategoricalColors")
    rows, columns = np.indices(found.real.shape)
    predicted, real = found.predicted.ravel(), found.real.ravel()
    ends = [float(min(predicted.min(), real.min())), float(max(predicted.max(), real.max()))]
    figure = go.Figure()
    figure.add_scatter(
        x=ends, y=ends, mode="lines", line={"dash": "dot", "color": "gray"}, hoverinfo="skip"
    )
    figure.add_scatter(
        x=predicted,
        y=real,
        mode="markers",
        marker={"color": colours[0], "size": 8, "opacity": 0.75},
        customdata=np.stack([rows.ravel(), columns.ravel()], axis=1),
        hovertemplate="row %{customdata[0]}, column %{customdata[1]}: predicted %{x:.4f}, "
        "real %{y:.4f}<extra></extra>",
    )
    figure.update_layout(
        xaxis={"title": "predicted change of the similarity"},
        yaxis={"title": "real change"},
        showlegend=False,
        height=380,
        margin={"t": 16, "b": 48},
    )
    return figure
