"""A picture of a raster with polygons drawn over it and a legend, for a person to look at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from PIL import Image, ImageDraw, ImageFont

from geophrase.engine.atomic_file import write_atomically
from geophrase.protocol.grid import RasterGrid

# Okabe and Ito's palette, which people with any colour vision tell apart, brightest first.
_PALETTE = ("#E69F00", "#56B4E9", "#F0E442", "#CC79A7", "#009E73", "#D55E00", "#0072B2", "#FFFFFF")
_FILL_OPACITY = 70
_FONT_PX = 18
_MARGIN_PX = 12


def draw_picture(
    path: Path,
    image_HWC: np.ndarray,
    grid: RasterGrid,
    frames: Sequence[gpd.GeoDataFrame],
    *,
    queries: Sequence[str],
) -> None:
    """Write a PNG of the image with each query's polygons in a colour of their own and a legend below.

    Args:
        path: The PNG.
        image_HWC: uint8 RGB pixels.
        grid: Where the pixels lie on the map.
        frames: Polygons in the grid's CRS with a `query` column.
        queries: What was asked, in the order of the legend; those without polygons are listed too.
    """
    picture = Image.fromarray(image_HWC).convert("RGBA")
    line_px = max(2, round(max(picture.size) / 700))
    entries = []
    for number, query in enumerate(queries):
        color = _PALETTE[number % len(_PALETTE)]
        geometries = [polygon for frame in frames for polygon in frame.geometry[frame["query"] == query]]
        picture.alpha_composite(_overlay(picture.size, geometries, grid, color=color, line_px=line_px))
        entries.append((f"{query} ({len(geometries)})", color))
    drawn = _with_legend(picture.convert("RGB"), entries)
    write_atomically(path, lambda part: drawn.save(part, format="PNG"))


def _overlay(
    size_xy: tuple[int, int],
    geometries: Iterable[shapely.Polygon],
    grid: RasterGrid,
    *,
    color: str,
    line_px: int,
) -> Image.Image:
    """Filled polygons, their holes left out, and all outlines, on a transparent ground."""
    mask = Image.new("L", size_xy)
    on_mask = ImageDraw.Draw(mask)
    rings_pix = []
    # The largest first, so that an island in a hole is filled after the hole was cut.
    for polygon in sorted(geometries, key=shapely.area, reverse=True):
        outline, *holes = (_ring_pix(ring, grid) for ring in (polygon.exterior, *polygon.interiors))
        on_mask.polygon(outline, fill=_FILL_OPACITY)
        for hole in holes:
            on_mask.polygon(hole, fill=0)
        rings_pix += [outline, *holes]
    overlay = Image.new("RGBA", size_xy, color)
    overlay.putalpha(mask)
    draw = ImageDraw.Draw(overlay)
    for ring in rings_pix:
        draw.line(ring, fill=color, width=line_px, joint="curve")
    return overlay


def _ring_pix(ring: shapely.LinearRing, grid: RasterGrid) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in grid.to_pix(shapely.get_coordinates(ring))]


def _with_legend(picture: Image.Image, entries: Sequence[tuple[str, str]]) -> Image.Image:
    """The picture with a dark strip below that names each colour; long legends take several lines."""
    font = ImageFont.load_default(_FONT_PX)
    row_px = _FONT_PX + _MARGIN_PX
    places, x_px, y_px = [], _MARGIN_PX, _MARGIN_PX
    for text, color in entries:
        width_px = int(font.getlength(text)) + _FONT_PX + 3 * _MARGIN_PX
        if x_px > _MARGIN_PX and x_px + width_px > picture.width:
            x_px, y_px = _MARGIN_PX, y_px + row_px
        places.append((x_px, y_px, text, color))
        x_px += width_px
    canvas = Image.new("RGB", (picture.width, picture.height + y_px + row_px), "#202020")
    canvas.paste(picture)
    draw = ImageDraw.Draw(canvas)
    for x_px, y_px, text, color in places:
        top_px = picture.height + y_px
        draw.rectangle((x_px, top_px, x_px + _FONT_PX, top_px + _FONT_PX), fill=color)
        draw.text((x_px + _FONT_PX + _MARGIN_PX // 2, top_px), text, font=font, fill="#FFFFFF")
    return canvas
