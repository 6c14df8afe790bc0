"""Points and boxes on a map become outlines, from one window of the raster around them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
from scipy.special import expit

from geophrase.engine.errors import EngineError
from geophrase.engine.loading import load_predictor
from geophrase.engine.memory_errors import memory_errors_explained
from geophrase.engine.pipeline.run_config import distinct_queries, refuse_bad_polygon_options
from geophrase.engine.pipeline.tile_encoder import on_square, read_tile
from geophrase.engine.predictions import Prediction
from geophrase.engine.predictor import Predictor
from geophrase.engine.prompt_pixels import PromptPixels
from geophrase.engine.provenance import provenance_of, run_parameters
from geophrase.engine.raster.source import RasterSource
from geophrase.engine.raster.tiles import TileWindow, one_window
from geophrase.engine.vector.attributes import SegmentsTable
from geophrase.engine.vector.polygonise import PixelPolygon, StreamingPolygoniser
from geophrase.engine.vector.write import VECTOR_SUFFIXES, refuse_unwritable, write_segments
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.grid import RasterGrid, WindowPx

# Prompts wider than this share of the window are shown smaller: an object needs some ground around it.
_MAX_PROMPT_SHARE = 0.8


@dataclass(frozen=True)
class RefineConfig:
    """What was marked and how to outline it.

    Attributes:
        points: x, y in map coordinates and whether each is on the object.
        boxes_map: xmin, ymin, xmax, ymax in map coordinates; several boxes are several objects.
        query: What the object is; None for points and boxes alone.
        resolution_m: Pixel side to work at; None for the raster's own.
        bands: 1-based bands to show the model.
        threshold: Probability from which a pixel is foreground, in (0, 1).
        min_area_m2: Smallest polygon to keep.
        simplify_m: Tolerance of the outlines' simplification.
    """

    points: tuple[tuple[float, float, bool], ...] = ()
    boxes_map: tuple[tuple[float, float, float, float], ...] = ()
    query: str | None = None
    resolution_m: float | None = None
    bands: tuple[int, ...] | None = None
    threshold: float = 0.5
    min_area_m2: float | None = None
    simplify_m: float | None = None

    def __post_init__(self) -> None:
        """Refuse prompts that mark nothing or contradict each other.

        Raises:
            EngineError: BAD_REQUEST.
        """
        if not self.boxes_map and not any(is_on for _, _, is_on in self.points):
            raise EngineError(
                ErrorCode.BAD_REQUEST, "Nothing is marked: give a point on the object, or a box."
            )
        if self.points and len(self.boxes_map) > 1:
            raise EngineError(
                ErrorCode.BAD_REQUEST, "Points refine one object: give them with one box or without a box."
            )
        refuse_bad_polygon_options(self.threshold, self.min_area_m2, self.simplify_m)
        if self.query is not None:
            distinct_queries(self.query)


def refine_to_file(
    path: str | Path, output: Path, *, config: RefineConfig, model: str | Predictor, device: str = "auto"
) -> gpd.GeoDataFrame:
    """Outline the objects and write them; the file appears complete or not at all.

    Raises:
        EngineError: With one sentence on what happened and what to do.
    """
    refuse_unwritable(output, raster=path, suffixes=VECTOR_SUFFIXES)
    frame, parameters = _refined(path, config=config, model=model, device=device)
    write_segments(frame, output, metadata=parameters)
    return frame


def refine_raster(
    path: str | Path, *, config: RefineConfig, model: str | Predictor = "rsam_small", device: str = "auto"
) -> gpd.GeoDataFrame:
    """Outline what the points and boxes mark, in the raster's CRS with DESIGN.md's output schema.

    Raises:
        EngineError: With one sentence on what happened and what to do.
    """
    return _refined(path, config=config, model=model, device=device)[0]


def _refined(
    path: str | Path, *, config: RefineConfig, model: str | Predictor, device: str
) -> tuple[gpd.GeoDataFrame, dict[str, Any]]:
    """The features and the parameters to record with them."""
    with RasterSource.open(path, bands=config.bands, resolution_m=config.resolution_m) as source:
        prompts_pix = source.grid.to_pix(_corners_map(config))
        _refuse_outside(prompts_pix, source.grid)
        predictor = load_predictor(model, device=device) if isinstance(model, str) else model
        tile = window_around(prompts_pix, source.grid, image_px=predictor.image_px)
        pixels = read_tile(source, tile)
        parameters = run_parameters("refine", asdict(config), source=source, model=predictor)
    if not pixels.valid_HW.any():
        raise EngineError(ErrorCode.NO_DATA, "The raster has no data around these points and boxes.")
    grid = source.grid.subgrid(tile.window).resized(tile.image_width_px, tile.image_height_px)
    table = SegmentsTable(
        grid,
        provenance_of(predictor, path),
        min_area_m2=config.min_area_m2,
        simplify_m=config.simplify_m,
    )
    image_HWC, valid_HW = (
        on_square(array, predictor.image_px) for array in (pixels.image_HWC, pixels.valid_HW)
    )
    with memory_errors_explained():
        found = list(_polygons(predictor, image_HWC, valid_HW, config=config, grid=grid))
    frame = table.frame(
        [polygon for polygon, _ in found],
        queries=[config.query or ""] * len(found),
        iou_pred=[prediction.iou for _, prediction in found],
        objectness=[prediction.objectness for _, prediction in found],
    )
    return frame, parameters


def window_around(prompts_pix: np.ndarray, grid: RasterGrid, *, image_px: int) -> TileWindow:
    """The square of the model's side around the prompts, moved into the raster where that is large enough.

    Prompts too far apart for it get a larger window, shown at a coarser resolution.

    Args:
        prompts_pix: (N, 2) points in the working grid.
        grid: The working grid.
        image_px: The model's input side.
    """
    low, high = prompts_pix.min(axis=0), prompts_pix.max(axis=0)
    side_px = max(image_px, math.ceil(float((high - low).max()) / _MAX_PROMPT_SHARE))
    col, row = (
        max(0, min(round(float(middle) - side_px / 2), length_px - side_px))
        for middle, length_px in zip((low + high) / 2, (grid.width_px, grid.height_px), strict=True)
    )
    square = WindowPx(col, row, side_px, side_px)
    if side_px == image_px:
        return TileWindow(square, image_px, image_px)
    return one_window(grid.window, max_px=image_px, extent=square)


def _polygons(
    predictor: Predictor,
    image_HWC: np.ndarray,
    valid_HW: np.ndarray,
    *,
    config: RefineConfig,
    grid: RasterGrid,
) -> Iterator[tuple[PixelPolygon, Prediction]]:
    """Predict each object and cut it out; what was marked is taken to be there, whatever its objectness."""
    embedding = predictor.encode(image_HWC)
    pixels = PromptPixels(embedding.image_hw_px, predictor.image_px)
    points_pix = np.array([grid.to_pix((x, y)) for x, y, _ in config.points])
    point_labels = np.array([is_on for _, _, is_on in config.points], np.int64)
    for box_map in config.boxes_map or (None,):
        prediction = predictor.predict(
            embedding,
            text=config.query,
            points_xy=pixels.points_xy(points_pix) if len(points_pix) else None,
            point_labels=point_labels if len(points_pix) else None,
            box_xyxy=None if box_map is None else pixels.box_xyxy(_box_pix(box_map, grid)),
            is_absent_kept=True,
        )
        polygoniser = StreamingPolygoniser(threshold=config.threshold)
        probabilities_HW = expit(prediction.mask_logits_HW, dtype=np.float32)
        for polygon in (*polygoniser.add_strip(0, probabilities_HW, valid_HW), *polygoniser.finish()):
            yield polygon, prediction


def _box_pix(box_map: tuple[float, float, float, float], grid: RasterGrid) -> np.ndarray:
    """Xyxy in pixels of the smallest upright box around a map box, which a rotated raster shows askew."""
    corners_pix = grid.to_pix(_box_corners(box_map))
    return np.concatenate([corners_pix.min(axis=0), corners_pix.max(axis=0)])


def _corners_map(config: RefineConfig) -> np.ndarray:
    points = [(x, y) for x, y, _ in config.points]
    return np.array([*points, *(corner for box in config.boxes_map for corner in _box_corners(box))])


def _box_corners(box_map: tuple[float, float, float, float]) -> list[tuple[float, float]]:
    xmin, ymin, xmax, ymax = box_map
    return [(xmin, ymin), (xmax, ymin), (xmax, ymax), (xmin, ymax)]


def _refuse_outside(prompts_pix: np.ndarray, grid: RasterGrid) -> None:
    sides_px = (grid.width_px, grid.height_px)
    if (prompts_pix.max(axis=0) <= 0).any() or (prompts_pix.min(axis=0) >= sides_px).any():
        xmin, ymin, xmax, ymax = (f"{value:.9g}" for value in grid.bounds_map)
        raise EngineError(
            ErrorCode.OUTSIDE_RASTER,
            f"The points and boxes lie outside the raster, which spans {xmin} {ymin} {xmax} {ymax} in its "
            "own coordinates.",
        )
