"""The store of probabilities as a folder: what it keeps, what it drops, and what it takes for not there."""

from __future__ import annotations

import errno
import logging
import os
import time
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
import pytest

from geophrase.engine.pipeline.run_description import RunDescription, StoredRun
from geophrase.engine.pipeline.score_store import RunScores, ScoreStore
from geophrase.engine.pipeline.stored_strip import QuantisedStrip, StoredStrip
from geophrase.engine.raster.blend import Strip
from geophrase.engine.vector.attributes import Provenance
from geophrase.protocol.grid import RasterGrid, WindowPx

WIDTH, HEIGHT, STRIP = 50, 40, 10


def run_of(source: str = "town.tif", num_groups: int = 1) -> StoredRun:
    description = RunDescription(
        grid=RasterGrid(WIDTH + 9, HEIGHT + 5, (0.5, 0, 346000, 0, -0.5, 5648000), "LOCAL_CS[]"),
        queries=("red roofs", "Bäume")[:num_groups],
        provenance=Provenance("m", "abcd", source, datetime(2026, 11, 21, 16, tzinfo=timezone.utc)),
        parameters={"threshold": 0.5, "extent_map": [1.0, 2.0, 3.0, 4.0], "bands": None},
    )
    return StoredRun(description, WindowPx(4, 3, WIDTH, HEIGHT), 32, 8, (1,) * num_groups)


def strip_at(row: int, height: int = STRIP, seed: int = 0) -> StoredStrip:
    rng = np.random.default_rng(row + seed)
    window = WindowPx(4, row, WIDTH, height)
    strip = Strip(window, rng.random((1, height, WIDTH), np.float32), np.ones((height, WIDTH), bool))
    return StoredStrip(QuantisedStrip.of(strip), ())


def fill(scores: RunScores, *, group: int = 0, num_strips: int = 4) -> None:
    for index in range(num_strips):
        scores.put(group, strip_at(3 + STRIP * index))


def rows_of(scores: RunScores | None, group: int = 0) -> list[int]:
    assert scores is not None
    return [strip.pixels.window.row for strip in scores.strips(group)]


