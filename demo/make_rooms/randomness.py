"""Random generators keyed by integers, so that every drawing is reproducible."""

import numpy as np

# One number per purpose: a new purpose takes a new number and leaves the old drawings unchanged.
ASSIGNMENT, LAYOUT, PATTERN, PAINTING, VIEW, CLOTH, PROPS, OUTDOORS, TWINS = range(9)


def generator(*keys: int) -> np.random.Generator:
    """Returns a generator that depends on the keys alone.

    Python's own `hash` changes from process to process; `SeedSequence` does not.

    Args:
        *keys: Non-negative integers, such as the gallery's seed, a purpose and a hotel's number.

    Returns:
        A fresh generator.
    """
    return np.random.default_rng(np.random.SeedSequence(list(keys)))
