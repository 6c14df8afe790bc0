"""What is known of a run before its first polygon, and what is kept of it beside its probabilities."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from geophrase.engine.raster.tiles import tile_windows
from geophrase.engine.vector.attributes import Provenance
from geophrase.protocol.grid import RasterGrid, WindowPx


@dataclass(frozen=True)
class RunDescription:
    """What every feature of a run shares.

    Attributes:
        grid: The raster grid whose pixels the polygons are made of.
        queries: What a query's index counts.
        provenance: The constant attributes of its features.
        parameters: Everything that the result depends on, as JSON values for an output's metadata.
    """

    grid: RasterGrid
    queries: tuple[str, ...]
    provenance: Provenance
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class StoredRun:
    """What has to be known of a run to make features of its probabilities without its raster and its model.

    Attributes:
        description: What its features share.
        region: The pixels that come out, in the frame of the grid.
        tile_px: Side of a tile.
        overlap_px: What neighbouring tiles share.
        group_sizes: How many queries each pass over the raster has, in the order of the queries.
    """

    description: RunDescription
    region: WindowPx
    tile_px: int
    overlap_px: int
    group_sizes: tuple[int, ...]

    def tile_places(self) -> list[WindowPx]:
        """The run's tiles, in the frame of the grid."""
        windows = tile_windows(
            self.description.grid.window,
            tile_px=self.tile_px,
            overlap_px=self.overlap_px,
            extent=self.region,
        )
        return [tile.window for tile in windows]

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        values = asdict(self)
        values["description"]["provenance"]["created"] = self.description.provenance.created.isoformat()
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> StoredRun:
        """The run that `as_json` gave.

        Raises:
            KeyError, TypeError, ValueError: It gave something else.
        """
        said = values["description"]
        grid = said["grid"] | {"map_from_pix": tuple(said["grid"]["map_from_pix"])}
        created = datetime.fromisoformat(said["provenance"]["created"])
        description = RunDescription(
            grid=RasterGrid(**grid),
            queries=tuple(said["queries"]),
            provenance=Provenance(**(said["provenance"] | {"created": created})),
            parameters=dict(said["parameters"]),
        )
        return cls(
            description,
            region=WindowPx(**values["region"]),
            tile_px=values["tile_px"],
            overlap_px=values["overlap_px"],
            group_sizes=tuple(values["group_sizes"]),
        )
