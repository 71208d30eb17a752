"""SimViz: `streamlit run app.py`."""

import os

import streamlit as st

# Threads of torch that wait should not spin: a page, an index in the making and the browser often
# share few cores, and small operations took three times as long. Read when torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

st.set_page_config(page_title="SimViz", page_icon=":material/blur_on:", layout="wide")

# Pictures need the room that Streamlit's margins take on a narrow screen.
st.html("<style>.stMainBlockContainer { padding-inline: clamp(1rem, 3.5vw, 5rem); }</style>")

page = st.navigation(
    [
        st.Page("pages/overview.py", title="Overview", icon=":material/home:", default=True),
        st.Page("pages/pair.py", title="Pair", icon=":material/compare:"),
        st.Page("pages/search.py", title="Search", icon=":material/image_search:"),
        st.Page("pages/region.py", title="Region", icon=":material/select:"),
        st.Page("pages/classes.py", title="Classes", icon=":material/category:"),
        st.Page("pages/features.py", title="Features", icon=":material/bar_chart:"),
        st.Page("pages/checkpoints.py", title="Checkpoints", icon=":material/timeline:"),
    ]
)
page.run()
