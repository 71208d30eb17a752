"""The commands by name. A command's module, and all that it imports, is loaded once it is named."""

import argparse
from importlib import import_module
from typing import NoReturn

COMMANDS = {
    "pair": ("pair", "explain the similarity of two images"),
    "search": (
        "search",
        "find the images of a gallery that are similar to a query, or to a region of it",
    ),
    "index": ("index", "embed a gallery, or bring its embeddings up to date"),
    "evaluate": ("evaluate", "print Recall@1, @5, @10 and mAP@R of a gallery"),
    "errors": ("errors", "list the queries whose nearest neighbour is of another class"),
    "map": ("gallery.map", "lay a gallery out in two dimensions, similar images near one another"),
    "export": (
        "gallery.export",
        "write a gallery's embeddings, labels and map as Parquet or for TensorBoard",
    ),
    "checkpoints": ("checkpoints", "follow a query through the checkpoints of a run"),
    "classmap": ("classmap", "show what makes an image one of its class"),
    "features": ("features", "show what share of the similarity the strongest features carry"),
    "check": (
        "evidence.check",
        "blank a part of an image and run the network again, or show what a cell sees",
    ),
    "trust": ("evidence.trust", "measure how far a network's maps can be trusted on a gallery"),
    "faithfulness": (
        "evidence.faithfulness",
        "test whether the maps point at what makes a pair similar",
    ),
    "networks": ("networks", "list the networks that can be chosen by name"),
    "inspect": ("inspect", "say how a network pools, and whether it can be decomposed exactly"),
    "report": ("findings.report", "make the findings of a file again, as one HTML file"),
    "train": ("training.train", "train a network on a gallery"),
    "losses": ("training.losses", "list the losses and miners to train with"),
    "app": ("app", "start the dashboard"),
}
"""Each command's module below `simviz_core.cli`, and what it does, for the list of commands."""

BAD_INPUT = 2
"""The exit status for anything that the user can mend."""


class OneLineParser(argparse.ArgumentParser):
    """Reports a wrong call in one line, without the usage text."""

    def error(self, message: str) -> NoReturn:
        """Print the message and leave with `BAD_INPUT`."""
        self.exit(BAD_INPUT, f"{self.prog}: {message} (see --help)\n")


def add_options(name: str, command: argparse.ArgumentParser) -> None:
    """Give a command's parser its description, its options and what it runs.

    Args:
        name: One of `COMMANDS`.
        command: The parser.
    """
    module, _ = COMMANDS[name]
    import_module(f"simviz_core.cli.{module}").add_options(command)
