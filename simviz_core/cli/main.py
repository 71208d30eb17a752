"""The program: reads the command, runs it, and turns errors into one line and an exit status."""

import os
import sys
from collections.abc import Sequence

from simviz_core import __version__
from simviz_core.cli import (
    app,
    checkpoints,
    classmap,
    errors,
    evaluate,
    features,
    index,
    inspect,
    networks,
    pair,
    search,
)
from simviz_core.cli.evidence import check, faithfulness, trust
from simviz_core.cli.findings import report
from simviz_core.cli.gallery import export
from simviz_core.cli.gallery import map as map_
from simviz_core.cli.options.output import BAD_INPUT, OneLineParser
from simviz_core.cli.training import losses, train
from simviz_core.errors import SimVizError

COMMANDS = (
    pair,
    search,
    index,
    evaluate,
    errors,
    map_,
    export,
    checkpoints,
    classmap,
    features,
    check,
    trust,
    faithfulness,
    networks,
    inspect,
    report,
    train,
    losses,
    app,
)

INTERRUPTED = 130
"""The exit status after Ctrl-C, as shells have it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: What stands after the program's name; None takes the process's own.

    Returns:
        The exit status: 0, or `BAD_INPUT` or `INTERRUPTED` after one line on standard error.
    """
    options = _parser().parse_args(arguments)
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


def _parser() -> OneLineParser:
    parser = OneLineParser(
        prog="python -m simviz_core",
        description="Show which regions of two images make a similarity network find them similar.",
    )
    parser.add_argument("--version", action="version", version=f"SimViz {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for command in COMMANDS:
        command.add_to(commands)
    return parser
