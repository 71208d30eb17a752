"""Uploading on the pages: one way for photos, galleries and checkpoints.

What is uploaded is held by `serving.uploads` and chosen by its id, as anything else is chosen by
its name: so a reload, Back and a link that is sent find it again.
"""

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from simviz_core.errors import SimVizError
from simviz_ui.display.messages import show_error
from simviz_ui.navigation import choose
from simviz_ui.serving.jobs import index_jobs
from simviz_ui.serving.kept import kept
from simviz_ui.serving.upload_rates import UploadRates, session_limits_of_operator
from simviz_ui.serving.uploads import (
    IS_UPLOAD,
    Filled,
    Upload,
    UploadStore,
    digest_of,
    limits_of_operator,
)

_log = logging.getLogger(__name__)
MEGABYTE = 1 << 20
"""As Streamlit counts them."""


@dataclass(frozen=True)
class NewUpload:
    """One upload to be held, made of one file or of several.

    Attributes:
        title: What its file is called.
        digest: SHA-256 of its content, in hexadecimal.
        fill: Writes it into an empty folder, and refuses what is none of its kind.
    """

    title: str
    digest: str
    fill: Callable[[Path], Filled]


@dataclass(frozen=True)
class UploadKind:
    """What can be uploaded at a place.

    Attributes:
        name: What it is called in messages.
        label: Of the box that takes the files.
        megabytes: That one file may have; it is held in memory while it arrives.
        sort_out: Makes uploads of the files that were chosen together.
        suffixes: The endings that files have; None where the content alone counts.
        takes_several: Whether several files may be chosen together.
        note: What else to know, as Markdown.
        lets_go_of: Fields of the view that belong to what was chosen before.
    """

    name: str
    label: str
    megabytes: int
    sort_out: Callable[[Sequence[UploadedFile]], list[NewUpload]]
    suffixes: frozenset[str] | None = None
    takes_several: bool = False
    note: str = ""
    lets_go_of: tuple[str, ...] = ()


@st.cache_resource(show_spinner=False, on_release=UploadStore.close)
def upload_store() -> UploadStore:
    """The server's store of uploads."""
    return UploadStore(limits_of_operator(), before_removal=_let_go_of)


def _let_go_of(folder: Path) -> None:
    """Have nothing work with an upload any more, before its folder is removed."""
    index_jobs().stop(folder)
    kept().let_go_of_files(folder)


@st.cache_resource(show_spinner=False)
def upload_rates() -> UploadRates:
    """What the sessions of this server have uploaded lately."""
    return UploadRates(session_limits_of_operator())


def upload_box(kind: UploadKind, field: str) -> None:
    """Show the box that takes files, and what became of those that it took last.

    Args:
        kind: What can be uploaded.
        field: Of the view; what was uploaded is chosen there.
    """
    # A box with another key after every upload: it is empty again, and the server's memory as well.
    key = f"{field}_file_{st.session_state.get(_count_key(field), 0)}"
    st.file_uploader(
        kind.label,
        type=sorted(suffix.removeprefix(".") for suffix in kind.suffixes or ()) or None,
        accept_multiple_files=kind.takes_several,
        key=key,
        max_upload_size=kind.megabytes,
        on_change=partial(_take, kind, field, key),
    )
    for message in st.session_state.get(_errors_key(field), ()):
        show_error(message)
    # The browser itself refuses what is too large, and tells the server nothing of it.
    st.caption(
        f"A file that turns red was not taken: it has more than {kind.megabytes:,} MB, or the "
        f"connection to the server broke. {kind.note} What was taken stays on this server until "
        f"nobody has used it for {upload_store().limits.age / 3600:g} hours, newer uploads need "
        "the room, or the server ends. Whoever has the link can open it."
    )


def is_upload(name: str) -> bool:
    """Whether a name is the id of an upload, held or not."""
    return IS_UPLOAD.fullmatch(name) is not None


def use_upload(kind: str, field: str, name: str | None) -> Upload | None:
    """The upload of that id, which the session uses from now on and knows.

    Args:
        kind: What it is.
        field: Of the view, for which it is used.
        name: Its id; anything else ends the use of what was used before.

    Returns:
        The upload; None if it is not held.
    """
    store, session = upload_store(), _session_id()
    if name is None or not is_upload(name):
        store.stop_using(session, field)
        store.let_go_of_the_old()  # every page comes this way
        return None
    _stop_using_at_end(store, session)
    upload = store.use(session, field, kind, name)
    if upload is not None and name not in _known(kind):
        _known(kind).append(name)
    return upload


