"""Where a login is set up, nobody sees a page before it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

APP = """
import streamlit as st
from simviz_ui.serving.login import require_login

require_login()
st.title("A page")
"""


@pytest.fixture
def login(tmp_path: Path) -> Iterator[None]:
    """A login is set up, as an operator does it."""
    secrets = tmp_path / "secrets.toml"
    secrets.write_text(
        "[auth]\n"
        'redirect_uri = "http://localhost:8501/oauth2callback"\n'
        'cookie_secret = "of this test alone"\n'
        'client_id = "simviz"\nclient_secret = "none"\n'
        'server_metadata_url = "http://localhost:1/.well-known/openid-configuration"\n'
    )
    before = st.get_option("secrets.files")
    st.config.set_option("secrets.files", [str(secrets)])
    st.secrets._reset()
    yield
    st.config.set_option("secrets.files", before)
    st.secrets._reset()


def page(**user: object) -> AppTest:
    """The page, as somebody sees it."""
    app = AppTest.from_string(APP)
    app.user.update(user)
    return app.run()


def test_without_a_login_set_up_the_page_is_there() -> None:
    app = page()
    assert [title.value for title in app.title] == ["A page"]
    assert not app.button


@pytest.mark.usefixtures("login")
def test_who_has_not_logged_in_sees_the_way_to_it_alone() -> None:
    app = page()
    assert [title.value for title in app.title] == ["SimViz"]
    assert [button.label for button in app.button] == ["Log in"]


@pytest.mark.usefixtures("login")
def test_who_has_logged_in_sees_the_page_and_the_way_out() -> None:
    app = page(is_logged_in=True, email="analyst@example.org")
    assert [title.value for title in app.title] == ["A page"]
    assert [button.label for button in app.sidebar.button] == ["Log out"]