def total_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*/*"))


def test_strips_come_back_in_order_in_another_process_s_store(tmp_path):
    with ScoreStore(tmp_path).open({"raster": 1}, run_of()) as scores:
        assert not scores.is_complete
        fill(scores)
        assert scores.is_complete
    found = ScoreStore(tmp_path).find(scores.key)
    assert found is not None
    assert found.run == run_of()
    assert rows_of(found) == [3, 13, 23, 33]
    for strip in found.strips(0):
        expected = strip_at(strip.pixels.window.row).pixels
        np.testing.assert_array_equal(strip.pixels.levels_QHW, expected.levels_QHW)


def test_another_identity_is_another_run(tmp_path):
    store = ScoreStore(tmp_path)
    one, other = store.open({"raster": 1}, run_of()), store.open({"raster": 2}, run_of())
    fill(one)
    assert one.key != other.key
    assert rows_of(other) == []
    assert rows_of(store.open({"raster": 1}, run_of())) == [3, 13, 23, 33]


def test_opening_again_says_where_the_raster_is_now(tmp_path):
    store = ScoreStore(tmp_path)
    key = store.open({}, run_of("here.tif")).key
    store.open({}, run_of("there.tif"))
    found = store.find(key)
    assert found is not None
    assert found.run.description.provenance.source == "there.tif"


def test_every_pass_has_its_own_strips(tmp_path):
    scores = ScoreStore(tmp_path).open({}, run_of(num_groups=2))
    fill(scores, group=0)
    assert not scores.is_complete
    assert (rows_of(scores, 0), rows_of(scores, 1)) == ([3, 13, 23, 33], [])
    fill(scores, group=1)
    assert scores.is_complete


@pytest.mark.parametrize("damage", ["truncated", "flipped", "foreign", "empty", "renamed", "gone"])
def test_strips_end_before_one_that_is_damaged_or_foreign(tmp_path, damage):
    store = ScoreStore(tmp_path)
    scores, other = store.open({"raster": 1}, run_of()), store.open({"raster": 2}, run_of())
    fill(scores)
    fill(other)
    _, second, victim, _ = sorted((tmp_path / scores.key).glob("*.strip"))
    blob = bytearray(victim.read_bytes())
    blob[len(blob) // 2] ^= 0x40
    damaged = {
        "truncated": blob[:-7],
        "flipped": blob,
        "empty": b"",
        "foreign": (tmp_path / other.key / victim.name).read_bytes(),
        "renamed": second.read_bytes(),
    }
    if damage == "gone":
        victim.unlink()
    else:
        victim.write_bytes(damaged[damage])
    assert rows_of(scores) == [3, 13]
    assert not victim.exists()
    assert not scores.is_complete
    scores.put(0, strip_at(23))
    assert rows_of(scores) == [3, 13, 23, 33]


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"description": 1}', "\x00\xff"])
def test_a_run_whose_description_is_damaged_is_not_there(tmp_path, text):
    store = ScoreStore(tmp_path)
    key = store.open({}, run_of()).key
    (tmp_path / key / "run.json").write_text(text, encoding="latin-1")
    assert store.find(key) is None


@pytest.mark.parametrize("key", ["", "..", "../../etc", "0" * 31, "0" * 32, "G" * 32, "0" * 32 + "\n"])
def test_a_key_that_names_no_run_finds_nothing(tmp_path, key):
    assert ScoreStore(tmp_path / "scores").find(key) is None


def made_runs(folder: Path, num_runs: int) -> list[str]:
    """Closed runs that were last used a second apart, the first longest ago; their keys."""
    keys = []
    for number in range(num_runs):
        with ScoreStore(folder).open({"run": number}, run_of()) as scores:
            fill(scores)
        os.utime(folder / scores.key, (time.time() - 1000 + number,) * 2)
        keys.append(scores.key)
    return keys


def test_stays_under_its_limit_and_drops_whole_runs_used_longest_ago(tmp_path):
    keys = made_runs(tmp_path, 5)
    limit_bytes = int(total_bytes(tmp_path) * 1.1)
    store = ScoreStore(tmp_path, limit_bytes=limit_bytes)
    used_again = store.find(keys[0])
    assert used_again is not None
    used_again.close()
    with store.open({"run": "new"}, run_of()) as scores:
        fill(scores)
        assert scores.is_complete
    assert total_bytes(tmp_path) <= limit_bytes
    there = [key for key in keys if (tmp_path / key).exists()]
    assert keys[0] in there
    assert keys[1] not in there
    assert all(rows_of(ScoreStore(tmp_path).find(key)) == [3, 13, 23, 33] for key in there)


def test_a_run_in_use_is_never_dropped_and_one_too_large_keeps_its_first_strips(tmp_path, caplog):
    (key,) = made_runs(tmp_path, 1)
    limit_bytes = int(total_bytes(tmp_path) * 1.5)
    store = ScoreStore(tmp_path, limit_bytes=limit_bytes)
    held = store.find(key)
    assert held is not None
    scores = store.open({"run": "new"}, run_of())
    with caplog.at_level(logging.WARNING):
        fill(scores)
    assert rows_of(held) == [3, 13, 23, 33]
    assert rows_of(scores) == [3]
    assert total_bytes(tmp_path) <= limit_bytes
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    held.close()
    with store.open({"run": "third"}, run_of()) as third:
        fill(third)
        assert third.is_complete
    assert not (tmp_path / key).exists()


def test_a_run_that_is_open_twice_is_in_use_until_both_have_closed(tmp_path):
    (key,) = made_runs(tmp_path, 1)
    store = ScoreStore(tmp_path, limit_bytes=int(total_bytes(tmp_path) * 1.5))
    one, two = store.find(key), store.find(key)
    assert one is not None
    assert two is not None
    one.close()
    one.close()  # closing again changes nothing
    fill(store.open({"run": "new"}, run_of()))
    assert rows_of(two) == [3, 13, 23, 33]


def test_a_full_disk_warns_once_and_the_run_goes_on(tmp_path, monkeypatch, caplog):
    scores = ScoreStore(tmp_path).open({}, run_of())
    fill(scores, num_strips=1)

    def refuse(*_args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", refuse)
    with caplog.at_level(logging.WARNING):
        fill(scores)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "No space left" in caplog.text
    assert rows_of(scores) == [3]
    assert not list(tmp_path.glob("*/*.part"))


def test_a_folder_that_cannot_be_made_warns_only(tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    scores = ScoreStore(tmp_path / "file" / "scores").open({}, run_of())
    fill(scores)
    assert rows_of(scores) == []
    assert not scores.is_complete
    assert "Going on without" in caplog.text


def test_a_deleted_run_leaves_nothing(tmp_path):
    store = ScoreStore(tmp_path)
    scores = store.open({}, run_of())
    fill(scores)
    scores.delete()
    assert list(tmp_path.iterdir()) == []
    assert store.find(scores.key) is None
