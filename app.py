"""SimViz: `streamlit run app.py`."""

from pathlib import Path

import streamlit as st

import simviz_ui
from simviz_core.installation import torch_mismatch
from simviz_ui.serving.login import require_login

# A named icon, or an emoji, would be fetched from another host.
ICON = Path(simviz_ui.__file__).with_name("icon.png")
st.set_page_config(page_title="SimViz", page_icon=str(ICON), layout="wide")
require_login()

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

if mismatch := torch_mismatch():
    st.error(mismatch)
    st.stop()
with st.spinner("Starting SimViz …"):
    # Takes seconds the first time, with torch; the pages' names are there meanwhile.
    from simviz_ui.every_page import show
show(page)
