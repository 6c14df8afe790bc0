"""Named arrays as bytes for a file of our own, which tell whether they came back whole."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_safetensors
from safetensors.numpy import save as save_safetensors

_CRC_BYTES = 4


def packed_arrays(magic: bytes, arrays: Mapping[str, np.ndarray]) -> bytes:
    """The arrays, behind the bytes that name the kind of file and a checksum."""
    payload = save_safetensors({name: np.ascontiguousarray(array) for name, array in arrays.items()})
    return magic + zlib.crc32(payload).to_bytes(_CRC_BYTES, "big") + payload


def unpacked_arrays(magic: bytes, blob: bytes) -> dict[str, np.ndarray] | None:
    """The arrays that were packed, or None for another kind of file or where a byte is missing or wrong."""
    head = len(magic)
    payload = memoryview(blob)[head + _CRC_BYTES :]
    checksum = blob[head : head + _CRC_BYTES]
    if not blob.startswith(magic) or zlib.crc32(payload).to_bytes(_CRC_BYTES, "big") != checksum:
        return None
    try:
        return load_safetensors(bytes(payload))
    except SafetensorError:
        return None
