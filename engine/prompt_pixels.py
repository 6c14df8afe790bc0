"""Points and boxes between pixel edges become the pixels that a predictor's prompts name.

Grids and the wire count from the corner of an image's first pixel. SAM 2 counts from the centre of its
input's first pixel: it learned from clicks on whole pixels and boxes that name their first and last pixel.

Source: sam2/modeling/sam2_utils.py, sample_random_points_from_errors and mask_to_box;
sam2/modeling/sam/prompt_encoder.py, where half a pixel is added to every point.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class PromptPixels:
    """How an image shows on the pixels of a model's input.

    Attributes:
        image_hw_px: Height and width of the image.
        image_px: Side of the model's input.
    """

    image_hw_px: tuple[int, int]
    image_px: int

    def points_xy(self, points_pix: ArrayLike) -> NDArray[np.float32]:
        """The input's pixels that hold the points (N, 2), as `Predictor.predict` takes points."""
        points = np.floor(np.asarray(points_pix) * self._scale_xy) / self._scale_xy
        return points.astype(np.float32, copy=False)

    def box_xyxy(self, box_pix: ArrayLike) -> NDArray[np.float32]:
        """The input's first and last pixel in a box, as `Predictor.predict` takes boxes.

        The sides keep their fractions, and a box smaller than a pixel becomes a point.
        """
        low_xy, high_xy = np.asarray(box_pix).reshape(2, 2)
        last_xy = np.maximum(high_xy - 1 / self._scale_xy, low_xy)
        return np.concatenate([low_xy, last_xy]).astype(np.float32)

    @property
    def _scale_xy(self) -> NDArray[np.float64]:
        """Pixels of the input per pixel of the image."""
        return self.image_px / np.array(self.image_hw_px[::-1], np.float64)
