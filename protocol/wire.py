"""Frames: a JSON message and the arrays that belong to it, as bytes.

A frame is the length of its header in 4 bytes (little-endian), the header in JSON, and the bytes of each
buffer one after the other, C-ordered and little-endian. The header is
``{"message": {…}, "buffers": [{"name": …, "dtype": …, "shape": […]}, …]}``. There is no base64 and no pickle;
a body holds one frame, an event stream any number of them.
"""

from __future__ import annotations

import json
import math
import struct
from dataclasses import dataclass, field
from typing import Any, BinaryIO, Dict, Iterator, List, Mapping, Optional, Tuple, Union

import numpy as np
import numpy.typing as npt

from .codec import InvalidMessageError, from_json, to_json

Arrays = Mapping[str, npt.NDArray[Any]]

DTYPES = ("uint8", "bool", "int32", "int64", "uint16", "float16", "float32", "float64")
"""The only dtypes that travel."""

CONTENT_TYPE = "application/vnd.geophrase.frame"
"""Of every body; no form and no plain script of a web page can send it unasked."""

MAX_HEADER_BYTES = 16 * 2**20
MAX_BUFFERS = 64
MAX_DIMENSIONS = 4
MAX_BUFFER_ITEMS = 2**40
_MAX_DIGITS = 20  # of 64 bits; Python takes quadratic time to read a number, or refuses
_JOINED_BYTES = 2**16
_LENGTH = struct.Struct("<I")


@dataclass(frozen=True)
class Frame:
    """A message as it travels.

    Attributes:
        message: JSON-able values (see codec.py).
        arrays: What belongs to it, by name; read-only when it came from the wire.
    """

    message: Dict[str, Any]
    arrays: Arrays = field(default_factory=dict)

    @classmethod
    def of(cls, message: Any, arrays: Optional[Arrays] = None) -> Frame:
        """The frame of a message dataclass."""
        return cls(to_json(message), dict(arrays or {}))

    def read_as(self, kind: Any) -> Any:
        """The message as this dataclass, or as one of a Union of tagged dataclasses.

        Raises:
            InvalidMessageError: It is none.
        """
        return from_json(kind, self.message)


def pack(frame: Frame) -> List[Union[bytes, memoryview]]:
    """The frame's bytes in parts, the arrays' own memory among them, so that nothing large is copied.

    Raises:
        ValueError: A dtype that doesn't travel, or a message that JSON can't carry.
    """
    buffers, parts = [], []
    for name, array in frame.arrays.items():
        if array.dtype.name not in DTYPES:
            raise ValueError(f"arrays of {array.dtype} can't be sent")
        plain = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        buffers.append({"name": name, "dtype": array.dtype.name, "shape": list(array.shape)})
        if plain.size:
            parts.append(plain.reshape(-1).view(np.uint8).data)
    header = json.dumps(
        {"message": frame.message, "buffers": buffers}, allow_nan=False, separators=(",", ":")
    ).encode()
    return [_LENGTH.pack(len(header)), header, *parts]


def packed_bytes(parts: List[Union[bytes, memoryview]]) -> int:
    """How many bytes the parts of a frame are."""
    return sum(len(part) for part in parts)


def joined(parts: List[Union[bytes, memoryview]]) -> Iterator[Union[bytes, bytearray, memoryview]]:
    """The same bytes with small parts put together, for one packet each; large ones uncopied."""
    block = bytearray()
    for part in parts:
        if len(block) + len(part) > _JOINED_BYTES:
            yield block
            block = bytearray()
        if len(part) > _JOINED_BYTES:
            yield part
        else:
            block += part
    yield block


