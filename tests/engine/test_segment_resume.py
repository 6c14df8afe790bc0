"""Interrupted runs that continue from the score store, and finished ones that are outlined anew."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
from affine import Affine

import geophrase.engine.pipeline.run
from geophrase.engine.errors import CancelledError, EngineError
from geophrase.engine.outline import outlined
from geophrase.engine.pipeline.progress import Progress
from geophrase.engine.pipeline.run_config import SegmentConfig
from geophrase.engine.pipeline.score_store import RunScores, ScoreStore
from geophrase.engine.segment import SegmentJob
from geophrase.engine.vector.run_parameters import read_run_parameters
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.jobs import Outline
from geophrase.tests.fakes.soft_model import SoftModel

TRANSFORM = Affine(0.5, 0, 346000, 0, -0.5, 5648000)
ROWS, COLS = 470, 220
# Neither a whole number of tiles nor of strips, and a part of a tile row at its top.
EXTENT = (*(TRANSFORM @ (37, 411)), *(TRANSFORM @ (195, 21)))
NO_DATE = ["created"]


@pytest.fixture(scope="module")
def town(tmp_path_factory) -> Path:
    """Smooth random colours, with a gap of three tile rows and some more without data."""
    rng = np.random.default_rng(3)
    coarse_CHW = rng.integers(0, 256, (3, ROWS // 10 + 2, COLS // 10 + 2))
    image_CHW = coarse_CHW.repeat(10, axis=1).repeat(10, axis=2)[:, 5 : ROWS + 5, 5 : COLS + 5]
    image_CHW = (0.93 * image_CHW + rng.integers(1, 15, image_CHW.shape)).astype(np.uint8)
    image_CHW[:, 250:380, :170] = 0
    image_CHW[:, :70, 150:] = 0
    path = tmp_path_factory.mktemp("rasters") / "town.tif"
    profile = {"driver": "GTiff", "width": COLS, "height": ROWS, "count": 3, "dtype": "uint8", "nodata": 0}
    with rasterio.open(path, "w", crs="EPSG:25832", transform=TRANSFORM, **profile) as dataset:
        dataset.write(image_CHW)
    return path


def config(**options) -> SegmentConfig:
    return SegmentConfig(**{"queries": ("red", "blue"), **options})


def run(
    town: Path,
    options: SegmentConfig,
    store: ScoreStore | None,
    *,
    model: SoftModel | None = None,
    progress: Callable[[Progress], None] | None = None,
    cancel: Callable[[], bool] | None = None,
) -> gpd.GeoDataFrame:
    job = SegmentJob(town, options, model=model or SoftModel(), store=store, progress=progress, cancel=cancel)
    with job.opened() as opened:
        return joined(opened.frames())


def joined(frames: Iterable[gpd.GeoDataFrame]) -> gpd.GeoDataFrame:
    return pd.concat(list(frames), ignore_index=True)


def stored_run(town: Path, folder: Path, options: SegmentConfig) -> RunScores:
    """Run to the end and find the probabilities again, as another process would."""
    run(town, options, ScoreStore(folder))
    (run_folder,) = folder.iterdir()
    scores = ScoreStore(folder).find(run_folder.name)
    assert scores is not None
    assert scores.is_complete
    return scores


def interrupted(town: Path, options: SegmentConfig, store: ScoreStore, *, after: int) -> int:
    """Run until `after` progress reports and cancel; the tiles that were encoded."""
    model, seen = SoftModel(), []
    with pytest.raises(CancelledError):
        run(town, options, store, model=model, progress=seen.append, cancel=lambda: len(seen) >= after)
    return model.num_encoded


def assert_identical(actual: gpd.GeoDataFrame, expected: gpd.GeoDataFrame) -> None:
    """The same features, bit for bit and in the same order; only the date may differ."""
    assert len(expected) > 10
    assert list(actual.geometry.to_wkb()) == list(expected.geometry.to_wkb())
    columns = expected.columns.drop([*NO_DATE, "geometry"])
    pd.testing.assert_frame_equal(actual[columns], expected[columns], check_exact=True)


def in_one_order(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Features and the vertices of their rings in an order that strips have no part in."""
    frame = frame.set_geometry(frame.geometry.normalize())
    keys = frame.geometry.to_wkb(hex=True) + frame["query"]
    return frame.iloc[np.argsort(keys.to_numpy())].reset_index(drop=True)


TILINGS = {
    "whole": {},
    "extent": {"extent_map": EXTENT},
    "large-overlap": {"tile_px": 96, "overlap_px": 48},
    "no-overlap": {"tile_px": 100, "overlap_px": 0},
    "tall-tiles": {"tile_px": 256, "extent_map": EXTENT},
}


