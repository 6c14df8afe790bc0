from __future__ import annotations

import errno
import logging
import multiprocessing
import os
import time
from pathlib import Path

import numpy as np
import pytest

from geophrase.engine.embedding_cache import EmbeddingCache, cache_key


def arrays_of(seed: int, num_values: int = 500) -> dict[str, np.ndarray]:
    return {
        "deep": np.random.default_rng(seed).normal(size=(num_values,)).astype(np.float32),
        "valid": np.arange(8, dtype=np.uint8),
    }


def entry_files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*/*") if path.is_file())


def total_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in entry_files(folder))


def test_gives_back_what_was_put_in_half_precision(tmp_path):
    EmbeddingCache(tmp_path).put("run", "tile", arrays_of(1))
    found = EmbeddingCache(tmp_path).get("run", "tile")
    assert found is not None
    assert found["deep"].dtype == np.float16
    np.testing.assert_array_equal(found["deep"], arrays_of(1)["deep"].astype(np.float16))
    np.testing.assert_array_equal(found["valid"], np.arange(8, dtype=np.uint8))


def test_another_run_or_tile_is_a_miss(tmp_path):
    cache = EmbeddingCache(tmp_path)
    cache.put("run", "tile", arrays_of(1))
    assert cache.get("run", "other") is None
    assert cache.get("other", "tile") is None


@pytest.mark.parametrize("damage", ["truncated", "flipped", "foreign", "empty"])
def test_a_damaged_entry_is_a_miss_and_goes(tmp_path, damage):
    cache = EmbeddingCache(tmp_path)
    cache.put("run", "tile", arrays_of(1))
    (path,) = entry_files(tmp_path)
    blob = bytearray(path.read_bytes())
    if damage == "flipped":
        blob[-3] ^= 0x40
    path.write_bytes(
        {"truncated": blob[:-7], "foreign": b"%PDF-1.4 something", "empty": b""}.get(damage, blob)
    )
    assert cache.get("run", "tile") is None
    assert entry_files(tmp_path) == []
    cache.put("run", "tile", arrays_of(1))
    assert cache.get("run", "tile") is not None


def test_stays_under_its_limit_and_drops_what_was_used_longest_ago(tmp_path):
    before = EmbeddingCache(tmp_path)
    for number in range(10):
        before.put("old", f"tile{number}", arrays_of(number))
    entry_bytes = entry_files(tmp_path)[0].stat().st_size
    now_s = time.time()
    for number in range(10):
        os.utime(tmp_path / "old" / f"tile{number}.emb", (now_s, now_s - 1000 + number))
    assert EmbeddingCache(tmp_path).get("old", "tile0") is not None  # now the youngest

    limit_bytes = 12 * entry_bytes
    cache = EmbeddingCache(tmp_path, limit_bytes=limit_bytes)
    for number in range(5):
        cache.put("new", f"tile{number}", arrays_of(number))
        assert total_bytes(tmp_path) <= limit_bytes
    assert cache.get("old", "tile0") is not None
    assert cache.get("old", "tile1") is None
    assert all(cache.get("new", f"tile{number}") is not None for number in range(5))


def test_a_run_larger_than_the_limit_keeps_its_first_tiles(tmp_path):
    EmbeddingCache(tmp_path).put("run", "measure", arrays_of(0))
    limit_bytes = 4 * total_bytes(tmp_path)
    (tmp_path / "run" / "measure.emb").unlink()
    for _ in range(2):  # the second time round must find what the first one kept
        cache = EmbeddingCache(tmp_path, limit_bytes=limit_bytes)
        hits = []
        for number in range(10):
            hits.append(cache.get("run", f"tile{number}") is not None)
            if not hits[-1]:
                cache.put("run", f"tile{number}", arrays_of(number))
        assert total_bytes(tmp_path) <= limit_bytes
    assert sum(hits) >= 3


def test_a_full_disk_warns_once_and_the_run_goes_on(tmp_path, monkeypatch, caplog):
    def refuse(*_args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", refuse)
    cache = EmbeddingCache(tmp_path)
    with caplog.at_level(logging.WARNING):
        cache.put("run", "one", arrays_of(1))
        cache.put("run", "two", arrays_of(2))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "No space left" in caplog.text
    assert entry_files(tmp_path) == []


def test_a_folder_that_cannot_be_made_warns_only(tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    cache = EmbeddingCache(tmp_path / "file" / "cache")
    cache.put("run", "one", arrays_of(1))
    assert cache.get("run", "one") is None
    assert "Going on without" in caplog.text


def test_an_abandoned_part_file_is_removed(tmp_path):
    (tmp_path / "run").mkdir()
    part = tmp_path / "run" / ".tile.emb.1-1.part"
    part.write_bytes(b"half")
    os.utime(part, (time.time() - 7200,) * 2)
    EmbeddingCache(tmp_path).put("run", "one", arrays_of(1))
    assert [path.name for path in entry_files(tmp_path)] == ["one.emb"]


def _hammer(folder: Path, limit_bytes: int, seed: int) -> None:
    cache = EmbeddingCache(folder, limit_bytes=limit_bytes)
    for step in range(60):
        number = (step * 7 + seed) % 15
        found = cache.get("run", f"tile{number}")
        if found is not None:
            np.testing.assert_array_equal(found["deep"], arrays_of(number)["deep"].astype(np.float16))
        cache.put("run", f"tile{number}", arrays_of(number))


def test_processes_share_a_folder(tmp_path):
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=_hammer, args=(tmp_path, 12_000, seed)) for seed in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert all(path.suffix == ".emb" for path in entry_files(tmp_path))


def test_the_key_tells_every_part_apart():
    parts = {"raster": "abc", "model": "m", "grid": [1.0, 0.0], "bands": None}
    assert cache_key(parts) == cache_key(dict(reversed(parts.items())))
    for name, other in {"raster": "abd", "model": "n", "grid": [1.5, 0.0], "bands": [1]}.items():
        assert cache_key({**parts, name: other}) != cache_key(parts)
