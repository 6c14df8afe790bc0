"""The benchmark of the wire runs, and its figures mean what they say."""

from __future__ import annotations

import json

import pytest

from geophrase.benchmarks import transport


def test_it_measures_both_directions_against_the_floor(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    measured = transport.measure(sizes_bytes=(2**20,), num_rounds=1)
    monkeypatch.setattr(transport, "measure", lambda num_rounds: measured)
    assert transport.main(["--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["direction"] for row in rows] == ["up", "down"]
    for row in rows:
        assert 2**20 < row["frame_bytes"] < 2**20 + 1000
        assert 0 < row["memcpy_ms"] < row["loopback_ms"]
        assert row["over_loopback"] == pytest.approx(row["wire_ms"] / row["loopback_ms"])
    assert transport.main([]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 3
