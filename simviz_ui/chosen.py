"""An image that is chosen on a page."""

from dataclasses import dataclass

from simviz_core.images import LoadedImage


@dataclass(frozen=True)
class ChosenImage:
    """An image that is chosen on a page.

    Attributes:
        id: Its gallery id, or its upload id; what the page and the link show.
        path: The path to name in a command; of an upload, its file name.
        picture: The image itself.
    """

    id: str
    path: str
    picture: LoadedImage
