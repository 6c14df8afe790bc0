"""Which split an object goes to where a whole area is shared out among the splits."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass, replace
from typing import Dict, List, Sequence, Tuple

from geophrase.protocol.grid import RasterGrid

from ..core.export.training_sample import LabelledObject

SHARES = (("train", 0.8), ("val", 0.1), ("test", 0.1))
_IMAGES_PER_BLOCK = 2
"""Blocks of so many images a side go to one split, so that few images lie on a border between two."""


@dataclass(frozen=True)
class PlaceSplitter:
    """Shares out the raster block by block: the same place always goes to the same split.

    Images next to each other show the same ground, so lots drawn for each of them would test what was learnt.

    Attributes:
        grid: The raster's pixels.
        side_px: Of the images, in those pixels.
        key: Tells the raster from others.
    """

    grid: RasterGrid
    side_px: float
    key: str

    def split_of(self, anchor_map: Tuple[float, float]) -> str:
        """The split of what lies there."""
        x, y = self.grid.to_pix(anchor_map)
        block_px = self.side_px * _IMAGES_PER_BLOCK
        block = f"{self.key}:{math.floor(x / block_px)}:{math.floor(y / block_px)}"
        lot = int.from_bytes(hashlib.sha256(block.encode("utf-8")).digest()[:4], "big") / 2**32
        for split, share in SHARES:
            lot -= share
            if lot < 0:
                return split
        return SHARES[0][0]

    def shared_out(self, objects: Sequence[LabelledObject]) -> Dict[str, List[LabelledObject]]:
        """All objects for every split that gets any; accepted are its own.

        The others are there because a phrase's mask holds whatever it names in an image.
        """
        splits = [self.split_of(labelled.anchor_map) for labelled in objects]
        return {
            split: [
                labelled if own == split else replace(labelled, is_accepted=False)
                for labelled, own in zip(objects, splits)
            ]
            for split, _ in SHARES
            if split in splits
        }
