"""Vector outputs: features go in by chunks, and the finished file replaces the old one in a single step.

| suffix   | format     | CRS                         | remarks                                       |
|----------|------------|-----------------------------|-----------------------------------------------|
| .gpkg    | GeoPackage | the raster's                | layer `segments`                              |
| .geojson | GeoJSON    | WGS 84 lon, lat (RFC 7946)  | without a CRS: map coordinates as they are    |
| .shp     | Shapefile  | the raster's                | perimeter_m -> perim_m, created as text; 2 GB |
|          |            |                             | at most, texts cut after 254 bytes            |
| .fgb     | FlatGeobuf | the raster's                | the spatial index reorders the features       |
| .parquet | GeoParquet | the raster's                | a row group per chunk                         |
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError

from geophrase.engine.errors import EngineError
from geophrase.engine.vector.geoparquet import GeoParquetFile
from geophrase.engine.vector.pending_output import OutputWriter, PendingOutput
from geophrase.engine.vector.run_parameters import RUN_KEY, encoded, sidecar_of
from geophrase.protocol.errors import ErrorCode

LAYER = "segments"
SHAPEFILE_NAMES = {"perimeter_m": "perim_m"}
"""Field names of more than ten characters, which a shapefile can't hold, and what they become."""


@dataclass(frozen=True)
class _OgrFormat:
    """How GDAL writes one vector format.

    Attributes:
        driver: GDAL's name of it.
        options: Layer creation options.
        earth_options: Those that only make sense where there is a CRS and it is tied to the Earth.
        has_description: Whether the layer's description holds the run's parameters.
    """

    driver: str
    options: dict[str, str] = field(default_factory=dict)
    earth_options: dict[str, str] = field(default_factory=dict)
    has_description: bool = False


_OGR_FORMATS = {
    ".gpkg": _OgrFormat("GPKG"),
    # Nine decimals of a degree are 0.1 mm; the default of seven (1 cm) moves corners of small pixels visibly.
    ".geojson": _OgrFormat(
        "GeoJSON", {"COORDINATE_PRECISION": "9"}, {"RFC7946": "YES"}, has_description=True
    ),
    ".shp": _OgrFormat("ESRI Shapefile", {"ENCODING": "UTF-8", "2GB_LIMIT": "YES"}),
    ".fgb": _OgrFormat("FlatGeobuf", has_description=True),
}
# GDAL writes 1.4 by itself, of which QGIS 3.22's GDAL warns that it "may only be partially supported".
_GPKG_OPTIONS = {"VERSION": "1.2"}
VECTOR_SUFFIXES = (*_OGR_FORMATS, ".parquet")
OUTPUT_SUFFIXES = (*VECTOR_SUFFIXES, ".tif")


