"""The streamed polygons against GDAL's polygonise of the whole mask, and against the mask itself."""

from __future__ import annotations

import math
import time
import tracemalloc

import numpy as np
import pytest
import rasterio.features
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from shapely.geometry import shape

from geophrase.engine.vector.polygonise import PixelPolygon, StreamingPolygoniser


def stream(
    prob_HW: np.ndarray, cuts: list[int], *, valid_HW: np.ndarray | None = None, row0: int = 0, col0: int = 0
) -> list[PixelPolygon]:
    """Polygonise in strips that end at the given rows."""
    valid_HW = np.ones(prob_HW.shape, bool) if valid_HW is None else valid_HW
    polygoniser = StreamingPolygoniser(threshold=0.5, col0=col0)
    polygons = []
    for top, bottom in zip([0, *cuts], [*cuts, len(prob_HW)], strict=True):
        polygons += polygoniser.add_strip(row0 + top, prob_HW[top:bottom], valid_HW[top:bottom])
    return polygons + list(polygoniser.finish())


def gdal_polygons(mask_HW: np.ndarray) -> list[shapely.Polygon]:
    shapes = rasterio.features.shapes(mask_HW.astype(np.uint8), mask=mask_HW, connectivity=4)
    return [shape(geometry) for geometry, _ in shapes]


def canonical(polygons: list[shapely.Polygon]) -> list[str]:
    return sorted(shapely.to_wkt(shapely.normalize(polygon)) for polygon in polygons)


def masks(max_side: int = 24) -> st.SearchStrategy[np.ndarray]:
    return hnp.arrays(np.bool_, hnp.array_shapes(min_dims=2, max_dims=2, max_side=max_side))


@st.composite
def masks_in_strips(draw: st.DrawFn) -> tuple[np.ndarray, list[int]]:
    mask_HW = draw(masks())
    cuts = sorted(draw(st.lists(st.integers(0, len(mask_HW)), max_size=6)))
    return mask_HW, cuts


def spiral(side: int) -> np.ndarray:
    """A one-pixel-wide path that winds inwards with a gap of one pixel."""
    mask = np.zeros((side, side), bool)
    row, col, d_row, d_col = 0, 0, 0, 1
    length = side - 1
    mask[0, 0] = True
    for turn in range(2 * side):
        for _ in range(length):
            row, col = row + d_row, col + d_col
            mask[row, col] = True
        d_row, d_col = d_col, -d_row
        if turn >= 2 and turn % 2 == 0:
            length -= 2
        if length <= 0:
            break
    return mask


def rings(side: int) -> np.ndarray:
    """Concentric square rings: each lies in a hole of the next."""
    index = np.arange(side)
    from_border = np.minimum(index, side - 1 - index)
    return np.minimum(from_border[:, None], from_border[None, :]) % 2 == 0


SHAPES = {
    "spiral": spiral(33),
    "nested rings": rings(31),
    "checkerboard": np.indices((16, 16)).sum(0) % 2 == 0,
    "comb": np.vstack([np.tile([True, False], (20, 16)), np.ones((1, 32), bool)]),
    "comb upside down": np.vstack([np.ones((1, 32), bool), np.tile([True, False], (20, 16))]),
    "full": np.ones((9, 7), bool),
    "empty": np.zeros((9, 7), bool),
    "hole that touches the outside in a corner": np.array([[1, 1, 1], [1, 0, 1], [1, 1, 0]], bool),
    "two holes that touch in a corner": np.array(
        [[1, 1, 1, 1], [1, 0, 1, 1], [1, 1, 0, 1], [1, 1, 1, 1]], bool
    ),
}


class TestAgainstGdal:
    @given(masks_in_strips())
    @settings(deadline=None, max_examples=200)
    def test_any_strips_equal_one_shot_polygonise(self, mask_and_cuts):
        mask_HW, cuts = mask_and_cuts
        ours = [polygon.geometry for polygon in stream(mask_HW.astype(np.float32), cuts)]
        assert canonical(ours) == canonical(gdal_polygons(mask_HW))

    @pytest.mark.parametrize("strip_px", [1, 2, 5, 100])
    @pytest.mark.parametrize("name", SHAPES)
    def test_hard_shapes(self, name, strip_px):
        mask_HW = SHAPES[name]
        ours = [
            p.geometry
            for p in stream(mask_HW.astype(np.float32), list(range(strip_px, len(mask_HW), strip_px)))
        ]
        assert canonical(ours) == canonical(gdal_polygons(mask_HW))
        assert all(polygon.is_valid for polygon in ours)

    def test_noise_with_many_regions(self):
        mask_HW = np.random.default_rng(5).random((300, 400)) < 0.55
        ours = [p.geometry for p in stream(mask_HW.astype(np.float32), [7, 64, 65, 250])]
        assert len(ours) > 3000
        assert canonical(ours) == canonical(gdal_polygons(mask_HW))


