"""One view's work, in a module that worker processes can import."""

from pathlib import Path

import mitsuba

from .assignment import assign_designs
from .gallery import save_view
from .layout import make_layout
from .looks import make_look

Job = tuple[Path, int, int, int, int, str]


def render_job(job: Job) -> None:
    """Renders and saves one view.

    Args:
        job: Gallery's folder, seed, hotel, view, samples and Mitsuba's variant.
    """
    out, seed, hotel, view, samples, variant = job
    mitsuba.set_variant(variant)
    # Imported late: the renderer's variant must be set first.
    from .render import take_photograph

    layout = make_layout(seed, hotel)
    look = make_look(seed, hotel, assign_designs(seed)[hotel], layout.wood)
    photograph = take_photograph(layout, look, (seed, hotel, view), samples)
    save_view(out, hotel, view, photograph.picture, photograph.mask, photograph.facts)