def unpack(body: Union[bytes, bytearray, memoryview]) -> Frame:
    """The one frame that a body holds; its arrays are read-only views of the body.

    Raises:
        InvalidMessageError: Anything is missing, left over, or not what the header says.
    """
    view = memoryview(body)
    if len(view) < _LENGTH.size:
        raise InvalidMessageError("the body ends before its header")
    (header_bytes,) = _LENGTH.unpack(view[: _LENGTH.size])
    start = _LENGTH.size + header_bytes
    if header_bytes > MAX_HEADER_BYTES or start > len(view):
        raise InvalidMessageError(f"the header cannot be {header_bytes} bytes long")
    message, layouts = _read_header(bytes(view[_LENGTH.size : start]))
    if start + sum(layout.num_bytes for layout in layouts) != len(view):
        raise InvalidMessageError("the body is not as long as its header says")
    arrays: Dict[str, npt.NDArray[Any]] = {}
    for layout in layouts:
        arrays[layout.name] = layout.array_in(view[start : start + layout.num_bytes])
        start += layout.num_bytes
    return Frame(message, arrays)


def read_frames(stream: BinaryIO, *, max_frame_bytes: int) -> Iterator[Frame]:
    """Yield the frames of an event stream until it ends.

    Raises:
        InvalidMessageError: The stream ends inside a frame, or a frame is broken or larger than allowed.
    """
    while True:
        length = _read_exactly(stream, _LENGTH.size, is_end_allowed=True)
        if not length:
            return
        (header_bytes,) = _LENGTH.unpack(length)
        if header_bytes > min(MAX_HEADER_BYTES, max_frame_bytes):
            raise InvalidMessageError(f"the header cannot be {header_bytes} bytes long")
        message, layouts = _read_header(_read_exactly(stream, header_bytes))
        if sum(layout.num_bytes for layout in layouts) > max_frame_bytes:
            raise InvalidMessageError("an event is larger than this side takes")
        yield Frame(
            message,
            {
                layout.name: layout.array_in(memoryview(_read_exactly(stream, layout.num_bytes)))
                for layout in layouts
            },
        )


@dataclass(frozen=True)
class _BufferLayout:
    """What the header says of one buffer."""

    name: str
    dtype: str
    shape: Tuple[int, ...]

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            raise InvalidMessageError(f"buffers of {self.dtype!r:.40} are not understood")
        is_right = len(self.shape) <= MAX_DIMENSIONS and all(0 <= side < 2**31 for side in self.shape)
        # NumPy limits the product of the other sides even where one is 0.
        if not is_right or math.prod(max(1, side) for side in self.shape) > MAX_BUFFER_ITEMS:
            raise InvalidMessageError(f"a buffer cannot have the shape {list(self.shape)!r:.80}")

    @property
    def num_bytes(self) -> int:
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize

    def array_in(self, view: memoryview) -> npt.NDArray[Any]:
        if self.dtype == "bool" and np.frombuffer(view, np.uint8).max(initial=0) > 1:
            raise InvalidMessageError(f"the buffer {self.name!r:.40} is not of true and false")
        array = np.frombuffer(view, np.dtype(self.dtype).newbyteorder("<")).reshape(self.shape)
        array.flags.writeable = False
        return array


@dataclass(frozen=True)
class _Header:
    message: Dict[str, Any]
    buffers: Tuple[_BufferLayout, ...] = ()


def _read_header(blob: bytes) -> Tuple[Dict[str, Any], Tuple[_BufferLayout, ...]]:
    try:
        value = json.loads(blob.decode("utf-8"), parse_constant=_refuse_constant, parse_int=_read_int)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InvalidMessageError(f"the header is not JSON: {error}") from None
    header: _Header = from_json(_Header, value)
    names = [layout.name for layout in header.buffers]
    if len(names) > MAX_BUFFERS or len(set(names)) < len(names):
        raise InvalidMessageError("the header names too many buffers, or one of them twice")
    return header.message, header.buffers


def _refuse_constant(name: str) -> float:
    raise InvalidMessageError(f"{name} is not a number that can be sent")


def _read_int(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise InvalidMessageError(f"a number of {len(digits)} digits is too large")
    return int(digits)


def _read_exactly(stream: BinaryIO, num_bytes: int, *, is_end_allowed: bool = False) -> bytes:
    parts = []
    missing = num_bytes
    while missing:
        part = stream.read(missing)
        if not part:
            if is_end_allowed and missing == num_bytes:
                return b""
            raise InvalidMessageError("the stream ended inside an event")
        parts.append(part)
        missing -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
