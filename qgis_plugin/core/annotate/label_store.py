"""The GeoPackage of a walk's labels: polygons with their phrases, and the boxes that were dropped.

Every label is saved at once. The file is found again by the boxes and the raster that it is about, so a walk
goes on where it ended whether or not the project was saved.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence, Set

from osgeo import gdal
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsExpression,
    QgsFeature,
    QgsFeatureRequest,
    QgsFields,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
    QgsVectorFileWriter,
    QgsVectorLayer,
    QgsWkbTypes,
)

from ..raster.layer_raster import LayerRaster
from ..raster.local_file import absolute_source
from ..refine.layer_edit import RefinedError, write_refined
from ..refine.outlined import RefinedFeature
from ..refine.refined_object import RefinedObject
from ..refine.stored_object import stored_object
from ..segment.layer import show_above
from ..segment.result_file import (
    ResultError,
    create_segments_file,
    layer_source,
    remove_result_file,
    results_folder,
    segment_file_fields,
    store_run,
)
from ..segment.result_style import COLOURS, style_by_query
from ..translation import tr
from ..vector.features import QUERY_FIELD
from ..vector.fields import is_null, text_field
from .boxes import BoxToLabel

KEY_FIELD = "box_key"
"""The attribute of a label that names its box (see BoxToLabel)."""
ORIGIN_FIELD = "box_origin"
"""Likewise: what the box keeps when its extent or its phrase is changed."""
DROPPED_TABLE = "dropped_boxes"


class LabelStore:
    """The labels of one walk. Lives in the main thread.

    Attributes:
        layer: The polygons, in the project.

    Args:
        layer: Of `open_labels`.
        dropped: The table of dropped boxes in the same file.
        former_keys: Of boxes that were labelled and changed since, by the keys that they have now.
    """

    def __init__(
        self, layer: QgsVectorLayer, dropped: QgsVectorLayer, former_keys: Mapping[str, str]
    ) -> None:
        self.layer = layer
        self._dropped = dropped
        self._former_keys = former_keys

    def close(self) -> None:
        """Lets the table of dropped boxes go; the layer stays in the project."""
        self._dropped.deleteLater()

    def accepted(self) -> Dict[str, int]:
        """The features of accepted boxes, by the boxes' keys."""
        request = QgsFeatureRequest().setFlags(QgsFeatureRequest.Flag.NoGeometry)
        return _ids_by_key(self.layer, request)

    def dropped(self) -> Set[str]:
        """The keys of the boxes that were dropped."""
        return set(_ids_by_key(self._dropped, QgsFeatureRequest()))

    def accept(self, box: BoxToLabel, refined: RefinedFeature, raster: LayerRaster) -> None:
        """Saves the polygon of a box, in the place of an earlier one, which may be of before it was changed.

        Raises:
            RefinedError: The layer can't be written.
        """
        was_editable = self.layer.isEditable()
        there = self._feature_ids(box)  # its number may have changed meanwhile
        refined = replace(refined, feature_id=there[0] if there else None)
        others = {KEY_FIELD: box.key, ORIGIN_FIELD: box.origin}
        write_refined(self.layer, refined, crs=raster.crs, source=raster.source, others=others)
        self._save(was_editable)
        self._forget_dropped(box)

    def drop(self, box: BoxToLabel) -> None:
        """Saves that a box has nothing to label; a polygon that it had is deleted.

        Raises:
            RefinedError: The layer can't be written.
        """
        ids = self._feature_ids(box)
        if ids:
            was_editable = self.layer.isEditable()
            self.layer.startEditing()
            self.layer.deleteFeatures(ids)
            self._save(was_editable)
        self._forget_dropped(box)
        row = QgsFeature(self._dropped.fields())
        row.setAttribute(KEY_FIELD, box.key)
        row.setAttribute(QUERY_FIELD, box.phrase)
        if not self._dropped.dataProvider().addFeatures([row])[0]:
            raise _not_saved(self.layer, "; ".join(self._dropped.dataProvider().errors()))

    def labelled_object(self, box: BoxToLabel, crs: QgsCoordinateReferenceSystem) -> Optional[RefinedObject]:
        """The polygon of an accepted box with all that it was made from; None where it has none.

        Args:
            box: Of the walk.
            crs: The raster's.

        Raises:
            NoPlaceError: The polygon has no place in that CRS.
        """
        feature = next(self.layer.getFeatures(_of_key(box.key)), None)
        if feature is None or not feature.hasGeometry():
            return None
        return stored_object(feature, self.layer, crs, text=box.phrase)

    def _feature_ids(self, box: BoxToLabel) -> List[int]:
        """Of the polygon that the box has, else of the one that it had before it was changed."""
        for key in (box.key, self._former_keys.get(box.key)):
            ids = [int(feature.id()) for feature in self.layer.getFeatures(_of_key(key))] if key else []
            if ids:
                return ids
        return []

    def _forget_dropped(self, box: BoxToLabel) -> None:
        ids = [feature.id() for feature in self._dropped.getFeatures(_of_key(box.key))]
        if ids and not self._dropped.dataProvider().deleteFeatures(ids):
            raise _not_saved(self.layer, "; ".join(self._dropped.dataProvider().errors()))

    def _save(self, was_editable: bool) -> None:
        """Commits the edit; a layer that the user was editing stays in editing, and no other does."""
        if not self.layer.commitChanges(not was_editable):
            why = "; ".join(self.layer.commitErrors())
            if not was_editable:
                self.layer.rollBack()
            raise _not_saved(self.layer, why)
        self.layer.triggerRepaint()


