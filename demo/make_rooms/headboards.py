"""The headboards' forms."""

from collections.abc import Callable

import numpy as np

from .cloth import upholstery
from .designs import Headboard
from .meshes import Floats, Mesh, merged, rounded_box


def _tufts(x: Floats, z: Floats) -> Floats:
    waves = np.abs(np.sin(np.pi * (x + z) / 0.24) * np.sin(np.pi * (x - z) / 0.24))
    return 0.045 * np.sqrt(waves)


def _channels(x: Floats, z: Floats) -> Floats:
    return 0.05 * np.sqrt(np.abs(np.sin(np.pi * x / 0.17)))


def _squares(x: Floats, z: Floats) -> Floats:
    return 0.045 * np.abs(np.sin(np.pi * x / 0.26) * np.sin(np.pi * z / 0.26)) ** 0.3


def _smooth(x: Floats, z: Floats) -> Floats:
    return np.zeros_like(x)


_RELIEFS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "tufted": _tufts, "channels": _channels, "squares": _squares, "camelback": _smooth,
}  # fmt: skip


def is_upholstered(form: str) -> bool:
    """Says whether a form is covered with cloth; the others are of wood."""
    return form in _RELIEFS


def headboard_mesh(design: Headboard, half_width: float) -> Mesh:
    """Builds a headboard.

    Args:
        design: Its form and height.
        half_width: Metres.

    Returns:
        The board, standing on z = 0 with its back at y = 0 and its front towards -y.
    """
    height = design.height
    if is_upholstered(design.form):
        drop = 0.26 if design.form == "camelback" else 0.0
        return upholstery(
            half_width,
            0.15,
            lambda x: height - drop * np.abs(x / half_width) ** 2.2,
            _RELIEFS[design.form],
            0.07,
        )
    builders = {"slats": _slats, "arch": _arch, "planks": _planks, "panelled": _panelled}
    return builders[design.form](half_width, height)


def _slats(half_width: float, height: float) -> Mesh:
    bars = [
        rounded_box([x, -0.04, height / 2], [0.03, 0.015, height / 2], 0.008, 3)
        for x in np.linspace(-half_width + 0.14, half_width - 0.14, 9)
    ]
    posts = [
        rounded_box([side * half_width, -0.04, height / 2], [0.04, 0.035, height / 2], 0.012, 4)
        for side in (-1, 1)
    ]
    rails = [
        rounded_box([0, -0.04, z], [half_width, 0.03, 0.045], 0.012, 4).regrained()
        for z in (height, 0.62)
    ]
    return merged([*bars, *posts, *rails])


def _arch(half_width: float, height: float) -> Mesh:
    return upholstery(
        half_width,
        0.0,
        lambda x: height - 0.42 * np.abs(x / half_width) ** 2.6,
        _smooth,
        0.05,
    )


def _planks(half_width: float, height: float) -> Mesh:
    count = 5
    half = (height - 0.2) / count / 2
    return merged(
        [
            rounded_box([0, -0.04, 0.2 + half * (2 * i + 1)], [half_width, 0.03, half - 0.008],
                        0.012, 5).regrained()
            for i in range(count)
        ]
    )  # fmt: skip


def _panelled(half_width: float, height: float) -> Mesh:
    board = rounded_box([0, -0.03, height / 2], [half_width, 0.03, height / 2], 0.012, 5)
    cap = rounded_box([0, -0.05, height], [half_width + 0.03, 0.05, 0.025], 0.012, 4)
    width = 2 * half_width / 3
    fields = [
        rounded_box([(i - 1) * width, -0.065, height - 0.3], [width / 2 - 0.05, 0.02, 0.22],
                    0.018, 5)
        for i in range(3)
    ]  # fmt: skip
    return merged([board, cap.regrained(), *fields])
