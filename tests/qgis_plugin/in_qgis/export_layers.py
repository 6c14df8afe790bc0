"""Layers of segments for the tests of the export."""

from __future__ import annotations

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QDateTime, Qt

from geophrase.qgis_plugin.core.export.attributes import export_fields
from geophrase.qgis_plugin.core.export.outline import OutlineOptions
from geophrase.qgis_plugin.core.export.prepare import prepared_features
from geophrase.qgis_plugin.core.vector.features import SEGMENT_FIELDS

CREATED = QDateTime.fromString("2026-11-21T10:20:30.125Z", Qt.DateFormat.ISODateWithMs)
UTM = "EPSG:32632"


def square(x: float, y: float, side: float) -> QgsGeometry:
    ring = [(x, y), (x + side, y), (x + side, y + side), (x, y + side)]
    return QgsGeometry.fromPolygonXY([[QgsPointXY(*point) for point in ring]])


def segment(geometry: QgsGeometry, *, query: str = "storage tanks", iou_pred: object = 0.75) -> QgsFeature:
    feature = QgsFeature(SEGMENT_FIELDS())
    feature.setGeometry(geometry)
    # The measures are wrong on purpose: an export takes them anew.
    feature.setAttributes([query, 0.9, iou_pred, 0.8, 1.0, 1.0, "rsam", "0123abcd", "Köln.tif", CREATED])
    return feature


def segments_layer(features: list[QgsFeature], epsg: str = UTM, kind: str = "Polygon") -> QgsVectorLayer:
    """A memory layer with the output schema; the geometries are in UTM zone 32."""
    layer = QgsVectorLayer(f"{kind}?crs={epsg}", "segments", "memory")
    layer.dataProvider().addAttributes(list(SEGMENT_FIELDS()))
    layer.updateFields()
    systems = QgsCoordinateReferenceSystem(UTM), QgsCoordinateReferenceSystem(epsg)
    transform = QgsCoordinateTransform(*systems, QgsProject.instance())
    for feature in features:
        geometry = feature.geometry()
        geometry.transform(transform)
        feature.setGeometry(geometry)
    done, _ = layer.dataProvider().addFeatures(features)
    assert done
    return layer


def prepared(layer: QgsVectorLayer, options: OutlineOptions | None = None):
    return prepared_features(
        list(layer.getFeatures()),
        options or OutlineOptions(),
        fields=export_fields(layer.fields()),
        crs=layer.crs(),
        context=QgsCoordinateTransformContext(),
    )
