"""What the Checkpoints page's maps are relative to: the choice, and what they mean in words."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from simviz_core.errors import SimVizError
from simviz_core.following import CheckpointReport, FollowedReference
from simviz_core.gallery import Gallery
from simviz_core.retrieval import RelativeTo
from simviz_ui.checkpoints.reports import Followed
from simviz_ui.choices.allowed import readable_path
from simviz_ui.choices.relative import as_relative_to, other_image, relative_choice
from simviz_ui.display.messages import as_markdown, show_error
from simviz_ui.retrieval.relative import in_words
from simviz_ui.serving.resources import gallery_picture
from simviz_ui.view import OTHER_IMAGE


def with_reference(followed: Followed) -> Followed:
    """Show the choice of what the maps are relative to, and add it to what is followed."""
    query, gallery = followed.query, followed.gallery
    chosen = relative_choice(gallery, query.label, without=_senseless(followed))
    return replace(followed, query=replace(query, relative_to=_chosen(chosen, gallery)))


def _senseless(followed: Followed) -> list[str]:
    """The query's own class, where its map is drawn for that class or nobody else is of it."""
    label = followed.query.label
    if label is None:
        return []
    others = {image.id for image in followed.gallery.by_label[label]} - {followed.query.id}
    if followed.partner is not None and others:
        return []
    return ["class", f"class:{label}"]


def _chosen(chosen: str, gallery: Gallery) -> FollowedReference:
    if chosen != OTHER_IMAGE:
        return FollowedReference(as_relative_to(chosen) or RelativeTo())
    image = gallery.image(other_image(gallery))
    try:
        return FollowedReference(
            RelativeTo("image", readable_path(image.path)), gallery_picture(image)
        )
    except SimVizError as error:
        show_error(error)
        return FollowedReference()


def say_relative(reports: Sequence[CheckpointReport | None]) -> bool:
    """Say what the colours mean, and what the last checkpoint's map of the query adds up to.

    Returns:
        Whether the maps are relative, so that there was something to say.
    """
    made = [report for report in reports if report is not None and report.relative is not None]
    if not made or made[-1].relative is None:
        return False
    last, relative = made[-1], made[-1].relative
    residual = max(report.relative.residual for report in made if report.relative)
    own = (
        " Each checkpoint has an average of its own."
        if relative.reference.choice.needs_gallery
        else ""
    )
    st.caption(
        f"{in_words(relative.reference).colours}{own} In brackets stands what the query's map adds "
        f"up to; at iteration {last.checkpoint.iteration:,}: "
        f"{as_markdown(relative.query.check())}. The largest residual of all maps here is "
        f"{residual:.0e}."
    )
    return True
