"""Polygons drawn into masks: a pixel is inside where its centre is."""

from __future__ import annotations

from typing import Sequence, Tuple

import numpy as np
import numpy.typing as npt

Rings = Sequence[npt.NDArray[np.float64]]
"""The rings of one polygon, outer and holes in any order, each (N, 2) x, y; closed or not."""


def polygon_mask(polygons_pix: Sequence[Rings], shape_yx: Tuple[int, int]) -> npt.NDArray[np.bool_]:
    """The union of polygons, bool HW: the pixels whose centres they hold.

    In QGIS's process this is done here rather than by GDAL, whose rasteriser wants a layer, a data set and a
    CRS for each, and complains where there is none.

    Args:
        polygons_pix: In pixel edges of the mask; they may stick out of it.
        shape_yx: Rows and columns of the mask.
    """
    mask_HW = np.zeros(shape_yx, np.bool_)
    for rings in polygons_pix:
        mask_HW |= _filled(rings, shape_yx)
    return mask_HW


def _filled(rings: Rings, shape_yx: Tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Pixels that an odd number of the polygon's edges have on their left."""
    height, width = shape_yx
    toggles_HW = np.zeros((height, width + 1), np.uint8)
    for ring in rings:
        for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0)):
            if y0 > y1:
                x0, y0, x1, y1 = x1, y1, x0, y0
            first, end = (int(np.clip(np.ceil(y - 0.5), 0, height)) for y in (y0, y1))
            if first < end:
                rows = np.arange(first, end)
                x = x0 + (rows + 0.5 - y0) * (x1 - x0) / (y1 - y0)
                cols = np.clip(np.ceil(x - 0.5), 0, width).astype(np.int64)
                toggles_HW[rows, cols] ^= 1
    inside_HW: npt.NDArray[np.uint8] = np.bitwise_xor.accumulate(toggles_HW, axis=1)
    return inside_HW[:, :width].astype(np.bool_)
