"""The gallery, the same on every page and part of the link.

Galleries are folders and manifests inside the folders that the operator allowed, so that nobody
can look through the disk from a browser; and uploads, which are had by their ids.
"""

import shlex
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from simviz_core.cli.options.output import path_word
from simviz_core.errors import GalleryError, SimVizError
from simviz_core.gallery import (
    DEMO_GALLERY,
    FIRST,
    MANIFEST_SUFFIXES,
    MAX_UNPACKED_BYTES,
    Gallery,
    has_class_folders,
    holds_images,
    left_out_lines,
    level_title,
    looks_like_gallery,
    open_gallery,
    unpack_archive,
    with_references,
)
from simviz_core.images import IMAGE_SUFFIXES
from simviz_core.retrieval import default_store_folder
from simviz_ui.choices.allowed import (
    MOST_OFFERED,
    allowed_folders,
    allowed_path,
    readable_path,
    say_not_listed,
)
from simviz_ui.choices.uploads import (
    NewUpload,
    UploadKind,
    each_alone,
    is_upload,
    known_uploads,
    plain_name,
    upload_box,
    upload_store,
    use_upload,
)
from simviz_ui.display.messages import as_markdown, name_each, show_error
from simviz_ui.navigation import choose_instead, hold, say_instead, wanted
from simviz_ui.serving.kept import kept
from simviz_ui.serving.uploads import Filled, Upload, digest_of

DEMO = "demo rooms"
"""What the demo gallery is called in the choice and in links."""
THE_SAME = "the same gallery"
"""Where images are found, as the choice names it."""
Place = tuple[Path, tuple[Path, ...] | None]
"""Of a gallery on disk, with the folders that its images must lie in; None for any."""
BYTES_OF_IMAGE, BYTES_OF_VALUE = 1000, 100
"""What a listing takes for each image, and for each value of a manifest's column, about."""
LARGEST_UPLOAD = 1000
"""Of a file of a gallery, in megabytes; it is held in memory while it arrives."""
MOST_LOOKED_AT = 1000
"""Folders inside a gallery that are looked at to see whether they are galleries of their own."""


def gallery_choice() -> Gallery | None:
    """Show the choice of gallery in the sidebar, and open what is chosen.

    Returns:
        The gallery; None where it cannot be opened, after a message has been shown.
    """
    found = _offered(tuple(allowed_folders()))
    offered = [DEMO, *found[:MOST_OFFERED], *known_uploads(ARCHIVE.name)]
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
        say_not_listed(len(found), "galleries")
        try:
            place = _place_of("gallery", name or DEMO)
            gallery = _at_level(*place)
        except SimVizError as error:
            show_error(error)
            gallery = None
        if gallery is not None:
            _choose_level(gallery)
            gallery = _choose_references(gallery, place, name or DEMO, offered)
            st.caption(_summary(gallery))
            _say_how_read(gallery)
            for upload in filter(None, map(upload_store().of_path, gallery.sources)):
                _say_what_was_left_out(upload)
        with st.container(horizontal=True, gap="xsmall"):
            st.button(
                "Rescan",
                icon=":material/refresh:",
                on_click=_rescan,
                help="Look for new, changed and deleted files.",
            )
            with st.popover("Upload", icon=":material/upload:"):
                upload_box(ARCHIVE, "gallery")
    return gallery


def upload_folder(gallery: Gallery) -> Path | None:
    """Where an upload's embeddings are kept, which go with it; None of any other gallery."""
    upload = next(filter(None, map(upload_store().of_path, gallery.sources)), None)
    return upload.folder / "embeddings" if upload else None


def store_folder(gallery: Gallery) -> Path:
    """Where this machine keeps what is made of a gallery."""
    return upload_folder(gallery) or default_store_folder()


def gallery_name(gallery: Gallery) -> str:
    """The gallery's path as one would type it: from the folder the app was started in.

    An upload is called what its file was called.
    """
    return _name_of(gallery.source)


def in_gallery(command: str, gallery: Gallery) -> str:
    """A command of a page's export, with what the gallery was opened with beside its name."""
    words = [command] if gallery.level == FIRST else [command, "--class-level", gallery.level]
    if gallery.references:
        words += ["--references", shlex.quote(path_word(_name_of(gallery.references)))]
    return " ".join(words)