class TestAgainstTheMask:
    @given(masks_in_strips())
    @settings(deadline=None, max_examples=100)
    def test_polygons_are_valid_and_burn_back_to_the_mask(self, mask_and_cuts):
        mask_HW, cuts = mask_and_cuts
        polygons = stream(mask_HW.astype(np.float32), cuts)
        assert all(polygon.geometry.is_valid for polygon in polygons)
        assert [polygon.geometry.area for polygon in polygons] == [polygon.num_px for polygon in polygons]
        assert sum(polygon.num_px for polygon in polygons) == mask_HW.sum()
        burnt_HW = np.zeros(mask_HW.shape, np.uint8)
        if polygons:
            rasterio.features.rasterize([p.geometry for p in polygons], out=burnt_HW)
        np.testing.assert_array_equal(burnt_HW.astype(bool), mask_HW)

    @given(hnp.arrays(np.float32, (12, 9), elements=st.floats(0, 1, width=32)), st.integers(0, 12))
    @settings(deadline=None, max_examples=50)
    def test_score_is_the_mean_probability_inside(self, prob_HW, cut):
        for polygon in stream(prob_HW, [cut]):
            inside = rasterio.features.geometry_mask(
                [polygon.geometry], prob_HW.shape, rasterio.Affine.identity(), invert=True
            )
            assert polygon.score == pytest.approx(float(prob_HW[inside].mean(dtype=np.float64)), rel=1e-6)

    def test_pixels_without_data_and_nan_are_never_foreground(self):
        prob_HW = np.ones((4, 6), np.float32)
        prob_HW[1, 1] = np.nan
        valid_HW = np.ones((4, 6), bool)
        valid_HW[:, 3:] = False
        (polygon,) = stream(prob_HW, [2], valid_HW=valid_HW)
        assert polygon.num_px == 11
        assert polygon.geometry.equals(shapely.box(0, 0, 3, 4) - shapely.box(1, 1, 2, 2))

    def test_threshold_itself_is_foreground(self):
        assert len(stream(np.full((1, 1), 0.5, np.float32), [])) == 1
        assert stream(np.full((1, 1), np.nextafter(np.float32(0.5), np.float32(0))), []) == []


class TestStreaming:
    @given(masks(12), st.integers(0, 5000), st.integers(0, 5000))
    @settings(deadline=None, max_examples=50)
    def test_extent_only_shifts_the_polygons(self, mask_HW, row0, col0):
        prob_HW = mask_HW.astype(np.float32)
        here = [p.geometry for p in stream(prob_HW, [])]
        there = [p.geometry for p in stream(prob_HW, [], row0=row0, col0=col0)]
        moved = [shapely.affinity.translate(polygon, col0, row0) for polygon in here]
        assert canonical(there) == canonical(moved)

    def test_a_polygon_is_given_out_as_soon_as_it_ends(self):
        polygoniser = StreamingPolygoniser()
        rows = np.ones((2, 3), np.float32)
        nothing = np.zeros((2, 3), np.float32)
        valid_HW = np.ones((2, 3), bool)
        assert list(polygoniser.add_strip(0, rows, valid_HW)) == []
        assert [p.num_px for p in polygoniser.add_strip(2, nothing, valid_HW)] == [6]
        assert list(polygoniser.finish()) == []

    def test_rows_left_out_are_background(self):
        polygoniser = StreamingPolygoniser()
        rows, valid_HW = np.ones((2, 3), np.float32), np.ones((2, 3), bool)
        polygons = list(polygoniser.add_strip(10, rows, valid_HW))
        polygons += polygoniser.add_strip(20, rows, valid_HW)
        polygons += polygoniser.finish()
        assert [p.geometry.bounds for p in polygons] == [(0, 10, 3, 12), (0, 20, 3, 22)]

    def test_callers_mistakes_are_refused(self):
        polygoniser = StreamingPolygoniser()
        ones = np.ones((2, 3), np.float32)
        polygoniser.add_strip(4, ones, ones > 0)
        with pytest.raises(ValueError, match="ended at row 6"):
            polygoniser.add_strip(5, ones, ones > 0)
        with pytest.raises(ValueError, match="3 columns"):
            polygoniser.add_strip(6, np.ones((2, 4), np.float32), np.ones((2, 4), bool))
        with pytest.raises(ValueError, match="threshold"):
            StreamingPolygoniser(threshold=0)


def seconds_for(num_strips: int, prob_HW: np.ndarray) -> float:
    """Time to polygonise the same strip over and over, as one raster."""
    polygoniser = StreamingPolygoniser()
    valid_HW = np.ones(prob_HW.shape, bool)
    start = time.process_time()
    for index in range(num_strips):
        for _ in polygoniser.add_strip(index * len(prob_HW), prob_HW, valid_HW):
            pass
    for _ in polygoniser.finish():
        pass
    return time.process_time() - start


@pytest.mark.slow
class TestScale:
    def test_time_is_linear_in_rows_even_for_one_giant_region(self):
        prob_HW = np.minimum(
            np.random.default_rng(1).random((256, 2048), dtype=np.float32) + 0.2, 1
        )  # percolates
        seconds_for(2, prob_HW)
        per_strip = {count: seconds_for(count, prob_HW) / count for count in (8, 32)}
        # What grows with the square of the rows would cost 4 times as much; a busy core alone up to twice.
        assert per_strip[32] < 2.5 * per_strip[8]

    def test_memory_stays_with_the_open_regions(self):
        side_px, strip_px = 2048, 128
        random = np.random.default_rng(2)
        polygoniser = StreamingPolygoniser()
        valid_HW = np.ones((strip_px, side_px), bool)
        num_px, peaks = 0, []
        tracemalloc.start()
        for row0 in range(0, side_px, strip_px):
            prob_HW = (
                random.random((strip_px, side_px), dtype=np.float32) * 0.53
            )  # speckle: 6 % of the pixels
            tracemalloc.reset_peak()
            num_px += sum(p.num_px for p in polygoniser.add_strip(row0, prob_HW, valid_HW))
            peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        num_px += sum(p.num_px for p in polygoniser.finish())
        assert math.isclose(num_px / side_px**2, 1 - 0.5 / 0.53, rel_tol=0.01)
        assert max(peaks[3:]) < 1.2 * peaks[2]  # 3 times as much where all polygons are kept
