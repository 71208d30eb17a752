"""The command line: `python -m simviz_core COMMAND …`, one module per command."""