def _name_of(source: Path) -> str:
    upload = upload_store().of_path(source)
    return upload.title if upload else readable_path(source)


def _at_level(source: Path, allowed: tuple[Path, ...] | None) -> Gallery:
    """The gallery with the class that is chosen; of nested folders alone there is a choice."""
    gallery, asked = _listed(source, allowed), wanted("class_level")
    if not gallery.levels or asked == gallery.level:
        return gallery
    if asked not in [level.level for level in gallery.levels]:
        said = f"No image of the gallery lies as deep as the {level_title(asked)}"
        say_instead("class_level", f"{said}; the class is the first folder.", FIRST)
        choose_instead("class_level", FIRST)
        return gallery
    return _listed_at(source, allowed, asked)


def _choose_level(gallery: Gallery) -> None:
    """Which of nested folders is the class; says what the classes would be instead."""
    levels = {level.level: level for level in gallery.levels}
    if not levels:
        return

    def title(name: str) -> str:
        level = levels[name]
        return f"{level.title}: {level.classes:,} {'class' if level.classes == 1 else 'classes'}"

    st.selectbox(
        "Class is",
        list(levels),
        **hold("class_level", options=list(levels)),
        format_func=title,
        help="The folders of this gallery are nested. The levels are columns, too: filter by them, "
        "or leave out what is equal in one.",
    )
    level = levels[gallery.level]
    examples = ", ".join(level.examples)
    more = ", …" if level.classes > len(level.examples) else ""
    st.caption(f"Folders are nested; classes are {as_markdown(examples)}{more}")


def _choose_references(gallery: Gallery, place: Place, own: str, offered: Sequence[str]) -> Gallery:
    """Which gallery images are found in; the two as one where that is another.

    Args:
        gallery: Whose images are asked.
        place: Where it is.
        own: What it is called in the choice.
        offered: What all galleries are called there.
    """
    others = [name for name in offered if name != own]
    if (asked := wanted("references")) and asked not in others:
        others.append(asked)
    name = st.selectbox(
        "Found in",
        [THE_SAME, *others],
        **hold("references", THE_SAME),
        accept_new_options=True,
        help="Another gallery as the set of references: images of the gallery above are asked, "
        "and those of this one are found.",
    )
    if name in (None, THE_SAME):
        use_upload(ARCHIVE.name, "references", None)
        return gallery
    try:
        return _together(place, _place_of("references", name), gallery.level)
    except SimVizError as error:
        show_error(error)
        return gallery


def _say_how_read(gallery: Gallery) -> None:
    if gallery.remarks:
        of_manifest = "" if gallery.references else "In reading the manifest: "
        st.caption(as_markdown(f"{of_manifest}{'; '.join(gallery.remarks)}."))
    if count := len(gallery.left_out):
        name_each(
            f"{count:,} {'file or folder is' if count == 1 else 'files and folders are'} left out",
            list(left_out_lines(gallery.left_out)),
            icon=":material/link_off:",
        )


def _summary(gallery: Gallery) -> str:
    count = f"{len(gallery.images):,} images"
    classes = len(gallery.by_label)
    if not classes:
        return f"{count}, no classes"
    return f"{count}, {classes:,} {'class' if classes == 1 else 'classes'}"


def _say_what_was_left_out(upload: Upload) -> None:
    if upload.names_read_as:
        st.caption(
            "The archive does not state how its file names are written; they were read as "
            f"{as_markdown(upload.names_read_as)}."
        )
    if count := len(upload.left_out):
        name_each(
            f"{count:,} {'file was' if count == 1 else 'files were'} left out",
            [f"{name}: {reason}" for name, reason in upload.left_out],
            icon=":material/folder_off:",
        )


def _place_of(field: str, name: str) -> Place:
    """Where the gallery is that a field of the view names.

    Raises:
        GalleryError: It may not be opened here, or is an upload that is gone.
    """
    upload = use_upload(ARCHIVE.name, field, name)
    if upload is not None:
        return upload.path, None
    if is_upload(name):
        raise GalleryError(upload_store().why_gone(ARCHIVE.name, name))
    if name == DEMO:
        return DEMO_GALLERY, None
    return allowed_path(name, GalleryError), tuple(allowed_folders())


def _listed(source: Path, allowed: tuple[Path, ...] | None) -> Gallery:
    return kept().get(
        ("listing", source, allowed),
        lambda: open_gallery(source, allowed),
        _listing_bytes,
        "Listing the gallery …",
    )


