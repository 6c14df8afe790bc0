"""Options that contradict each other are refused, not ignored."""

from __future__ import annotations

import pytest

from geophrase.engine.errors import EngineError
from geophrase.engine.pipeline.run_config import MAX_TILE_PX, SegmentConfig
from geophrase.protocol.errors import ErrorCode


@pytest.mark.parametrize("tiles", [{"tile_px": 512}, {"overlap_px": 0}, {"tile_px": 64, "overlap_px": 8}])
def test_one_window_has_no_tiles(tiles):
    with pytest.raises(EngineError, match="One window") as refusal:
        SegmentConfig(("roofs",), one_window=True, **tiles)
    assert refusal.value.code is ErrorCode.BAD_REQUEST
    SegmentConfig(("roofs",), **tiles)
    SegmentConfig(("roofs",), one_window=True)


@pytest.mark.parametrize("overlap_px", [-1, MAX_TILE_PX, 10**400])
def test_absurd_overlaps_are_refused(overlap_px):
    with pytest.raises(EngineError, match="overlap"):
        SegmentConfig(("roofs",), overlap_px=overlap_px)
