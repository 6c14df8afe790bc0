"""Outlines in real QGIS, against areas known from geometry and geodesy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsCoordinateTransformContext,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsWkbTypes,
)

from geophrase.qgis_plugin.core.export.outline import OutlineOptions, outlined
from geophrase.qgis_plugin.core.export.regularise import overlap
from geophrase.qgis_plugin.core.ground import area_m2, ground_measure, perimeter_m
from geophrase.qgis_plugin.core.vector.rings import polygons_of

pytestmark = pytest.mark.usefixtures("qgis_app")
MIDDLE_UTM = QgsPointXY(500_000, 5_540_000)
EPSG = ["EPSG:32632", "EPSG:4326", "EPSG:3857", "EPSG:2263"]  # UTM, degrees, Web Mercator, feet


def _measure(epsg: str):
    return ground_measure(QgsCoordinateReferenceSystem(epsg), QgsCoordinateTransformContext())


def _to(geometry: QgsGeometry, epsg: str) -> QgsGeometry:
    """A geometry of UTM zone 32 (18 for New York's feet) in another CRS."""
    zone = "EPSG:32618" if epsg == "EPSG:2263" else "EPSG:32632"
    answer = QgsGeometry(geometry)
    if epsg == "EPSG:2263":
        answer.translate(585_000 - 500_000, 4_510_000 - 5_540_000)
    systems = QgsCoordinateReferenceSystem(zone), QgsCoordinateReferenceSystem(epsg)
    answer.transform(QgsCoordinateTransform(*systems, QgsProject.instance()))
    return answer


def _rectangle(width: float, height: float, degrees: float = 0.0) -> QgsGeometry:
    x, y = MIDDLE_UTM.x(), MIDDLE_UTM.y()
    corners = [(0, 0), (width, 0), (width, height), (0, height)]
    ring = [QgsPointXY(x + a - width / 2, y + b - height / 2) for a, b in corners]
    answer = QgsGeometry.fromPolygonXY([ring])
    answer.rotate(degrees, MIDDLE_UTM)
    return answer


def _pixels(geometry: QgsGeometry, pixel_m: float = 0.5) -> QgsGeometry:
    """The union of the pixels whose centres a polygon holds: an outline as the engine finds it."""
    box = geometry.boundingBox()
    squares = []
    for row in range(int(box.height() / pixel_m) + 1):
        for col in range(int(box.width() / pixel_m) + 1):
            x, y = box.xMinimum() + col * pixel_m, box.yMinimum() + row * pixel_m
            if geometry.contains(QgsPointXY(x + pixel_m / 2, y + pixel_m / 2)):
                ring = [(x, y), (x + pixel_m, y), (x + pixel_m, y + pixel_m), (x, y + pixel_m)]
                squares.append(QgsGeometry.fromPolygonXY([[QgsPointXY(*point) for point in ring]]))
    return QgsGeometry.unaryUnion(squares)


def _num_vertices(geometry: QgsGeometry) -> int:
    return geometry.constGet().nCoordinates()


@pytest.mark.parametrize("epsg", EPSG)
@pytest.mark.parametrize("degrees", [0, 17, 30, 45])
def test_a_rotated_building_gets_its_four_walls_back(epsg, degrees):
    true = _rectangle(20, 12, degrees)
    found = outlined(
        _to(_pixels(true), epsg), OutlineOptions(simplify_m=1.0, regularise=True), _measure(epsg)
    )
    assert found.isGeosValid()
    assert _num_vertices(found) == 5
    assert area_m2(found, _measure(epsg)) == pytest.approx(240, rel=0.03)
    assert perimeter_m(found, _measure(epsg)) == pytest.approx(64, rel=0.03)
    assert overlap(found, _to(true, epsg)) > 0.93


def test_the_tolerance_comes_from_the_size_where_none_is_given():
    found = outlined(_pixels(_rectangle(20, 12, 30)), OutlineOptions(regularise=True), _measure("EPSG:32632"))
    assert _num_vertices(found) == 5


def test_a_round_tank_is_not_made_square():
    tank = QgsGeometry.fromPointXY(MIDDLE_UTM).buffer(15, 30)
    options = OutlineOptions(simplify_m=0.3, regularise=True, min_overlap=0.95)
    found = outlined(tank, options, _measure("EPSG:32632"))
    assert overlap(found, tank) > 0.95
    assert _num_vertices(found) > 9


def test_a_bay_stays_and_parts_are_handled_one_by_one():
    l_shape = _rectangle(30, 30, 0).difference(_shifted(_rectangle(15, 15), 7.5, 7.5))
    l_shape.rotate(25, MIDDLE_UTM)
    pair = QgsGeometry.unaryUnion([_pixels(l_shape), _shifted(_pixels(_rectangle(20, 12, 50)), 100, 0)])
    found = outlined(pair, OutlineOptions(simplify_m=1.0, regularise=True), _measure("EPSG:32632"))
    assert sorted(len(part[0]) for part in polygons_of(found)) == [5, 7]
    assert area_m2(found, _measure("EPSG:32632")) == pytest.approx(675 + 240, rel=0.03)


def _shifted(geometry: QgsGeometry, dx: float, dy: float) -> QgsGeometry:
    answer = QgsGeometry(geometry)
    answer.translate(dx, dy)
    return answer


@pytest.mark.parametrize("epsg", EPSG)
def test_the_tolerance_means_metres_in_every_crs(epsg):
    """A square with a 1 m tooth on the north and on the east side loses both at 1.3 m and none at 0.7 m."""
    square = _rectangle(40, 40)
    for degrees in (0, 90):
        tooth = _shifted(_rectangle(4, 1), 0, 20.5)
        tooth.rotate(degrees, MIDDLE_UTM)
        square = square.combine(tooth)
    outline = _to(square, epsg)
    with_teeth = outlined(outline, OutlineOptions(simplify_m=0.7), _measure(epsg))
    without = outlined(outline, OutlineOptions(simplify_m=1.3), _measure(epsg))
    assert (_num_vertices(with_teeth), _num_vertices(without)) == (13, 6)  # the first vertex always stays
    teeth_m2 = area_m2(with_teeth, _measure(epsg)) - area_m2(without, _measure(epsg))
    assert teeth_m2 == pytest.approx(8, rel=0.01)


@pytest.mark.parametrize("epsg", EPSG)
def test_holes_are_filled_below_their_area(epsg):
    outline = _rectangle(100, 100)
    for side, dx in ((2, -20), (10, 0), (20, 30)):
        outline = outline.difference(_shifted(_rectangle(side, side), dx, 0))
    outline = _to(outline, epsg)
    for limit_m2, expected_m2 in ((0, 9496), (5, 9500), (101, 9600), (math.inf, 10_000)):
        found = outlined(outline, OutlineOptions(fill_holes_m2=limit_m2), _measure(epsg))
        assert area_m2(found, _measure(epsg)) == pytest.approx(expected_m2, rel=1.5e-3)


def test_an_island_in_a_filled_lake_does_not_overlap_it():
    ring = _rectangle(50, 50).difference(_rectangle(20, 20))
    island = QgsGeometry.collectGeometry([ring, _rectangle(5, 5)])
    found = outlined(island, OutlineOptions(fill_holes_m2=math.inf), _measure("EPSG:32632"))
    assert found.isGeosValid()
    assert found.area() == pytest.approx(2500)


@pytest.mark.parametrize("epsg", EPSG)
def test_small_ones_are_dropped(epsg):
    outline = _to(_rectangle(10, 10), epsg)
    assert outlined(outline, OutlineOptions(min_area_m2=102), _measure(epsg)).isNull()
    assert not outlined(outline, OutlineOptions(min_area_m2=98), _measure(epsg)).isNull()


def test_smoothing_rounds_the_corners():
    square = _rectangle(20, 20)
    found = outlined(square, OutlineOptions(smooth_iterations=3), _measure("EPSG:32632"))
    assert _num_vertices(found) > 16
    assert 300 < found.area() < 400
    assert found.isGeosValid()


def test_nothing_asked_changes_no_coordinate():
    outline = _to(_rectangle(20, 20, 13), "EPSG:4326")
    assert outlined(outline, OutlineOptions(), _measure("EPSG:4326")).asWkb() == outline.asWkb()


@pytest.mark.parametrize("options", [OutlineOptions(), OutlineOptions(simplify_m=1, regularise=True)])
def test_an_outline_that_crosses_itself_is_made_valid(options):
    bow_tie = QgsGeometry.fromWkt("Polygon((500000 0, 500020 20, 500020 0, 500000 20, 500000 0))")
    found = outlined(bow_tie, options, _measure("EPSG:32632"))
    assert found.isGeosValid()
    assert found.isMultipart()
    assert found.area() == pytest.approx(200)


@pytest.mark.parametrize(
    "wkt", ["", "Polygon EMPTY", "Polygon((0 0, 1 0, 2 0, 0 0))", "Point(1 2)", "LineString(0 0, 1 1)"]
)
def test_what_has_no_area_is_dropped(wkt):
    options = OutlineOptions(simplify_m=1, regularise=True, fill_holes_m2=3)
    assert outlined(QgsGeometry.fromWkt(wkt), options, _measure("EPSG:32632")).isNull()


def test_curves_and_heights_become_flat_polygons():
    curved = QgsGeometry.fromWkt("CurvePolygonZ(CircularStringZ(0 0 5, 10 10 5, 20 0 5, 10 -10 5, 0 0 5))")
    found = outlined(curved, OutlineOptions(simplify_m=0.01), _measure("EPSG:32632"))
    assert found.asWkt(0).startswith("Polygon (")
    assert found.area() == pytest.approx(math.pi * 100, rel=2e-3)


def test_without_a_crs_the_unit_is_the_maps():
    measure = ground_measure(QgsCoordinateReferenceSystem(), QgsCoordinateTransformContext())
    square = QgsGeometry.fromWkt("Polygon((0 0, 10 0, 10 10, 0 10, 0 0))")
    assert area_m2(square, measure) == 100
    assert perimeter_m(square, measure) == 40
    assert outlined(square, OutlineOptions(min_area_m2=101), measure).isNull()


@pytest.mark.parametrize(
    "wrong",
    [
        {"simplify_m": -1},
        {"simplify_m": math.nan},
        {"min_overlap": 1.1},
        {"smooth_iterations": 9},
        {"regularise": True, "smooth_iterations": 1},
    ],
)
def test_options_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError):
        OutlineOptions(**wrong)


