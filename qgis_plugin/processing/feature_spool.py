"""Found polygons, on the disk until it is known that they count."""

from __future__ import annotations

import tempfile
from types import TracebackType
from typing import BinaryIO, Iterator, Optional, Type, cast

from geophrase.protocol.features import FeatureBatch
from geophrase.protocol.wire import Frame, pack, read_frames

_MAX_BATCH_BYTES = 2**31


class FeatureSpool:
    """Batches of polygons in a temporary file, so that memory doesn't grow with their number.

    A job that an engine's death interrupts begins to tell its polygons anew, and a sink can't take back what
    it was given: so the polygons wait here until the job has ended, in whichever way.
    """

    def __init__(self) -> None:
        self._file = cast(BinaryIO, tempfile.TemporaryFile(prefix="geophrase-"))
        self._num_features = 0

    def __enter__(self) -> FeatureSpool:
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self._file.close()

    def __len__(self) -> int:
        """How many polygons there are."""
        return self._num_features

    def add(self, batch: FeatureBatch) -> None:
        """Takes more polygons."""
        for part in pack(Frame({}, batch.to_arrays())):
            self._file.write(part)
        self._num_features += len(batch)

    def clear(self) -> None:
        """Forgets all."""
        self._file.seek(0)
        self._file.truncate()
        self._num_features = 0

    def batches(self) -> Iterator[FeatureBatch]:
        """Yields what was taken, in order; nothing may be added meanwhile."""
        self._file.seek(0)
        for frame in read_frames(self._file, max_frame_bytes=_MAX_BATCH_BYTES):
            yield FeatureBatch.from_arrays(frame.arrays)
