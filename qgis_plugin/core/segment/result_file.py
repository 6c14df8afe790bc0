"""The GeoPackage behind a result layer.

A result lies in a file from its first polygon on, not in a memory layer: every batch is a committed
transaction, so a crash of QGIS loses at most the batch under way, a crash of the engine nothing, a project
that is saved and opened again still has its layer, and QGIS's memory doesn't grow with the result. The files
are in the user's profile; exporting makes one in a place of the user's choice.
"""

from __future__ import annotations

import json
import re
import secrets
import time
import unicodedata
from pathlib import Path
from typing import Any, Mapping, Sequence

from osgeo import gdal
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsFields,
    QgsProject,
    QgsVectorFileWriter,
    QgsWkbTypes,
)

from ..translation import tr
from ..vector.boxes import BOX_FIELD
from ..vector.clicks import CLICKS_FIELD
from ..vector.features import SEGMENT_FIELDS
from ..vector.fields import text_field

RUN_KEY = "GEOPHRASE_RUN"
"""Under this name the engine's own outputs keep the parameters of their run, too."""
TABLE = "segments"
_MAX_STEM_CHARS = 40


class ResultError(Exception):
    """A result that can't be kept; the text says why and what to do."""


def results_folder() -> Path:
    """Where results lie until they are exported."""
    return Path(QgsApplication.qgisSettingsDirPath()) / "geophrase" / "results"


def create_result_file(
    folder: Path, queries: Sequence[str], crs: QgsCoordinateReferenceSystem, run: Mapping[str, Any]
) -> Path:
    """Creates an empty GeoPackage of the output schema that carries the run's parameters.

    Raises:
        ResultError: The folder can't be written.
    """
    path = _new_path(folder, queries)
    create_segments_file(path, segment_file_fields(), crs)
    store_run(path, run)
    return path


def create_segments_file(path: Path, fields: QgsFields, crs: QgsCoordinateReferenceSystem) -> None:
    """Creates an empty GeoPackage with a table of polygons, and its folder.

    Raises:
        ResultError: The folder can't be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ResultError(_cannot_write(path.parent, str(error))) from error
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = "GPKG"
    options.layerName = TABLE
    context = QgsProject.instance().transformContext()
    writer = QgsVectorFileWriter.create(
        str(path), fields, QgsWkbTypes.Type.MultiPolygon, crs, context, options
    )
    problem = writer.errorMessage() if writer.hasError() else ""
    del writer  # closes the file
    if problem:
        raise ResultError(_cannot_write(path.parent, problem))


def store_run(path: Path, run: Mapping[str, Any], *, table: str = TABLE) -> None:
    """Puts the run's parameters where the engine's outputs have theirs.

    Args:
        path: A GeoPackage that nobody is writing to.
        run: JSON-able values.
        table: Of the polygons; "" for the first.
    """
    dataset = gdal.OpenEx(str(path), gdal.OF_UPDATE | gdal.OF_VECTOR)
    if dataset is None:
        return
    layer = dataset.GetLayerByName(table) if table else dataset.GetLayer(0)
    if layer is not None:
        layer.SetMetadataItem(RUN_KEY, json.dumps(run, ensure_ascii=False))
    del layer, dataset  # writes it


def layer_source(path: Path) -> str:
    """What QGIS opens."""
    return f"{path}|layername={TABLE}"


def remove_result_file(path: Path) -> None:
    """Deletes a result that nobody needs, as far as the system lets us."""
    for name in (path, Path(f"{path}-wal"), Path(f"{path}-shm")):
        try:
            name.unlink()
        except OSError:  # gone already, or still open on Windows: a small file stays in the profile
            continue


def segment_file_fields() -> QgsFields:
    """The output schema, and room for the clicks and the box that a polygon was refined with."""
    fields = SEGMENT_FIELDS()
    fields.append(text_field(CLICKS_FIELD))
    fields.append(text_field(BOX_FIELD))
    return fields


def _new_path(folder: Path, queries: Sequence[str]) -> Path:
    """A name that never was: SQLite, closing a deleted file late, deletes what has its name by then."""
    plain = unicodedata.normalize("NFKD", "_".join(queries)).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^A-Za-z0-9]+", "_", plain).strip("_").lower()[:_MAX_STEM_CHARS] or TABLE
    return folder / f"{stem}_{time.strftime('%Y%m%d_%H%M%S')}_{secrets.token_hex(3)}.gpkg"


def _cannot_write(folder: Path, why: str) -> str:
    text = tr("The result can't be written to {folder} ({why}). Free space there or make it writable.")
    return text.format(folder=folder, why=why)
