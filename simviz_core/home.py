"""Where lies what is no code of the packages: the app's pages, the demo, texts and pictures."""

from pathlib import Path

_BESIDE = Path(__file__).resolve().parents[1]
_INSTALLED = _BESIDE / "simviz_app"

HOME = _INSTALLED if _INSTALLED.is_dir() else _BESIDE
"""The repository's folder; of an installed SimViz the one that has what it needs of it, laid out
alike (`pyproject.toml` says what)."""
