"""The demonstration: a scene, several typed queries, a GeoPackage and a picture with the polygons in it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd

from geophrase.engine.embedding_cache import EmbeddingCache
from geophrase.engine.errors import EngineError
from geophrase.engine.picture import draw_picture
from geophrase.engine.pipeline.progress import CancelCheck, ProgressCallback
from geophrase.engine.pipeline.run_config import SegmentConfig, distinct_queries
from geophrase.engine.pipeline.tile_encoder import read_tile
from geophrase.engine.pipeline.tile_model import TileModel
from geophrase.engine.raster.source import RasterSource
from geophrase.engine.raster.tiles import one_window
from geophrase.engine.segment import SegmentJob
from geophrase.protocol.errors import ErrorCode

DEFAULT_QUERIES = ("baseball diamonds", "tennis courts", "football pitches", "cars")
_MAX_PICTURE_PX = 1600
# The engine never imports training: the scene is made by that package's own command.
_SCENE_MODULE = "geophrase.training.cli"
_SCENE_OPTIONS = ("--theme", "sports", "--seed", "5")  # shows what the default queries ask for
_MIN_AREA_M2 = 5.0  # a car has eight


@dataclass(frozen=True)
class DemoReport:
    """What the demo made.

    Attributes:
        polygons: The GeoPackage.
        picture: The PNG.
        num_polygons: Per query.
    """

    polygons: Path
    picture: Path
    num_polygons: dict[str, int]


def run_demo(
    raster: Path | None,
    folder: Path,
    *,
    queries: Sequence[str] | None = None,
    model: str | TileModel[Any] = "rsam_small",
    device: str = "auto",
    cache: EmbeddingCache | None = None,
    progress: ProgressCallback | None = None,
    cancel: CancelCheck | None = None,
) -> DemoReport:
    """Segment a raster, or a generated scene, and draw the result.

    Args:
        raster: None to generate a scene.
        folder: Where the files go; made if it isn't there.
        queries: What to look for; None for some common kinds of objects.
        model: A name, a weights file, or a loaded model.
        device: Where it runs.
        cache: Where encodings are kept; None to keep none.
        progress: Told after every batch.
        cancel: Asked before every batch.

    Raises:
        EngineError: With one sentence on what happened and what to do.
    """
    chosen = distinct_queries(queries or DEFAULT_QUERIES)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise EngineError(
            ErrorCode.OUTPUT_NOT_WRITABLE,
            f"The folder {folder} can't be made ({error.strerror}); name another.",
        ) from error
    raster = raster or _generated_scene(folder / "scene.tif")
    polygons, picture = (folder / f"{raster.stem}_segments{suffix}" for suffix in (".gpkg", ".png"))
    job = SegmentJob(
        raster,
        SegmentConfig(queries=chosen, min_area_m2=_MIN_AREA_M2),
        model=model,
        device=device,
        cache=cache,
        progress=progress,
        cancel=cancel,
    )
    frames: list[gpd.GeoDataFrame] = []
    report = job.write(polygons, keep=frames)
    _draw(raster, frames, picture, queries=chosen)
    return DemoReport(polygons, picture, report.num_polygons)


def _generated_scene(path: Path) -> Path:
    if path.exists():
        return path
    command = [sys.executable, "-m", _SCENE_MODULE, "scene", str(path), *_SCENE_OPTIONS]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0 or not path.exists():
        lines = made.stderr.strip().splitlines() or ["no reason given"]
        raise EngineError(
            ErrorCode.INTERNAL,
            f"No scene could be generated ({lines[-1]}). Install the training extra or give a raster.",
        )
    return path


def _draw(raster: Path, frames: Sequence[gpd.GeoDataFrame], picture: Path, *, queries: Sequence[str]) -> None:
    """Draw at most `_MAX_PICTURE_PX` pixels, whatever the raster's size."""
    with RasterSource.open(raster) as source:
        tile = one_window(source.grid.window, max_px=_MAX_PICTURE_PX)
        pixels = read_tile(source, tile)
        grid = source.grid.resized(tile.image_width_px, tile.image_height_px)
    draw_picture(picture, pixels.image_HWC, grid, frames, queries=queries)
