"""Encoded images that clicks are asked about: in memory up to a limit, beyond it in the disk cache.

Shape letters: H rows, W columns.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from geophrase.engine.embedding_cache import EmbeddingCache, cache_key
from geophrase.engine.errors import EngineError
from geophrase.engine.server.crops import Crop
from geophrase.engine.server.model_host import ModelFacts
from geophrase.engine.software_version import software_version
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.grid import RasterGrid

EncodingArrays = dict[str, np.ndarray]
CacheFactory = Callable[[], EmbeddingCache | None]
"""A fresh view of the cache: one that lived for long would refuse to drop all that it ever wrote."""

# Raise it whenever the same image and weights give another encoding or another set of arrays.
_FORMAT = 1
_ENTRY = "session"
_VALID_ENTRY = "valid_bits"


@dataclass(frozen=True)
class Session:
    """What is known of an encoded image.

    Attributes:
        session_id: Follows from the content: the same image opened again gives the same.
        grid: Where its pixels lie.
        name: What it is a part of.
        model: What encoded it.
        valid_bits: Where it has data, eight pixels to a byte.
    """

    session_id: str
    grid: RasterGrid
    name: str
    model: ModelFacts
    valid_bits: np.ndarray

    @property
    def valid_HW(self) -> np.ndarray:  # noqa: N802 a shape suffix
        """Where it has data."""
        shape_yx = self.grid.window.shape_yx
        bits = np.unpackbits(self.valid_bits, count=shape_yx[0] * shape_yx[1])
        return bits.reshape(shape_yx).view(np.bool_)


class SessionStore:
    """Keeps sessions; threads may share it.

    Encodings are kept as the disk cache keeps them, in half precision, so that answers don't depend on where
    an encoding came from. They lie in the memory of the computer and go to the device with each request.

    Args:
        memory_bytes: The most that encodings in memory take; the newest is kept whatever its size.
        max_sessions: The most sessions that are known; those used longest ago are forgotten.
        cache: Makes the disk cache; it may give None.
    """

    def __init__(self, *, memory_bytes: int, max_sessions: int, cache: CacheFactory) -> None:
        self._memory_bytes = memory_bytes
        self._max_sessions = max_sessions
        self._cache = cache
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, Session] = OrderedDict()
        self._encodings: OrderedDict[str, EncodingArrays] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions)

    def reopened(self, crop: Crop, model: ModelFacts) -> Session | None:
        """The session of an image that was encoded before, if its encoding is in memory or in the cache."""
        session_id = session_id_of(crop, model)
        with self._lock:
            session = self._sessions.get(session_id)
        if session is not None and self._encoding(session_id) is not None:
            return session
        stored = self._stored(session_id)
        if stored is None:
            return None
        valid_bits = stored.pop(_VALID_ENTRY)
        return self._added(session_id, crop, model, valid_bits, stored)

    def add(self, crop: Crop, model: ModelFacts, *, valid_HW: np.ndarray, encoding: Any) -> Session:
        """Take a new encoding and put it into the disk cache, too."""
        session_id = session_id_of(crop, model)
        arrays = {
            name: array.astype(np.float16) if array.dtype.kind == "f" else array
            for name, array in encoding.to_arrays().items()
        }
        valid_bits = np.packbits(valid_HW)
        cache = self._cache()
        if cache is not None:
            cache.put(session_id, _ENTRY, {**arrays, _VALID_ENTRY: valid_bits})
        return self._added(session_id, crop, model, valid_bits, arrays)

    def find(self, session_id: str) -> tuple[Session, EncodingArrays]:
        """A session and its encoding.

        Raises:
            EngineError: NOT_FOUND.
        """
        with self._lock:
            session = self._sessions.get(session_id)
            if session is not None:
                self._sessions.move_to_end(session_id)
        arrays = None if session is None else self._encoding(session_id)
        if session is None or arrays is None:
            raise EngineError(
                ErrorCode.NOT_FOUND, "The engine no longer knows this part of the map. Open it again."
            )
        return session, arrays

    def close(self, session_id: str) -> None:
        """Forget a session; its encoding stays in the disk cache."""
        with self._lock:
            self._sessions.pop(session_id, None)
            self._encodings.pop(session_id, None)

    def _added(
        self,
        session_id: str,
        crop: Crop,
        model: ModelFacts,
        valid_bits: np.ndarray,
        arrays: EncodingArrays,
    ) -> Session:
        session = Session(session_id, crop.grid, crop.name, model, valid_bits)
        with self._lock:
            self._sessions[session_id] = session
            self._sessions.move_to_end(session_id)
            while len(self._sessions) > self._max_sessions:
                self._encodings.pop(self._sessions.popitem(last=False)[0], None)
        self._remember(session_id, arrays)
        return session

    def _encoding(self, session_id: str) -> EncodingArrays | None:
        """From memory, else back from the disk."""
        with self._lock:
            arrays = self._encodings.get(session_id)
            if arrays is not None:
                self._encodings.move_to_end(session_id)
                return arrays
        arrays = self._stored(session_id)
        if arrays is not None:
            del arrays[_VALID_ENTRY]
            self._remember(session_id, arrays)
        return arrays

    def _remember(self, session_id: str, arrays: EncodingArrays) -> None:
        with self._lock:
            self._encodings[session_id] = arrays
            self._encodings.move_to_end(session_id)
            while len(self._encodings) > 1 and self._num_bytes() > self._memory_bytes:
                self._encodings.popitem(last=False)

    def _num_bytes(self) -> int:
        return sum(array.nbytes for arrays in self._encodings.values() for array in arrays.values())

    def _stored(self, session_id: str) -> EncodingArrays | None:
        cache = self._cache()
        return None if cache is None else cache.get(session_id, _ENTRY)


def session_id_of(crop: Crop, model: ModelFacts) -> str:
    """The id of a crop that a model has encoded: equal for equal content, in any run of the engine."""
    return cache_key(
        {
            "format": [_FORMAT, software_version()],
            "content": crop.content_key,
            "grid": [*crop.grid.map_from_pix, crop.grid.crs_wkt],
            "model": model.identity,
            "image_px": model.image_px,
        }
    )
