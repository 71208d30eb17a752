"""What a cell sees: the pixels that can reach it, and those that do in one image.

A cell is not its pixels. The *theoretical* field holds every pixel from which there is a way to the
cell; it is often most of the image. The *measured* heat is the gradient of what the cell
contributes to the similarity, which mostly comes from far fewer pixels.
"""

import copy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from simviz_core.decomposition import cells_carrying
from simviz_core.errors import NetworkError, SettingsError
from simviz_core.networks import SimilarityNetwork, height_and_width, require_single

HEAT_CELLS = 56
"""Most rows and columns of a heat map; finer ones are noise."""
TINY = 1e-6
"""Value of every pixel while ways are followed: sums of many residual branches stay below the
ceiling of a ReLU6."""

Corners = tuple[float, float, float, float]
"""Left, top, right and bottom."""


@dataclass(frozen=True)
class ReceptiveField:
    """The rectangle of pixels that can reach a cell, in pixels of the network's input.

    Attributes:
        left: First column.
        top: First row.
        right: After the last column.
        bottom: After the last row.
        width: Of the input.
        height: Of the input.
    """

    left: int
    top: int
    right: int
    bottom: int
    width: int
    height: int

    @property
    def share(self) -> float:
        """Of the image, 0..1."""
        area = (self.right - self.left) * (self.bottom - self.top)
        return area / (self.width * self.height)

    @property
    def outline(self) -> Corners:
        """As shares of the image's width and height."""
        return (
            self.left / self.width,
            self.top / self.height,
            self.right / self.width,
            self.bottom / self.height,
        )


@dataclass(frozen=True, eq=False)
class SeenByCell:
    """What is known of one cell.

    Attributes:
        row: Of the cell.
        column: Of the cell.
        grid: Rows and columns of cells.
        field: Pixels that can reach it; None where no way can be followed.
        heat: How strongly each place drives it, (H, W), shares; see `cell_heat`.
    """

    row: int
    column: int
    grid: tuple[int, int]
    field: ReceptiveField | None
    heat: NDArray[np.float32]

    @property
    def outline(self) -> Corners:
        """The cell itself, as shares of the image's width and height."""
        (rows, columns), row, column = self.grid, self.row, self.column
        return column / columns, row / rows, (column + 1) / columns, (row + 1) / rows

    @property
    def own_share(self) -> float:
        """The share of the heat that lies on the cell itself, whole squares of it."""
        height, width = self.heat.shape
        x0, x1 = (round(corner * width) for corner in self.outline[::2])
        y0, y1 = (round(corner * height) for corner in self.outline[1::2])
        return float(self.heat[y0:y1, x0:x1].sum(dtype=np.float64))

    @property
    def measured(self) -> str:
        """What the heat says, in words."""
        half, most = self.share_carrying(0.5), self.share_carrying(0.9)
        return (
            f"half of what drives the contribution of row {self.row}, column {self.column} comes "
            f"from {half:.0%} of the image, 90% of it from {most:.0%}. The cell itself (white) "
            f"covers {1 / (self.grid[0] * self.grid[1]):.1%} and gives {self.own_share:.0%} of it. "
            "The gradient of the contribution at this very image, its size summed over colours."
        )

    @property
    def in_theory(self) -> str:
        """What the field says, in words."""
        field = self.field
        if field is None:
            return (
                "no way from the pixels to the cell can be followed through this network's "
                "layers, as where attention compares; take it to see all of the image."
            )
        return (
            f"{field.right - field.left} × {field.bottom - field.top} pixels of the input's "
            f"{field.width} × {field.height}, columns {field.left} to {field.right - 1} and rows "
            f"{field.top} to {field.bottom - 1}: {field.share:.0%} of the image can reach it "
            "(yellow)."
        )

    def share_carrying(self, share: float) -> float:
        """The least share of the image from which so much of the heat comes."""
        return cells_carrying(torch.from_numpy(self.heat), share).item()


