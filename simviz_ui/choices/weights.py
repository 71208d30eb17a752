"""A network's weights on the pages: pretrained, random, or a checkpoint file.

Files are opened inside the folders that the operator allowed, as galleries are, and uploads by
their ids. No file's code is ever run: see `simviz_core.checkpoints.reading`.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from simviz_core.checkpoints import looks_like_checkpoint, read_checkpoint
from simviz_core.errors import CheckpointError
from simviz_core.runs import DEMO_RUNS
from simviz_ui.choices.allowed import (
    MOST_OFFERED,
    allowed_folders,
    allowed_path,
    readable_path,
    say_not_listed,
)
from simviz_ui.choices.uploads import (
    UploadKind,
    each_alone,
    is_upload,
    known_uploads,
    upload_box,
    upload_store,
    use_upload,
    written,
)
from simviz_ui.choices.weights_in_use import PRETRAINED, RANDOM, let_go_of_part
from simviz_ui.navigation import came_with_link, choose_instead, hold, say_instead, wanted
from simviz_ui.serving.uploads import Filled

LARGEST_UPLOAD = 2000
"""Of a checkpoint, in megabytes; it is held in memory while it arrives."""


def weights_choice() -> tuple[str | None, bool]:
    """Show the choice of weights.

    Returns:
        The checkpoint's path, None for none; and whether the weights are random.

    Raises:
        CheckpointError: The file may not be opened here, or is there no more. Where a link names
            such a file, the pretrained weights take its place, and the page says so.
    """
    found = _offered(tuple(allowed_folders()))
    offered = [PRETRAINED, RANDOM, *found[:MOST_OFFERED]]
    offered += known_uploads(CHECKPOINT.name)
    _replace_unusable(offered)
    if (asked := wanted("weights")) and asked not in offered:
        offered.append(asked)
    chosen = st.selectbox(
        "Weights",
        offered,
        **hold("weights", PRETRAINED),
        accept_new_options=True,
        on_change=let_go_of_part,
        help="A checkpoint is a state_dict (`.pth`, `.pt`) or `.safetensors` file. Type a path to "
        "open one that is not listed.",
    )
    say_not_listed(len(found), "checkpoints")
    with st.popover("Upload a checkpoint", icon=":material/upload:"):
        upload_box(CHECKPOINT, "weights")
    return _path_of(chosen or PRETRAINED), chosen == RANDOM


def _replace_unusable(offered: Sequence[str]) -> None:
    """Take the pretrained weights for those of a link that may not be opened, or are gone."""
    asked = wanted("weights")
    if not asked or asked in offered or not came_with_link("weights"):
        return
    try:
        _path_of(asked)
    except CheckpointError as error:
        message = f"The weights of the link cannot be used: {error}. The pretrained ones are taken."
        say_instead("weights", message, PRETRAINED)
        choose_instead("weights", None)


def weights_name(checkpoint: str) -> str:
    """What a checkpoint's path is called in the choice and in links."""
    upload = upload_store().of_path(Path(checkpoint))
    return upload.id if upload else readable_path(Path(checkpoint))


def upload_title(checkpoint: str) -> str | None:
    """What the file of an uploaded checkpoint is called; None where it is no upload.

    Where an upload lies on this server is nobody's business, and is found by nobody else.
    """
    upload = upload_store().of_path(Path(checkpoint))
    return upload.title if upload else None


def _path_of(chosen: str) -> str | None:
    upload = use_upload(CHECKPOINT.name, "weights", chosen)
    if upload is not None:
        return str(upload.path)
    if is_upload(chosen):
        raise CheckpointError(upload_store().why_gone(CHECKPOINT.name, chosen))
    if chosen in (PRETRAINED, RANDOM):
        return None
    allowed_path(chosen, CheckpointError, [DEMO_RUNS])
    return chosen


@st.cache_data(ttl=30, show_spinner=False)
def _offered(allowed: Sequence[Path]) -> list[str]:
    """Checkpoint files right inside the allowed folders, or in their `checkpoints`."""
    found = []
    for folder in (*allowed, *(folder / "checkpoints" for folder in allowed)):
        try:
            inside = sorted(folder.iterdir()) if folder.is_dir() else []
        except OSError:
            continue
        found += [
            readable_path(path)
            for path in inside
            if not path.name.startswith(".") and looks_like_checkpoint(path)
        ]
    return found


def _fill(file: UploadedFile, folder: Path) -> Filled:
    path = written(file, folder)
    read_checkpoint(path)
    return Filled(path)


CHECKPOINT = UploadKind(
    name="checkpoint",
    label="A file of weights: a state_dict, a training checkpoint, or safetensors",
    megabytes=LARGEST_UPLOAD,
    sort_out=partial(each_alone, fill=_fill),
    note="Read without running any code of it.",
    lets_go_of=("checkpoint_part",),
)