@pytest.fixture(scope="module")
def kept(town, tmp_path_factory) -> RunScores:
    """The probabilities of a finished run with the options of `config()`; only to be read."""
    folder = tmp_path_factory.mktemp("kept")
    return stored_run(town, folder, config())


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    """Two tiles of 64 at a time, so that a run can be cut in many places."""
    monkeypatch.setattr(geophrase.engine.pipeline.run, "_MAX_BATCH_PX", 2 * 64**2)


@pytest.mark.parametrize("tiling", TILINGS)
@pytest.mark.parametrize("share", [0.4, 0.9])
def test_a_run_that_was_cut_goes_on_and_is_the_same_bit_for_bit(town, tmp_path, tiling, share):
    options = config(**TILINGS[tiling])
    reports: list[Progress] = []
    expected = run(town, options, ScoreStore(tmp_path / "uncut"), progress=reports.append)
    cut = ScoreStore(tmp_path / "cut")
    interrupted(town, options, cut, after=int(share * len(reports)))
    model, seen = SoftModel(), []
    found = run(town, options, cut, model=model, progress=seen.append)
    assert_identical(found, expected)
    resumed = seen[-1].num_resumed
    assert resumed > 0 or tiling == "tall-tiles"  # of which every one reaches into the last rows
    assert model.num_encoded <= reports[-1].num_total - resumed
    assert [one.num_done for one in seen] == sorted({one.num_done for one in seen})
    assert seen[-1].num_done == seen[-1].num_total == reports[-1].num_total
    assert seen[-1].num_polygons <= len(found)


def test_a_run_may_be_cut_any_number_of_times(town, tmp_path):
    expected = run(town, config(), ScoreStore(tmp_path / "uncut"))
    for after in (8, 9, 7, 10, 6):
        interrupted(town, config(), ScoreStore(tmp_path / "cut"), after=after)
    assert_identical(run(town, config(), ScoreStore(tmp_path / "cut")), expected)


def test_every_group_of_queries_goes_on_where_it_was(town, tmp_path, monkeypatch):
    monkeypatch.setattr(geophrase.engine.pipeline.run, "_MAX_BLEND_BYTES", 1)
    reports: list[Progress] = []
    expected = run(town, config(), ScoreStore(tmp_path / "uncut"), progress=reports.append)
    interrupted(town, config(), ScoreStore(tmp_path / "cut"), after=int(0.8 * len(reports)))
    model, seen = SoftModel(), []
    found = run(town, config(), ScoreStore(tmp_path / "cut"), model=model, progress=seen.append)
    assert_identical(found, expected)
    assert set(model.texts_seen) == {("blue",)}
    assert seen[-1].num_done == seen[-1].num_total == reports[-1].num_total
    assert seen[-1].num_resumed > seen[-1].num_total / 2


def test_a_finished_run_asks_the_model_nothing(town, tmp_path):
    expected = run(town, config(), ScoreStore(tmp_path))
    model, seen = SoftModel(), []
    found = run(town, config(), ScoreStore(tmp_path), model=model, progress=seen.append)
    assert_identical(found, expected)
    assert (model.num_encoded, model.num_decoded) == (0, 0)
    assert seen[-1].num_resumed == seen[-1].num_done == seen[-1].num_total
    coarse = run(town, config(threshold=0.7, min_area_m2=5, simplify_m=1), ScoreStore(tmp_path), model=model)
    assert 0 < len(coarse) < len(expected)
    assert model.num_encoded == 0


@pytest.mark.parametrize(
    "change",
    [
        {"queries": ("blue", "red")},
        {"extent_map": EXTENT},
        {"tile_px": 80},
        {"overlap_px": 20},
        {"resolution_m": 1.0},
        {"bands": (3, 2, 1)},
        {"one_window": True},
    ],
)
def test_what_the_probabilities_depend_on_makes_a_new_run(town, tmp_path, change):
    run(town, config(), ScoreStore(tmp_path))
    model = SoftModel()
    run(town, config(**change), ScoreStore(tmp_path), model=model)
    assert model.num_encoded > 0


def test_another_model_or_raster_makes_a_new_run(town, tmp_path):
    copy = tmp_path / "copy.tif"
    copy.write_bytes(town.read_bytes())
    run(copy, config(), ScoreStore(tmp_path / "s"))
    other = SoftModel(identity="soft:2")
    run(copy, config(), ScoreStore(tmp_path / "s"), model=other)
    os.utime(copy, (1, 1))
    again = SoftModel()
    run(copy, config(), ScoreStore(tmp_path / "s"), model=again)
    assert other.num_encoded > 0
    assert again.num_encoded > 0


