"""`python -m simviz_core …`: everything that the pages show, from the command line."""

import sys

from simviz_core.cli import main

sys.exit(main())
