"""Where uploads lie on the disk, and that they don't stay there."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from geophrase.engine.errors import EngineError
from geophrase.engine.raster.source import RasterSource
from geophrase.engine.server import uploads
from geophrase.engine.server.uploads import MAX_UPLOADS, UploadStore
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.grid import RasterGrid, WindowPx
from geophrase.protocol.messages import IMAGE, BeginUpload, UploadWindow

# Skewed, and in a CRS that GeoTIFF keys can't say whole.
GRID = RasterGrid(
    5000,
    3000,
    (2.0, 0.5, 1e6, 0.5, -2.0, 6e6),
    'LOCAL_CS["Plant grid",UNIT["metre",1],AXIS["E",EAST],AXIS["N",NORTH]]',
)


def begin(store: UploadStore, **changes) -> str:
    return store.begin(BeginUpload(changes.get("grid", GRID), "Layer"))


def put(store: UploadStore, upload_id: str, window: WindowPx, value: int = 200) -> None:
    image_HWC = np.full((*window.shape_yx, 3), value, np.uint8)
    store.put(upload_id, UploadWindow(window), {IMAGE: image_HWC})


def key_of(store: UploadStore, upload_id: str) -> str:
    with store.reading(upload_id) as raster:
        return raster.known.content_key


def test_a_sparse_upload_takes_only_the_space_of_what_was_sent(tmp_path):
    store = UploadStore(tmp_path)
    upload_id = begin(store)
    put(store, upload_id, WindowPx(100, 200, 300, 250))
    with store.reading(upload_id) as raster:
        assert raster.path.stat().st_size < 3_000_000  # of 60 MB
        with RasterSource.open(raster.path, known=raster.known) as source:
            assert source.grid == GRID
            pixels = source.read(WindowPx(0, 0, 1024, 1024))
            assert not source.has_data(WindowPx(2000, 2000, 500, 500))
    valid_HW = np.zeros((1024, 1024), bool)
    valid_HW[200:450, 100:400] = True
    assert np.array_equal(pixels.valid_HW, valid_HW)
    assert (pixels.image_HWC[valid_HW] == 200).all()
    store.close_all()
    assert list(tmp_path.iterdir()) == []


def test_a_window_sent_again_replaces_what_was_there(tmp_path):
    store = UploadStore(tmp_path)
    upload_id = begin(store)
    put(store, upload_id, WindowPx(0, 0, 100, 100))
    first = key_of(store, upload_id)
    put(store, upload_id, WindowPx(0, 0, 100, 100), value=50)
    with store.reading(upload_id) as raster, RasterSource.open(raster.path) as source:
        assert (source.read(WindowPx(0, 0, 100, 100)).image_HWC == 50).all()
    assert key_of(store, upload_id) != first
    store.close_all()


def test_equal_uploads_have_equal_keys_in_any_run(tmp_path):
    keys = []
    for _ in range(2):
        store = UploadStore(tmp_path)
        upload_id = begin(store)
        for col in (0, 512):
            put(store, upload_id, WindowPx(col, 0, 512, 512))
        keys.append(key_of(store, upload_id))
        store.close_all()
    assert keys[0] == keys[1]


def test_while_a_job_reads_nothing_is_written_and_nothing_vanishes(tmp_path):
    store = UploadStore(tmp_path)
    upload_id = begin(store)
    put(store, upload_id, WindowPx(0, 0, 100, 100))
    with store.reading(upload_id) as raster:
        with pytest.raises(EngineError) as refusal:
            put(store, upload_id, WindowPx(0, 0, 100, 100))
        assert refusal.value.code is ErrorCode.BAD_REQUEST
        store.close(upload_id)
        assert raster.path.exists()
    assert not raster.path.exists()
    with pytest.raises(EngineError) as refusal:
        put(store, upload_id, WindowPx(0, 0, 100, 100))
    assert refusal.value.code is ErrorCode.NOT_FOUND
    store.close("nothing")
    store.close_all()


@pytest.mark.parametrize(
    "window",
    [WindowPx(4950, 0, 100, 10), WindowPx(-1, 0, 10, 10), WindowPx(0, 0, 0, 10), WindowPx(9000, 0, 1, 1)],
)
def test_windows_beside_the_raster_are_refused(tmp_path, window):
    store = UploadStore(tmp_path)
    upload_id = begin(store)
    with pytest.raises(EngineError) as refusal:
        put(store, upload_id, window)
    assert refusal.value.code is ErrorCode.BAD_REQUEST
    store.close_all()


def test_a_full_disk_is_said_before_it_is_full(tmp_path):
    store = UploadStore(tmp_path, reserve_bytes=2**60)
    upload_id = begin(store)
    with pytest.raises(EngineError, match="too little room") as refusal:
        put(store, upload_id, WindowPx(0, 0, 100, 100))
    assert refusal.value.code is ErrorCode.OUTPUT_NOT_WRITABLE
    store.close_all()


def test_a_folder_that_can_not_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    store = UploadStore(tmp_path / "file" / "uploads")
    with pytest.raises(EngineError) as refusal:
        begin(store)
    assert refusal.value.code is ErrorCode.OUTPUT_NOT_WRITABLE


def test_absurd_and_too_many_uploads_are_refused(tmp_path):
    store = UploadStore(tmp_path)
    with pytest.raises(EngineError) as refusal:
        begin(store, grid=RasterGrid(2**30, 5, GRID.map_from_pix))
    assert refusal.value.code is ErrorCode.TOO_LARGE
    for _ in range(MAX_UPLOADS):
        begin(store, grid=RasterGrid(8, 8, GRID.map_from_pix))
    with pytest.raises(EngineError) as refusal:
        begin(store)
    assert refusal.value.code is ErrorCode.BUSY
    store.close_all()


def test_an_upload_whose_client_died_makes_room(tmp_path):
    store = UploadStore(tmp_path, abandoned_after_s=0.0)
    first = begin(store)
    for _ in range(MAX_UPLOADS):
        last = begin(store, grid=RasterGrid(8, 8, GRID.map_from_pix))
    with pytest.raises(EngineError):
        put(store, first, WindowPx(0, 0, 5, 5))
    put(store, last, WindowPx(0, 0, 5, 5))
    store.close_all()


def test_closing_an_abandoned_file_holds_up_no_other_upload(tmp_path, monkeypatch):
    store = UploadStore(tmp_path, abandoned_after_s=0.0)
    ids = [begin(store, grid=RasterGrid(8, 8, GRID.map_from_pix)) for _ in range(MAX_UPLOADS)]
    discard, is_closing, may_close = uploads._Upload.discard, threading.Event(), threading.Event()

    def slow_discard(upload):
        is_closing.set()
        assert may_close.wait(10)
        discard(upload)

    monkeypatch.setattr(uploads._Upload, "discard", slow_discard)
    beginner = threading.Thread(target=begin, args=(store,))
    beginner.start()
    assert is_closing.wait(10)
    asker = threading.Thread(target=store.close, args=(ids[0],))
    asker.start()
    asker.join(5)
    is_held_up = asker.is_alive()
    may_close.set()
    for thread in (asker, beginner):
        thread.join(10)
    assert not is_held_up
    store.close_all()


_KILLED = """
import os, signal, sys
from pathlib import Path
from geophrase.engine.server.uploads import UploadStore
from geophrase.protocol.grid import RasterGrid
from geophrase.protocol.messages import BeginUpload
store = UploadStore(Path(sys.argv[1]))
store.begin(BeginUpload(RasterGrid(64, 64, (1.0, 0.0, 0.0, 0.0, -1.0, 0.0)), "Layer"))
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_what_a_killed_engine_left_is_removed_and_what_a_living_one_holds_is_not(tmp_path: Path):
    subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], check=False, timeout=60)
    left = list(tmp_path.glob("*/*.tif"))
    assert len(left) == 1
    living = UploadStore(tmp_path)
    assert list(tmp_path.iterdir()) == []
    begin(living)
    UploadStore(tmp_path)
    assert len(list(tmp_path.glob("*/*.tif"))) == 1
    living.close_all()
