"""`app`: start the dashboard."""

import argparse
import os
import sys

from simviz_core.cli.options.numbers import whole_number
from simviz_core.errors import SettingsError
from simviz_core.home import HOME


def add_options(app: argparse.ArgumentParser) -> None:
    """Describe the command and its options."""
    app.description = (
        "Start the dashboard's server in this folder. All options of Streamlit can be "
        "set, as environment variables such as STREAMLIT_SERVER_BASE_URL_PATH."
    )
    app.add_argument(
        "--port", type=whole_number, metavar="N", help="default: 8501, or the next free one"
    )
    app.add_argument(
        "--address",
        metavar="HOST",
        help="what to listen on, such as localhost; default: every address of this machine",
    )
    app.add_argument("--headless", action="store_true", help="open no browser")
    app.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    from simviz_core.configuration import wrong_settings  # loads torch

    if wrong := wrong_settings():
        raise SettingsError("; ".join(wrong))
    words = ["-m", "streamlit", "run", str(HOME / "app.py")]
    words += ["--server.port", str(options.port)] if options.port else []
    words += ["--server.address", options.address] if options.address else []
    words += ["--server.headless", "true"] if options.headless else []
    # In place of this process, so that what ends it reaches the server.
    os.execv(sys.executable, [sys.executable, *words])