def _listed_at(source: Path, allowed: tuple[Path, ...] | None, level: str) -> Gallery:
    return kept().get(
        ("listing at a level", source, allowed, level),
        lambda: _listed(source, allowed).at_level(level),
        _listing_bytes,
    )


def _together(queries: Place, references: Place, level: str) -> Gallery:
    return kept().get(
        ("listing of two", *queries, *references, level),
        lambda: with_references(_listed_at(*queries, level), _listed_at(*references, level)),
        _listing_bytes,
    )


def _listing_bytes(gallery: Gallery) -> int:
    columns = len(gallery.images[0].columns)
    return len(gallery.images) * (BYTES_OF_IMAGE + BYTES_OF_VALUE * columns)


@st.cache_data(ttl=30, show_spinner=False)
def _offered(allowed: Sequence[Path]) -> list[str]:
    """The galleries among the allowed folders and right inside them, each once.

    A folder of class folders is one gallery, and its classes are none.
    """
    outer, inner = [], []
    for folder in allowed:
        inside = _inside(folder)
        is_gallery = has_class_folders(folder)
        outer += [folder] if is_gallery else []
        # Among so many classes nobody looks for another gallery.
        looked_at = [] if is_gallery and len(inside) > MOST_LOOKED_AT else inside
        inner += [
            path
            for path in looked_at
            if _is_manifest(path)
            or (
                path.is_dir()
                and not (is_gallery and holds_images(path))
                and looks_like_gallery(path)
            )
        ]
    found: dict[Path, Path] = {}
    for path in (*outer, *inner):  # a folder may be allowed twice, or inside another one
        found.setdefault(path.resolve(), path)
    return [_choice_of(path) for path in found.values()]


def _inside(folder: Path) -> list[Path]:
    try:
        found = sorted(folder.iterdir()) if folder.is_dir() else []
    except OSError:
        return []
    return [path for path in found if not path.name.startswith(".")]


def _is_manifest(path: Path) -> bool:
    return path.suffix.lower() in MANIFEST_SUFFIXES and path.is_file()


def _choice_of(path: Path) -> str:
    """A gallery as the choice and links name it; never like one that is no path."""
    name = readable_path(path)
    return f"./{name}" if name == DEMO or is_upload(name) else name


def _rescan() -> None:
    kept().let_go_of_kind("listing", "listing at a level", "listing of two")
    _offered.clear()


def _sort_out(files: Sequence[UploadedFile]) -> list[NewUpload]:
    """Every archive is a gallery, and the images beside are one together."""
    archives = [file for file in files if _is_archive(file)]
    new = each_alone(archives, _unpack)
    if images := [file for file in files if not _is_archive(file)]:
        first = plain_name(images[0])
        title = first if len(images) == 1 else f"{len(images)} files, {first} first"
        contents = [
            part for file in images for part in (plain_name(file).encode(), file.getbuffer())
        ]
        new.append(NewUpload(title, digest_of(*contents), partial(_write, images)))
    return new


def _is_archive(file: UploadedFile) -> bool:
    return file.name.lower().endswith(".zip")


def _unpack(archive: UploadedFile, folder: Path) -> Filled:
    images = _images_folder(folder)
    room = min(MAX_UNPACKED_BYTES, int(upload_store().limits.size))
    unpacked = unpack_archive(archive, images, room)
    open_gallery(images)
    return Filled(images, unpacked.left_out, unpacked.names_read_as)


def _write(files: Sequence[UploadedFile], folder: Path) -> Filled:
    images, left_out = _images_folder(folder), []
    for file in files:
        path = images / plain_name(file)
        if path.exists():
            left_out.append((path.name, "another of the files has this name"))
        else:
            path.write_bytes(file.getbuffer())
    open_gallery(images)
    return Filled(images, tuple(left_out))


def _images_folder(folder: Path) -> Path:
    # A folder of their own, since the embeddings lie beside it.
    images = folder / "images"
    images.mkdir()
    return images


ARCHIVE = UploadKind(
    name="gallery",
    label="ZIP archives, each a gallery, or images, which are one together",
    megabytes=LARGEST_UPLOAD,
    sort_out=_sort_out,
    suffixes=IMAGE_SUFFIXES | {".zip"},
    takes_several=True,
    note="Class folders inside an archive become classes.",
)
