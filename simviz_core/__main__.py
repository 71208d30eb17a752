"""`python -m simviz_core …`, or `simviz …`: all that the pages show, from the command line."""

import signal
import sys

from simviz_core.installation import torch_mismatch


def run() -> int:
    """Run one command, unless the installation cannot work.

    Until the command begins, which takes seconds, and once it has ended, Ctrl-C ends the process at
    once: the imports are nobody's to interrupt, and would say so at length.

    Returns:
        The exit status.
    """
    is_ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN  # as under `nohup`
    if not is_ignored:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    if mismatch := torch_mismatch():
        print(f"simviz: {mismatch}", file=sys.stderr)
        return 1
    from simviz_core.cli.main import perform, read  # loads torch, where the command needs it

    options = read()
    if not is_ignored:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return perform(options)
    finally:
        if not is_ignored:
            signal.signal(signal.SIGINT, signal.SIG_DFL)


if __name__ == "__main__":
    sys.exit(run())
