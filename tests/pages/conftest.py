"""The app without a browser."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from page_testing import new_app
from streamlit.testing.v1 import AppTest

from simviz_ui.choices import galleries


@pytest.fixture(autouse=True)
def fresh_caches() -> Iterator[None]:
    st.cache_resource.clear()
    st.cache_data.clear()
    yield
    st.cache_resource.clear()


@pytest.fixture
def app(small_gallery: Path, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    """The app on a small gallery, on its first page."""
    monkeypatch.setattr(galleries, "DEMO_GALLERY", small_gallery)
    return new_app()