def test_a_damaged_strip_is_made_again(town, tmp_path):
    expected = run(town, config(), ScoreStore(tmp_path))
    strips = sorted(tmp_path.glob("*/*.strip"))
    strips[len(strips) // 2].write_bytes(b"not a strip")
    model = SoftModel()
    assert_identical(run(town, config(), ScoreStore(tmp_path), model=model), expected)
    whole = SoftModel()
    run(town, config(), None, model=whole)
    assert 0 < model.num_encoded < whole.num_encoded


def test_a_store_that_cannot_be_written_changes_nothing(town, tmp_path):
    expected = run(town, config(), ScoreStore(tmp_path / "scores"))
    (tmp_path / "file").write_text("in the way")
    assert_identical(run(town, config(), ScoreStore(tmp_path / "file" / "scores")), expected)
    assert_identical(run(town, config(), ScoreStore(tmp_path / "tiny", limit_bytes=9000)), expected)


@pytest.mark.parametrize("threshold", [0.01, 0.29, 0.5, 0.57, 0.99])
def test_the_store_does_not_show_in_whole_percents(town, tmp_path, threshold):
    without = run(town, config(threshold=threshold), None)
    stored = run(town, config(threshold=threshold), ScoreStore(tmp_path))
    assert list(stored.geometry.to_wkb()) == list(without.geometry.to_wkb())
    columns = ["query", "iou_pred", "objectness", "area_m2", "perimeter_m"]
    pd.testing.assert_frame_equal(stored[columns], without[columns], check_exact=True)
    loss = without["score"] - stored["score"]
    assert loss.between(-1e-12, 1 / 65500).all()


def test_a_mask_raster_of_a_resumed_run_is_the_same(town, tmp_path):
    masks = []
    for name, cuts in (("uncut", ()), ("cut", (5, 9))):
        for after in cuts:
            interrupted(town, config(), ScoreStore(tmp_path / name), after=after)
        job = SegmentJob(town, config(), model=SoftModel(), store=ScoreStore(tmp_path / name))
        job.write(tmp_path / f"{name}.tif")
        with rasterio.open(tmp_path / f"{name}.tif") as dataset:
            masks.append(dataset.read(1))
    assert {1, 2} < set(np.unique(masks[0]))
    np.testing.assert_array_equal(masks[1], masks[0])


@pytest.mark.parametrize(
    "outline",
    [
        *[Outline(percent / 100) for percent in (1, 29, 58, 99)],
        Outline(0.4, min_area_m2=20.0),
        Outline(0.6, min_area_m2=3.0, simplify_m=1.5),
    ],
)
def test_outlined_anew_it_is_what_a_fresh_run_finds(town, tmp_path, kept, outline):
    found = joined(outlined(kept, outline).frames())
    changed = config(
        threshold=outline.threshold, min_area_m2=outline.min_area_m2, simplify_m=outline.simplify_m
    )
    assert_identical(found, run(town, changed, ScoreStore(tmp_path / "fresh")))
    without = run(town, changed, None)
    assert list(found.geometry.to_wkb()) == list(without.geometry.to_wkb())


@pytest.mark.parametrize("groups", [1, 2])
def test_an_extent_gives_what_a_fresh_run_on_it_finds(town, tmp_path, groups, monkeypatch):
    if groups == 2:
        monkeypatch.setattr(geophrase.engine.pipeline.run, "_MAX_BLEND_BYTES", 1)
    scores = stored_run(town, tmp_path / "kept", config())
    outline_run = outlined(scores, Outline(0.45), extent_map=EXTENT)
    changed = config(threshold=0.45, extent_map=EXTENT)
    job = SegmentJob(town, changed, model=SoftModel(), store=ScoreStore(tmp_path / "fresh"))
    with job.opened() as opened:
        fresh = joined(opened.frames())
        assert outline_run.parameters() == json.loads(json.dumps(opened.parameters()))
    found, fresh = in_one_order(joined(outline_run.frames())), in_one_order(fresh)
    assert list(found.geometry.to_wkb()) == list(fresh.geometry.to_wkb())
    exact, summed = ["query", "score", "iou_pred", "objectness"], ["area_m2", "perimeter_m"]
    pd.testing.assert_frame_equal(found[exact], fresh[exact], check_exact=True)
    pd.testing.assert_frame_equal(found[summed], fresh[summed], rtol=1e-12)


def test_the_raster_and_the_model_are_not_needed_any_more(town, tmp_path):
    copy = tmp_path / "copy.tif"
    copy.write_bytes(town.read_bytes())
    expected = run(copy, config(), ScoreStore(tmp_path / "s"))
    scores = stored_run(copy, tmp_path / "s", config())
    copy.unlink()
    again = outlined(scores, Outline(0.5))
    assert_identical(joined(again.frames()), expected)
    assert again.table.empty().crs == expected.crs
    assert again.parameters()["raster"] == str(copy)


def test_one_window_is_outlined_on_its_own_pixels(town, tmp_path):
    options = config(one_window=True, extent_map=EXTENT, threshold=0.4)
    scores = stored_run(town, tmp_path / "kept", options)
    assert_identical(
        joined(outlined(scores, Outline(0.6)).frames()),
        run(town, config(one_window=True, extent_map=EXTENT, threshold=0.6), ScoreStore(tmp_path / "fresh")),
    )
    half = (EXTENT[0], EXTENT[1], (EXTENT[0] + EXTENT[2]) / 2, EXTENT[3])
    clipped = outlined(scores, Outline(0.6), extent_map=half)
    assert clipped.parameters()["extent_map"] == list(EXTENT)
    assert clipped.parameters()["clip_map"] == list(half)
    assert joined(clipped.frames()).total_bounds[2] <= half[2] + 2 < EXTENT[2] - 30


def test_what_is_there_of_an_unfinished_run_is_outlined(town, tmp_path):
    whole = run(town, config(), ScoreStore(tmp_path / "whole"))
    interrupted(town, config(), ScoreStore(tmp_path / "cut"), after=12)
    (folder,) = (tmp_path / "cut").iterdir()
    scores = ScoreStore(tmp_path / "cut").find(folder.name)
    assert scores is not None
    assert not scores.is_complete
    part = joined(outlined(scores, Outline(0.5)).frames())
    south = part.total_bounds[1]
    above = whole[whole.bounds["miny"] > south]
    assert 10 < len(above) <= len(part) < len(whole)
    assert set(above.geometry.to_wkb()) <= set(part.geometry.to_wkb())


def test_a_finished_run_that_has_lost_a_strip_says_so(town, tmp_path):
    scores = stored_run(town, tmp_path, config())
    last = sorted(tmp_path.glob("*/*.strip"))[-1]
    last.write_bytes(last.read_bytes()[:-3])
    with pytest.raises(EngineError, match="Run the query again") as failure:
        joined(outlined(scores, Outline(0.5)).frames())
    assert failure.value.code is ErrorCode.NOT_FOUND


def test_outlining_tells_how_far_it_is_and_can_be_cancelled(kept):
    seen: list[Progress] = []
    found = joined(outlined(kept, Outline(0.5), progress=seen.append).frames())
    assert [one.num_done for one in seen] == sorted({one.num_done for one in seen})
    assert seen[-1].num_done == seen[-1].num_total
    assert 0 < seen[-1].num_polygons <= len(found)
    again: list[Progress] = []
    with pytest.raises(CancelledError):
        joined(outlined(kept, Outline(0.5), progress=again.append, cancel=lambda: len(again) >= 2).frames())
    assert len(again) == 2


@pytest.mark.parametrize(
    ("outline", "extent", "code"),
    [
        (Outline(0.0), None, ErrorCode.BAD_REQUEST),
        (Outline(1.5), None, ErrorCode.BAD_REQUEST),
        (Outline(0.5, min_area_m2=-1), None, ErrorCode.BAD_REQUEST),
        (Outline(0.5), (0, 0, 10, 10), ErrorCode.OUTSIDE_RASTER),
    ],
)
def test_an_outline_that_makes_no_sense_is_refused(kept, outline, extent, code):
    with pytest.raises(EngineError) as failure:
        outlined(kept, outline, extent_map=extent)
    assert failure.value.code is code


def test_an_extent_beside_what_the_run_covered_is_refused(town, tmp_path):
    scores = stored_run(town, tmp_path, config(extent_map=EXTENT))
    with pytest.raises(EngineError, match="outside what the run covered") as failure:
        outlined(scores, Outline(0.5), extent_map=(346000, 5647999, 346001, 5648000))
    assert failure.value.code is ErrorCode.OUTSIDE_RASTER


def test_a_run_with_a_store_writes_its_parameters(town, tmp_path):
    SegmentJob(town, config(), model=SoftModel(), store=ScoreStore(tmp_path / "s")).write(tmp_path / "o.gpkg")
    parameters = read_run_parameters(tmp_path / "o.gpkg")
    assert parameters["queries"] == ["red", "blue"]
    assert (parameters["tile_px"], parameters["overlap_px"]) == (53, 13)