class SegmentsWriter(OutputWriter):
    """A vector file of the output schema, as a context manager that leaves it whole or leaves nothing.

    On an exception, cancelling and Ctrl-C included, what was written is removed and an existing file is
    untouched.

    Args:
        path: The output; its suffix, one of VECTOR_SUFFIXES, names the format.
        schema: A frame with the columns and the CRS of all that follow, such as `SegmentsTable.empty()`.
        metadata: The run's parameters as JSON values; `read_run_parameters` gives them back.

    Raises:
        EngineError: BAD_REQUEST for an unknown suffix.
        TypeError, ValueError: The parameters have no JSON form.
    """

    def __init__(self, path: str | Path, schema: gpd.GeoDataFrame, *, metadata: Mapping[str, Any]) -> None:
        super().__init__(Path(path), failures=(OSError, DataSourceError, DataLayerError, pa.ArrowException))
        self._suffix = self._path.suffix.lower()
        _refuse_unknown_suffix(self._path, VECTOR_SUFFIXES)
        self._schema = schema.iloc[:0]
        self._run_json = encoded(metadata)
        self._num_features = 0
        self._parquet: GeoParquetFile | None = None

    @property
    def num_features(self) -> int:
        """How many features have been written."""
        return self._num_features

    def _begin(self, written: Path) -> None:
        if self._suffix == ".parquet":
            self._parquet = GeoParquetFile(written, self._schema, {RUN_KEY: self._run_json})
        else:
            self._write_spool(self._schema, append=False)

    def write(self, frame: gpd.GeoDataFrame) -> None:
        """Add features; those with the schema's columns in its order, and polygons only.

        Raises:
            EngineError: OUTPUT_NOT_WRITABLE, for example when the disk is full.
        """
        if frame.empty:
            return
        with self._failures_named():
            if self._parquet:
                self._parquet.append(frame)
            else:
                self._write_spool(frame, append=True)
        self._num_features += len(frame)

    @property
    def _spool(self) -> Path:
        """The GeoPackage that takes the chunks: the output itself, or what the output is converted from."""
        assert self._pending is not None
        return (
            self._pending.path if self._suffix == ".gpkg" else self._pending.path.with_suffix(".spool.gpkg")
        )

    def _write_spool(self, frame: gpd.GeoDataFrame, *, append: bool) -> None:
        if self._suffix == ".shp":
            frame = frame.rename(columns=SHAPEFILE_NAMES)
            created = [time.isoformat(timespec="milliseconds") for time in frame["created"]]
            frame["created"] = pd.Series(created, index=frame.index, dtype=object)
        pyogrio.write_dataframe(
            frame,
            self._spool,
            driver="GPKG",
            layer=LAYER,
            geometry_type="Polygon",
            append=append,
            dataset_options=None if append else _GPKG_OPTIONS,
            layer_metadata=None if append else {RUN_KEY: self._run_json},
        )

    def _complete(self, written: Path) -> None:
        if self._parquet:
            self._parquet.close()
            num_readable = self._parquet.num_rows
        else:
            if self._suffix != ".gpkg":
                self._convert_spool(written)
                self._spool.unlink()
            num_readable = max(0, pyogrio.read_info(written, force_feature_count=True)["features"])
        if num_readable != self._num_features:  # some drivers only report a full disk to the log
            raise OSError(0, f"only {num_readable} of {self._num_features} features were stored")

    def _convert_spool(self, written: Path) -> None:
        """Stream the spooled features into the output's own format."""
        form = _OGR_FORMATS[self._suffix]
        crs_wkt = self._schema.crs.to_wkt() if self._schema.crs else None
        is_on_earth = crs_wkt is not None and self._schema.crs.geodetic_crs is not None
        options = {**form.options, **(form.earth_options if is_on_earth else {})}
        if form.has_description:
            options["DESCRIPTION"] = self._run_json
        with pyogrio.open_arrow(self._spool, layer=LAYER) as (meta, stream):
            pyogrio.write_arrow(
                stream,
                written,
                driver=form.driver,
                layer=written.stem if self._suffix == ".shp" else LAYER,
                geometry_type="Polygon",
                geometry_name=meta["geometry_name"],
                crs=crs_wkt,
                layer_options=options,
            )
        if self._suffix == ".shp":
            sidecar_of(written).write_text(self._run_json, encoding="utf-8")

    def _let_go(self) -> None:
        if self._parquet:
            self._parquet.abandon()

    @contextmanager
    def _failures_named(self) -> Iterator[None]:
        """As everywhere, and quiet about a missing CRS."""
        with super()._failures_named(), warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="'crs' was not provided")
            yield


def write_segments(frame: gpd.GeoDataFrame, path: str | Path, *, metadata: Mapping[str, Any]) -> None:
    """Write a whole frame of the output schema, as `SegmentsWriter` does.

    Raises:
        EngineError: BAD_REQUEST for an unknown suffix, OUTPUT_NOT_WRITABLE for a place that refuses files.
    """
    with SegmentsWriter(path, frame, metadata=metadata) as writer:
        writer.write(frame)


def refuse_unwritable(
    path: str | Path, *, raster: str | Path | None = None, suffixes: Sequence[str] = OUTPUT_SUFFIXES
) -> None:
    """Return if an output can be made at a place; meant to be asked before long work.

    Args:
        path: The output.
        raster: What the output is made from, which it must not replace.
        suffixes: Those of the formats that will do.

    Raises:
        EngineError: BAD_REQUEST for an unknown suffix, OUTPUT_NOT_WRITABLE for a place that refuses files.
    """
    path = Path(path)
    _refuse_unknown_suffix(path, suffixes)
    if raster is not None and path.exists() and os.path.exists(raster) and path.samefile(raster):
        raise EngineError(
            ErrorCode.OUTPUT_NOT_WRITABLE,
            f"The output {path} is the raster itself, which would be lost. Choose another name.",
        )
    PendingOutput(path).discard()


def _refuse_unknown_suffix(path: Path, known: Sequence[str]) -> None:
    if path.suffix.lower() not in known:
        raise EngineError(
            ErrorCode.BAD_REQUEST,
            f"The output {path.name} has no known file type. Let its name end in one of {', '.join(known)}.",
        )
