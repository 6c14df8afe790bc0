"""Accepted features into a new file of any vector format that QGIS writes: whole, or not at all."""

from __future__ import annotations

import os
import shutil
import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Tuple

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFeatureSink,
    QgsVectorFileWriter,
    QgsVectorLayer,
    QgsWkbTypes,
)

from ..translation import tr
from .attributes import SHAPEFILE_DRIVER, with_names
from .errors import ExportCancelledError, ExportError
from .prepare import PreparedFeatures, relocated

DEFAULT_DRIVER = "GPKG"
_NO_POLYGONS = frozenset(
    ("DGN", "DXF", "Geoconcept", "GeoRSS", "GPX", "Interlis 1", "Interlis 2", "ODS", "PGDUMP", "S57", "XLSX")
)
"""QGIS lists them, but they hold no polygons, lose the attributes, need a model file or can't be read."""
_LONLAT_DRIVERS = frozenset(("GeoJSON", "GeoJSONSeq", "KML", "LIBKML"))
"""Formats that are in WGS 84 longitude and latitude by definition."""
_LAYER_OPTIONS: Dict[str, Tuple[str, ...]] = {
    # Nine decimals of a degree are 0.1 mm.
    "GeoJSON": ("COORDINATE_PRECISION=9", "RFC7946=YES"),
    "GeoJSONSeq": ("COORDINATE_PRECISION=9",),
    "CSV": ("GEOMETRY=AS_WKT",),
}


@dataclass(frozen=True)
class VectorFormat:
    """A format in a file dialog.

    Attributes:
        driver: GDAL's name of it.
        label: What users call it, with the patterns of its files.
        suffix: Of its files, with the dot: QGIS adds it to a name that ends otherwise.
    """

    driver: str
    label: str
    suffix: str

    def completed(self, path: Path) -> Path:
        """The path with the format's suffix, added where it ends otherwise."""
        has_suffix = path.name.lower().endswith(self.suffix.lower())
        return path if has_suffix else path.with_name(path.name + self.suffix)


@dataclass(frozen=True)
class NewFile:
    """A file to be written.

    Attributes:
        path: Its path with the format's suffix; the folder is made where it is missing.
        driver: GDAL's name of its format.
        layer_name: Of the layer inside, where the format has names; "" for the file's.
        overwrite: Whether a file that is there is replaced.
    """

    path: Path
    driver: str = DEFAULT_DRIVER
    layer_name: str = ""
    overwrite: bool = False


def vector_formats() -> List[VectorFormat]:
    """The formats that this QGIS writes polygons with attributes to, those recommended first."""
    found = []
    for details in QgsVectorFileWriter.supportedFiltersAndFormats():
        metadata = QgsVectorFileWriter.MetaData()
        is_known = QgsVectorFileWriter.driverMetadata(details.driverName, metadata) and metadata.ext
        if is_known and details.driverName not in _NO_POLYGONS:
            suffix = "." + metadata.ext.split()[0]
            found.append(VectorFormat(details.driverName, details.filterString, suffix))
    return found


def write_new_file(
    target: NewFile,
    prepared: PreparedFeatures,
    *,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> int:
    """Writes the features to a file of their own; the number written. May run in any thread.

    It is written beside its place and moved there when it is whole, in one step where the format is a single
    file. After a failure or a cancel a file that was there before is unchanged.

    Raises:
        ExportError: The file exists and may not be replaced, or cannot be written.
        ExportCancelledError: `is_cancelled` said so.
    """
    if target.path.exists() and not target.overwrite:
        text = tr("{path} exists already; choose another name, or allow it to be replaced.")
        raise ExportError(text.format(path=target.path))
    with _failures_named(target.path), _folder_beside(target.path) as folder:
        written = folder / target.path.name
        crs = QgsCoordinateReferenceSystem("EPSG:4326") if _is_lonlat(target, prepared) else prepared.crs
        _write(written, target, prepared, crs=crs, is_cancelled=is_cancelled)
        _check(written, len(prepared.features))
        _move_into_place(folder, target)
    return len(prepared.features)


def _is_lonlat(target: NewFile, prepared: PreparedFeatures) -> bool:
    return target.driver in _LONLAT_DRIVERS and bool(prepared.crs.isValid())


def _write(
    path: Path,
    target: NewFile,
    prepared: PreparedFeatures,
    *,
    crs: QgsCoordinateReferenceSystem,
    is_cancelled: Callable[[], bool],
) -> None:
    fields = prepared.fields
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName = target.driver
    options.layerName = target.layer_name or target.path.stem
    options.fileEncoding = "UTF-8"
    options.layerOptions = [
        *QgsVectorFileWriter.defaultLayerOptions(target.driver),
        *_LAYER_OPTIONS.get(target.driver, ()),
    ]
    options.datasourceOptions = QgsVectorFileWriter.defaultDatasetOptions(target.driver)
    writer = QgsVectorFileWriter.create(
        str(path),
        with_names(fields, target.driver),
        QgsWkbTypes.Type.MultiPolygon,
        crs,
        prepared.context,
        options,
    )
    _check_writer(writer)
    for feature in prepared.features:
        if is_cancelled():
            raise ExportCancelledError(tr("The export was cancelled; nothing was written."))
        row = relocated(feature, prepared.crs, crs, prepared.context)
        geometry = row.geometry()
        geometry.convertToMultiType()
        row.setGeometry(geometry)
        writer.addFeature(row, QgsFeatureSink.Flag.FastInsert)
        _check_writer(writer)
    writer.flushBuffer()
    _check_writer(writer)


def _check_writer(writer: QgsVectorFileWriter) -> None:
    if writer.hasError() != QgsVectorFileWriter.WriterError.NoError:
        raise OSError(writer.errorMessage())


def _check(path: Path, num_features: int) -> None:
    """Reads the file back: what a full disk cut off in the writer's last step shows only here."""
    layer = QgsVectorLayer(str(path), path.stem, "ogr")
    found = sum(1 for _ in layer.getFeatures()) if layer.isValid() else 0
    if found != num_features:
        text = tr("only {found} of {count} polygons could be stored")
        raise OSError(text.format(found=found, count=num_features))


@contextmanager
def _failures_named(path: Path) -> Iterator[None]:
    """Says in one sentence why a file could not be written."""
    try:
        yield
    except OSError as error:
        text = tr("{path} could not be written ({reason}); choose a folder that is writable and has space.")
        raise ExportError(text.format(path=path, reason=error.strerror or error)) from error


@contextmanager
def _folder_beside(path: Path) -> Iterator[Path]:
    """A hidden folder on the same disk, removed with what is left in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _move_into_place(folder: Path, target: NewFile) -> None:
    """Moves the file and those that belong to it; the one that is opened comes last."""
    if target.driver == SHAPEFILE_DRIVER and target.path.exists():
        QgsVectorFileWriter.deleteShapeFile(str(target.path))
    if target.path.is_dir():  # a file geodatabase is a folder
        shutil.rmtree(target.path)
    for part in sorted(folder.iterdir(), key=lambda part: part.name == target.path.name):
        os.replace(part, target.path.with_name(part.name))
