"""Ctrl-C and a polite kill, sent to real processes."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import rasterio

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX's")

SLOW_MODEL = """
import sys, time
import geophrase.engine.segment
from geophrase.tests.fakes.colour_model import ColourModel

class SlowModel(ColourModel):
    def encode_batch(self, images_BHWC):
        print("encoding", file=sys.stderr, flush=True)
        time.sleep(0.2)
        return super().encode_batch(images_BHWC)

geophrase.engine.segment.load_predictor = lambda *_args, **_options: SlowModel(image_px=512)
from geophrase.engine.cli.main import main
sys.exit(main())
"""


@pytest.fixture
def large_raster(tmp_path) -> Path:
    path = tmp_path / "large.tif"
    profile = {"driver": "GTiff", "width": 4000, "height": 4000, "count": 3, "dtype": "uint8"}
    with rasterio.open(path, "w", compress="deflate", crs="EPSG:25832", **profile) as dataset:
        dataset.write(np.full((3, 4000, 4000), 90, np.uint8))
    return path


@pytest.fixture(autouse=True)
def signals_as_in_a_terminal():
    """Children inherit what is ignored, and under nohup a hang-up is, which the command respects."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def wait_for(is_there, process: subprocess.Popen, timeout_s: float = 60) -> None:
    until_s = time.monotonic() + timeout_s
    while not is_there():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < until_s
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_run_that_is_interrupted_ends_at_once_and_leaves_nothing(large_raster, tmp_path, number):
    output = tmp_path / "out.gpkg"
    output.write_bytes(b"what was there before")
    before = sorted(tmp_path.iterdir())
    command = [sys.executable, "-c", SLOW_MODEL, "segment", str(large_raster), "red", "-o", str(output)]
    with subprocess.Popen(
        [*command, "--cache", "none"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr.readline() == "encoding\n"
        assert len(list(tmp_path.iterdir())) > len(before)  # work in progress is there to be tidied
        process.send_signal(number)
        said_out, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert said_out == ""
    assert "Traceback" not in said
    assert said.strip().splitlines()[-1] == "geophrase: cancelled; nothing was written."
    assert output.read_bytes() == b"what was there before"
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="looks at /proc to see the import under way")
@pytest.mark.parametrize("delay_s", [0.0, 0.3])
def test_an_interrupt_while_libraries_are_imported_ends_quietly_too(large_raster, tmp_path, delay_s):
    output = tmp_path / "out.gpkg"
    command = [sys.executable, "-m", "geophrase.engine.cli.main", "segment", str(large_raster), "red"]
    with subprocess.Popen(
        [*command, "-o", str(output)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        wait_for(lambda: "libtorch" in Path(f"/proc/{process.pid}/maps").read_text(), process)
        time.sleep(delay_s)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert not output.exists()
