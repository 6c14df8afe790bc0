from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from geophrase.protocol.codec import InvalidMessageError
from geophrase.protocol.features import FeatureBatch
from geophrase.protocol.jobs import JobPartial
from geophrase.protocol.wire import Frame, pack, unpack

COLUMNS = ("query_index", "score", "iou_pred", "objectness", "area_m2", "perimeter_m")


def batch_of(geometries: list[bytes]) -> FeatureBatch:
    values = np.arange(len(geometries))
    return FeatureBatch.of(geometries, **dict.fromkeys(COLUMNS, values))


@given(st.lists(st.binary(max_size=30), max_size=8))
def test_geometries_come_back_from_the_wire(geometries: list[bytes]):
    frame = unpack(b"".join(pack(Frame.of(JobPartial(), batch_of(geometries).to_arrays()))))
    batch = FeatureBatch.from_arrays(frame.arrays)
    assert [batch.geometry_wkb(index) for index in range(len(batch))] == geometries
    np.testing.assert_array_equal(batch.query_index, np.arange(len(geometries)))
    assert batch.query_index.dtype == np.int32


def test_nan_travels_where_there_is_no_estimate():
    batch = FeatureBatch.of([b"x"], **{name: [np.nan if name == "iou_pred" else 1] for name in COLUMNS})
    frame = unpack(b"".join(pack(Frame.of(JobPartial(), batch.to_arrays()))))
    assert np.isnan(FeatureBatch.from_arrays(frame.arrays).iou_pred).all()


def test_no_features_are_features():
    assert len(FeatureBatch.empty()) == 0
    assert len(FeatureBatch.from_arrays(FeatureBatch.empty().to_arrays())) == 0


@pytest.mark.parametrize("name", FeatureBatch.column_names())
def test_a_missing_column_or_another_dtype_is_named(name: str):
    arrays = batch_of([b"abc"]).to_arrays()
    other = "uint16"
    with pytest.raises(InvalidMessageError, match=name):
        FeatureBatch.from_arrays({key: value for key, value in arrays.items() if key != name})
    with pytest.raises(InvalidMessageError, match=name):
        FeatureBatch.from_arrays({**arrays, name: arrays[name].astype(other)})


@pytest.mark.parametrize(
    "offsets",
    [
        [],
        [0],
        [0, 3],
        [0, 3, 5],
        [0, 7, 6],
        [1, 3, 6],
        [-1, 3, 6],
        [0, -1, 6],
        [0, 3, 2**40],
    ],
)
def test_offsets_that_do_not_fit_are_refused(offsets: list[int]):
    arrays = batch_of([b"abc", b"def"]).to_arrays()
    with pytest.raises(InvalidMessageError):
        FeatureBatch.from_arrays({**arrays, "wkb_offset": np.array(offsets, np.int64)})


def test_offsets_that_wrap_around_are_refused():
    """Each step is positive in 64 bits, where the difference of two offsets overflows."""
    least, most = np.iinfo(np.int64).min, np.iinfo(np.int64).max
    offsets = np.array([0, most // 2, most, least, least // 2, 0, 3], np.int64)
    arrays = {**batch_of([b"a", b"b", b"c", b"", b"", b""]).to_arrays(), "wkb_offset": offsets}
    with pytest.raises(InvalidMessageError):
        FeatureBatch.from_arrays(arrays)


@given(
    npst.arrays(np.int64, st.integers(0, 6)),
    npst.arrays(np.uint8, npst.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=9)),
)
def test_whatever_is_accepted_gives_every_geometry(offsets: np.ndarray, wkb: np.ndarray):
    num_features = max(0, len(offsets) - 1)
    arrays = {**batch_of([b""] * num_features).to_arrays(), "wkb": wkb, "wkb_offset": offsets}
    try:
        batch = FeatureBatch.from_arrays(arrays)
    except InvalidMessageError:
        return
    assert b"".join(batch.geometry_wkb(index) for index in range(len(batch))) == wkb.tobytes()


def test_columns_of_two_dimensions_are_refused():
    arrays = batch_of([b"abc"]).to_arrays()
    with pytest.raises(InvalidMessageError):
        FeatureBatch.from_arrays({**arrays, "score": np.zeros((1, 1))})
    with pytest.raises(InvalidMessageError):
        FeatureBatch.from_arrays({**arrays, "wkb_offset": np.array(0)})
