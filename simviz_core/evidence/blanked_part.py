"""Which part of an image is blanked: its strongest cells, a block of cells, or a drawn region."""

from dataclasses import dataclass
from typing import Any

from simviz_core.decomposition import DecomposedImage, similarity_map
from simviz_core.errors import SettingsError
from simviz_core.evidence.occlusion_check import (
    Removal,
    removed_cells,
    removed_region,
    strongest_cells,
)
from simviz_core.images import LoadedImage
from simviz_core.networks import SimilarityNetwork
from simviz_core.networks.settings import NetworkSettings
from simviz_core.pairs import CellBlock, cell_block
from simviz_core.retrieval import Region, outside_note, weights_on

STRONGEST = 3
"""Cells that are blanked where nothing else is asked for."""


@dataclass(frozen=True)
class BlankedPart:
    """A part of an image, as pages and the command ask for it.

    Attributes:
        strongest: How many of the cells that contribute most; nothing where one of the others is
            given.
        block: Cells of the image.
        region: What is drawn on it.
    """

    strongest: int = STRONGEST
    block: CellBlock | None = None
    region: Region | None = None

    def removal(
        self,
        network: SimilarityNetwork,
        picture: LoadedImage,
        image: DecomposedImage,
        other: DecomposedImage,
    ) -> Removal:
        """The cells and the pixels that go.

        Args:
            network: That decomposed both.
            picture: The image that is blanked.
            image: The same, decomposed.
            other: What it is compared with.

        Raises:
            SettingsError: The image has no such cells, or the region covers nothing of it.
        """
        if self.region is not None:
            frame = network.frame(picture.pixels)
            weights_on(self.region, picture, image.grid, frame)  # refuses what covers nothing
            return removed_region(self.region, picture, network, image.grid)
        if self.block is not None:
            if not self.block.lies_in(image.grid):
                rows, columns = image.grid
                raise SettingsError(
                    f"{picture.name} has no {self.words}; it has {rows} rows and {columns} "
                    "columns of cells, counted from 0"
                )
            return removed_cells(self.block.weights(image.grid), network)
        values = similarity_map(image, other).numpy(force=True)
        return removed_cells(strongest_cells(values, self.strongest), network)

    def note(self, picture: LoadedImage, settings: NetworkSettings) -> str:
        """What of a drawn region the network does not see, in a sentence; "" for nothing."""
        if self.region is None:
            return ""
        return outside_note(self.region, picture, settings.frame(picture.pixels))

    @property
    def words(self) -> str:
        """What it is, to be said after the image's name."""
        if self.region is not None:
            return "what is drawn on it"
        if self.block is not None:
            return block_words(self.block)
        return (
            "its strongest cell" if self.strongest == 1 else f"its {self.strongest} strongest cells"
        )

    def as_json(self) -> dict[str, Any]:
        """As JSON-ready values: `strongest`, `cells` (first row, column, last ones), or regions."""
        if self.region is not None:
            return {
                "regions": [list(rectangle) for rectangle in self.region.include],
                "excluded_regions": [list(rectangle) for rectangle in self.region.exclude],
            }
        if self.block is not None:
            block = self.block
            return {"cells": [block.top, block.left, block.bottom, block.right]}
        return {"strongest": self.strongest}


def blanked_part(text: str) -> BlankedPart:
    """Read a part that is not drawn, such as `strongest:3`, `2,5` or `2,3,4,5`.

    Raises:
        SettingsError: It is written otherwise.
    """
    kind, _, count = text.partition(":")
    if kind == "strongest" and count.isdecimal() and int(count) > 0:
        return BlankedPart(int(count))
    try:
        return BlankedPart(block=cell_block(f"query,{text}"))
    except SettingsError:
        raise SettingsError(
            f"{text!r} is no part of an image; write strongest:K, or ROW,COLUMN counted from 0, or "
            "ROW,COLUMN,LAST_ROW,LAST_COLUMN for several cells"
        ) from None


def block_words(block: CellBlock) -> str:
    """Where a block of cells lies."""
    if block.cells == 1:
        return f"row {block.top}, column {block.left}"
    return f"rows {block.top}–{block.bottom}, columns {block.left}–{block.right}"
