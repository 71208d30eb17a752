"""What a command loads: only what it needs, since the libraries take seconds."""

import subprocess
import sys

import pytest

LIBRARIES = {"lancedb", "matplotlib", "numpy", "PIL", "pyarrow", "scipy", "streamlit", "torch"}
SAY_WHAT_IS_LOADED = """
import sys
from simviz_core.__main__ import run
try:
    run()
finally:
    print({name.partition(".")[0] for name in sys.modules}, file=sys.stderr)
"""


@pytest.mark.parametrize(
    "words",
    [("--help",), ("--version",), (), ("peer",), ("app", "--help"), ("app", "--port", "none")],
    ids=" ".join,
)
def test_what_needs_no_library_loads_none(words: tuple[str, ...]) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", SAY_WHAT_IS_LOADED, *words], capture_output=True, text=True
    )
    loaded = next(line for line in finished.stderr.splitlines() if line.startswith("{"))
    assert "'argparse'" in loaded
    assert [name for name in sorted(LIBRARIES) if f"'{name}'" in loaded] == []