def _blob(seed: int) -> QgsGeometry:
    """Random pixels of half a metre, with holes, corners that touch and several parts."""
    inside = np.random.default_rng(seed).random((14, 14))
    inside = (inside + np.roll(inside, 1, 0) + np.roll(inside, 1, 1)) / 3 > 0.42
    squares = []
    for row, col in np.argwhere(inside):
        x, y = MIDDLE_UTM.x() + col / 2, MIDDLE_UTM.y() + row / 2
        corners = [(x, y), (x + 0.5, y), (x + 0.5, y + 0.5), (x, y + 0.5)]
        squares.append(QgsGeometry.fromPolygonXY([[QgsPointXY(*corner) for corner in corners]]))
    return QgsGeometry.unaryUnion(squares)


@pytest.mark.parametrize("epsg", ["EPSG:32632", "EPSG:4326"])
@pytest.mark.parametrize(
    "options",
    [
        OutlineOptions(simplify_m=0.6),
        OutlineOptions(regularise=True),
        OutlineOptions(regularise=True, simplify_m=1.5, min_overlap=0.0),
        OutlineOptions(simplify_m=0.6, smooth_iterations=2, fill_holes_m2=0.6),
    ],
)
def test_whatever_goes_in_valid_polygons_come_out(epsg, options):
    num_found = 0
    for seed in range(40):
        found = outlined(_to(_blob(seed), epsg), options, _measure(epsg))
        if not found.isNull():
            num_found += 1
            assert found.isGeosValid(), seed
            assert found.type() == QgsWkbTypes.GeometryType.PolygonGeometry
            assert area_m2(found, _measure(epsg)) > 0
    assert num_found == 40
