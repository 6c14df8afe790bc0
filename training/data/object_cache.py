"""Decoded objects of the images used last: decoding an image's masks can take longer than its pixels."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

from geophrase.training.data.instances import Instance
from geophrase.training.data.risors import RisorsImage

_MAX_BYTES = 256 * 2**20  # of each loader process
_OBJECT_BYTES = 700  # what an instance takes beside its pixels


class ObjectCache:
    """A bounded memory of decoded objects, the longest unused dropped first.

    Args:
        max_bytes: Bound, which a single image may exceed.
    """

    def __init__(self, max_bytes: int = _MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._by_path: OrderedDict[Path, list[Instance]] = OrderedDict()
        self._num_bytes = 0

    def objects(self, record: RisorsImage) -> list[Instance]:
        """The objects of an image whose masks aren't empty, in the order of the file."""
        found = self._by_path.get(record.path)
        if found is None:
            decoded = (stored.decoded() for stored in record.instances)
            found = [instance for instance in decoded if instance is not None]
            self._by_path[record.path] = found
            self._num_bytes += _size_bytes(found)
        self._by_path.move_to_end(record.path)
        while self._num_bytes > self._max_bytes and len(self._by_path) > 1:
            self._num_bytes -= _size_bytes(self._by_path.popitem(last=False)[1])
        return found

    @property
    def num_bytes(self) -> int:
        """About what the objects take."""
        return self._num_bytes


def _size_bytes(objects: list[Instance]) -> int:
    return sum(instance.patch_HW.nbytes + _OBJECT_BYTES for instance in objects)
