"""What stands between a fresh server and the maps of Pair: nothing that they do not need."""

import subprocess
import sys
from pathlib import Path

from simviz_core.networks import source_names

REPOSITORY = Path(__file__).resolve().parents[2]
NOT_NEEDED = ("lancedb", "matplotlib.figure", "pandas", "scipy", "sympy", "timm", "torchvision")
DO_AS_PAIR = """
import ast, sys
from pathlib import Path
import simviz_ui.every_page
page = ast.parse(Path("pages/pair.py").read_text("utf-8"))
imports = [line for line in page.body if isinstance(line, ast.Import | ast.ImportFrom)]
exec(compile(ast.Module(imports, []), "pages/pair.py", "exec"))
from simviz_core.networks import DEFAULT_NETWORK, load_network, source_names
source_names()
load_network(DEFAULT_NETWORK)
print(*sys.modules)
"""


def test_pair_loads_no_library_that_its_maps_do_not_need() -> None:
    source_names()  # listed before, as on any start but the first
    finished = subprocess.run(
        [sys.executable, "-c", DO_AS_PAIR],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(finished.stdout.split())
    assert {"torch", "simviz_ui.pair.view"} <= loaded
    assert [name for name in NOT_NEEDED if name in loaded] == []
