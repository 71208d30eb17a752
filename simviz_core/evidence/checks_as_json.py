"""What pages and the command `check` export of the checks on the spot, as JSON-ready values."""

from dataclasses import asdict
from typing import Any

from simviz_core import __version__
from simviz_core.evidence.blanked_part import BlankedPart
from simviz_core.evidence.occlusion_check import CellScatter, OcclusionCheck
from simviz_core.evidence.receptive_field import SeenByCell
from simviz_core.networks.settings import NetworkSettings

CAVEAT = (
    "Neither prediction knows what the network makes of the pixels that take the place: a cell "
    "sees more than it covers, and no replacement is neutral. Try the others, too."
)


def occlusion_as_json(
    check: OcclusionCheck,
    part: BlankedPart,
    image: str,
    compared_with: str,
    settings: NetworkSettings,
) -> dict[str, Any]:
    """A part's check: predicted and real change, and the map of the blanked image.

    Args:
        check: What was found.
        part: What was blanked.
        image: Path of the image that it was blanked in.
        compared_with: Path of the other image.
        settings: The network.
    """
    return {
        **_of(image, compared_with, settings),
        "blanked": part.words,
        **part.as_json(),
        "fill": check.fill,
        "similarity": check.before,
        "similarity_blanked": check.after,
        "real_change": check.real_change,
        "predicted_without_its_cells": check.without,
        "predicted_change": check.predicted_change,
        "contribution": check.contribution,
        "map_of_the_blanked_image": check.blanked_map.tolist(),
        "caveat": CAVEAT,
    }


def all_cells_as_json(
    found: CellScatter, image: str, compared_with: str, settings: NetworkSettings
) -> dict[str, Any]:
    """The check of every cell: predicted and real changes with their correlation.

    Args:
        found: What was found.
        image: Path of the image whose cells were blanked.
        compared_with: Path of the other image.
        settings: The network.
    """
    return {
        **_of(image, compared_with, settings),
        "fill": found.fill,
        "predicted_changes": found.predicted.tolist(),
        "real_changes": found.real.tolist(),
        "contributions": found.contribution.tolist(),
        "correlation": found.correlation,
        "correlation_of_lost_contributions": found.map_correlation,
        "caveat": CAVEAT,
    }


def seen_as_json(
    seen: SeenByCell, image: str, compared_with: str, settings: NetworkSettings
) -> dict[str, Any]:
    """What a cell sees: its theoretical field and the measured heat.

    Args:
        seen: What was found.
        image: Path of the image that the cell is on.
        compared_with: Path of the other image.
        settings: The network.
    """
    field = seen.field
    return {
        **_of(image, compared_with, settings),
        "cell": [seen.row, seen.column],
        "theoretical_field": None if field is None else {**asdict(field), "share": field.share},
        "share_of_the_cell_itself": seen.own_share,
        "half_comes_from": seen.share_carrying(0.5),
        "nine_tenths_come_from": seen.share_carrying(0.9),
        "heat": seen.heat.tolist(),
    }


def _of(image: str, compared_with: str, settings: NetworkSettings) -> dict[str, Any]:
    return {
        "image": image,
        "compared_with": compared_with,
        **settings.as_json(),
        "version": __version__,
    }
