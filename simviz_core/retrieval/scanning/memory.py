"""How much memory the embeddings of one index may take."""

import os
import re

from simviz_core.errors import SettingsError

MEMORY_VARIABLE = "SIMVIZ_MEMORY"
"""The environment variable with the operator's limit for the embeddings of one index."""
CODES_FROM = 256_000_000
"""Bytes of float32 from which scanning codes pays: 50,000 rows of 1,280 components."""
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_SIZE = re.compile(r"(?P<number>\d+(\.\d+)?)\s*(?P<unit>[KMGT]?)(?P<binary>I?)B?")


def memory_limit() -> int | None:
    """What `SIMVIZ_MEMORY` allows, in bytes; None where it is not set.

    Raises:
        SettingsError: It is no size.
    """
    return size_of_variable(MEMORY_VARIABLE)


def size_of_variable(name: str) -> int | None:
    """The size that an environment variable has, in bytes; None where it is not set.

    Raises:
        SettingsError: It is no size.
    """
    text = os.environ.get(name, "").strip()
    if not text:
        return None
    found = _SIZE.fullmatch(text.upper())
    if found is None:
        raise SettingsError(f"{name} is a size such as 500MB or 2.5GB, not {text!r}")
    size = float(found["number"]) * _UNITS[found["unit"]]
    return int(size * 1.024 ** (list(_UNITS).index(found["unit"]) if found["binary"] else 0))


def scans_codes(count: int, dimension: int) -> bool:
    """Whether codes are scanned in place of the embeddings: they are many, or must not be held.

    Args:
        count: Embeddings, N.
        dimension: Their components, D.

    Raises:
        SettingsError: `SIMVIZ_MEMORY` is no size.
    """
    return 4 * count * dimension >= CODES_FROM or not holds_embeddings(count, dimension)


def holds_embeddings(count: int, dimension: int) -> bool:
    """Whether embeddings may be held in memory, however long it takes to search them.

    Args:
        count: Embeddings, N.
        dimension: Their components, D.

    Raises:
        SettingsError: `SIMVIZ_MEMORY` is no size.
    """
    return _is_allowed(4 * count * dimension)


def holds_codes(count: int, dimension: int) -> bool:
    """Whether the codes may be held in memory; else they are read from disk for every search.

    Args:
        count: Embeddings, N.
        dimension: Their components, D.

    Raises:
        SettingsError: `SIMVIZ_MEMORY` is no size.
    """
    return _is_allowed(count * dimension)


def _is_allowed(size: int) -> bool:
    limit = memory_limit()
    return limit is None or size <= limit
