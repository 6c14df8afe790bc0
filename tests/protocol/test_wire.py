from __future__ import annotations

import io
import json
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from geophrase.protocol.codec import InvalidMessageError
from geophrase.protocol.wire import DTYPES, Frame, joined, pack, packed_bytes, read_frames, unpack

ARRAY = st.sampled_from(DTYPES).flatmap(
    lambda name: npst.arrays(
        np.dtype(name), npst.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5)
    )
)
ARRAYS = st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=8), ARRAY, max_size=4)


def as_bytes(frame: Frame) -> bytes:
    return b"".join(pack(frame))


def body(header: Any, data: bytes = b"") -> bytes:
    blob = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<I", len(blob)) + blob + data


def buffer(shape: list[Any], dtype: Any = "uint8", name: Any = "a") -> dict[str, Any]:
    return {"name": name, "dtype": dtype, "shape": shape}


@given(ARRAYS)
def test_arrays_come_back_as_they_were(arrays: dict[str, np.ndarray]):
    parts = pack(Frame({"x": "é"}, arrays))
    sent = b"".join(parts)
    assert packed_bytes(parts) == len(sent)
    assert b"".join(joined(parts)) == sent
    frame = unpack(sent)
    assert frame.message == {"x": "é"}
    assert list(frame.arrays) == list(arrays)
    for name, array in arrays.items():
        assert frame.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(frame.arrays[name], array)
        assert not frame.arrays[name].flags.writeable


@pytest.mark.parametrize(
    "array",
    [
        np.arange(12, dtype=">i4").reshape(3, 4),
        np.asfortranarray(np.arange(12, dtype=np.float32).reshape(3, 4)),
        np.arange(24, dtype=np.uint16).reshape(4, 6)[::-2, 1::3],
        np.broadcast_to(np.float64(1.5), (3, 2)),
    ],
)
def test_any_layout_in_memory_travels(array: np.ndarray):
    back = unpack(as_bytes(Frame({}, {"a": array}))).arrays["a"]
    np.testing.assert_array_equal(back, array)


def test_the_bytes_are_those_that_the_format_says():
    sent = as_bytes(Frame({"k": 1}, {"a": np.array([[1, 2]], np.uint16)}))
    header = b'{"message":{"k":1},"buffers":[{"name":"a","dtype":"uint16","shape":[1,2]}]}'
    assert sent == struct.pack("<I", len(header)) + header + b"\x01\x00\x02\x00"


def test_large_arrays_are_not_copied():
    array = np.zeros((1000, 1000), np.uint8)
    parts = pack(Frame({}, {"a": array}))
    assert np.shares_memory(np.frombuffer(parts[-1], np.uint8), array)
    assert any(part is parts[-1] for part in joined(parts))
    received = b"".join(parts)
    assert np.shares_memory(unpack(received).arrays["a"], np.frombuffer(received, np.uint8))


@pytest.mark.parametrize(
    "array", [np.array(["x"]), np.array([None]), np.zeros(1, complex), np.zeros(1, "M8[s]")]
)
def test_other_dtypes_do_not_travel(array: np.ndarray):
    with pytest.raises(ValueError, match="can't be sent"):
        pack(Frame({}, {"a": array}))


