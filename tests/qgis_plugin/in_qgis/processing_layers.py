"""What test_processing_*.py give to algorithms, hear from them and compare their outputs with."""

from __future__ import annotations

import time

import numpy as np
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsGeometry,
    QgsProcessingFeedback,
    QgsProject,
    QgsVectorLayer,
)

UTM = "EPSG:32632"
LONLAT = "EPSG:4326"
BOUNDS_MAP = (500_000.0, 5_539_600.0, 500_400.0, 5_540_000.0)


class Told(QgsProcessingFeedback):
    """What an algorithm tells the user."""

    def __init__(self, cancel_at_progress: float | None = None) -> None:
        super().__init__(False)
        self.infos: list[str] = []
        self.warnings: list[str] = []
        self.errors: list[str] = []
        self.progress: list[float] = []
        self.progressChanged.connect(self._advanced)
        self._cancel_at = cancel_at_progress

    def pushInfo(self, info: str) -> None:
        self.infos.append(info)

    def pushWarning(self, warning: str) -> None:
        self.warnings.append(warning)

    def reportError(self, error: str, fatalError: bool = False) -> None:
        self.errors.append(error)

    def _advanced(self, progress: float) -> None:
        self.progress.append(progress)
        if self._cancel_at is not None and progress >= self._cancel_at:
            self.cancel()


def moved(geometry: QgsGeometry, source: str, target: str) -> QgsGeometry:
    """The geometry in another coordinate system."""
    answer = QgsGeometry(geometry)
    systems = QgsCoordinateReferenceSystem(source), QgsCoordinateReferenceSystem(target)
    answer.transform(QgsCoordinateTransform(*systems, QgsProject.instance()))
    return answer


def layer_of(kind: str, rows, *, fields=(), crs: str = UTM) -> QgsVectorLayer:
    """A memory layer in a coordinate system, of rows (geometry in UTM, attribute, …)."""
    columns = "".join(f"&field={name}:{type_name}" for name, type_name in fields)
    layer = QgsVectorLayer(f"{kind}?crs={crs}{columns}", "marks", "memory")
    features = []
    for geometry, *attributes in rows:
        feature = QgsFeature(layer.fields())
        feature.setGeometry(moved(geometry, UTM, crs))
        feature.setAttributes(attributes)
        features.append(feature)
    done, _ = layer.dataProvider().addFeatures(features)
    assert done
    return layer


def features_in(path: str) -> list[QgsFeature]:
    """All features of an output file."""
    layer = QgsVectorLayer(path, "output", "ogr")
    assert layer.isValid(), path
    return list(layer.getFeatures())


def shapes_of(features) -> list[tuple[str, tuple[float, ...]]]:
    """Query and bounding box of each, sorted."""
    rows = []
    for feature in features:
        box = feature.geometry().boundingBox()
        bounds = box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()
        rows.append((feature["query"], tuple(round(value, 4) for value in bounds)))
    return sorted(rows)


def scripted_shapes(queries, bounds_map=BOUNDS_MAP, *, threshold: float = 0.5):
    """What the scripted engine finds, as it says itself (tests/fakes/scripted_shapes.py)."""
    from geophrase.tests.fakes.scripted_shapes import GRID_SIDE, squares

    rows = []
    for index, query in enumerate(queries):
        for shape in (shape for row in range(GRID_SIDE) for shape in squares(bounds_map, index, row=row)):
            ring = np.asarray(shape.rings_map[0])
            if shape.score >= threshold:
                bounds = (*ring.min(axis=0), *ring.max(axis=0))
                rows.append((query, tuple(round(float(value), 4) for value in bounds)))
    return sorted(rows)


def wait_for(app, condition, *, limit_s: float = 20.0) -> None:
    """Turns the event loop until the condition holds."""
    end = time.monotonic() + limit_s
    while not condition() and time.monotonic() < end:
        app.processEvents()
        time.sleep(0.005)
    assert condition()