def open_labels(
    layer_of_boxes: QgsVectorLayer,
    raster: QgsRasterLayer,
    boxes: Sequence[BoxToLabel],
    *,
    folder: Optional[Path] = None,
) -> LabelStore:
    """The labels of these boxes on this raster, from an earlier walk or new, as a layer in the project.

    Args:
        layer_of_boxes: What is walked through.
        raster: What it lies on.
        boxes: Those in the layer now.
        folder: Where the file is; the profile's folder of results by default.

    Raises:
        ResultError: The file can't be made or opened.
    """
    path = _path_of(layer_of_boxes, raster, folder or results_folder())
    if not path.exists():
        try:
            _create(path, layer_of_boxes, raster)
        except ResultError:  # half a file would be in the way of the next try
            remove_result_file(path)
            raise
    title = tr("labels: {boxes} · {raster}").format(boxes=layer_of_boxes.name(), raster=raster.name())
    layer = _layer_in_project(path) or QgsVectorLayer(layer_source(path), title, "ogr")
    dropped = _dropped_table(path)
    if not (layer.isValid() and dropped.isValid()):
        text = tr("The labels at {path} can't be opened. Move that file away to begin anew.")
        raise ResultError(text.format(path=path))
    if QgsProject.instance().mapLayer(layer.id()) is None:
        phrases = dict.fromkeys(box.phrase for box in boxes if box.phrase)
        style_by_query(layer, list(phrases)[: len(COLOURS)])
        show_above(layer, raster)
    return LabelStore(layer, dropped, _former_keys(layer, boxes))


def _former_keys(layer: QgsVectorLayer, boxes: Sequence[BoxToLabel]) -> Dict[str, str]:
    """The keys under which boxes that were changed have their labels, by the keys that they have now.

    Such a label is of no box of today, comes from the same feature and column, and lies on the box: in a
    layer in memory another feature may have the number.
    """
    if layer.fields().lookupField(ORIGIN_FIELD) < 0:  # a file of before there was such a column
        return {}
    now_by_origin = {box.origin: box for box in boxes}
    keys_now = {box.key for box in boxes}
    former: Dict[str, str] = {}
    for label in layer.getFeatures(QgsFeatureRequest().setFlags(QgsFeatureRequest.Flag.NoGeometry)):
        key, box = label.attribute(KEY_FIELD), now_by_origin.get(str(label.attribute(ORIGIN_FIELD)))
        if box is None or is_null(key) or key in keys_now:
            continue
        extent = QgsGeometry.fromPolygonXY([[QgsPointXY(*corner) for corner in box.corners_map]])
        if layer.getGeometry(label.id()).intersects(extent):
            former[box.key] = str(key)
    return former


