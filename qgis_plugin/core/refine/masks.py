"""Masks as prompts: logits hold in the crop they were made on, shapes hold on the map.

Shape letters: H rows, W columns. `_pix` are pixel edges of the raster's own pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple, Union

import numpy as np
import numpy.typing as npt

from geophrase.protocol.grid import Bounds, RasterGrid
from geophrase.protocol.messages import LOW_RES_STRIDE

from ..raster.crops import Crop
from ..vector.mask import Rings, polygon_mask

_SHAPE_LIMIT = 1e-3
"""A drawn shape is as sure as a probability this far from 0 and 1: logits of 6.9.

Source: micro_sam/prompt_based_segmentation.py, _compute_logits_from_mask.
"""
_OUTSIDE_LOGIT = -10.0
"""Beyond the crop that a mask was made on nothing was said to be the object."""

Logits = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class CropMask:
    """The logits of an answer.

    Attributes:
        crop: The crop they hold in.
        logits_HW: At a quarter of the crop's image side.
    """

    crop: Crop
    logits_HW: Logits


@dataclass(frozen=True, eq=False)
class ShapeMask:
    """The outline of a polygon that is refined.

    Attributes:
        polygons_map: The rings of each part, outer and holes, (N, 2) x, y in the raster's CRS.
    """

    polygons_map: Tuple[Rings, ...]


MaskPrompt = Union[CropMask, ShapeMask]


def bounds_of_mask(mask: MaskPrompt, grid: RasterGrid) -> Optional[Bounds]:
    """xmin, ymin, xmax, ymax in the raster's pixels of what the mask calls the object; None for nothing.

    Args:
        mask: The mask.
        grid: The raster's own pixels.
    """
    if isinstance(mask, ShapeMask):
        rings_pix = [grid.to_pix(ring) for rings in mask.polygons_map for ring in rings if len(ring)]
        corners = np.concatenate(rings_pix) if rings_pix else np.zeros((0, 2))
    else:
        rows, cols = np.nonzero(mask.logits_HW > 0)
        scale = mask.crop.window.width / mask.logits_HW.shape[1]
        low = np.stack([cols, rows], axis=-1) * scale + mask.crop.bounds_pix[:2]
        corners = np.concatenate([low, low + scale])
    if not len(corners):
        return None
    (xmin, ymin), (xmax, ymax) = corners.min(axis=0), corners.max(axis=0)
    return float(xmin), float(ymin), float(xmax), float(ymax)


def logits_in(mask: MaskPrompt, crop: Crop, *, grid: RasterGrid) -> Logits:
    """The mask as a prompt for a crop, whichever crop it comes from.

    Args:
        mask: The mask.
        crop: The crop that is asked about.
        grid: The raster's own pixels.
    """
    if isinstance(mask, ShapeMask):
        return _drawn(mask, crop, grid)
    return mask.logits_HW if mask.crop == crop else _moved(mask, crop)


def _drawn(mask: ShapeMask, crop: Crop, grid: RasterGrid) -> Logits:
    """Drawn at the image's resolution and averaged, so that thin and small shapes leave their trace."""
    crop_grid = crop.grid_on(grid)
    polygons_pix = [[crop_grid.to_pix(ring) for ring in rings] for rings in mask.polygons_map]
    inside_HW = polygon_mask(polygons_pix, (crop.image_px, crop.image_px))
    side = crop.image_px // LOW_RES_STRIDE
    share_HW = inside_HW.reshape(side, LOW_RES_STRIDE, side, LOW_RES_STRIDE).mean(axis=(1, 3))
    share_HW = np.clip(share_HW, _SHAPE_LIMIT, 1 - _SHAPE_LIMIT)
    logits_HW: Logits = np.log(share_HW / (1 - share_HW)).astype(np.float32)
    return logits_HW


def _moved(mask: CropMask, crop: Crop) -> Logits:
    """Interpolated between the pixels of the other crop; both lie square in the raster."""
    side = mask.logits_HW.shape[0]
    old, new = mask.crop.window, crop.window
    at_row = _places(new.row - old.row, new_side_pix=new.height, old_side_pix=old.height, side=side)
    at_col = _places(new.col - old.col, new_side_pix=new.width, old_side_pix=old.width, side=side)
    by_row_HW = _interpolated(mask.logits_HW, at_row)
    moved_HW = _interpolated(by_row_HW.T, at_col).T
    is_inside_HW = _is_inside(at_row, side)[:, None] & _is_inside(at_col, side)
    return np.where(is_inside_HW, moved_HW, _OUTSIDE_LOGIT).astype(np.float32)


def _places(offset_pix: int, *, new_side_pix: int, old_side_pix: int, side: int) -> npt.NDArray[np.float64]:
    """Where the centres of the new crop's mask pixels lie in the old mask, in pixel centres."""
    centres_pix = offset_pix + (np.arange(side) + 0.5) * new_side_pix / side
    places: npt.NDArray[np.float64] = centres_pix * side / old_side_pix - 0.5
    return places


def _is_inside(places: npt.NDArray[np.float64], side: int) -> npt.NDArray[np.bool_]:
    return (places >= -0.5) & (places <= side - 0.5)


def _interpolated(
    values_HW: npt.NDArray[np.floating], places: npt.NDArray[np.float64]
) -> npt.NDArray[np.floating]:
    """Rows of the values at fractional places, linearly; beyond the ends the outermost row."""
    places = np.clip(places, 0, len(values_HW) - 1)
    low = np.floor(places).astype(np.int64)
    high = np.minimum(low + 1, len(values_HW) - 1)
    weight = (places - low)[:, None]
    interpolated: npt.NDArray[np.floating] = values_HW[low] * (1 - weight) + values_HW[high] * weight
    return interpolated
