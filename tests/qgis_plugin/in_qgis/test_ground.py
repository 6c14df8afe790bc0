"""Lengths and areas on the ground, against Karney's numbers and the ellipsoid's formulas."""

from __future__ import annotations

import math

import pytest
from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsDistanceArea,
    QgsGeometry,
)

from geophrase.qgis_plugin.core.ground import area_m2, ground_measure, metres_per_unit, perimeter_m

pytestmark = pytest.mark.usefixtures("qgis_app")
SITE = 'LOCAL_CS["site",UNIT["{unit}",{metres}],AXIS["X",EAST],AXIS["Y",NORTH]]'


def _measure(crs: str) -> QgsDistanceArea:
    system = QgsCoordinateReferenceSystem()
    system.createFromUserInput(crs)
    return ground_measure(system, QgsCoordinateTransformContext())


def test_measures_are_geodesic():
    """A degree by a degree at the equator on WGS 84: 12,308,778,361.469 m2 (Karney, 2013)."""
    degree = QgsGeometry.fromWkt("Polygon((0 0, 1 0, 1 1, 0 1, 0 0))")
    assert area_m2(degree, _measure("EPSG:4326")) == pytest.approx(12_308_778_361.469, rel=1e-4)
    assert perimeter_m(degree, _measure("EPSG:4326")) == pytest.approx(443_770.917, rel=1e-5)


def test_a_map_unit_is_as_long_as_the_projection_makes_it():
    central = metres_per_unit(500_000, 5_540_000, _measure("EPSG:32632"))
    assert central == pytest.approx((1 / 0.9996, 1 / 0.9996), rel=1e-7)  # UTM's scale on its meridian
    feet = metres_per_unit(984_250, 200_000, _measure("EPSG:2263"))
    assert feet == pytest.approx((0.3048, 0.3048), rel=1e-4)


@pytest.mark.parametrize("lat_deg", [0.0, 50.0, -80.0])
def test_a_degree_is_as_long_as_the_ellipsoid_says(lat_deg):
    """The radii of curvature of WGS 84 along the parallel and along the meridian."""
    axis_m, e2 = 6_378_137.0, 0.00669437999014
    root = math.sqrt(1 - e2 * math.sin(math.radians(lat_deg)) ** 2)
    east_m = axis_m / root * math.cos(math.radians(lat_deg)) * math.pi / 180
    north_m = axis_m * (1 - e2) / root**3 * math.pi / 180
    assert metres_per_unit(9, lat_deg, _measure("EPSG:4326")) == pytest.approx((east_m, north_m), rel=1e-6)


def test_a_unit_that_cannot_be_measured_has_its_nominal_length():
    """A site's own system has no ellipsoid, and a place beyond the pole none either."""
    assert metres_per_unit(100, 100, _measure(SITE.format(unit="metre", metres=1))) == (1, 1)
    feet = metres_per_unit(100, 100, _measure(SITE.format(unit="foot", metres=0.3048)))
    assert feet == pytest.approx((0.3048, 0.3048))
    assert metres_per_unit(0, 95, _measure("EPSG:4326")) == pytest.approx((111_319.49, 111_319.49))
    nothing = ground_measure(QgsCoordinateReferenceSystem(), QgsCoordinateTransformContext())
    assert metres_per_unit(0, 0, nothing) == (1, 1)
