"""The parameters of a run, kept inside its output so that the run can be repeated from it.

GeoPackage keeps them in its metadata table under RUN_KEY, GeoParquet and GeoTIFF in the file metadata under
the same key, GeoJSON and FlatGeobuf as the layer's description, a shapefile in `<name>.run.json` beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyogrio
import rasterio
from pyogrio.errors import DataLayerError, DataSourceError
from rasterio.errors import RasterioIOError

from geophrase.engine.errors import EngineError
from geophrase.protocol.errors import ErrorCode

RUN_KEY = "GEOPHRASE_RUN"


def encoded(run_parameters: Mapping[str, Any]) -> str:
    """Return the parameters as one line of JSON.

    Raises:
        TypeError, ValueError: They hold something that JSON has no form for.
    """
    return json.dumps(run_parameters, ensure_ascii=False, allow_nan=False)


def sidecar_of(shapefile: Path) -> Path:
    """Return the file beside a shapefile that holds its run's parameters."""
    return shapefile.with_suffix(".run.json")


def read_run_parameters(path: str | Path) -> dict[str, Any]:
    """Return the parameters of the run that wrote an output.

    Raises:
        EngineError: BAD_REQUEST where the file can't be read or holds no parameters.
    """
    path = Path(path)
    try:
        text = _stored_text(path)
        parameters = json.loads(text) if text else None
    except (
        OSError,
        DataSourceError,
        DataLayerError,
        RasterioIOError,
        pa.ArrowException,
        ValueError,
    ) as error:
        raise EngineError(ErrorCode.BAD_REQUEST, f"{path} could not be read: {error}.") from error
    if not isinstance(parameters, dict):
        raise EngineError(
            ErrorCode.BAD_REQUEST, f"{path} holds no run parameters: it was not written by GeoPhrase."
        )
    return parameters


def _stored_text(path: Path) -> str | None:
    suffix = path.suffix.lower()
    if suffix == ".shp":
        sidecar = sidecar_of(path)
        return sidecar.read_text(encoding="utf-8") if sidecar.exists() else None
    if suffix == ".parquet":
        value = (pq.read_schema(path).metadata or {}).get(RUN_KEY.encode())
        return value.decode() if value else None
    if suffix in (".tif", ".tiff"):
        with rasterio.open(path) as dataset:
            tag: str | None = dataset.tags().get(RUN_KEY)
            return tag
    metadata = pyogrio.read_info(path)["layer_metadata"] or {}
    text: str | None = metadata.get(RUN_KEY) if suffix == ".gpkg" else metadata.get("DESCRIPTION")
    return text
