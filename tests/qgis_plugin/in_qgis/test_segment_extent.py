"""Where to look, in the raster's own coordinates."""

from __future__ import annotations

import pytest
from dock_tools import add_raster
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeature,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
)


@pytest.fixture
def raster(qgis_app, project, tmp_path):
    return add_raster(tmp_path, side_px=1000)


def view_of(iface, crs, rectangle, *, rotation=0.0):
    """The map showing a rectangle of the raster's CRS."""
    raster_crs = QgsCoordinateReferenceSystem("EPSG:25832")
    target = QgsCoordinateReferenceSystem(crs)
    iface.canvas.setDestinationCrs(target)
    to_view = QgsCoordinateTransform(raster_crs, target, QgsProject.instance())
    iface.canvas.setRotation(rotation)
    iface.canvas.setExtent(to_view.transformBoundingBox(rectangle))
    return iface.canvas.mapSettings()


INSIDE = QgsRectangle(500400, 5539400, 500600, 5539550)


@pytest.mark.parametrize("crs", ["EPSG:25832", "EPSG:3857", "EPSG:4326"])
@pytest.mark.parametrize("rotation", [0.0, 30.0, 90.0])
def test_the_view_is_covered_whatever_the_map_is(iface, raster, crs, rotation):
    from geophrase.qgis_plugin.core.segment.extent import canvas_area

    view = view_of(iface, crs, INSIDE, rotation=rotation)
    xmin, ymin, xmax, ymax = canvas_area(raster, view).extent_map
    to_raster = QgsCoordinateTransform(view.destinationCrs(), raster.crs(), QgsProject.instance())
    corners = [to_raster.transform(QgsPointXY(corner)) for corner in view.visiblePolygon()]
    own = raster.extent()
    for corner in corners:
        assert xmin - 0.01 <= min(max(corner.x(), own.xMinimum()), own.xMaximum()) <= xmax + 0.01
        assert ymin - 0.01 <= min(max(corner.y(), own.yMinimum()), own.yMaximum()) <= ymax + 0.01
    width = max(corner.x() for corner in corners) - min(corner.x() for corner in corners)
    assert xmax - xmin <= width * 1.02, "not more than the box around what is seen"


def test_a_view_beside_the_raster_is_refused(iface, raster):
    from geophrase.qgis_plugin.core.segment.extent import ExtentError, canvas_area

    view = view_of(iface, "EPSG:25832", QgsRectangle(600000, 5539400, 600200, 5539550))
    with pytest.raises(ExtentError, match="beside the layer"):
        canvas_area(raster, view)


def test_a_drawn_box_is_clipped_to_the_raster(raster):
    from geophrase.qgis_plugin.core.segment.extent import drawn_area

    area = drawn_area(raster, QgsRectangle(499000, 5539500, 500100, 5541000), raster.crs())
    assert area.extent_map == pytest.approx((500000, 5539500, 500100, 5540000))
    assert area.clip_map is None


def test_selected_polygons_give_their_box_and_their_shape(raster):
    from geophrase.qgis_plugin.core.segment.extent import selection_area

    layer = QgsVectorLayer("Polygon?crs=EPSG:4326", "fields", "memory")
    to_layer = QgsCoordinateTransform(raster.crs(), layer.crs(), QgsProject.instance())
    for x in (500100, 500300, 500900):
        geometry = QgsGeometry.fromRect(QgsRectangle(x, 5539500, x + 50, 5539550))
        geometry.transform(to_layer)
        feature = QgsFeature()
        feature.setGeometry(geometry)
        layer.dataProvider().addFeatures([feature])
    layer.selectByIds([1, 2])
    area = selection_area(raster, layer)
    assert area.extent_map == pytest.approx((500100, 5539500, 500350, 5539550), abs=0.01)
    assert area.clip_map.area() == pytest.approx(2 * 50 * 50, rel=1e-3)


def test_without_a_selection_or_a_polygon_layer_it_says_what_to_do(raster):
    from geophrase.qgis_plugin.core.segment.extent import ExtentError, selection_area

    points = QgsVectorLayer("Point?crs=EPSG:4326", "points", "memory")
    polygons = QgsVectorLayer("Polygon?crs=EPSG:4326", "fields", "memory")
    for layer in (None, raster, points):
        with pytest.raises(ExtentError, match="polygon layer"):
            selection_area(raster, layer)
    with pytest.raises(ExtentError, match="Nothing is selected"):
        selection_area(raster, polygons)
