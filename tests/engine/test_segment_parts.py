"""The pipeline's small parts on their own: reading ahead, stage times, scores of polygons."""

from __future__ import annotations

import math
import threading
import time

import numpy as np
import pytest
import shapely

from geophrase.engine.pipeline.prefetch import prefetched
from geophrase.engine.pipeline.progress import StageTimes
from geophrase.engine.pipeline.tile_scores import TileScores
from geophrase.protocol.grid import WindowPx


@pytest.mark.parametrize("num_threads", [1, 3])
def test_results_come_in_order_and_never_too_far_ahead(num_threads):
    taken = []

    def items():
        for number in range(40):
            taken.append(number)
            yield number

    def load(number: int) -> int:
        time.sleep(0.001 * (number % 3))
        return number

    for count, number in enumerate(prefetched(load, items(), num_ahead=5, num_threads=num_threads)):
        assert number == count
        assert len(taken) <= count + 6


def test_the_next_item_is_loaded_while_the_caller_works():
    second_began = threading.Event()

    def load(number: int) -> int:
        if number == 1:
            second_began.set()
        return number

    results = prefetched(load, range(3), num_ahead=1)
    assert next(results) == 0
    assert second_began.wait(timeout=10)
    results.close()


def test_an_error_comes_out_where_its_result_is_due():
    def load(number: int) -> float:
        return 1 / (number - 2)

    results = prefetched(load, range(5), num_ahead=4)
    assert [next(results), next(results)] == [-0.5, -1.0]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_closing_drops_what_has_not_begun():
    begun = []
    gate = threading.Event()

    def load(number: int) -> int:
        begun.append(number)
        if number:
            gate.wait(timeout=10)
        return number

    results = prefetched(load, range(100), num_ahead=10)
    assert next(results) == 0
    gate.set()
    results.close()
    assert len(begun) < 100
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("prefetch")]


def test_nested_stages_count_once_and_add_up():
    times = StageTimes()
    started_s = time.perf_counter()
    with times.stage("write"):
        time.sleep(0.02)
        with times.stage("encode"):
            time.sleep(0.04)
        time.sleep(0.02)
    wall_s = time.perf_counter() - started_s
    assert sum(times.seconds.values()) == pytest.approx(wall_s, abs=0.01)
    assert times.seconds["encode"] == pytest.approx(0.04, abs=0.015)
    assert times.share_outside("encode") == pytest.approx(0.5, abs=0.15)


def test_a_stage_ends_with_an_error():
    times = StageTimes()
    with pytest.raises(ZeroDivisionError), times.stage("read"):
        _ = 1 / 0
    time.sleep(0.03)
    with times.stage("write"):
        pass
    assert times.seconds["read"] < 0.02


def scores_of_four() -> TileScores:
    """Tiles of 10 px, step 8, on a raster of 18 x 18; the last says that nothing is there."""
    windows = [WindowPx(col, row, 10, 10) for row in (0, 8) for col in (0, 8)]
    scores = TileScores(windows)
    for window, iou, objectness in zip(windows, (0.2, 0.4, 0.6, 0.8), (1.0, 2.0, 3.0, -1.0), strict=True):
        scores.add(window, np.array([iou]), np.array([objectness]))
    return scores


def test_a_polygon_in_one_tile_has_its_scores():
    assert scores_of_four().of_polygon(shapely.box(1, 1, 5, 5), 0) == pytest.approx((0.2, 1.0))


def test_a_polygon_over_two_tiles_has_their_mean_by_area():
    # x from 4 to 14: six columns in each tile, two of them in both.
    assert scores_of_four().of_polygon(shapely.box(4, 1, 14, 5), 0) == pytest.approx((0.3, 1.5))


def test_tiles_without_the_object_have_no_say():
    # Covers all four; the absent one would pull the objectness down.
    iou, objectness = scores_of_four().of_polygon(shapely.box(0, 0, 18, 18), 0)
    assert (iou, objectness) == pytest.approx((0.4, 2.0))


def test_a_polygon_that_no_tile_claims_has_no_scores():
    scores = scores_of_four().of_polygon(shapely.box(12, 12, 15, 15), 0)
    assert math.isnan(scores.iou)
    assert math.isnan(scores.objectness)
