"""The output schema, its measures against independent figures, and simplification."""

from __future__ import annotations

import math
import time

import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.crs import CRS
from scipy import ndimage

from geophrase.engine.vector.attributes import COLUMNS, SegmentsTable
from geophrase.engine.vector.measure import GroundMeasure
from geophrase.engine.vector.polygonise import PixelPolygon
from geophrase.engine.vector.simplify import simplified
from geophrase.protocol.grid import RasterGrid

from .conftest import PROVENANCE, frame_of, grid_of, polygons_of

NORTH_UP = (0.3, 0.0, 500_000.0, 0.0, -0.3, 5_500_000.0)
ROTATED = (0.26, 0.15, 500_000.0, 0.15, -0.26, 5_500_000.0)
SOUTH_UP = (0.3, 0.0, 500_000.0, 0.0, 0.3, 5_500_000.0)
PIXELS = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)


def square(col: int, row: int, width: int = 1, height: int = 1) -> PixelPolygon:
    return PixelPolygon(
        shapely.box(col, row, col + width, row + height), width * height, 0.75 * width * height
    )


class TestSchema:
    def test_columns_types_and_values(self, blobs_HW):
        polygons = polygons_of(blobs_HW)
        frame = frame_of(grid_of(25832, NORTH_UP), polygons)
        assert tuple(frame.columns) == (*COLUMNS, "geometry")
        assert len(frame) == len(polygons)
        assert set(frame["query"]) == {'Lagerhäuser, "grün"'}
        assert frame["score"].to_numpy() == pytest.approx(0.75)
        assert frame["objectness"].isna().all()
        assert frame["created"].iloc[0].isoformat() == "2026-11-21T12:30:05.123000+00:00"
        assert frame.crs.to_epsg() == 25832

    def test_empty_frame_has_the_same_schema(self, blobs_HW):
        grid = grid_of(25832, NORTH_UP)
        empty, full = SegmentsTable(grid, PROVENANCE).empty(), frame_of(grid, polygons_of(blobs_HW))
        assert len(empty) == 0
        assert empty.dtypes.equals(full.dtypes)
        assert empty.crs == full.crs

    def test_lengths_must_agree(self):
        table = SegmentsTable(grid_of(None, PIXELS), PROVENANCE)
        with pytest.raises(ValueError, match="same length"):
            table.frame([square(0, 0)], queries=[], iou_pred=[0.5], objectness=[0.5])

    @pytest.mark.parametrize("map_from_pix", [NORTH_UP, ROTATED, SOUTH_UP])
    def test_geometry_follows_the_affine_and_exteriors_run_counter_clockwise(self, map_from_pix, blobs_HW):
        polygons = polygons_of(blobs_HW)
        frame = frame_of(grid_of(25832, map_from_pix), polygons)
        a, b, c, d, e, f = map_from_pix
        expected = [shapely.affinity.affine_transform(p.geometry, [a, b, d, e, c, f]) for p in polygons]
        assert shapely.equals_exact(frame.geometry.normalize(), shapely.normalize(expected), 1e-6).all()
        assert frame.is_valid.all()
        assert all(geometry.exterior.is_ccw for geometry in frame.geometry)
        assert not any(hole.is_ccw for geometry in frame.geometry for hole in geometry.interiors)


