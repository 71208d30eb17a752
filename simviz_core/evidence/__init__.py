"""Evidence: do the maps point at what makes a pair similar, and better than other methods?

`methods` makes every map that is compared, `games` are tests whose answer is known, `measures` say
how well a map did, `intervals` how sure that is, and `faithfulness` plays them all. Networks are
only run through `SimilarityNetwork`; gradients are taken in Grad-CAM alone.
"""

from simviz_core.evidence.faithfulness import (
    Plan,
    Progress,
    items_of,
    measure_faithfulness,
    run_settings,
)
from simviz_core.evidence.intervals import Interval, bootstrap_mean
from simviz_core.evidence.masking import FILLS, Fill
from simviz_core.evidence.methods import (
    BASELINE,
    METHODS,
    ExplainedImage,
    Method,
    Target,
)
from simviz_core.evidence.results import (
    GameTable,
    OutcomeFile,
    Row,
    table_as_markdown,
    tables_as_json,
    tables_of,
)

__all__ = [
    "BASELINE",
    "FILLS",
    "METHODS",
    "ExplainedImage",
    "Fill",
    "GameTable",
    "Interval",
    "Method",
    "OutcomeFile",
    "Plan",
    "Progress",
    "Row",
    "Target",
    "bootstrap_mean",
    "items_of",
    "measure_faithfulness",
    "run_settings",
    "table_as_markdown",
    "tables_as_json",
    "tables_of",
]
