"""Evidence: do the maps point at what makes a pair similar, and better than other methods?

`methods` makes every map that is compared, `games` are tests whose answer is known, `measures` say
how well a map did, `intervals` how sure that is, and `faithfulness` plays them all. On one pair,
`occlusion_check` compares predicted with real changes and `receptive_field` says what a cell sees;
on one gallery, `distributions` says whether a score is high and `trust` reports on the maps.
Networks are run through `SimilarityNetwork`; gradients are taken in Grad-CAM and in what a cell
sees alone.
"""

from simviz_core.evidence.blanked_part import BlankedPart, blanked_part, block_words
from simviz_core.evidence.checks_as_json import (
    CAVEAT,
    all_cells_as_json,
    occlusion_as_json,
    seen_as_json,
)
from simviz_core.evidence.distributions import (
    SimilarityDistributions,
    Standing,
    similarity_distributions,
    standing_as_json,
    standing_in,
    standing_sentence,
)
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
    EXTRA_METHODS,
    METHODS,
    PACKAGE,
    ExplainedImage,
    Method,
    Target,
    methods_named,
    used_packages,
)
from simviz_core.evidence.occlusion_check import (
    CellScatter,
    OcclusionCheck,
    Removal,
    check_all_cells,
    check_occlusion,
    removed_cells,
    removed_region,
    strongest_cells,
)
from simviz_core.evidence.receptive_field import (
    ReceptiveField,
    SeenByCell,
    averaging_trunk,
    cell_heat,
    receptive_field,
    seen_by_cell,
)
from simviz_core.evidence.results import (
    GameTable,
    OutcomeFile,
    Row,
    table_as_markdown,
    tables_as_json,
    tables_of,
)
from simviz_core.evidence.trust import (
    ADDS_UP,
    Finding,
    TrustReport,
    measure_trust,
    read_trust,
    save_trust,
    trust_path,
)
from simviz_core.evidence.trust_report import (
    charted,
    finding_basis,
    finding_number,
    trust_as_json,
    trust_figure,
)

__all__ = [
    "ADDS_UP",
    "BASELINE",
    "CAVEAT",
    "EXTRA_METHODS",
    "FILLS",
    "METHODS",
    "PACKAGE",
    "BlankedPart",
    "CellScatter",
    "ExplainedImage",
    "Fill",
    "Finding",
    "GameTable",
    "Interval",
    "Method",
    "OcclusionCheck",
    "OutcomeFile",
    "Plan",
    "Progress",
    "ReceptiveField",
    "Removal",
    "Row",
    "SeenByCell",
    "SimilarityDistributions",
    "Standing",
    "Target",
    "TrustReport",
    "all_cells_as_json",
    "averaging_trunk",
    "blanked_part",
    "block_words",
    "bootstrap_mean",
    "cell_heat",
    "charted",
    "check_all_cells",
    "check_occlusion",
    "finding_basis",
    "finding_number",
    "items_of",
    "measure_faithfulness",
    "measure_trust",
    "methods_named",
    "occlusion_as_json",
    "read_trust",
    "receptive_field",
    "removed_cells",
    "removed_region",
    "run_settings",
    "save_trust",
    "seen_as_json",
    "seen_by_cell",
    "similarity_distributions",
    "standing_as_json",
    "standing_in",
    "standing_sentence",
    "strongest_cells",
    "table_as_markdown",
    "tables_as_json",
    "tables_of",
    "trust_as_json",
    "trust_figure",
    "trust_path",
    "used_packages",
]
