"""`losses [PATTERN]`: list what `train` can be told to train with."""

import argparse

from simviz_core.errors import SettingsError
from simviz_core.networks.sources.registry import matching_names
from simviz_core.training import TRIPLET_LOSSES
from simviz_core.training.library import LOSSES, MINERS, described_names


def add_options(losses: argparse.ArgumentParser) -> None:
    """Describe the command and its options."""
    losses.description = (
        "List the losses and miners that `train` takes, with their options: its own "
        "triplet losses, and the classes of pytorch-metric-learning."
    )
    losses.add_argument(
        "pattern",
        nargs="?",
        default="",
        metavar="PATTERN",
        help="words that names and options must have, or a pattern with * and ?",
    )
    losses.set_defaults(run=_run)


def _run(options: argparse.Namespace) -> None:
    offered = {
        "losses": [*(f"{name}  (with --margin)" for name in TRIPLET_LOSSES)],
        "miners": described_names(MINERS),
    }
    offered["losses"] += described_names(LOSSES)
    found = {title: matching_names(lines, options.pattern) for title, lines in offered.items()}
    if not any(found.values()):
        raise SettingsError(f"no loss or miner is called {options.pattern!r}; try fewer words")
    for title, lines in found.items():
        if lines:
            print(title, *(f"  {line}" for line in lines), sep="\n")
