"""The parameters of a segmentation run: everything that its result depends on."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from geophrase.engine.errors import EngineError
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.jobs import Outline
from geophrase.protocol.messages import MAX_QUERY_CHARS

_NO_TEXT = {"Cc", "Cs"}  # control characters, and halves of pairs that stand for bytes which were no UTF-8
MIN_TILE_PX, MAX_TILE_PX = 32, 4096
"""Smaller tiles show no object and take days, larger ones don't fit into memory by the batch."""


@dataclass(frozen=True)
class SegmentConfig:
    """What to look for, where, and how; written whole into the output's metadata.

    Attributes:
        queries: Distinct phrases, as typed but for surrounding blanks.
        extent_map: xmin, ymin, xmax, ymax in the raster's CRS; None for the whole raster.
        resolution_m: Pixel side to work at; None for the raster's own.
        bands: 1-based bands to show the model as red, green and blue; None to choose by their meaning.
        tile_px: Tile side in working pixels; None for five sixths of the model's input side, or less
            where the raster is smaller.
        overlap_px: How far neighbouring tiles overlap, at most half a tile; None for a quarter of it.
        one_window: Give the extent to the model as a single image instead of tiles.
        threshold: Probability from which a pixel is foreground, in (0, 1).
        min_area_m2: Polygons under this geodesic area are dropped; None keeps all.
        simplify_m: Tolerance of the outline's simplification; None keeps pixel edges.
    """

    queries: tuple[str, ...]
    extent_map: tuple[float, float, float, float] | None = None
    resolution_m: float | None = None
    bands: tuple[int, ...] | None = None
    tile_px: int | None = None
    overlap_px: int | None = None
    one_window: bool = False
    threshold: float = 0.5
    min_area_m2: float | None = None
    simplify_m: float | None = None

    def __post_init__(self) -> None:
        """Refuse what no raster could satisfy.

        Raises:
            EngineError: BAD_REQUEST, naming the parameter and what it may be.
        """
        if not self.queries:
            raise _bad("There is no query. Type what to look for, such as 'storage tanks'.")
        refuse_bad_polygon_options(self.threshold, self.min_area_m2, self.simplify_m)
        _refuse_unless_positive("resolution", self.resolution_m)
        if self.tile_px is not None and not MIN_TILE_PX <= self.tile_px <= MAX_TILE_PX:
            raise _bad(f"The tile side must be {MIN_TILE_PX} to {MAX_TILE_PX} pixels, not {self.tile_px}.")
        if self.overlap_px is not None and not 0 <= self.overlap_px <= MAX_TILE_PX // 2:
            raise _bad(f"The tile overlap must be 0 to {MAX_TILE_PX // 2} pixels, not {self.overlap_px}.")
        if self.one_window and (self.tile_px is not None or self.overlap_px is not None):
            raise _bad("One window has no tiles: leave out the tile side and the overlap, or the one window.")
        if self.extent_map is not None:
            xmin, ymin, xmax, ymax = self.extent_map
            if not (xmin < xmax and ymin < ymax):
                raise _bad("The extent is empty: give xmin ymin xmax ymax, with xmin < xmax and ymin < ymax.")

    @property
    def outline(self) -> Outline:
        """What of the probabilities becomes polygons."""
        return Outline(self.threshold, self.min_area_m2, self.simplify_m)

    def as_metadata(self) -> dict[str, Any]:
        """Plain JSON-able values under the fields' own names."""
        return asdict(self)


def distinct_queries(queries: Sequence[str] | str) -> tuple[str, ...]:
    """The queries without surrounding blanks and without repetitions, in the order given.

    Raises:
        EngineError: BAD_REQUEST when one is empty, far longer than a phrase, or no text.
    """
    stripped = [" ".join(query.split()) for query in ([queries] if isinstance(queries, str) else queries)]
    if not all(stripped):
        raise _bad("A query is empty. Type what to look for, such as 'storage tanks'.")
    for query in stripped:
        if any(unicodedata.category(character) in _NO_TEXT for character in query):
            raise _bad(f"The query {query!a} holds characters that are no text. Type it again.")
        if len(query) > MAX_QUERY_CHARS:
            raise _bad(f"A query has {len(query)} characters; at most {MAX_QUERY_CHARS} are understood.")
    return tuple(dict.fromkeys(stripped))


def refuse_bad_polygon_options(threshold: float, min_area_m2: float | None, simplify_m: float | None) -> None:
    """Return if the options of what becomes a polygon make sense.

    Raises:
        EngineError: BAD_REQUEST, naming the option and what it may be.
    """
    if not 0 < threshold < 1:
        raise _bad(f"The threshold must lie between 0 and 1, not {threshold:g}.")
    _refuse_if_negative("minimum area", min_area_m2)
    _refuse_if_negative("simplification tolerance", simplify_m)


def _refuse_unless_positive(name: str, value: float | None) -> None:
    if value is not None and not 0 < value < math.inf:
        raise _bad(f"The {name} must be a positive number, but is {value:g}.")


def _refuse_if_negative(name: str, value: float | None) -> None:
    if value is not None and not 0 <= value < math.inf:
        raise _bad(f"The {name} must be a number from 0 on, but is {value:g}.")


def _bad(message: str) -> EngineError:
    return EngineError(ErrorCode.BAD_REQUEST, message)
