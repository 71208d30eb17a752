"""The program: reads the command, runs it, and turns errors into one line and an exit status."""

import argparse
import os
import sys
from collections.abc import Sequence

from simviz_core import __version__
from simviz_core.cli.commands import BAD_INPUT, COMMANDS, OneLineParser, add_options
from simviz_core.errors import SimVizError

INTERRUPTED = 130
"""The exit status after Ctrl-C, as shells have it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: What stands after the program's name; None takes the process's own.

    Returns:
        See `perform`.
    """
    return perform(read(arguments))


def read(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options of a command. Only the modules of the one that is named are loaded.

    Args:
        arguments: What stands after the program's name; None takes the process's own.

    Raises:
        SystemExit: They ask for help or the version, which was printed, or cannot be read.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    named = next((word for word in arguments if not word.startswith("-")), None)
    parser = OneLineParser(
        prog="python -m simviz_core",
        description="Show which regions of two images make a similarity network find them similar.",
    )
    parser.add_argument("--version", action="version", version=f"SimViz {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name, (_, does) in COMMANDS.items():
        command = commands.add_parser(name, help=does)
        if name == named:
            add_options(name, command)
    return parser.parse_args(arguments)


def perform(options: argparse.Namespace) -> int:
    """Do what was asked for.

    Args:
        options: As `read`.

    Returns:
        The exit status: 0, or `BAD_INPUT` or `INTERRUPTED` after one line on standard error.
    """
    try:
        options.run(options)
    except SimVizError as error:
        print(f"simviz: {' '.join(str(error).split())}", file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:
        # Whoever read the output, `head` for instance, has had enough of it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("\nsimviz: interrupted; what was indexed before is kept", file=sys.stderr)
        return INTERRUPTED
    except OSError as error:
        # An output that cannot be written: a missing folder, a full disk, no permission.
        print(f"simviz: {error.filename or 'output'}: {error.strerror or error}", file=sys.stderr)
        return BAD_INPUT
    return 0
