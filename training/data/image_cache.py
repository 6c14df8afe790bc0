"""Decoded images used last: a sample that is set out from several images would decode them all each time."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import numpy as np
import numpy.typing as npt

from geophrase.training.data.risors import read_image

_MAX_BYTES = 2**29  # of each loader process


class ImageCache:
    """A bounded memory of decoded images, the longest unused dropped first.

    Args:
        max_bytes: Bound, which a single image may exceed.
    """

    def __init__(self, max_bytes: int = _MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._by_path: OrderedDict[Path, npt.NDArray[np.uint8]] = OrderedDict()
        self._num_bytes = 0

    def read(self, path: Path) -> npt.NDArray[np.uint8]:
        """An image as uint8 HWC, read-only.

        Raises:
            RisorsError: The file is damaged.
        """
        found_HWC = self._by_path.get(path)
        if found_HWC is None:
            found_HWC = read_image(path)
            found_HWC.flags.writeable = False
            self._by_path[path] = found_HWC
            self._num_bytes += found_HWC.nbytes
        self._by_path.move_to_end(path)
        while self._num_bytes > self._max_bytes and len(self._by_path) > 1:
            self._num_bytes -= self._by_path.popitem(last=False)[1].nbytes
        return found_HWC
