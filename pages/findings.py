"""Findings: the views that were kept, with notes, as a list, a file and a report."""

from simviz_ui.serving.entering import enter_through_app

enter_through_app()

import streamlit as st

from simviz_ui.findings.list import show_findings

st.title("Findings")
st.markdown(
    "The views that you kept with the star of their page. They are kept for this browser alone; "
    "to share them, save them as a file or make the report."
)
show_findings()
