"""COCO's compressed run-length encoding of masks, written without pycocotools (QGIS's Python has none)."""

from __future__ import annotations

from typing import Dict, List, Union

import numpy as np
import numpy.typing as npt

Rle = Dict[str, Union[str, List[int]]]


def encode_rle(mask_HW: npt.NDArray[np.bool_]) -> Rle:
    """The encoding that pycocotools gives, its counts as text so that JSON can hold it.

    Runs go down the columns and begin with the background. From the fourth on, each is stored as its
    difference from the one two before, in groups of five bits from the lowest, a sixth bit saying that more
    follow.

    Args:
        mask_HW: Anything non-zero is inside.

    Source: pycocotools' maskApi.c, rleEncode and rleToString.
    """
    inside = np.asarray(mask_HW != 0).ravel(order="F")
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    bounds = np.concatenate([[0], edges, [inside.size]])
    if inside.size and inside[0]:
        bounds = np.concatenate([[0], bounds])
    runs = np.diff(bounds)
    runs[3:] -= np.diff(bounds)[1:-2]
    counts = "".join(_characters(int(run)) for run in runs)
    return {"size": [int(side) for side in mask_HW.shape], "counts": counts}


def _characters(value: int) -> str:
    """A signed number in groups of five bits, as printable characters from '0' on."""
    characters = []
    is_more = True
    while is_more:
        group = value & 0x1F
        value >>= 5
        is_more = value != (-1 if group & 0x10 else 0)
        characters.append(chr(48 + (group | (0x20 if is_more else 0))))
    return "".join(characters)
