"""The boxes that are labelled one after the other: the extents of a layer's features, on a raster."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Callable, List, Optional, Tuple

import numpy as np
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsFeature,
    QgsFeatureRequest,
    QgsGeometry,
    QgsVectorLayer,
    QgsVectorLayerFeatureSource,
)

from geophrase.protocol.grid import RasterGrid

from ..vector.boxes import Corners
from ..vector.fields import is_null
from ..vector.reproject import NoPlaceError, reprojected

_KEY_BYTES = 8


@dataclass(frozen=True)
class BoxToLabel:
    """A box around one object.

    Attributes:
        key: The same for the same extent and phrase, whatever number the feature has today.
        phrase: What the object is; "" where the layer doesn't say.
        corners_map: In the raster's CRS, along its rows and columns.
        bounds_pix: The same box in the raster's pixels: xmin, ymin, xmax, ymax.
        origin: The feature and the column of phrases that it comes from, which it keeps when it is changed.
    """

    key: str
    phrase: str
    corners_map: Corners
    bounds_pix: Tuple[float, float, float, float]
    origin: str

    @property
    def centre_pix(self) -> Tuple[float, float]:
        """Its middle in the raster's pixels."""
        xmin, ymin, xmax, ymax = self.bounds_pix
        return (xmin + xmax) / 2, (ymin + ymax) / 2


@dataclass(frozen=True)
class BoxSource:
    """A layer's features at one moment and where they are to lie, to be read in another thread.

    Attributes:
        features: The layer's content.
        phrase_field: The column that says what each is; "" for none.
        crs: Of the layer.
        raster_crs: Of the raster.
        grid: The raster's own pixels.
        context: The project's.
    """

    features: QgsVectorLayerFeatureSource
    phrase_field: str
    crs: QgsCoordinateReferenceSystem
    raster_crs: QgsCoordinateReferenceSystem
    grid: RasterGrid
    context: QgsCoordinateTransformContext

    @classmethod
    def of(
        cls,
        layer: QgsVectorLayer,
        phrase_field: str,
        *,
        raster_crs: QgsCoordinateReferenceSystem,
        grid: RasterGrid,
        context: QgsCoordinateTransformContext,
    ) -> BoxSource:
        """Call it in the main thread."""
        features = QgsVectorLayerFeatureSource(layer)
        return cls(features, phrase_field, layer.crs(), raster_crs, grid, context)

    def read(self, is_cancelled: Callable[[], bool] = lambda: False) -> Tuple[List[BoxToLabel], int]:
        """The boxes that lie on the raster, in the layer's order, and how many don't.

        Args:
            is_cancelled: Asked before each feature (100,000 take seconds); the rest is then left out.
        """
        boxes, num_beside = [], 0
        for feature in self.features.getFeatures(QgsFeatureRequest()):
            if is_cancelled():
                break
            box = self._box_of(feature)
            if box is None:
                num_beside += 1
            else:
                boxes.append(box)
        return boxes, num_beside

    def _box_of(self, feature: QgsFeature) -> Optional[BoxToLabel]:
        """The extent of one feature along the raster's rows and columns; None beside the raster."""
        geometry = QgsGeometry(feature.geometry())
        if geometry.isNull() or geometry.isEmpty():
            return None
        try:
            shape = reprojected(geometry, self.crs, self.raster_crs, self.context)
        except NoPlaceError:
            return None
        places = np.array([(vertex.x(), vertex.y()) for vertex in shape.vertices()], np.float64)
        corners_pix = self.grid.to_pix(places)
        (xmin, ymin), (xmax, ymax) = corners_pix.min(axis=0), corners_pix.max(axis=0)
        is_on_raster = xmin < self.grid.width_px and ymin < self.grid.height_px and xmax > 0 and ymax > 0
        if not (is_on_raster and xmin < xmax and ymin < ymax):
            return None
        corners = self.grid.to_map([(xmin, ymin), (xmax, ymin), (xmax, ymax), (xmin, ymax)])
        phrase = self._phrase_of(feature)
        return BoxToLabel(
            key=_key_of(geometry, phrase),
            phrase=phrase,
            corners_map=tuple((float(x), float(y)) for x, y in corners),
            bounds_pix=(float(xmin), float(ymin), float(xmax), float(ymax)),
            origin=f"{feature.id()} {self.phrase_field}".strip(),
        )

    def _phrase_of(self, feature: QgsFeature) -> str:
        index = feature.fieldNameIndex(self.phrase_field) if self.phrase_field else -1
        value = feature.attribute(index) if index >= 0 else None
        return "" if is_null(value) else " ".join(str(value).split())


def _key_of(geometry: QgsGeometry, phrase: str) -> str:
    extent = geometry.boundingBox()
    numbers = (extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum())
    text = ",".join(f"{number:.9g}" for number in numbers) + f"|{phrase}"
    return hashlib.blake2b(text.encode("utf-8"), digest_size=_KEY_BYTES).hexdigest()
