"""The words of the field, on every page: the text of docs/glossary.md itself."""

import streamlit as st

from simviz_core.home import HOME

GLOSSARY = HOME / "docs" / "glossary.md"


def show_words() -> None:
    """A button that opens what the pages' words mean; nothing where the text is not installed."""
    if not GLOSSARY.is_file():
        return
    with st.popover("Words", icon=":material/dictionary:", help="What the words here mean."):
        st.markdown(_glossary())


@st.cache_data(show_spinner=False)
def _glossary() -> str:
    """The words and what they mean, without the page's own heading and introduction."""
    _, heading, sections = GLOSSARY.read_text(encoding="utf-8").partition("\n## ")
    return f"{heading}{sections}".replace("\n## ", "\n##### ")
