"""The end of a page that has nothing more to show."""

from typing import NoReturn

from streamlit.runtime.scriptrunner_utils.exceptions import StopException


def end_page() -> NoReturn:
    """End a page here; what stands around every page is still made, and its link written.

    After `st.stop` nothing at all could be drawn any more.
    """
    raise StopException
