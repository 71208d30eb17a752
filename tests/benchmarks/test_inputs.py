"""Some inputs of every kind: what happens to them is what docs/inputs.md says."""

import subprocess
import sys


def test_some_inputs_of_each_part_do_what_they_should() -> None:
    words = [sys.executable, "-m", "benchmarks.inputs", "--check", "6"]
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
    assert found.stdout.count("Code of a file was run: never.") == 7