def _create(path: Path, boxes: QgsVectorLayer, raster: QgsRasterLayer) -> None:
    fields = segment_file_fields()
    for name in (KEY_FIELD, ORIGIN_FIELD):
        fields.append(text_field(name))
    create_segments_file(path, fields, raster.crs())
    options = QgsVectorFileWriter.SaveVectorOptions()
    options.driverName, options.layerName = "GPKG", DROPPED_TABLE
    options.actionOnExistingFile = QgsVectorFileWriter.ActionOnExistingFile.CreateOrOverwriteLayer
    columns = QgsFields()
    for name in (KEY_FIELD, QUERY_FIELD):
        columns.append(text_field(name))
    context = QgsProject.instance().transformContext()
    no_crs = QgsCoordinateReferenceSystem()
    writer = QgsVectorFileWriter.create(
        str(path), columns, QgsWkbTypes.Type.NoGeometry, no_crs, context, options
    )
    problem = writer.errorMessage() if writer.hasError() else ""
    del writer  # closes the file, and makes the table only now
    if problem or not _dropped_table(path).isValid():
        text = tr("The labels can't be written to {path} ({why}). Free space there or make it writable.")
        raise ResultError(text.format(path=path, why=problem or gdal.GetLastErrorMsg()))
    store_run(path, {"command": "label", "boxes": boxes.publicSource(), "raster": absolute_source(raster)})


def _dropped_table(path: Path) -> QgsVectorLayer:
    return QgsVectorLayer(f"{path}|layername={DROPPED_TABLE}", DROPPED_TABLE, "ogr")


def _path_of(boxes: QgsVectorLayer, raster: QgsRasterLayer, folder: Path) -> Path:
    """The same for the same boxes and raster in every session, however the boxes are filtered.

    A layer in memory is known by its name.
    """
    source = boxes.source().replace(f"|subset={boxes.subsetString()}", "")
    known_by = boxes.name() if boxes.dataProvider().name() == "memory" else source
    digest = hashlib.sha256(f"{known_by}\n{absolute_source(raster)}".encode()).hexdigest()[:12]
    slug = re.sub(r"[^A-Za-z0-9]+", "_", boxes.name()).strip("_").lower()[:40] or "boxes"
    return folder / f"labels_{slug}_{digest}.gpkg"


def _layer_in_project(path: Path) -> Optional[QgsVectorLayer]:
    for layer in QgsProject.instance().mapLayers().values():
        if isinstance(layer, QgsVectorLayer) and layer.source() == layer_source(path):
            return layer
    return None


def _ids_by_key(layer: QgsVectorLayer, request: QgsFeatureRequest) -> Dict[str, int]:
    request.setSubsetOfAttributes([KEY_FIELD], layer.fields())
    keys = ((feature.attribute(KEY_FIELD), feature.id()) for feature in layer.getFeatures(request))
    return {str(key): int(feature_id) for key, feature_id in keys if not is_null(key)}


def _of_key(key: str) -> QgsFeatureRequest:
    return QgsFeatureRequest(QgsExpression(QgsExpression.createFieldEqualityExpression(KEY_FIELD, key)))


def _not_saved(layer: QgsVectorLayer, why: str) -> RefinedError:
    text = tr("The label could not be saved in {layer} ({why}). Free space or make the file writable, then "
              "accept it again.")  # fmt: skip
    return RefinedError(text.format(layer=layer.name(), why=why))
