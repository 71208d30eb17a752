"""SimViz: `streamlit run app.py`."""

from pathlib import Path

import streamlit as st
from streamlit.runtime.scriptrunner_utils.exceptions import StopException

import simviz_ui
from simviz_core.installation import torch_mismatch
from simviz_ui.choices.allowed import restrict_sources
from simviz_ui.components.looking import looking
from simviz_ui.display.exports import exports_of
from simviz_ui.display.icons import HIDDEN_NAMES
from simviz_ui.display.words import show_words
from simviz_ui.findings.star import FINDINGS_PAGE, star
from simviz_ui.navigation import enter, keep_link, show_notes, view
from simviz_ui.serving.callbacks import keep_callbacks_whole
from simviz_ui.serving.login import require_login
from simviz_ui.serving.settings import say_wrong_settings

keep_callbacks_whole()

# A named icon, or an emoji, would be fetched from another host.
ICON = Path(simviz_ui.__file__).with_name("icon.png")
st.set_page_config(page_title="SimViz", page_icon=str(ICON), layout="wide")

if mismatch := torch_mismatch():
    st.error(mismatch)
    st.stop()
say_wrong_settings()
require_login()

# Pictures need the room that Streamlit's margins take on a narrow screen.
# What has nothing to show (the address, counters, the canvas's keeper) takes no room.
st.html(
    "<style>.stMainBlockContainer { position: relative; padding-inline: clamp(1rem, 3.5vw, 5rem); }"
    " .st-key-address, .st-key-tending, [class*=st-key-steps_beside_] { position: absolute; }"
    # Streamlit's own grey of captions is too faint to be read by everybody (WCAG AA).
    " [data-testid='stCaptionContainer'] { color: inherit; opacity: .8; }"
    # White on the dark theme's orange is not, either.
    " button[kind='primary'] { color: light-dark(#ffffff, #171513); }"
    # The star stands above the page, whichever that is, beside what says that it is running.
    " :has(> .st-key-star) { position: absolute; top: .4rem; right: 9rem; width: auto;"
    " z-index: 2; }</style>"
)

st.html(HIDDEN_NAMES)

page = st.navigation(
    [
        st.Page("pages/overview.py", title="Overview", icon=":material/home:", default=True),
        st.Page("pages/pair.py", title="Pair", icon=":material/compare:"),
        st.Page("pages/map.py", title="Map", icon=":material/scatter_plot:"),
        st.Page("pages/search.py", title="Search", icon=":material/image_search:"),
        st.Page("pages/region.py", title="Region", icon=":material/select:"),
        st.Page("pages/errors.py", title="Errors", icon=":material/rule:"),
        st.Page("pages/classes.py", title="Classes", icon=":material/category:"),
        st.Page("pages/features.py", title="Features", icon=":material/bar_chart:"),
        st.Page("pages/trust.py", title="Trust", icon=":material/verified:"),
        st.Page("pages/checkpoints.py", title="Checkpoints", icon=":material/timeline:"),
        st.Page("pages/findings.py", title="Findings", icon=":material/bookmarks:"),
    ]
)


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


restrict_sources()
with st.container(key="address"):
    enter(page.url_path)
    place_of_looking = st.container()
place_of_star = st.container(key="star")
notes = st.container()
try:
    with exports_of(""):
        page.run()
except StopException:  # a page that has nothing more to show
    finish()
    raise
finish()
