"""`python -m simviz_core …`, or `simviz …`: all that the pages show, from the command line."""

import sys

from simviz_core.installation import torch_mismatch


def run() -> int:
    """Run one command, unless the installation cannot work.

    Returns:
        The exit status.
    """
    if mismatch := torch_mismatch():
        print(f"simviz: {mismatch}", file=sys.stderr)
        return 1
    from simviz_core.cli import main  # loads torch, which may fail where the check did

    return main()


if __name__ == "__main__":
    sys.exit(run())
