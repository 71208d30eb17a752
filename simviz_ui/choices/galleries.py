"""The gallery, the same on every page and part of the link.

Galleries are folders and manifests inside the folders that the operator allowed, so that nobody
can look through the disk from a browser; and uploads, which live as long as their session.
"""

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import streamlit as st

from simviz_core.errors import GalleryError, SimVizError
from simviz_core.gallery import (
    DEMO_GALLERY,
    MANIFEST_SUFFIXES,
    Gallery,
    looks_like_gallery,
    open_gallery,
    unpack_archive,
)
from simviz_core.images import IMAGE_SUFFIXES
from simviz_core.retrieval import default_store_folder
from simviz_ui.choices.allowed import allowed_folders, allowed_path, readable_path
from simviz_ui.display.messages import show_error
from simviz_ui.navigation import choose, hold, wanted
from simviz_ui.serving.jobs import index_jobs

DEMO = "demo rooms"
"""What the demo gallery is called in the choice and in links."""
UPLOADED = "uploaded: "
LARGEST_UPLOAD = 1000
"""Of a file of a gallery, in megabytes; it is held in memory while it arrives."""
MOST_OFFERED = 100
"""Folders that the choice lists; others inside the allowed ones can be typed in."""


def gallery_choice() -> Gallery | None:
    """Show the choice of gallery in the sidebar, and open what is chosen.

    Returns:
        The gallery; None where it cannot be opened, after a message has been shown.
    """
    offered = [DEMO, *_offered(tuple(allowed_folders())), *_uploads()]
    if (asked := wanted("gallery")) and asked not in offered:
        offered.append(asked)
    with st.sidebar:
        st.subheader("Gallery")
        name = st.selectbox(
            "Gallery",
            offered,
            **hold("gallery", DEMO),
            label_visibility="collapsed",
            accept_new_options=True,
            help="A folder with one folder of images per class, a folder of images, or a CSV or "
            "Parquet file with a column `path` and, where there are classes, `label`. Type a path "
            "to open a folder that is not listed.",
        )
        try:
            gallery = _open(name or DEMO)
        except SimVizError as error:
            show_error(error)
            gallery = None
        if gallery is not None:
            st.caption(_summary(gallery))
        with st.container(horizontal=True, gap="xsmall"):
            st.button(
                "Rescan",
                icon=":material/refresh:",
                on_click=_rescan,
                help="Look for new, changed and deleted files.",
            )
            with st.popover("Upload", icon=":material/upload:"):
                _upload()
    return gallery


def store_folder(gallery: Gallery) -> Path:
    """Where a gallery's embeddings are kept; those of an upload go with it."""
    is_uploaded = any(str(gallery.source) == folder.name for folder in _uploads().values())
    return _store_inside(gallery.source) if is_uploaded else default_store_folder()


def gallery_name(gallery: Gallery) -> str:
    """The gallery's path as one would type it: from the folder the app was started in."""
    return readable_path(gallery.source)


def _summary(gallery: Gallery) -> str:
    count = f"{len(gallery.images):,} images"
    classes = len(gallery.by_label)
    if not classes:
        return f"{count}, no classes"
    return f"{count}, {classes:,} {'class' if classes == 1 else 'classes'}"


def _open(name: str) -> Gallery:
    if name == DEMO:
        return _listed(DEMO_GALLERY, None)
    if name in _uploads():
        return _listed(Path(_uploads()[name].name), None)
    if name.startswith(UPLOADED):
        raise GalleryError("the uploaded gallery was deleted with its session; upload it again")
    return _listed(allowed_path(name, GalleryError), tuple(allowed_folders()))


@st.cache_resource(max_entries=16, show_spinner="Listing the gallery …", show_time=True)
def _listed(source: Path, allowed: tuple[Path, ...] | None) -> Gallery:
    return open_gallery(source, allowed)


@st.cache_data(ttl="30s", show_spinner=False)
def _offered(allowed: Sequence[Path]) -> list[str]:
    """The allowed folders that are galleries, and those and the manifests right inside them."""
    found = []
    for folder in allowed:
        inside = sorted(folder.iterdir()) if folder.is_dir() else []
        for path in [folder, *inside]:
            if path.name.startswith("."):
                continue
            is_manifest = path.suffix.lower() in MANIFEST_SUFFIXES and path.is_file()
            if is_manifest or (path.is_dir() and looks_like_gallery(path)):
                found.append(readable_path(path))
    return found[:MOST_OFFERED]


def _rescan() -> None:
    _listed.clear()
    _offered.clear()


def _uploads() -> dict[str, TemporaryDirectory[str]]:
    """The session's uploaded galleries, under the names that the choice shows."""
    return _upload_folders(None)


def _delete_all(uploads: dict[str, TemporaryDirectory[str]]) -> None:
    for folder in uploads.values():
        _delete(folder)


def _delete(folder: TemporaryDirectory[str]) -> None:
    """Delete an uploaded gallery with its embeddings, once nothing writes to them any more."""
    index_jobs().stop(_store_inside(Path(folder.name)))
    folder.cleanup()


def _store_inside(folder: Path) -> Path:
    # Hidden, so that it is no part of the gallery.
    return folder / ".embeddings"


@st.cache_resource(scope="session", on_release=_delete_all, show_spinner=False)
def _upload_folders(_: None) -> dict[str, TemporaryDirectory[str]]:
    return {}


def _upload() -> None:
    st.file_uploader(
        "A ZIP archive, or several images",
        type=["zip", *sorted(suffix.removeprefix(".") for suffix in IMAGE_SUFFIXES)],
        accept_multiple_files=True,
        key="gallery_files",
        max_upload_size=LARGEST_UPLOAD,
        on_change=_take_upload,
    )
    if message := st.session_state.get("gallery_error"):
        show_error(message)
    st.caption(
        "Class folders inside the archive become classes. Stays on this server until you close "
        "or reload this page."
    )


def _take_upload() -> None:
    st.session_state.pop("gallery_error", None)
    files = st.session_state["gallery_files"]
    if not files:
        return
    folder = TemporaryDirectory(prefix="simviz-gallery-", ignore_cleanup_errors=True)
    try:
        for file in files:
            # Of a client's file name only the last part counts.
            name = Path(file.name.replace("\\", "/")).name
            if name.lower().endswith(".zip"):
                unpack_archive(file, Path(folder.name))
            else:
                (Path(folder.name) / name).write_bytes(file.getvalue())
        open_gallery(folder.name)
    except (SimVizError, OSError) as error:
        folder.cleanup()
        st.session_state["gallery_error"] = str(error)
        return
    title = files[0].name if len(files) == 1 else f"{len(files)} files, {files[0].name} first"
    name = UPLOADED + title
    if name in _uploads():
        _delete(_uploads()[name])
    _uploads()[name] = folder
    choose(gallery=name)
