"""A finding: a view that somebody kept, and what it showed."""

import base64
import io
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from PIL import Image

from simviz_core import __version__

PROGRAM = ("python", "-m", "simviz_core")
"""What a command begins with; findings keep the words after it."""
PICTURE_START = "data:image/jpeg;base64,"
PICTURE_BOX = (640, 480)
"""Kept pictures are as large as fits into this width and height, in pixels."""


@dataclass(frozen=True)
class KeptFile:
    """A file that a finding rests on.

    Attributes:
        path: As the page or the command named it; of an upload, its file name.
        sha256: Of its bytes, in hexadecimal, when the finding was kept; None where it could not be
            read.
        is_upload: Whether it was uploaded, so that it lies in no folder.
    """

    path: str
    sha256: str | None
    is_upload: bool = False


@dataclass(frozen=True)
class Shown:
    """One figure of a view, with its numbers and the command that makes both again.

    Attributes:
        command: Its words, without `python -m simviz_core`; empty where no command makes it.
        numbers: What the command writes as JSON, without maps.
        picture: The figure when it was kept, as a data URI; empty for none.
    """

    command: tuple[str, ...] = ()
    numbers: dict[str, Any] | None = None
    picture: str = ""


@dataclass(frozen=True)
class Finding:
    """A view that somebody kept, and what it showed.

    Attributes:
        id: Random, 32 hexadecimal digits; tells findings apart.
        page: The page's name in its address.
        link: The parameters of the page's link, encoded: with `page`, the view without loss.
        title: What the view is of, in a line.
        note: What the user wrote; may be empty.
        kept: When, in ISO 8601 and UTC.
        shown: What the page showed, the main figure first; empty where it had nothing to export.
        images: The image files that this rests on.
        weights: The files of weights that this rests on.
        version: Of SimViz.
    """

    id: str
    page: str
    link: str
    title: str
    note: str
    kept: str
    shown: tuple[Shown, ...] = ()
    images: tuple[KeptFile, ...] = ()
    weights: tuple[KeptFile, ...] = ()
    version: str = __version__

    @property
    def address(self) -> str:
        """The page with its link, as it follows the app's own address."""
        return f"{self.page}?{self.link}" if self.link else self.page

    @property
    def picture(self) -> str:
        """The first picture, as a data URI; empty where there is none."""
        return next((shown.picture for shown in self.shown if shown.picture), "")

    @property
    def has_uploads(self) -> bool:
        """Whether it rests on uploads, which no command can open."""
        return any(file.is_upload for file in (*self.images, *self.weights))


def new_finding(
    page: str,
    link: str,
    title: str,
    note: str,
    shown: Sequence[Shown] = (),
    images: Sequence[KeptFile] = (),
    weights: Sequence[KeptFile] = (),
) -> Finding:
    """A finding of this moment, with an id of its own."""
    return Finding(
        id=secrets.token_hex(16),
        page=page,
        link=link,
        title=title,
        note=note,
        kept=datetime.now(UTC).isoformat(timespec="seconds"),
        shown=tuple(shown),
        images=tuple(images),
        weights=tuple(weights),
    )


def picture_uri(figure: bytes, box: tuple[int, int] | None = PICTURE_BOX, quality: int = 80) -> str:
    """A figure as a JPEG in a data URI.

    Args:
        figure: An image file that SimViz has made.
        box: The largest width and height, in pixels; None keeps the figure's own.
        quality: Of the JPEG.
    """
    image = Image.open(io.BytesIO(figure)).convert("RGB")
    if box is not None:
        image.thumbnail(box, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    # Full colour resolution: the text of a figure is thin.
    image.save(buffer, "JPEG", quality=quality, subsampling=0)
    return PICTURE_START + base64.b64encode(buffer.getvalue()).decode()
