"""Prompts on the map become prompts on a crop's image."""

from __future__ import annotations

from typing import List, Optional, Tuple

import numpy as np

from geophrase.protocol.grid import Bounds, RasterGrid
from geophrase.protocol.messages import BoxQuery, MaskQuery, PointsQuery, Query, TextQuery

from ..raster.crops import Crop
from .masks import Logits, bounds_of_mask, logits_in
from .prompts import PromptState


def bounds_of_prompts(state: PromptState, grid: RasterGrid) -> Optional[Bounds]:
    """xmin, ymin, xmax, ymax in the raster's pixels of all marks and the mask; None without any.

    Args:
        state: The prompts.
        grid: The raster's own pixels.
    """
    corners: List[Tuple[float, float]] = []
    marks_map = [(click.x_map, click.y_map) for click in state.clicks] + list(state.box_map or ())
    if marks_map:
        corners += [(float(x), float(y)) for x, y in grid.to_pix(marks_map)]
    mask_pix = bounds_of_mask(state.mask, grid) if state.mask is not None else None
    if mask_pix is not None:
        corners += [mask_pix[:2], mask_pix[2:]]
    if not corners:
        return None
    (xmin, ymin), (xmax, ymax) = np.min(corners, axis=0), np.max(corners, axis=0)
    return float(xmin), float(ymin), float(xmax), float(ymax)


def prompts_in(
    state: PromptState, crop: Crop, *, grid: RasterGrid, has_text: bool
) -> Tuple[Tuple[Query, ...], Optional[Logits]]:
    """The prompts as the engine takes them for a crop's image, and the logits of its MaskQuery.

    Points beside the image say nothing about it and are left out; a box is cut to it.

    Args:
        state: The prompts.
        crop: The crop.
        grid: The raster's own pixels.
        has_text: Whether the model takes text.
    """
    crop_grid = crop.grid_on(grid)
    queries: List[Query] = []
    if state.text and has_text:
        queries.append(TextQuery(state.text))
    queries += _points_in(state, crop_grid)
    queries += _box_in(state, crop_grid)
    logits_HW = logits_in(state.mask, crop, grid=grid) if state.mask is not None else None
    if logits_HW is not None:
        queries.append(MaskQuery())
    return tuple(queries), logits_HW


def _points_in(state: PromptState, crop_grid: RasterGrid) -> List[Query]:
    if not state.clicks:
        return []
    points_pix = crop_grid.to_pix([(click.x_map, click.y_map) for click in state.clicks])
    inside = [
        (float(x), float(y), int(click.is_positive))
        for (x, y), click in zip(points_pix, state.clicks)
        if 0 <= x <= crop_grid.width_px and 0 <= y <= crop_grid.height_px
    ]
    if not inside:
        return []
    return [PointsQuery(tuple((x, y) for x, y, _ in inside), tuple(label for _, _, label in inside))]


def _box_in(state: PromptState, crop_grid: RasterGrid) -> List[Query]:
    if state.box_map is None:
        return []
    corners_pix = np.clip(crop_grid.to_pix(state.box_map), 0, crop_grid.width_px)
    (xmin, ymin), (xmax, ymax) = corners_pix.min(axis=0), corners_pix.max(axis=0)
    return (
        [BoxQuery((float(xmin), float(ymin), float(xmax), float(ymax)))]
        if xmin < xmax and ymin < ymax
        else []
    )
