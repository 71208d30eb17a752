"""Three findings of the demo gallery, each with its maps, that a click opens on its page.

The pictures are computed by `docs/make_pictures.py`, so that the first page needs no network, and
lie beside README's. A test computes the pictures and every number of the sentences anew.
"""

from dataclasses import dataclass

import streamlit as st

from simviz_core.home import HOME
from simviz_core.retrieval import Region
from simviz_ui.navigation import PAIR_PAGE, open_view
from simviz_ui.view import DEFAULTS, View

PICTURES = HOME / "docs" / "stories"
ROOM_TO_CLICK = (
    "<style>[class*='st-key-story_'] { position: relative; }"
    " div:has(> [class*='st-key-story_']) { min-width: min(100%, 15rem); align-self: stretch; }"
    " [class*='st-key-story_'] { height: 100%; }"
    " [class*='st-key-story_'] > :last-child { margin-top: auto; }"
    " [class*='st-key-story_'] button::after { content: ''; position: absolute; inset: 0; }"
    " [class*='st-key-story_'] :is(.stElementContainer, .stButton, .stTooltipIcon,"
    " .stTooltipHoverTarget):has(button) { position: static; }"
    " [class*='st-key-story_'] button { position: static; }"
    " [class*='st-key-story_']:hover { outline: 2px solid; outline-offset: .4rem;"
    " border-radius: .2rem; }</style>"
)
"""The button of a story takes clicks anywhere on it."""


@dataclass(frozen=True)
class Story:
    """A finding.

    Attributes:
        name: Of its picture.
        title: What kind of finding it is.
        sentence: What is seen, with numbers, as Markdown.
        page: The page that shows it.
        query: The image that is asked for.
        match: The image that is found.
        region: What of the query is searched for; nothing for all of it.
        seen: The picture in words.
    """

    name: str
    title: str
    sentence: str
    page: str
    query: str
    match: str
    seen: str
    region: Region = DEFAULTS.regions

    @property
    def view(self) -> View:
        """What its page shows: nothing that was chosen before changes the story."""
        return View(
            query=self.query,
            match=self.match,
            regions=self.region,
            without_own_class=self.region.is_drawn,
            scale="each",
        )


STORIES = (
    Story(
        "right",
        "A match for the right reason",
        "Two views of one room, **0.902** similar. **44 %** of that lies on the bedspread, which "
        "covers 28 % of the first picture.",
        PAIR_PAGE,
        "hotel_12/view_2.jpg",
        "hotel_12/view_4.jpg",
        "Two photos of one hotel room; both maps are brightest on the zigzag bedspread",
    ),
    Story(
        "wrong",
        "A match for the wrong reason",
        "Of all 287 other images this one of another hotel is nearest: **0.860**, where the best "
        "view of the same room reaches 0.792. **55 %** of it lies on bedspread, headboard and "
        "pillows, and all three are of other designs.",
        PAIR_PAGE,
        "hotel_01/view_5.jpg",
        "hotel_26/view_1.jpg",
        "Photos of two hotel rooms that are arranged alike; both maps are brightest on the bed, "
        "whose bedspreads, headboards and pillows differ",
    ),
    Story(
        "region",
        "The same bedspread elsewhere",
        "Search by a rectangle on the bedspread: **11** of the 12 best images of other hotels "
        "have the same one. Search by the whole picture: 3 of 12.",
        "region",
        "hotel_20/view_3.jpg",
        "hotel_06/view_2.jpg",
        "A rectangle on a dark bedspread with light diamonds, and a room of another hotel whose "
        "map is brightest on the same bedspread",
        Region(((35.0, 157.0, 154.0, 207.0),)),
    ),
)


def show_stories() -> None:
    """The three findings side by side; a click on one opens its page with exactly its view."""
    st.html(ROOM_TO_CLICK)
    row = st.container(horizontal=True, gap="large")
    for story in STORIES:
        picture = PICTURES / f"{story.name}.jpg"
        with row.container(key=f"story_{story.name}", gap="small"):
            if picture.is_file():
                st.image(str(picture), alt=story.seen, width="stretch")
            st.markdown(f"**{story.title}.** {story.sentence}")
            st.button(
                f"Open on {story.page.capitalize()}",
                key=f"open_{story.name}",
                icon=":material/arrow_forward:",
                on_click=open_view,
                args=(story.page, story.view),
            )
    st.caption(
        "Rooms of the demo gallery, which are rendered, so that it is known what they share; "
        "EfficientNet-Lite0 with ImageNet weights, average pooling, 224 pixels. The brighter a "
        "cell, the more it contributes; each picture has its own colour scale."
    )
