"""Layers of boxes for tests of labelling."""

from __future__ import annotations

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsGeometry,
    QgsProject,
    QgsRectangle,
    QgsVectorFileWriter,
    QgsVectorLayer,
)

LEFT, TOP = 500_000.0, 5_540_000.0
UTM = "EPSG:25832"


def box_layer(rows, *, crs=UTM, path=None):
    """Boxes (left, top, width, height in metres from the raster's corner, phrase) in the project."""
    layer = QgsVectorLayer(f"Polygon?crs={crs}&field=what:string", "boxes", "memory")
    transform = QgsCoordinateTransform(
        QgsCoordinateReferenceSystem(UTM), QgsCoordinateReferenceSystem(crs), QgsProject.instance()
    )
    features = []
    for left, top, width, height, phrase in rows:
        x, y = LEFT + left, TOP - top
        geometry = QgsGeometry.fromRect(QgsRectangle(x, y - height, x + width, y))
        geometry.transform(transform)
        feature = QgsFeature(layer.fields())
        feature.setGeometry(geometry)
        feature.setAttributes([phrase])
        features.append(feature)
    assert layer.dataProvider().addFeatures(features)[0]
    if path is not None:
        options = QgsVectorFileWriter.SaveVectorOptions()
        options.driverName = "GPKG"
        context = QgsProject.instance().transformContext()
        done = QgsVectorFileWriter.writeAsVectorFormatV3(layer, str(path), context, options)
        assert done[0] == QgsVectorFileWriter.WriterError.NoError, done
        layer = QgsVectorLayer(str(path), "boxes", "ogr")
    assert layer.isValid()
    QgsProject.instance().addMapLayer(layer)
    return layer
