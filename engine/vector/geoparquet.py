"""GeoParquet written by row groups, so that memory does not grow with the file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

_GEOMETRY = "geometry"


class GeoParquetFile:
    """A GeoParquet 1.1 file of polygons that is being written.

    Args:
        path: The file to make.
        schema: Frame with the columns and the CRS.
        metadata: Further entries of the file's key-value metadata.

    Source: GeoParquet specification 1.1.0, "File metadata"; `crs: null` means unknown, a missing one would be
        longitude and latitude.
    """

    def __init__(self, path: Path, schema: gpd.GeoDataFrame, metadata: Mapping[str, str]) -> None:
        column = {
            "encoding": "WKB",
            "geometry_types": ["Polygon"],
            "crs": schema.crs.to_json_dict() if schema.crs else None,
            "orientation": "counterclockwise",
        }
        geo = {"version": "1.1.0", "primary_column": _GEOMETRY, "columns": {_GEOMETRY: column}}
        attributes = pa.Schema.from_pandas(schema.drop(columns=_GEOMETRY), preserve_index=False)
        fields = [
            pa.field(item.name, pa.string() if pa.types.is_null(item.type) else item.type)
            for item in attributes
        ]
        self._schema = pa.schema([*fields, pa.field(_GEOMETRY, pa.binary())]).with_metadata(
            {"geo": json.dumps(geo), **metadata}
        )
        self._path = path
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")

    @property
    def num_rows(self) -> int:
        """Rows of the closed file, as read back from it."""
        return int(pq.read_metadata(self._path).num_rows)

    def append(self, frame: gpd.GeoDataFrame) -> None:
        """Add a frame's features as one row group."""
        columns: list[Any] = [
            pa.array(frame[name], from_pandas=True).cast(self._schema.field(name).type)
            for name in self._schema.names[:-1]
        ]
        columns.append(pa.array(shapely.to_wkb(frame.geometry.to_numpy()), pa.binary()))
        self._writer.write_table(pa.Table.from_arrays(columns, schema=self._schema))

    def close(self) -> None:
        """Write the footer, without which the file can't be read."""
        self._writer.close()

    def abandon(self) -> None:
        """Let go of the file, whatever state it is in."""
        try:
            self._writer.close()
        except (OSError, pa.ArrowException):
            return  # it is about to be removed
