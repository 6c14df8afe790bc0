"""Which objects are outlined on which image."""

from __future__ import annotations

import math
from typing import Dict, Iterable, List, Tuple

import numpy as np

from geophrase.protocol.grid import Bounds, RasterGrid, WindowPx

from ..core.raster.crops import Crop, CropLattice
from .prompted_objects import PromptedObject

_CONTEXT_SHARE = 1 / 8
"""Ground that is shown on each side of the prompts, as a share of their extent."""

ObjectsOfCrop = List[Tuple[Crop, List[PromptedObject]]]


def crops_of(
    objects: Iterable[PromptedObject], lattice: CropLattice, *, view_side_pix: float
) -> Tuple[ObjectsOfCrop, List[PromptedObject]]:
    """The crop on which each object is outlined, row by row, and the objects that lie beside the raster.

    The crop of an object depends on the object alone, so others don't change its outline; those near each
    other share one.

    Args:
        objects: In the raster's coordinates.
        lattice: Of the raster.
        view_side_pix: Pixels of the raster that an image shows where the object isn't larger.
    """
    objects_of: Dict[Crop, List[PromptedObject]] = {}
    beside = []
    for found in objects:
        if _touches(found, lattice.grid):
            bounds_pix = _bounds_with_context(found, lattice.grid)
            crop = _crop_around(bounds_pix, lattice, view_side_pix=view_side_pix)
            objects_of.setdefault(crop, []).append(found)
        else:
            beside.append(found)
    in_rows = sorted(
        objects_of.items(), key=lambda item: (item[0].level, item[0].window.row, item[0].window.col)
    )
    return in_rows, beside


def _crop_around(bounds_pix: Bounds, lattice: CropLattice, *, view_side_pix: float) -> Crop:
    """The lattice's crop, or one of the object's own where that shows it larger.

    Crops of the lattice are shared, but one that happens to hold a large object is up to four times as wide.
    """
    crop = lattice.crop_for(bounds_pix, view_side_pix=view_side_pix)
    xmin, ymin, xmax, ymax = bounds_pix
    wanted_px = lattice.image_px * 2.0 ** lattice.level_for(view_side_pix)
    side_px = math.ceil(max(xmax - xmin, ymax - ymin, wanted_px))
    if crop.window.width <= side_px:
        return crop
    col, row = (
        max(0, min(round(middle - side_px / 2), length_px - side_px))
        for middle, length_px in (
            ((xmin + xmax) / 2, lattice.grid.width_px),
            ((ymin + ymax) / 2, lattice.grid.height_px),
        )
    )
    return Crop(crop.level, WindowPx(col, row, side_px, side_px), lattice.image_px)


def _touches(found: PromptedObject, grid: RasterGrid) -> bool:
    points_pix = grid.to_pix(found.extent_map)
    sides_px = (grid.width_px, grid.height_px)
    return bool((points_pix.max(axis=0) > 0).all() and (points_pix.min(axis=0) < sides_px).all())


def _bounds_with_context(found: PromptedObject, grid: RasterGrid) -> Bounds:
    points_pix = grid.to_pix(found.extent_map)
    low, high = points_pix.min(axis=0), points_pix.max(axis=0)
    margin = (high - low).max() * _CONTEXT_SHARE
    low, high = np.maximum(low - margin, 0), np.minimum(high + margin, (grid.width_px, grid.height_px))
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])
