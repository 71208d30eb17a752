"""The command line: `python -m simviz_core COMMAND …`, one module per command."""

from simviz_core.cli.checkpoints import checkpoints_command
from simviz_core.cli.classmap import classmap_command
from simviz_core.cli.errors import errors_command
from simviz_core.cli.evidence.check import check_command
from simviz_core.cli.evidence.trust import trust_command
from simviz_core.cli.features import channels_command, features_command
from simviz_core.cli.gallery.export import export_command
from simviz_core.cli.gallery.map import map_command
from simviz_core.cli.main import main
from simviz_core.cli.pair import pair_command
from simviz_core.cli.search import search_command
from simviz_core.cli.search_parts import parts_command

__all__ = [
    "channels_command",
    "check_command",
    "checkpoints_command",
    "classmap_command",
    "errors_command",
    "export_command",
    "features_command",
    "main",
    "map_command",
    "pair_command",
    "parts_command",
    "search_command",
    "trust_command",
]
