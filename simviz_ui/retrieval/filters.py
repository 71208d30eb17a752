"""Which images a search may find, how many are shown, and how."""

from dataclasses import dataclass

import streamlit as st

from simviz_core.figures import FigureStyle
from simviz_core.gallery import NO_CONDITIONS, Conditions, Gallery, Selection
from simviz_core.retrieval import AllowedRows, GalleryIndex, choose, whole_vector
from simviz_ui.choices.display import style_controls
from simviz_ui.choices.selection import chosen_selection
from simviz_ui.navigation import hold
from simviz_ui.retrieval.conditions import (
    chosen_conditions,
    condition_controls,
    say_conditions,
)
from simviz_ui.retrieval.matches import Query

NO_SUCH_CLASS = "Not all classes of the link are in this gallery; searched are: {shown}."
TOPS = (6, 12, 24)


@dataclass(frozen=True)
class Filters:
    """Which images may be found, and how many are shown.

    Attributes:
        top: How many matches.
        classes: Only these; none means all.
        keep_query: Whether the query itself may be found.
        without_own_class: Whether the query's class is left out.
        selection: The images that stand for the gallery; None for all.
        conditions: On the columns of the gallery's manifest.
    """

    top: int
    classes: tuple[str, ...] = ()
    keep_query: bool = False
    without_own_class: bool = False
    selection: Selection | None = None
    conditions: Conditions = NO_CONDITIONS

    def allowed(self, index: GalleryIndex, query: Query) -> AllowedRows:
        """Which images of an index may be found, (N,)."""
        allowed = choose(
            index,
            [label for label in self.classes if label in index.classes] or None,
            without_image=None if self.keep_query else query.chosen.id,
            without_class=query.label if self.without_own_class else None,
            conditions=self.conditions,
            query=index.image(query.chosen.id),
            vector=whole_vector(query.image),
        )
        return allowed if self.selection is None else allowed & self.selection.rows(index.images)

    def as_options(self) -> list[str]:
        """The same as options of the command line."""
        words = [f"--class={label}" for label in self.classes]
        words += ["--keep-query"] if self.keep_query else []
        words += [f"--selection={self.selection.name}"] if self.selection else []
        words += ["--exclude-own-class"] if self.without_own_class else []
        return [*words, *self.conditions.as_options()]


def filter_controls(gallery: Gallery, query_has_class: bool) -> Filters:
    """Show how many matches, and the filters, and return what they say."""
    selection = chosen_selection(gallery)
    top = st.segmented_control(
        "Matches",
        TOPS,
        required=True,
        **hold("top"),
        label_visibility="collapsed",
    )
    conditions = chosen_conditions(gallery)
    with st.popover("Filter", icon=":material/filter_alt:"):
        classes = st.multiselect(
            "Classes",
            list(gallery.by_label),
            **hold("classes", options=list(gallery.by_label), instead=NO_SUCH_CLASS),
            placeholder="All classes",
            disabled=not gallery.by_label,
        )
        keep_query = st.checkbox("Let the query itself be found", **hold("keep_query"))
        without_own_class = st.checkbox(
            "Leave out the query's class",
            **hold("without_own_class"),
            disabled=not query_has_class,
            help="What else is similar?",
        )
        condition_controls(gallery)
    return Filters(
        top or TOPS[1],
        tuple(classes),
        keep_query,
        without_own_class and query_has_class,
        selection,
        conditions,
    )


def search_controls(gallery: Gallery, query: Query) -> tuple[Filters, FigureStyle]:
    """Show the filters and the controls of the display in one row, and return what they say."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        filters = filter_controls(gallery, query.label is not None)
        with st.popover("Display", icon=":material/palette:"):
            style = style_controls()
    say_conditions(filters.conditions, gallery.by_id.get(query.chosen.id), query.chosen.id)
    return filters, style
