"""`networks [PATTERN]`: list the networks that can be chosen by name."""

import argparse

from simviz_core.cli.options.output import add_json_option, write_json
from simviz_core.errors import SettingsError
from simviz_core.networks import NETWORKS, source_names
from simviz_core.networks.sources.registry import matching_names


def add_options(networks: argparse.ArgumentParser) -> None:
    """Describe the command and its options."""
    networks.description = (
        "List the networks that can be chosen by name: SimViz's own, and those of the "
        "libraries that are installed."
    )
    networks.add_argument(
        "pattern",
        nargs="?",
        default="",
        metavar="PATTERN",
        help="words that the names must have, or a pattern with * and ?",
    )
    add_json_option(networks)
    networks.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    names = [*matching_names(list(NETWORKS), options.pattern), *source_names(options.pattern)]
    if not names:
        raise SettingsError(f"no network has a name with {options.pattern!r}; try fewer words")
    if options.json:
        write_json(names, options.json)
    else:
        print("\n".join(names))
