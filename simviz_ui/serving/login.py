"""A login, where whoever runs the server has set one up."""

import streamlit as st

SECTION = "auth"
"""Of `.streamlit/secrets.toml`, as Streamlit reads it."""


def require_login() -> None:
    """Go on for those who have logged in, where a login is set up; show others the way to it."""
    if not (st.secrets.load_if_toml_exists() and SECTION in st.secrets):
        return
    if st.user.is_logged_in:
        with st.sidebar:
            st.button("Log out", icon=":material/logout:", on_click=st.logout)
        return
    st.title("SimViz")
    st.write("Log in to see the pages of this server.")
    st.button("Log in", type="primary", icon=":material/login:", on_click=st.login)
    st.stop()