HOSTILE = {
    "nothing": b"",
    "half a length": b"\x01\x00",
    "no header": struct.pack("<I", 10),
    "a header of 4 GiB": struct.pack("<I", 2**32 - 1) + b"{}",
    "no JSON": body(b"{"),
    "no UTF-8": body(b'{"message": {"x": "\xff"}}'),
    "NaN": body(b'{"message": {"x": NaN}}'),
    "infinity": body(b'{"message": {"x": -Infinity}}'),
    "a number of a million digits": body(b'{"message": {"x": ' + b"1" * 10**6 + b"}}"),
    "deep lists": body(b'{"message": {"x": ' + b"[" * 10**5 + b"]" * 10**5 + b"}}"),
    "lists just deep enough to be read": body(b'{"message": ' + b"[" * 900 + b"]" * 900 + b"}"),
    "a list": body([]),
    "no message": body({}),
    "a message that is none": body({"message": "x"}),
    "too few bytes": body({"message": {}, "buffers": [buffer([4])]}, b"123"),
    "too many bytes": body({"message": {}, "buffers": [buffer([4])]}, b"12345"),
    "bytes of no buffer": body({"message": {}}, b"1"),
    "objects": body({"message": {}, "buffers": [buffer([1], "O")]}, b"12345678"),
    "a structure": body({"message": {}, "buffers": [buffer([1], "u1,u1")]}, b"12"),
    "strings": body({"message": {}, "buffers": [buffer([1], "S1")]}, b"1"),
    "a negative side": body({"message": {}, "buffers": [buffer([-1])]}, b""),
    "two negative sides": body({"message": {}, "buffers": [buffer([-2, -2])]}, b"1234"),
    "a side that is no number": body({"message": {}, "buffers": [buffer(["4"])]}, b"1234"),
    "a side that is true": body({"message": {}, "buffers": [buffer([True])]}, b"1"),
    "a fraction": body({"message": {}, "buffers": [buffer([1.5])]}, b"1"),
    "huge sides": body({"message": {}, "buffers": [buffer([2**31 - 1] * 4)]}, b""),
    "huge sides and none": body({"message": {}, "buffers": [buffer([0, *[2**31 - 1] * 3], "float64")]}, b""),
    "a side of a hundred digits": body({"message": {}, "buffers": [buffer([10**100])]}, b""),
    "five dimensions": body({"message": {}, "buffers": [buffer([1] * 5)]}, b"1"),
    "two of one name": body({"message": {}, "buffers": [buffer([1]), buffer([1])]}, b"12"),
    "65 buffers": body({"message": {}, "buffers": [buffer([0], name=str(i)) for i in range(65)]}),
    "a truth of 2": body({"message": {}, "buffers": [buffer([1], "bool")]}, b"\x02"),
    "half a character": body(
        b'{"message": {}, "buffers": [{"name": "\\ud800", "dtype": "uint8", "shape": [0]}]}'
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_frame_is_refused(name: str):
    with pytest.raises(InvalidMessageError) as caught:
        unpack(HOSTILE[name])
    assert len(str(caught.value)) < 300
    if HOSTILE[name]:
        with pytest.raises(InvalidMessageError):  # where bytes are left over, the next frame is none
            list(read_frames(io.BytesIO(HOSTILE[name]), max_frame_bytes=2**20))


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader(data: bytes):
    try:
        unpack(data)
    except InvalidMessageError:
        pass


@given(ARRAYS, st.data())
def test_no_damage_to_a_frame_breaks_the_reader(arrays: dict[str, np.ndarray], data: st.DataObject):
    sent = bytearray(as_bytes(Frame({"x": [1.5, "y"]}, arrays)))
    for _ in range(data.draw(st.integers(1, 4))):
        where = data.draw(st.integers(0, max(0, len(sent) - 1)))
        sent[where : where + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    for read in (unpack, lambda body: list(read_frames(io.BytesIO(body), max_frame_bytes=2**20))):
        try:
            read(bytes(sent))
        except InvalidMessageError:
            pass


@given(st.lists(ARRAYS, max_size=4), st.integers(1, 50))
def test_a_stream_gives_its_frames_however_it_is_cut(all_arrays: list[Any], piece: int):
    class Trickle(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size, piece) if size and size > 0 else piece)

    sent = b"".join(as_bytes(Frame({"n": n}, arrays)) for n, arrays in enumerate(all_arrays))
    frames = list(read_frames(Trickle(sent), max_frame_bytes=2**20))
    assert [frame.message["n"] for frame in frames] == list(range(len(all_arrays)))
    for frame, arrays in zip(frames, all_arrays, strict=True):
        for name in arrays:
            np.testing.assert_array_equal(frame.arrays[name], arrays[name])


def test_a_stream_that_ends_inside_a_frame_is_refused():
    sent = as_bytes(Frame({"x": 1}, {"a": np.arange(9)}))
    for end in range(1, len(sent)):
        with pytest.raises(InvalidMessageError):
            list(read_frames(io.BytesIO(sent[:end]), max_frame_bytes=2**20))


def test_an_event_larger_than_allowed_is_refused_before_it_is_read():
    sent = as_bytes(Frame({}, {"a": np.zeros(1000, np.uint8)}))
    with pytest.raises(InvalidMessageError, match="larger"):
        list(read_frames(io.BytesIO(sent), max_frame_bytes=999))
