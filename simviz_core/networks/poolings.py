"""The pooling rules that can be chosen by name, on any feature map."""

from simviz_core.decomposition import (
    CLASS_TOKEN,
    AveragePooling,
    CroWPooling,
    GeMPooling,
    MaxPooling,
    Pooling,
    RMACPooling,
    SumPooling,
)
from simviz_core.errors import SettingsError

POOLINGS: dict[str, Pooling] = {
    rule.name: rule
    for rule in (
        *(AveragePooling(), MaxPooling(), GeMPooling(3.0), SumPooling()),
        *(RMACPooling(), CroWPooling()),
    )
}
OWN_POOLING = "own"
"""Stands for the pooling that the network itself does."""
LEARNT_POOLINGS = ("flatten", "attention", "depthwise", "composed", CLASS_TOKEN)
"""Poolings that can only be a network's own: they need weights that it has, or are
put together by it."""
POOLING_TITLES = {"average": "Average", "max": "Max", "gem": "GeM"}
"""What the poolings that are compared are called there. Sum pooling is left
out: its unit embeddings, and so its maps, are those of the average."""
POOLING_CHOICES = POOLING_TITLES | {"rmac": "R-MAC", "crow": "CroW"}
"""What is offered for choice; the first three are compared with each other, too."""
POOLING_PHRASES = {
    "average": "average pooling",
    "max": "max pooling",
    "sum": "sum pooling",
    "gem": "GeM pooling",
    "flatten": "flattened, fully connected",
    "rmac": "R-MAC pooling",
    "crow": "CroW pooling",
    "attention": "attention pooling",
    "depthwise": "global depthwise convolution",
    "composed": "a pooling of its own",
    CLASS_TOKEN: "class token",
    OWN_POOLING: "each its own pooling",
}
"""Any pooling in a sentence about a network; of an ensemble, "own" is each network's."""


AS_IT_IS = "attention as it is"
"""How the decomposition of a class token is labelled."""
TAKEN_AS_IT_IS = {
    "attention": "attention",
    CLASS_TOKEN: "attention",
    "rmac": "lengths of regions",
    "crow": "weights of cells and channels",
}
"""What of an image the contributions under some poolings take as it is."""


def pooling_words(name: str) -> str:
    """A pooling in the title of a figure: "gem pooling", "class token (attention as it is)"."""
    label = as_it_is(name)
    return f"{POOLING_PHRASES[name]} ({label})" if label else f"{name} pooling"


def as_it_is(name: str) -> str | None:
    """What is taken as it is in the image, as a label beside a score; None for nothing."""
    if name == CLASS_TOKEN:
        return AS_IT_IS
    if name in POOLINGS and name in TAKEN_AS_IT_IS:
        return f"{TAKEN_AS_IT_IS[name]} as they are"
    return None


def pooling_by_name(name: str) -> Pooling:
    """Look a pooling rule up by its name.

    Raises:
        SettingsError: There is none of that name.
    """
    if name not in POOLINGS:
        raise SettingsError(f"unknown pooling {name!r}; choose one of {', '.join(POOLINGS)}")
    return POOLINGS[name]


def check_pooling(name: str) -> None:
    """Check that a pooling is one that some network has.

    Raises:
        SettingsError: It is none of `POOLINGS`, of `LEARNT_POOLINGS`, nor `OWN_POOLING`.
    """
    if name not in (OWN_POOLING, *LEARNT_POOLINGS):
        pooling_by_name(name)
