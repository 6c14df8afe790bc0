"""Which squares of an image become images of a data set: every object whole in one of them, few squares.

All coordinates are pixels of the source image, edges from its top-left corner.
Shape letters: H height, W width, C colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geophrase.training.data.instances import MaskHW


@dataclass(frozen=True)
class Extent:
    """A rectangle that must stay whole."""

    left: int
    top: int
    right: int
    bottom: int

    def union(self, other: Extent) -> Extent:
        """The smallest rectangle around both."""
        return Extent(
            min(self.left, other.left),
            min(self.top, other.top),
            max(self.right, other.right),
            max(self.bottom, other.bottom),
        )

    def fits(self, size_px: int) -> bool:
        """Whether a square of this side holds it."""
        return max(self.right - self.left, self.bottom - self.top) <= size_px

    @property
    def centre_xy(self) -> tuple[float, float]:
        """Its centre."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2


@dataclass(frozen=True)
class Crop:
    """A square of an image. Where it reaches over the image's right or lower edge it is black.

    Attributes:
        left: First column.
        top: First row.
        size_px: Side.
    """

    left: int
    top: int
    size_px: int

    def holds(self, extent: Extent) -> bool:
        """Whether a rectangle is whole in it."""
        return (
            self.left <= extent.left
            and self.top <= extent.top
            and extent.right <= self.left + self.size_px
            and extent.bottom <= self.top + self.size_px
        )

    def image(self, image_HWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The square's pixels, uint8 RGB."""
        square_HWC = np.zeros((self.size_px, self.size_px, 3), np.uint8)
        part_HWC = image_HWC[self._rows, self._columns]
        square_HWC[: part_HWC.shape[0], : part_HWC.shape[1]] = part_HWC
        return square_HWC

    def mask(self, mask_HW: MaskHW) -> MaskHW:
        """The square's part of a mask, uint8 of zeros and ones."""
        square_HW = np.zeros((self.size_px, self.size_px), np.uint8)
        part_HW = mask_HW[self._rows, self._columns]
        square_HW[: part_HW.shape[0], : part_HW.shape[1]] = part_HW
        return square_HW

    def box_xywh(self, box_xyxy: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
        """A box in the square's own coordinates, cut at its edges."""
        left, top, right, bottom = box_xyxy
        x0, x1 = (min(max(value - self.left, 0.0), float(self.size_px)) for value in (left, right))
        y0, y1 = (min(max(value - self.top, 0.0), float(self.size_px)) for value in (top, bottom))
        return x0, y0, x1 - x0, y1 - y0

    def point_xy(self, point_xy: tuple[float, float]) -> tuple[float, float] | None:
        """A point in the square's own coordinates, None where it lies outside."""
        x, y = point_xy[0] - self.left, point_xy[1] - self.top
        return (x, y) if 0 <= x <= self.size_px and 0 <= y <= self.size_px else None

    @property
    def _rows(self) -> slice:
        return slice(self.top, self.top + self.size_px)

    @property
    def _columns(self) -> slice:
        return slice(self.left, self.left + self.size_px)


def place_crops(
    extents: Sequence[Extent], size_yx: tuple[int, int], size_px: int
) -> list[tuple[Crop, list[int]]]:
    """Squares that hold each object once, whole where its side allows.

    From the first object on, the nearest others join as long as one square holds them all; the square is
    centred on them as far as the image reaches. An object larger than the square is cut around its centre.

    Args:
        extents: The objects.
        size_yx: Height and width of the image.
        size_px: Side of the squares.

    Returns:
        Each square with the indices of its objects, which rise; every object is in exactly one.
    """
    left_over = sorted(range(len(extents)), key=lambda index: (extents[index].top, extents[index].left))
    placed = []
    while left_over:
        around = _joined(extents, left_over, size_px)
        crop = _centred(around, size_yx, size_px)
        members = [index for index in left_over if crop.holds(extents[index])] or left_over[:1]
        left_over = [index for index in left_over if index not in members]
        placed.append((crop, sorted(members)))
    return placed


def _joined(extents: Sequence[Extent], indices: Sequence[int], size_px: int) -> Extent:
    """The first object with those near it that fit into one square."""
    around = extents[indices[0]]
    x, y = around.centre_xy
    by_distance = sorted(
        indices[1:],
        key=lambda index: max(abs(extents[index].centre_xy[0] - x), abs(extents[index].centre_xy[1] - y)),
    )
    for index in by_distance:
        wider = around.union(extents[index])
        around = wider if wider.fits(size_px) else around
    return around


def _centred(extent: Extent, size_yx: tuple[int, int], size_px: int) -> Crop:
    x, y = extent.centre_xy
    left, top = round(x - size_px / 2), round(y - size_px / 2)
    if extent.fits(size_px):  # rounding may not push it over an edge
        left = min(max(left, extent.right - size_px), extent.left)
        top = min(max(top, extent.bottom - size_px), extent.top)
    height_px, width_px = size_yx
    return Crop(
        min(max(left, 0), max(0, width_px - size_px)),
        min(max(top, 0), max(0, height_px - size_px)),
        size_px,
    )
