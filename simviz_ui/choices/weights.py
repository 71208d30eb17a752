"""A network's weights on the pages: pretrained, random, or a checkpoint file.

Files are opened inside the folders that the operator allowed, as galleries are; uploads live as
long as their session. No file's code is ever run: see `simviz_core.checkpoints.reading`.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import streamlit as st

from simviz_core.checkpoints import CHECKPOINT_SUFFIXES, looks_like_checkpoint, read_checkpoint
from simviz_core.errors import CheckpointError, SimVizError
from simviz_core.runs import DEMO_RUNS
from simviz_ui.choices.allowed import allowed_folders, allowed_path, readable_path
from simviz_ui.choices.weights_in_use import PRETRAINED, RANDOM, let_go_of_part
from simviz_ui.display.messages import show_error
from simviz_ui.navigation import (
    came_with_link,
    choose,
    choose_instead,
    hold,
    say_instead,
    wanted,
)

UPLOADED = "uploaded: "
LARGEST_UPLOAD = 2000
"""Of a checkpoint, in megabytes; it is held in memory while it arrives."""
MOST_OFFERED = 100
"""Files that the choice lists; others inside the allowed folders can be typed in."""


def weights_choice() -> tuple[str | None, bool]:
    """Show the choice of weights.

    Returns:
        The checkpoint's path, None for none; and whether the weights are random.

    Raises:
        CheckpointError: The file may not be opened here, or is there no more. Where a link names
            such a file, the pretrained weights take its place, and the page says so.
    """
    offered = [PRETRAINED, RANDOM, *_offered(tuple(allowed_folders())), *_uploads()]
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
    with st.popover("Upload a checkpoint", icon=":material/upload:"):
        _upload()
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


def _path_of(chosen: str) -> str | None:
    if chosen in (PRETRAINED, RANDOM):
        return None
    if chosen in _uploads():
        folder = _uploads()[chosen]
        return str(Path(folder.name) / chosen.removeprefix(UPLOADED))
    if chosen.startswith(UPLOADED):
        raise CheckpointError(
            "the uploaded checkpoint was deleted with its session; upload it again"
        )
    allowed_path(chosen, CheckpointError, [DEMO_RUNS])
    return chosen


@st.cache_data(ttl="30s", show_spinner=False)
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
    return found[:MOST_OFFERED]


def _uploads() -> dict[str, TemporaryDirectory[str]]:
    """The session's uploaded checkpoints, under the names that the choice shows."""
    return _upload_folders(None)


def _delete_all(uploads: dict[str, TemporaryDirectory[str]]) -> None:
    for folder in uploads.values():
        folder.cleanup()


@st.cache_resource(scope="session", on_release=_delete_all, show_spinner=False)
def _upload_folders(_: None) -> dict[str, TemporaryDirectory[str]]:
    return {}


def _upload() -> None:
    st.file_uploader(
        "A state_dict or safetensors file",
        type=sorted(suffix.removeprefix(".") for suffix in CHECKPOINT_SUFFIXES),
        key="weights_file",
        max_upload_size=LARGEST_UPLOAD,
        on_change=_take_upload,
    )
    if message := st.session_state.get("weights_error"):
        show_error(message)
    st.caption(
        "Read without running any code of it. Stays on this server until you close or reload this "
        "page."
    )


def _take_upload() -> None:
    st.session_state.pop("weights_error", None)
    file = st.session_state["weights_file"]
    if file is None:
        return
    # Of a client's file name only the last part counts.
    name = Path(file.name.replace("\\", "/")).name
    folder = TemporaryDirectory(prefix="simviz-weights-", ignore_cleanup_errors=True)
    try:
        path = Path(folder.name) / name
        path.write_bytes(file.getbuffer())
        read_checkpoint(path)
    except (SimVizError, OSError) as error:
        folder.cleanup()
        st.session_state["weights_error"] = str(error).replace(f"{folder.name}/", "")
        return
    before = _uploads().pop(UPLOADED + name, None)
    if before is not None:
        before.cleanup()
    _uploads()[UPLOADED + name] = folder
    choose(weights=UPLOADED + name, checkpoint_part=None)
