"""The gallery's pictures: a view, and an answer's outlines over it, as JPEGs small enough for a repository.

Shape letters: H rows, W columns, C colours.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import cv2
import geopandas as gpd
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rasterio.features import rasterize
from rasterio.transform import Affine

from geophrase.engine.pipeline.tile_encoder import read_tile
from geophrase.engine.pipeline.tile_plan import region_of
from geophrase.engine.raster.source import RasterSource
from geophrase.engine.raster.tiles import one_window
from geophrase.protocol.grid import Bounds, RasterGrid

MAX_BYTES = 28_000
"""Of one picture, unless it is unreadable before it gets there."""

_SIDE_PX = 440
_PLAIN_RGB = 242
_ANSWER_RGB = np.array((255, 0, 170))  # a colour that no landscape has
_QUIET = 0.5  # how much of the image's colour goes where answers are drawn over it
_FILL_OPACITY = 0.3
_LINE_PX = 2
_QUALITIES = range(85, 25, -5)

Picture = NDArray[np.uint8]
"""(H, W, 3), RGB."""


@dataclass(frozen=True)
class Ground:
    """What answers are drawn over.

    Attributes:
        image_HWC: RGB, the longer side `_SIDE_PX`.
        grid: Where its pixels lie on the map.
    """

    image_HWC: Picture
    grid: RasterGrid


def read_ground(raster: Path, extent_map: Bounds | None) -> Ground:
    """Read a picture of an extent, or of the whole raster for None.

    Raises:
        EngineError: The raster can't be read, or the extent lies outside it.
    """
    with RasterSource.open(raster) as source:
        tile = one_window(source.grid.window, max_px=_SIDE_PX, extent=region_of(source.grid, extent_map))
        image = Image.fromarray(read_tile(source, tile).image_HWC)
        scale = _SIDE_PX / max(image.size)
        width_px, height_px = (max(1, round(side * scale)) for side in image.size)
        grid = source.grid.subgrid(tile.window).resized(width_px, height_px)
    resized = image.resize((width_px, height_px), Image.Resampling.BICUBIC)
    return Ground(np.asarray(resized, np.uint8), grid)


def plain(ground: Ground) -> Ground:
    """The same place without its pixels."""
    return Ground(np.full_like(ground.image_HWC, _PLAIN_RGB), ground.grid)


def draw_answer(ground: Ground, polygons: gpd.GeoDataFrame) -> Picture:
    """The ground in quiet colours with the polygons filled lightly and outlined; holes stay open."""
    shape_yx = ground.image_HWC.shape[:2]
    transform = Affine(*ground.grid.map_from_pix)
    inside_HW = rasterize(polygons.geometry, out_shape=shape_yx, transform=transform, dtype=np.uint8)
    edges_HW = rasterize(
        polygons.boundary, out_shape=shape_yx, transform=transform, all_touched=True, dtype=np.uint8
    )
    edges_HW = cv2.dilate(edges_HW, np.ones((_LINE_PX, _LINE_PX), np.uint8))
    opacity_HW1 = np.maximum(inside_HW * _FILL_OPACITY, edges_HW)[..., None]
    grey_HW1 = ground.image_HWC.mean(axis=2, keepdims=True)
    quiet_HWC = ground.image_HWC * (1 - _QUIET) + grey_HW1 * _QUIET
    drawn_HWC: Picture = np.rint(quiet_HWC * (1 - opacity_HW1) + _ANSWER_RGB * opacity_HW1).astype(np.uint8)
    return drawn_HWC


def jpeg_of(picture_HWC: Picture) -> bytes:
    """The best JPEG of at most MAX_BYTES, or the smallest that can still be looked at."""
    image = Image.fromarray(picture_HWC)
    encoded = b""
    for quality in _QUALITIES:
        stream = io.BytesIO()
        image.save(stream, format="JPEG", quality=quality, optimize=True)
        encoded = stream.getvalue()
        if len(encoded) <= MAX_BYTES:
            break
    return encoded
