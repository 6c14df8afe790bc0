"""A reader sees the old file or the new one, and nothing is left beside them."""

from __future__ import annotations

import threading

import pytest

from geophrase.engine.atomic_file import write_atomically, write_text_atomically


def test_a_failure_keeps_the_old_file_and_leaves_no_part(tmp_path):
    path = tmp_path / "deep" / "notes.txt"
    write_text_atomically(path, "old")

    def fail_half_way(part):
        part.write_text("ne")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, fail_half_way)
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("old")
    seen = []

    def look_while_writing(part):
        part.write_text("n")
        seen.append(path.read_text())
        part.write_text("new")

    write_atomically(path, look_while_writing)
    assert seen == ["old"]
    assert path.read_text() == "new"


def test_threads_do_not_share_a_part(tmp_path):
    path = tmp_path / "notes.txt"
    barrier = threading.Barrier(8)
    parts = []

    def write(part):
        barrier.wait()
        parts.append(part)
        part.write_text("whole" * 1000)
        barrier.wait()

    threads = [threading.Thread(target=write_atomically, args=(path, write)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(parts)) == 8
    assert path.read_text() == "whole" * 1000
    assert list(tmp_path.iterdir()) == [path]
