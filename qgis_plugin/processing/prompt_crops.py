"""Which objects are outlined on which image."""

from __future__ import annotations

from typing import Dict, Iterable, List, Tuple

import numpy as np

from geophrase.protocol.grid import Bounds, RasterGrid

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
        if not _touches(found, lattice.grid):
            beside.append(found)
            continue
        crop = lattice.crop_for(_bounds_with_context(found, lattice.grid), view_side_pix=view_side_pix)
        objects_of.setdefault(crop, []).append(found)
    in_rows = sorted(
        objects_of.items(), key=lambda item: (item[0].level, item[0].window.row, item[0].window.col)
    )
    return in_rows, beside


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
