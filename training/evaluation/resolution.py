"""The resolutions at which a mask is compared with its reference.

Shape letters: H height, W width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_NATIVE = "native"


@dataclass(frozen=True)
class Resolution:
    """The image's own size, or a square of fixed side that both masks are squashed to.

    At a fixed side this is what LAVT and RMSIN do, and after them most figures published for referring
    segmentation of remote sensing images: the reference is resized by Pillow's nearest neighbour to
    480x480, and the model's logits are enlarged bilinearly to the same square and compared there, never at
    the image's own size. They enlarge with aligned corners, since their networks do so inside; ours enlarges
    with aligned edges, as SAM 2 does. A reference that vanishes in the resizing counts as an IoU of 0.

    Attributes:
        side_px: Side of the square, None for the image's own size.

    Source: RMSIN (and LAVT-RIS): ``transforms.py`` Resize, ``test.py`` get_transform and evaluate,
    ``lib/_utils.py`` forward.
    """

    side_px: int | None = None

    @classmethod
    def parse(cls, text: str) -> Resolution:
        """Reads ``native`` or a side in pixels.

        Raises:
            ValueError: It is neither.
        """
        if text == _NATIVE:
            return cls()
        if not text.isdecimal() or int(text) < 1:
            raise ValueError(f"'{text}' is neither 'native' nor a side in pixels")
        return cls(int(text))

    def __str__(self) -> str:
        return _NATIVE if self.side_px is None else str(self.side_px)

    def hw_px(self, native_hw_px: tuple[int, int]) -> tuple[int, int]:
        """Height and width of the masks that are compared."""
        return native_hw_px if self.side_px is None else (self.side_px, self.side_px)

    def reference(self, mask_HW: NDArray[np.uint8] | NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The reference mask at this resolution."""
        if self.side_px is not None:
            square = (self.side_px, self.side_px)
            picture = Image.fromarray((mask_HW != 0).astype(np.uint8))
            mask_HW = np.asarray(picture.resize(square, Image.Resampling.NEAREST))
        is_inside_HW: NDArray[np.bool_] = mask_HW != 0
        return is_inside_HW


NATIVE = Resolution()