def seen_by_cell(
    network: SimilarityNetwork,
    picture: Image.Image,
    grid: tuple[int, int],
    unit: Tensor,
    row: int,
    column: int,
) -> SeenByCell:
    """The theoretical field and the measured heat of one cell.

    Args:
        network: That is run and followed back.
        picture: The image that the cell is on, RGB.
        grid: Its rows and columns of cells.
        unit: The other image's unit embedding, (D,).
        row: Of the cell.
        column: Of the cell.

    Raises:
        SettingsError: There is no such cell, or the network is an ensemble.
        NetworkError: The network gives no gradient.
    """
    require_single(network, "followed back to the pixels")
    if not (0 <= row < grid[0] and 0 <= column < grid[1]):
        raise SettingsError(
            f"there is no row {row}, column {column}; the image has {grid[0]} rows and {grid[1]} "
            "columns of cells, counted from 0"
        )
    try:
        heat = cell_heat(network, picture, unit, row, column)
        return SeenByCell(row, column, grid, receptive_field(network, row, column), heat)
    except RuntimeError as error:
        # A program's network, or one with steps that have no gradient.
        raise NetworkError(
            "this network gives no gradient that a cell could be followed back by"
        ) from error


def averaging_trunk(network: SimilarityNetwork) -> nn.Module:
    """A copy of a trunk in which every way from a pixel to a cell counts, and none cancels.

    Convolutions and linear layers become plain averages, batch norm passes values on. What comes
    through stays small and above 0, where no activation is flat.
    """
    trunk = copy.deepcopy(network.trunk).double()
    with torch.no_grad():
        for module in trunk.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                _pass_on(module)
                continue
            for parameter in module.parameters(recurse=False):
                if parameter.dim() > 1:
                    parameter.fill_(1 / parameter[0].numel())
                else:
                    parameter.zero_()
    return trunk


def _pass_on(norm: nn.modules.batchnorm._BatchNorm) -> None:
    if norm.running_mean is not None and norm.running_var is not None:
        norm.running_mean.zero_()
        norm.running_var.fill_(1)
    if norm.affine:
        norm.weight.fill_(1)
        norm.bias.zero_()


def receptive_field(
    network: SimilarityNetwork, row: int, column: int, trunk: nn.Module | None = None
) -> ReceptiveField | None:
    """The theoretical receptive field of a cell.

    Args:
        network: Its architecture counts, not its weights.
        row: Of the cell.
        column: Of the cell.
        trunk: Of `averaging_trunk`, where several cells are asked about; None makes it.

    Returns:
        The smallest rectangle around all pixels with a way to the cell; None where no way can be
        followed, as through layers that compare (a token's attention, a program's code).
    """
    height, width = height_and_width(network.size)
    with torch.inference_mode(False), torch.enable_grad():
        pixels = torch.full((1, 3, height, width), TINY, dtype=torch.float64, device=network.device)
        pixels.requires_grad_()
        F = (trunk or averaging_trunk(network))(pixels)
        (gradient,) = torch.autograd.grad(F[0, :, row, column].sum(), pixels)
    reached = gradient[0].abs().sum(0) > 0
    if not bool(reached.any()):
        return None
    rows = torch.nonzero(reached.any(1))[:, 0].tolist()
    columns = torch.nonzero(reached.any(0))[:, 0].tolist()
    return ReceptiveField(columns[0], rows[0], columns[-1] + 1, rows[-1] + 1, width, height)


def cell_heat(
    network: SimilarityNetwork, picture: Image.Image, unit: Tensor, row: int, column: int
) -> NDArray[np.float32]:
    """How strongly each place of an image drives one cell's contribution to a similarity.

    Args:
        network: That is run and followed back once.
        picture: The image that the cell is on, RGB.
        unit: The other image's unit embedding, (D,).
        row: Of the cell.
        column: Of the cell.

    Returns:
        |∂ M[row, column] / ∂ pixel| summed over colours and over small squares, as shares of
        their sum, (H', W') of at most `HEAT_CELLS` a side; the length |e| is taken as it is.
    """
    with torch.inference_mode(False), torch.enable_grad():
        pixels = network.pixels([picture]).clone().requires_grad_()
        F = network.trunk(pixels).permute(0, 2, 3, 1)[0]
        decomposed = network.decompose_feature_map(F)
        direction = (unit / decomposed.norm.detach()).clone()
        (gradient,) = torch.autograd.grad(decomposed.contributions[row, column] @ direction, pixels)
    strength = gradient[0].abs().sum(0)
    size = (min(HEAT_CELLS, strength.shape[0]), min(HEAT_CELLS, strength.shape[1]))
    heat = torch.nn.functional.adaptive_avg_pool2d(strength[None], size)[0]
    return (heat / heat.sum().clamp_min(1e-30)).numpy(force=True)