def known_uploads(kind: str) -> list[str]:
    """The ids of the uploads that this session made or was led to, and that are still held."""
    return [name for name in _known(kind) if upload_store().holds(kind, name)]


def plain_name(file: UploadedFile) -> str:
    """What an uploaded file is called: of a client's path only the last part counts."""
    name = file.name.replace("\\", "/").rpartition("/")[2].replace("\0", "")
    return name if name not in ("", ".", "..") else "file"


def written(file: UploadedFile, folder: Path) -> Path:
    """Write a file into a folder under its name there."""
    path = folder / plain_name(file)
    path.write_bytes(file.getbuffer())
    return path


def each_alone(
    files: Sequence[UploadedFile], fill: Callable[[UploadedFile, Path], Filled]
) -> list[NewUpload]:
    """Every file is an upload of its own.

    Args:
        files: What was uploaded.
        fill: Writes one into an empty folder, and refuses what is none of its kind.
    """
    return [
        NewUpload(plain_name(file), digest_of(file.getbuffer()), partial(fill, file))
        for file in files
    ]


def _take(kind: UploadKind, field: str, key: str) -> None:
    chosen = st.session_state[key]
    files = chosen if isinstance(chosen, list) else [chosen]
    files = [file for file in files if isinstance(file, UploadedFile)]
    if not files:
        return
    errors = [message for file in files if (message := _too_large(file, kind))]
    if not errors:
        try:
            upload_rates().admit(_session_id(), sum(file.size for file in files))
        except SimVizError as error:
            errors.append(str(error))
    held = [] if errors else _held(kind, files, errors)
    for file in files:
        _free(file)
    st.session_state[_errors_key(field)] = errors
    st.session_state[_count_key(field)] = st.session_state.get(_count_key(field), 0) + 1
    for upload in held:
        _log.info("uploaded: %s %s", kind.name, upload.id)
        use_upload(kind.name, field, upload.id)
    if held:
        choose(**dict.fromkeys(kind.lets_go_of), **{field: held[-1].id})


def _held(kind: UploadKind, files: Sequence[UploadedFile], errors: list[str]) -> list[Upload]:
    """Have files held; why some cannot be is added to the errors."""
    held = []
    for new in kind.sort_out(files):
        folders: list[Path] = []
        try:
            held.append(_hold(kind, new, folders))
        except SimVizError as error:
            # Where it would have been is nobody's business.
            text = str(error).replace(f"{folders[-1]}/", "") if folders else str(error)
            errors.append(text if new.title in text else f"{new.title}: {text}")
        except OSError as error:
            reason = error.strerror or type(error).__name__
            errors.append(f"{new.title} cannot be kept on this server: {reason}")
    return held


def _hold(kind: UploadKind, new: NewUpload, folders: list[Path]) -> Upload:
    def fill(folder: Path) -> Filled:
        folders.append(folder)
        return new.fill(folder)

    return upload_store().add(kind.name, new.title, new.digest, fill)


def _too_large(file: UploadedFile, kind: UploadKind) -> str | None:
    """Why a file is too large; the browser refuses it, too, but a browser is anybody's."""
    if file.size <= kind.megabytes * MEGABYTE:
        return None
    return (
        f"{plain_name(file)} has {math.ceil(file.size / MEGABYTE):,} MB; "
        f"{'an' if kind.name[0] in 'aeiou' else 'a'} {kind.name} may have {kind.megabytes:,} MB"
    )


def _free(file: UploadedFile) -> None:
    """Let the server's memory go that the file takes, which it else does for the whole session."""
    context = get_script_run_ctx()
    if context and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        context.uploaded_file_mgr.remove_file(context.session_id, file.file_id)


def _known(kind: str) -> list[str]:
    known: list[str] = st.session_state.setdefault(f"known_uploads_{kind}", [])
    return known


def _count_key(field: str) -> str:
    return f"{field}_files_taken"


def _errors_key(field: str) -> str:
    return f"{field}_upload_errors"


def _session_id() -> str:
    context = get_script_run_ctx()
    return context.session_id if context else ""


def _stopped(using: tuple[UploadStore, str]) -> None:
    store, session = using
    store.stop_using(session)
    for folder in store.unused():
        kept().let_go_of_files(folder)


@st.cache_resource(scope="session", on_release=_stopped, show_spinner=False)
def _stop_using_at_end(_store: UploadStore, session: str) -> tuple[UploadStore, str]:
    """Have the session use nothing any more once it has ended."""
    return _store, session
