"""Which square of a raster the model is shown for a click.

The raster is covered by square crops of the model's image side, at levels that differ by a factor of two:
level 0 shows the raster's own pixels, level 1 shows every second, level -1 enlarges them twofold. Neighbours
overlap by half, and the lattice begins at the raster's first pixel, so that the same view gives the same crop
again and its encoding is used again.

Frame: `_pix` are pixel edges of the raster's own pixels (`CropLattice.grid`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import List, Optional, Tuple

from geophrase.protocol.grid import Bounds, RasterGrid, WindowPx

FINEST_LEVEL = -3
"""Pixels are enlarged eightfold at most: the engine goes no further, and there is nothing more to see."""

_MARGIN_SHARE = 1 / 8
"""Prompts nearer to a crop's edge than this share of its side move it: an object needs ground around it."""


@dataclass(frozen=True)
class Crop:
    """A square of a raster, shown to the model as `image_px` x `image_px` pixels.

    Attributes:
        level: Of the pyramid.
        window: In the raster's own pixels; it sticks out of a raster that is smaller.
        image_px: Side of the image.
    """

    level: int
    window: WindowPx
    image_px: int

    @property
    def centre_pix(self) -> Tuple[float, float]:
        """The middle."""
        half = self.window.width / 2
        return self.window.col + half, self.window.row + half

    @property
    def bounds_pix(self) -> Bounds:
        """xmin, ymin, xmax, ymax."""
        return self.window.col, self.window.row, self.window.col_end, self.window.row_end

    def grid_on(self, raster_grid: RasterGrid) -> RasterGrid:
        """Where the pixels of the crop's image lie on the map."""
        return raster_grid.subgrid(self.window).resized(self.image_px, self.image_px)


class CropLattice:
    """All the crops of one raster for one model.

    Args:
        grid: The raster's own pixels.
        image_px: The model's image side, a multiple of 16.

    Raises:
        ValueError: An image side that can't be halved often enough.
    """

    def __init__(self, grid: RasterGrid, *, image_px: int) -> None:
        if image_px < 16 or image_px % 2 ** (1 - FINEST_LEVEL):
            raise ValueError(f"the image side must be a multiple of 16, not {image_px}")
        self.grid = grid
        self.image_px = image_px
        longest_px = max(grid.width_px, grid.height_px)
        self.coarsest_level = max(0, math.ceil(math.log2(longest_px / image_px)))

    def level_for(self, view_side_pix: float) -> int:
        """The level whose crops are about as wide as the view; the nearer one on a scale of factors."""
        level = round(math.log2(max(view_side_pix, 1e-9) / self.image_px))
        return min(max(level, FINEST_LEVEL), self.coarsest_level)

    def crop_for(self, bounds_pix: Bounds, *, view_side_pix: float, current: Optional[Crop] = None) -> Crop:
        """The crop that shows the bounds at about the view's scale.

        Args:
            bounds_pix: xmin, ymin, xmax, ymax of what must be seen; a click has no width. Where it doesn't
                fit at the view's scale, the crop is coarser. What lies beside the raster doesn't count.
            view_side_pix: How many of the raster's pixels the view is wide.
            current: The crop in use. It is kept while it shows the bounds away from its edges at no more than
                twice or half the view's scale, since changing it costs an encoding.
        """
        wanted = self.level_for(view_side_pix)
        xmin, xmax = (min(max(x, 0.0), self.grid.width_px) for x in bounds_pix[::2])
        ymin, ymax = (min(max(y, 0.0), self.grid.height_px) for y in bounds_pix[1::2])
        seen_pix = xmin, ymin, xmax, ymax
        if current is not None and abs(current.level - wanted) <= 1 and self._shows_well(current, seen_pix):
            return current
        centre_pix = (xmin + xmax) / 2, (ymin + ymax) / 2
        for level in range(wanted, self.coarsest_level):
            crop = self._nearest(level, centre_pix)
            if _holds(crop.bounds_pix, seen_pix):
                return crop
        return self._nearest(self.coarsest_level, centre_pix)

    def neighbours(self, crop: Crop, *, towards_pix: Tuple[float, float]) -> List[Crop]:
        """The crops around a crop at its level, up to eight, those nearest to a point first."""
        side_px = crop.window.width
        cols = _around(crop.window.col, self.grid.width_px, side_px)
        rows = _around(crop.window.row, self.grid.height_px, side_px)
        found = [self._crop(crop.level, col, row) for row in rows for col in cols]
        others = [other for other in found if other != crop]
        return sorted(others, key=lambda other: math.dist(other.centre_pix, towards_pix))

    def _shows_well(self, crop: Crop, bounds_pix: Bounds) -> bool:
        margin_px = crop.window.width * _MARGIN_SHARE
        xmin, ymin, xmax, ymax = crop.bounds_pix
        inner = (
            xmin + margin_px if xmin > 0 else -math.inf,
            ymin + margin_px if ymin > 0 else -math.inf,
            xmax - margin_px if xmax < self.grid.width_px else math.inf,
            ymax - margin_px if ymax < self.grid.height_px else math.inf,
        )
        return _holds(inner, bounds_pix) and _holds(crop.bounds_pix, bounds_pix)

    def _nearest(self, level: int, centre_pix: Tuple[float, float]) -> Crop:
        side_px = self._side_px(level)
        col = _nearest_start(centre_pix[0], self.grid.width_px, side_px)
        row = _nearest_start(centre_pix[1], self.grid.height_px, side_px)
        return self._crop(level, col, row)

    def _crop(self, level: int, col: int, row: int) -> Crop:
        side_px = self._side_px(level)
        return Crop(level, WindowPx(col, row, side_px, side_px), self.image_px)

    def _side_px(self, level: int) -> int:
        return self.image_px << level if level >= 0 else self.image_px >> -level


def _holds(outer: Bounds, inner: Bounds) -> bool:
    return outer[0] <= inner[0] and outer[1] <= inner[1] and outer[2] >= inner[2] and outer[3] >= inner[3]


def _num_starts(length_px: int, side_px: int) -> int:
    """How many crops a row of the lattice has: the last is flush with the raster's end."""
    return 1 + max(0, math.ceil((length_px - side_px) / (side_px // 2)))


def _start(index: int, length_px: int, side_px: int) -> int:
    return max(0, min(index * (side_px // 2), length_px - side_px))


def _nearest_start(centre: float, length_px: int, side_px: int) -> int:
    last = _num_starts(length_px, side_px) - 1
    guess = math.floor((centre - side_px / 2) / (side_px // 2))
    indexes = {min(max(guess + step, 0), last) for step in (0, 1, 2)}  # 2: the last is nearer than its step
    starts = sorted(_start(index, length_px, side_px) for index in indexes)
    return min(starts, key=lambda start: abs(start + side_px / 2 - centre))


def _around(start: int, length_px: int, side_px: int) -> List[int]:
    """The start before, this one, and the one after, where they exist."""
    index, last = math.ceil(start / (side_px // 2)), _num_starts(length_px, side_px) - 1
    indexes = range(max(0, index - 1), min(last, index + 1) + 1)
    return [_start(at, length_px, side_px) for at in indexes]
