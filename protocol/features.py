"""Polygons with their attributes, by columns, as they travel.

N features.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Dict, List, Sequence

import numpy as np
import numpy.typing as npt

from .codec import InvalidMessageError

_DTYPES = {"wkb": "uint8", "wkb_offset": "int64", "query_index": "int32"}


@dataclass(frozen=True)
class FeatureBatch:
    """Any number of polygons.

    Attributes:
        wkb: (bytes,) uint8: little-endian WKB of all geometries, one after the other, in the answer's CRS.
        wkb_offset: (N + 1,) int64: where each begins in `wkb`, and at the end its length.
        query_index: (N,) int32: which of the request's queries each answers.
        score: (N,) float64: mean probability inside, 0 to 1.
        iou_pred: (N,) float64: the model's estimate of the mask's IoU; NaN where there is none.
        objectness: (N,) float64: probability that something fits the query; NaN where there is none.
        area_m2: (N,) float64: geodesic area.
        perimeter_m: (N,) float64: geodesic length of all rings.

    Raises:
        InvalidMessageError: Columns that don't fit together.
    """

    wkb: npt.NDArray[np.uint8]
    wkb_offset: npt.NDArray[np.int64]
    query_index: npt.NDArray[np.int32]
    score: npt.NDArray[np.float64]
    iou_pred: npt.NDArray[np.float64]
    objectness: npt.NDArray[np.float64]
    area_m2: npt.NDArray[np.float64]
    perimeter_m: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        offsets = self.wkb_offset
        columns = [getattr(self, name) for name in self.column_names()]
        is_right = all(column.ndim == 1 for column in columns) and len(offsets) > 0
        is_right = is_right and all(len(column) == len(offsets) - 1 for column in columns[2:])
        is_right = is_right and offsets[0] == 0 and offsets[-1] == len(self.wkb)
        if not (is_right and (offsets[1:] >= offsets[:-1]).all()):  # their difference might wrap around
            raise InvalidMessageError("the columns of the features don't fit together")

    def __len__(self) -> int:
        return len(self.query_index)

    @classmethod
    def column_names(cls) -> List[str]:
        """The names of the columns, in order; those of the buffers on the wire."""
        return [field.name for field in fields(cls)]

    @classmethod
    def empty(cls) -> FeatureBatch:
        """No features."""
        return cls.of([], query_index=[], score=[], iou_pred=[], objectness=[], area_m2=[], perimeter_m=[])

    @classmethod
    def of(cls, geometries_wkb: Sequence[bytes], **columns: npt.ArrayLike) -> FeatureBatch:
        """The batch of these geometries and columns of equal length."""
        offsets = np.zeros(len(geometries_wkb) + 1, np.int64)
        np.cumsum([len(wkb) for wkb in geometries_wkb], out=offsets[1:])
        typed = {name: np.asarray(values, _dtype_of(name)) for name, values in columns.items()}
        return cls(wkb=np.frombuffer(b"".join(geometries_wkb), np.uint8), wkb_offset=offsets, **typed)

    @classmethod
    def from_arrays(cls, arrays: Any) -> FeatureBatch:
        """The batch among a frame's arrays.

        Raises:
            InvalidMessageError: A column is missing, of another dtype, or doesn't fit.
        """
        for name in cls.column_names():
            if name not in arrays or arrays[name].dtype.name != _dtype_of(name):
                raise InvalidMessageError(f"the features need a column {name} of {_dtype_of(name)}")
        return cls(**{name: arrays[name] for name in cls.column_names()})

    def to_arrays(self) -> Dict[str, npt.NDArray[Any]]:
        """The columns by name, for a frame."""
        return {name: getattr(self, name) for name in self.column_names()}

    def select(self, indices: Sequence[int]) -> FeatureBatch:
        """Some of the features, in this order."""
        chosen = np.asarray(indices, np.int64)
        columns = {name: getattr(self, name)[chosen] for name in self.column_names()[2:]}
        return FeatureBatch.of([self.geometry_wkb(index) for index in indices], **columns)

    def geometry_wkb(self, index: int) -> bytes:
        """The WKB of one feature."""
        return bytes(self.wkb[self.wkb_offset[index] : self.wkb_offset[index + 1]])


def _dtype_of(column: str) -> str:
    return _DTYPES.get(column, "float64")
