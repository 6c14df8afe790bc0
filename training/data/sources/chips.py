"""Where the images of a raster and its features lie."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import shapely

from geophrase.engine.raster.source import RasterSource
from geophrase.engine.raster.tiles import tile_windows
from geophrase.protocol.grid import WindowPx
from geophrase.training.data.risors import SPLITS, stable_fraction
from geophrase.training.data.sources.features import Feature
from geophrase.training.data.sources.streaming import tell
from geophrase.training.data.sources.zones import split_by_zones

EMPTY_PER_FULL = 1.0
"""Images without any feature for each with one, at most: more would teach to answer "nothing"."""


@dataclass(frozen=True, eq=False)
class Chip:
    """An image to be cut.

    Attributes:
        stem: Of its files: the raster's name and content, and the chip's first column and row.
        cell: Row and column in the grid of images.
        window: Of the raster's working grid.
        split: The split it belongs to.
        features: Those that reach into it.
    """

    stem: str
    cell: tuple[int, int]
    window: WindowPx
    split: str
    features: tuple[Feature, ...]


def planned_chips(
    source: RasterSource, features: Sequence[Feature], *, size_px: int, split: str, with_empty: bool
) -> list[Chip]:
    """The images to cut, in row-major order.

    They lie on the grid that a run of the engine without overlap would use; what certainly has no data is not
    among them.

    Args:
        source: The raster.
        features: In its working grid.
        size_px: Side of the images.
        split: A split for all of them, or "auto": areas apart, by `split_by_zones`.
        with_empty: Whether images without features count.
    """
    tiles = tile_windows(source.grid.window, tile_px=size_px, overlap_px=0)
    rows = sorted({tile.window.row for tile in tiles})
    cols = sorted({tile.window.col for tile in tiles})
    windows = [tile.window for tile in tiles if source.has_data(tile.window)]
    prefix = f"{_slug(source.name)}_{source.fingerprint[:8]}"
    chips = [
        Chip(
            f"{prefix}_{window.col}_{window.row}",
            (rows.index(window.row), cols.index(window.col)),
            window,
            split,
            found,
        )
        for window, found in zip(windows, _features_of(windows, features), strict=True)
    ]
    chips = _thinned(chips) if with_empty else [chip for chip in chips if chip.features]
    return chips if split in SPLITS else _zoned(chips)


def _features_of(windows: Sequence[WindowPx], features: Sequence[Feature]) -> list[tuple[Feature, ...]]:
    """The features that reach into each window, in the layer's order."""
    boxes = [shapely.box(window.col, window.row, window.col_end, window.row_end) for window in windows]
    tree = shapely.STRtree([feature.polygons_pix for feature in features])
    found: list[list[int]] = [[] for _ in windows]
    for window, feature in tree.query(boxes, predicate="intersects").T:
        found[window].append(feature)
    return [tuple(features[index] for index in sorted(indexes)) for indexes in found]


def _thinned(chips: Sequence[Chip]) -> list[Chip]:
    """All chips with features and, of those without, a share that depends on their names alone."""
    empty = [chip for chip in chips if not chip.features]
    num_kept = round(EMPTY_PER_FULL * (len(chips) - len(empty)))
    kept = {chip.stem for chip in sorted(empty, key=lambda chip: stable_fraction(chip.stem))[:num_kept]}
    return [chip for chip in chips if chip.features or chip.stem in kept]


def _zoned(chips: Sequence[Chip]) -> list[Chip]:
    """The chips with their splits, less those that lie between two."""
    splits = split_by_zones([chip.cell for chip in chips])
    zoned = [replace(chip, split=split) for chip, split in zip(chips, splits, strict=True) if split]
    if len(zoned) < len(chips):
        tell(f"{len(chips) - len(zoned)} of {len(chips)} images lie between the splits' areas: left out.")
    return zoned


def _slug(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "-", Path(name).stem).strip("-").lower()[:40] or "raster"
