from __future__ import annotations

import numpy as np
from scipy import ndimage

from geophrase.training.data.instances import PARTING_PX, Instance, parted_union, union_mask

SIZE = {"height_px": 60, "width_px": 80}


def box(left: int, top: int, width: int, height: int, *, name: str = "a", is_crowd: bool = False) -> Instance:
    return Instance(name, np.ones((height, width), np.uint8), left, top, is_crowd=is_crowd)


def test_objects_that_touch_come_apart_by_the_gap() -> None:
    touching = [box(0, 10, 30, 40), box(30, 10, 30, 40), box(63, 10, 17, 40)]
    parted_HW = parted_union(touching, **SIZE)
    _, num_parts = ndimage.label(parted_HW)
    assert num_parts == 3
    missing_HW = union_mask(touching, **SIZE) - parted_HW
    columns = np.flatnonzero(missing_HW.any(axis=0))
    assert columns.tolist() == [28, 29, 30, 31]
    assert missing_HW.sum() == PARTING_PX * 40


def test_crowds_small_objects_other_classes_and_overlaps_stay_whole() -> None:
    for pair in (
        [box(0, 0, 30, 30), box(30, 0, 30, 30, is_crowd=True)],
        [box(0, 0, 8, 30), box(8, 0, 8, 30)],
        [box(0, 0, 30, 30), box(30, 0, 30, 30, name="b")],
        [box(0, 0, 30, 30), box(0, 0, 30, 30)],
        [box(0, 0, 30, 30)],
    ):
        assert np.array_equal(parted_union(pair, **SIZE), union_mask(pair, **SIZE))
    assert not parted_union([], **SIZE).any()
