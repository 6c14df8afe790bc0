"""The mask raster as rasterio reads it back."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import rasterio

from geophrase.engine.errors import EngineError
from geophrase.engine.vector.mask_raster import MaskRasterWriter
from geophrase.engine.vector.run_parameters import read_run_parameters
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.grid import WindowPx

from .conftest import grid_of

ROTATED = grid_of(25832, (0.26, 0.15, 500_000.0, 0.15, -0.26, 5_500_000.0), side_px=1000)
WINDOW = WindowPx(100, 200, 700, 600)
RUN = {"queries": ["road", "ship"], "threshold": 0.5}


def writer_at(path, **changes):
    arguments = {
        "grid": ROTATED,
        "window": WINDOW,
        "queries": RUN["queries"],
        "threshold": 0.5,
        "metadata": RUN,
    }
    return MaskRasterWriter(path, **{**arguments, **changes})


def write_strips(path, prob_QHW, valid_HW, *, strip_px):
    with writer_at(path) as writer:
        for top in range(0, WINDOW.height, strip_px):
            rows = slice(top, top + strip_px)
            writer.add_strip(WINDOW.row + top, prob_QHW[:, rows], valid_HW[rows])


@pytest.mark.parametrize("strip_px", [600, 97])
def test_values_place_and_tags_come_back(strip_px, tmp_path):
    random = np.random.default_rng(0)
    prob_QHW = random.random((2, 600, 700), dtype=np.float32)
    prob_QHW[:, 5, 5] = np.nan
    valid_HW = random.random((600, 700)) < 0.9
    valid_HW[5, 5] = True
    write_strips(tmp_path / "mask.tif", prob_QHW, valid_HW, strip_px=strip_px)
    with rasterio.open(tmp_path / "mask.tif") as dataset:
        value_HW = dataset.read(1)
        assert dataset.crs.to_epsg() == 25832
        assert (dataset.transform.c, dataset.transform.f) == pytest.approx(
            ROTATED.to_map((WINDOW.col, WINDOW.row))
        )
        assert dataset.transform[:2] == pytest.approx(ROTATED.map_from_pix[:2])
        assert dataset.nodata == 255
        assert dataset.profile["tiled"]
        assert {key: dataset.tags()[key] for key in ("QUERY_1", "QUERY_2")} == {
            "QUERY_1": "road",
            "QUERY_2": "ship",
        }
    assert (value_HW[~valid_HW] == 255).all()
    found_HW = valid_HW & (np.nan_to_num(prob_QHW).max(0) >= 0.5)
    assert (value_HW[found_HW] == np.where(prob_QHW[0] >= prob_QHW[1], 1, 2)[found_HW]).all()
    assert (value_HW[valid_HW & ~found_HW] == 0).all()
    assert value_HW[5, 5] == 0
    assert read_run_parameters(tmp_path / "mask.tif") == RUN
    assert [path.name for path in tmp_path.iterdir()] == ["mask.tif"]


def test_rows_never_written_are_no_data(tmp_path):
    with writer_at(tmp_path / "mask.tif") as writer:
        writer.add_strip(500, np.zeros((2, 10, 700), np.float32), np.ones((10, 700), bool))
    with rasterio.open(tmp_path / "mask.tif") as dataset:
        value_HW = dataset.read(1)
    assert (value_HW[300:310] == 0).all()
    assert (np.delete(value_HW, range(300, 310), axis=0) == 255).all()


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_failure_leaves_the_old_output_and_nothing_else(error, tmp_path):
    path = tmp_path / "mask.tif"
    path.write_bytes(b"old")

    def fail_half_way():
        with writer_at(path) as writer:
            writer.add_strip(200, np.ones((2, 10, 700), np.float32), np.ones((10, 700), bool))
            raise error

    with pytest.raises(error):
        fail_half_way()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_full_disk_is_one_sentence_and_leaves_nothing(tmp_path):
    code = """
        import resource, signal
        import numpy as np
        from geophrase.engine.errors import EngineError
        from geophrase.engine.vector.mask_raster import MaskRasterWriter
        from geophrase.protocol.grid import RasterGrid
        grid = RasterGrid(2048, 2048, (1, 0, 0, 0, -1, 0), "")
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, resource.RLIM_INFINITY))
        prob_QHW = np.random.default_rng(0).random((1, 512, 2048), dtype=np.float32)
        try:
            with MaskRasterWriter("mask.tif", grid=grid, window=grid.window, queries=["a"], threshold=0.5,
                                  metadata={}) as writer:
                for row0 in range(0, 2048, 512):
                    writer.add_strip(row0, prob_QHW, prob_QHW[0] >= 0)
        except EngineError as error:
            print(error.code.value)
        """
    outcome = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert outcome.stdout.strip() == "output_not_writable", outcome.stderr
    assert outcome.returncode != -signal.SIGXFSZ
    assert list(tmp_path.iterdir()) == []


def test_too_many_queries_and_missing_folder_are_refused(tmp_path):
    with pytest.raises(EngineError, match="254") as too_many:
        writer_at(tmp_path / "mask.tif", queries=[str(number) for number in range(255)])
    assert too_many.value.code == ErrorCode.BAD_REQUEST
    with (
        pytest.raises(EngineError, match="does not exist") as nowhere,
        writer_at(tmp_path / "no" / "mask.tif"),
    ):
        pass
    assert nowhere.value.code == ErrorCode.OUTPUT_NOT_WRITABLE
