"""What stands around every page: its style, the star, the link, and what of a link is not shown."""

import streamlit as st
from streamlit.navigation.page import StreamlitPage
from streamlit.runtime.scriptrunner_utils.exceptions import StopException

from simviz_ui.choices.allowed import restrict_sources
from simviz_ui.components.looking import looking
from simviz_ui.components.reconnecting import make_anew_when_connected_again
from simviz_ui.display.exports import exports_of
from simviz_ui.display.icons import HIDDEN_NAMES
from simviz_ui.display.words import show_words
from simviz_ui.findings.star import FINDINGS_PAGE, star
from simviz_ui.navigation import enter, keep_link, show_notes, view
from simviz_ui.serving.callbacks import keep_callbacks_whole
from simviz_ui.serving.logs import logged_run, set_up_log
from simviz_ui.serving.settings import say_wrong_settings
from simviz_ui.serving.turns import TURNS

# Pictures need the room that Streamlit's margins take on a narrow screen.
# What has nothing to show (the address, counters, the canvas's keeper) takes no room.
STYLE = (
    "<style>.stMainBlockContainer { position: relative; padding-inline: clamp(1rem, 3.5vw, 5rem); }"
    " .st-key-address { left: 0; }"  # as wide as the page, and so not beyond its edge
    " .st-key-address, .st-key-tending, [class*=st-key-steps_beside_] { position: absolute; }"
    # Streamlit's own grey of captions is too faint to be read by everybody (WCAG AA).
    " [data-testid='stCaptionContainer'] { color: inherit; opacity: .8; }"
    # White on the dark theme's orange is not, either.
    " button[kind='primary'] { color: light-dark(#ffffff, #171513); }"
    # The star stands above the page, whichever that is, beside what says that it is running.
    " :has(> .st-key-star) { position: absolute; top: .4rem; right: 9rem; width: auto;"
    " z-index: 2; }"
    # On a narrow screen Streamlit's header covers that place.
    " @media (max-width: 768px) { :has(> .st-key-star) { top: 4rem; right: 1rem; } }"
    # What is chosen begins right below the pages' names.
    " [data-testid='stSidebarUserContent'] { padding-top: 1.5rem; }</style>"
)


def show(page: StreamlitPage) -> None:
    """Show a page: last thing in a run of the app."""
    keep_callbacks_whole()
    set_up_log()
    say_wrong_settings()
    st.html(STYLE)
    st.html(HIDDEN_NAMES)
    restrict_sources()
    with st.container(key="address"):
        enter(page.url_path)
        make_anew_when_connected_again()
        place_of_looking = st.container()
    place_of_star = st.container(key="star")
    notes = st.container()

    def finish() -> None:
        """Say what of the link is not shown, and write the link."""
        with notes:
            show_notes()
        with st.sidebar:
            show_words()
        keep_link()
        with place_of_looking:
            looking(view().opacity / 100, "opacity", key="looking_everywhere", has_button=False)
        if page.url_path != FINDINGS_PAGE:
            with place_of_star:
                star(page.url_path, page.title)

    try:
        with logged_run(page.url_path), exports_of(""), TURNS.click():
            page.run()
    except StopException:  # a page that has nothing more to show
        finish()
        raise
    finish()