class TestMeasures:
    def test_one_degree_cell_at_the_equator(self):
        """Closed form: 1/360 of the zone of the WGS 84 ellipsoid between two parallels."""
        (row,) = frame_of(grid_of(4326, (1, 0, 10, 0, -1, 1)), [square(0, 0)]).itertuples()
        ecc = math.sqrt(0.00669437999014)
        sine = math.sin(math.radians(1))
        zone = sine / (2 * (1 - (ecc * sine) ** 2)) + math.log((1 + ecc * sine) / (1 - ecc * sine)) / (
            4 * ecc
        )
        expected_m2 = math.radians(1) * 6378137.0**2 * (1 - ecc**2) * zone
        assert expected_m2 == pytest.approx(12_308.8e6, rel=1e-4)  # the published figure, 12,309 km2
        assert row.area_m2 == pytest.approx(expected_m2, rel=1e-7)
        assert row.perimeter_m == pytest.approx(2 * 110_574.39 + 111_319.49 + 111_302.65, abs=1)

    @pytest.mark.parametrize(
        ("epsg", "map_from_pix"),
        [
            (25832, NORTH_UP),
            (25832, ROTATED),
            (25832, (10.0, 0, 500_000, 0, -10.0, 5_500_000)),  # large enough for geodesics
            (32633, (0.01, 0, 300_000, 0, -0.01, 5_500_000)),  # a centimetre
            (3857, (1.0, 0, 800_000, 0, -1.0, 7_000_000)),  # twice too large at this latitude
            (28992, (0.25, 0, 120_000, 0, -0.25, 480_000)),
            (2056, (0.1, 0, 2_600_000, 0, -0.1, 1_200_000)),
            (2263, (1.0, 0, 980_000, 0, -1.0, 200_000)),  # US survey feet
            (4807, (1e-5, 0, 2.0, 0, -1e-5, 52.0)),  # grads east of Paris
        ],
    )
    def test_areas_agree_with_an_equal_area_projection(self, epsg, map_from_pix, blobs_HW):
        frame = frame_of(grid_of(epsg, map_from_pix), polygons_of(blobs_HW))
        lon, lat = frame.to_crs(4326).geometry.iloc[0].exterior.coords[0]
        local = pyproj.CRS.from_proj4(f"+proj=laea +lon_0={lon} +lat_0={lat} +ellps={ellipsoid_of(epsg)}")
        to_local = pyproj.Transformer.from_crs(pyproj.CRS(epsg), local, always_xy=True, only_best=False)
        projected = shapely.transform(frame.geometry.to_numpy(), to_local.transform, interleaved=False)
        assert frame["area_m2"].to_numpy() == pytest.approx(shapely.area(projected), rel=2e-5)
        assert frame["perimeter_m"].to_numpy() == pytest.approx(shapely.length(projected), rel=2e-5)

    def test_areas_add_up_over_large_cells(self):
        grid = grid_of(4326, (5, 0, -180, 0, -5, 80))
        whole, *parts = frame_of(grid, [square(4, 2, 4, 2), square(4, 2, 2, 2), square(6, 2, 2, 2)])[
            "area_m2"
        ]
        assert whole == pytest.approx(sum(parts), rel=1e-9)

    def test_over_the_antimeridian(self):
        here, there = (
            frame_of(grid_of(4326, (1, 0, west, 0, -1, 60)), [square(0, 0, 2, 2)]) for west in (10, 179)
        )
        assert there["area_m2"].iloc[0] == pytest.approx(here["area_m2"].iloc[0], rel=1e-9)

    def test_without_a_crs_measures_are_planar(self):
        table = SegmentsTable(grid_of(None, PIXELS), PROVENANCE)
        assert not table.is_geodesic
        (row,) = frame_of(grid_of(None, PIXELS), [square(2, 3, 4, 5)]).itertuples()
        assert (row.area_m2, row.perimeter_m) == (20, 18)

    def test_outside_the_projection_is_null_and_not_an_error(self):
        full_disk_crs = CRS.from_proj4("+proj=geos +h=35785831 +lon_0=0 +sweep=y +ellps=GRS80").to_wkt()
        grid = RasterGrid(11, 11, (1e6, 0, -5.5e6, 0, -1e6, 5.5e6), full_disk_crs)
        in_space, on_earth = square(0, 0), square(5, 5)
        frame = frame_of(grid, [in_space, on_earth], min_area_m2=1, simplify_m=1)
        assert frame["area_m2"].isna().tolist() == [True, False]
        assert frame["area_m2"].iloc[1] == pytest.approx(1e12, rel=0.02)

    @given(st.floats(-70, 70), st.floats(-179, 179), st.floats(0, 6.28))
    @settings(deadline=None, max_examples=30)
    def test_local_metres_agree_with_geodesic_distances(self, lat, lon, turn):
        step = 1e-5
        cos, sin = step * math.cos(turn), step * math.sin(turn)
        grid = grid_of(4326, (cos, sin, lon, sin, -cos, lat))
        (m_from_pix,) = GroundMeasure(grid).metres_from_pix(np.array([[3.0, 4.0]]))
        corner, right, down = grid.to_map([(3, 4), (4, 4), (3, 5)])
        geod = pyproj.Geod(ellps="WGS84")
        for column, end in enumerate((right, down)):
            _, _, distance_m = geod.inv(*corner, *end)
            assert np.hypot(*m_from_pix[:, column]) == pytest.approx(distance_m, rel=1e-5)


def ellipsoid_of(epsg: int) -> str:
    """PROJ's name of the ellipsoid, so that the datum makes no difference."""
    names = {
        "GRS 1980": "GRS80",
        "WGS 84": "WGS84",
        "Bessel 1841": "bessel",
        "Clarke 1880 (IGN)": "clrk80ign",
    }
    return names[pyproj.CRS(epsg).ellipsoid.name]


