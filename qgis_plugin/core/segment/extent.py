"""Where to look: the choices of the dock as a rectangle in the raster's coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Optional

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCsException,
    QgsGeometry,
    QgsMapSettings,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
    QgsWkbTypes,
)

from geophrase.protocol.grid import Bounds

from ..translation import tr


class ExtentError(Exception):
    """There is no such extent; the text says why and what to do."""


class ExtentKind(Enum):
    """How the extent is chosen."""

    LAYER = "layer"
    CANVAS = "canvas"
    DRAWN = "drawn"
    SELECTION = "selection"


@dataclass(frozen=True)
class Area:
    """Where to look.

    Attributes:
        extent_map: xmin, ymin, xmax, ymax in the raster's CRS; None for the whole layer.
        clip_map: In the same CRS; polygons that don't touch it are left out. None keeps all.
    """

    extent_map: Optional[Bounds] = None
    clip_map: Optional[QgsGeometry] = None


def canvas_area(raster: QgsRasterLayer, view: QgsMapSettings) -> Area:
    """What the map shows, on a rotated map the rectangle around it.

    Raises:
        ExtentError: The map shows nothing of the raster.
    """
    polygon = QgsGeometry.fromQPolygonF(view.visiblePolygon())
    return _area_on(raster, polygon, view.destinationCrs(), is_clipped=False)


def drawn_area(raster: QgsRasterLayer, box: QgsRectangle, crs: QgsCoordinateReferenceSystem) -> Area:
    """A box that the user drew on the map.

    Raises:
        ExtentError: It lies beside the raster.
    """
    return _area_on(raster, QgsGeometry.fromRect(box), crs, is_clipped=False)


def selection_area(raster: QgsRasterLayer, layer: Optional[object]) -> Area:
    """The selected polygons of a layer: the box around them, and what touches them.

    Objects that lie partly in a selected polygon are kept whole.

    Raises:
        ExtentError: Nothing is selected, or it lies beside the raster.
    """
    is_polygons = (
        isinstance(layer, QgsVectorLayer) and layer.geometryType() == QgsWkbTypes.GeometryType.PolygonGeometry
    )
    if not is_polygons:
        raise ExtentError(tr("Choose a polygon layer in the layer panel and select polygons in it."))
    assert isinstance(layer, QgsVectorLayer)
    selected = [feature.geometry() for feature in layer.getSelectedFeatures() if feature.hasGeometry()]
    if not selected:
        text = tr("Nothing is selected in the layer {name}. Select the polygons to look in.")
        raise ExtentError(text.format(name=layer.name()))
    return _area_on(raster, QgsGeometry.unaryUnion(selected), layer.crs(), is_clipped=True)


def visible_rectangle(
    raster_crs: QgsCoordinateReferenceSystem, view: QgsMapSettings
) -> Optional[QgsRectangle]:
    """What the map shows, as a rectangle in a CRS; None where it can't be said."""
    polygon = QgsGeometry.fromQPolygonF(view.visiblePolygon())
    try:
        return _transformed(polygon, view.destinationCrs(), raster_crs).boundingBox()
    except ExtentError:
        return None


def _area_on(
    raster: QgsRasterLayer, geometry: QgsGeometry, crs: QgsCoordinateReferenceSystem, *, is_clipped: bool
) -> Area:
    geometry_map = _transformed(geometry, crs, raster.crs())
    box = geometry_map.boundingBox()
    if not box.intersects(raster.extent()):
        text = tr("That area lies beside the layer {name}. Zoom to the layer, or choose another area.")
        raise ExtentError(text.format(name=raster.name()))
    box = box.intersect(raster.extent())
    if box.isEmpty():
        raise ExtentError(tr("That area is empty. Choose one that has a width and a height."))
    bounds = box.xMinimum(), box.yMinimum(), box.xMaximum(), box.yMaximum()
    return Area(bounds, geometry_map if is_clipped else None)


def _transformed(
    geometry: QgsGeometry, crs: QgsCoordinateReferenceSystem, target: QgsCoordinateReferenceSystem
) -> QgsGeometry:
    result = QgsGeometry(geometry)
    if crs == target or not (crs.isValid() and target.isValid()):
        return result
    # Straight lines of one CRS are bent in another: more points keep the box around them right.
    result = result.densifyByCount(16)
    try:
        result.transform(QgsCoordinateTransform(crs, target, QgsProject.instance()))
    except QgsCsException as error:
        text = tr("That area has no place in the layer's coordinates ({why}). Zoom to the layer first.")
        raise ExtentError(text.format(why=str(error).strip())) from error
    return result