class TestMinimumArea:
    def test_keeps_exactly_what_is_large_enough(self, blobs_HW):
        grid, polygons = grid_of(25832, NORTH_UP), polygons_of(blobs_HW)
        everything = frame_of(grid, polygons)
        kept = frame_of(grid, polygons, min_area_m2=0.5)
        assert 0 < len(kept) < len(everything)
        expected = everything[everything["area_m2"] >= 0.5].reset_index(drop=True)
        assert kept.geometry.geom_equals(expected.geometry).all()


def disc(side_px: int = 200) -> np.ndarray:
    row, col = np.indices((side_px, side_px)) - side_px / 2 + 0.5
    return (np.hypot(row, col) < 0.45 * side_px) & (np.hypot(row, col) > 0.15 * side_px)


class TestSimplify:
    def test_disc_with_a_hole_keeps_its_shape_in_few_vertices(self):
        grid = grid_of(25832, NORTH_UP)
        exact = frame_of(grid, polygons_of(disc())).geometry.iloc[0]
        simple = frame_of(grid, polygons_of(disc()), simplify_m=0.6).geometry.iloc[0]
        assert shapely.get_num_coordinates(simple) < 0.2 * shapely.get_num_coordinates(exact)
        assert len(simple.interiors) == 1
        assert simple.boundary.hausdorff_distance(exact.boundary) < 0.61
        assert simple.area == pytest.approx(exact.area, rel=0.02)

    @pytest.mark.parametrize(("epsg", "pixel"), [(25832, 0.3), (4326, 3e-6), (2263, 1.0)])
    def test_tolerance_is_in_metres_in_every_crs(self, epsg, pixel):
        origin = {25832: (500_000, 5_500_000), 4326: (10, 60), 2263: (980_000, 200_000)}[epsg]
        grid = grid_of(epsg, (pixel, 0, origin[0], 0, -pixel, origin[1]))
        geometries = np.array([p.geometry for p in polygons_of(disc())], dtype=object)
        measure = GroundMeasure(grid)
        (m_from_pix,) = measure.metres_from_pix(np.array([[100.0, 100.0]]))
        simple = simplified(geometries, 1.0, grid=grid, measure=measure)
        exact_m, simple_m = (shapely.transform(g, lambda xy: xy @ m_from_pix.T) for g in (geometries, simple))
        moved_m = shapely.hausdorff_distance(shapely.boundary(exact_m), shapely.boundary(simple_m))
        assert (shapely.get_num_coordinates(simple) < shapely.get_num_coordinates(geometries)).all()
        assert 0.3 < moved_m.max() <= 1.001

    @pytest.mark.parametrize("map_from_pix", [NORTH_UP, ROTATED])
    @pytest.mark.parametrize("tolerance_m", [0.2, 0.5, 3.0])
    def test_noise_stays_valid_with_all_its_holes(self, map_from_pix, tolerance_m):
        polygons = polygons_of(np.random.default_rng(3).random((120, 120)) < 0.6)
        frame = frame_of(grid_of(25832, map_from_pix), polygons, simplify_m=tolerance_m)
        assert frame.is_valid.all()
        assert set(frame.geom_type) == {"Polygon"}
        num_holes = shapely.get_num_interior_rings(frame.geometry.to_numpy()).sum()
        assert num_holes == sum(len(polygon.geometry.interiors) for polygon in polygons) > 50

    def test_zero_tolerance_changes_nothing(self, blobs_HW):
        grid, polygons = grid_of(25832, NORTH_UP), polygons_of(blobs_HW)
        same = frame_of(grid, polygons, simplify_m=0.0).geometry
        assert same.geom_equals(frame_of(grid, polygons).geometry).all()

    @pytest.mark.slow
    def test_a_huge_polygon_takes_seconds_and_stays_valid(self):
        random = np.random.default_rng(4)
        smooth = ndimage.zoom(random.random((130, 130)), 16, order=1)[:2048, :2048]
        for noise, can_simplify in ((0.0, True), (0.03, False)):
            polygons = polygons_of(smooth + random.normal(0, noise, smooth.shape) < 0.6)
            grid = grid_of(25832, NORTH_UP, side_px=2048)
            start_s = time.process_time()
            frame = frame_of(grid, polygons, simplify_m=0.5)
            assert time.process_time() - start_s < 10
            assert frame.is_valid.all()
            num_before = max(shapely.get_num_coordinates(polygon.geometry) for polygon in polygons)
            num_after = frame.geometry.count_coordinates().max()
            assert num_after < num_before / 4 if can_simplify else num_after == num_before
