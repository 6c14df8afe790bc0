"""What a predictor hands out: encoded images, and its answers about them.

Shape letters: B images, Q queries, D channels, H height, W width.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from geophrase.engine.model.rsam.image_encoder import ImageFeatures

_SIZE_ENTRY = "image_hw_px"


@dataclass(frozen=True)
class Embedding:
    """One encoded image, which any number of queries can be asked about.

    Attributes:
        features: The image's features, a batch of one.
        image_hw_px: Height and width of the image as it was given.
    """

    features: ImageFeatures
    image_hw_px: tuple[int, int]

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """Returns plain arrays for the disk, the features in float16."""
        halves = self.features.map(lambda x_1DHW: x_1DHW.detach().to("cpu", torch.float16))
        maps = {field.name: getattr(halves, field.name) for field in dataclasses.fields(halves)}
        arrays = {name: x_1DHW[0].numpy() for name, x_1DHW in maps.items() if x_1DHW is not None}
        return {**arrays, _SIZE_ENTRY: np.asarray(self.image_hw_px, dtype=np.int64)}

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Embedding:
        """Reads what :meth:`to_arrays` gave.

        Raises:
            ValueError: Where an array is missing or unknown.
        """
        maps = {
            name: torch.from_numpy(np.array(x))[None] for name, x in arrays.items() if name != _SIZE_ENTRY
        }
        try:
            height_px, width_px = arrays[_SIZE_ENTRY]
            return cls(ImageFeatures(**maps), (int(height_px), int(width_px)))
        except (KeyError, TypeError) as error:
            raise ValueError(f"not an embedding: {error}") from error


@dataclass(frozen=True)
class Prediction:
    """One answer about one image.

    Attributes:
        mask_logits_HW: float32 at the image's resolution; positive is foreground.
        iou: The model's own estimate of the mask's IoU, 0 to 1.
        objectness: Logit; at or below zero the model says that nothing fits, and the mask is empty.
        low_res_logits_HW: float32 at stride 4 of the model's input, never emptied, to be fed back as
            ``mask_logits`` with the next click.
    """

    mask_logits_HW: NDArray[np.float32]
    iou: float
    objectness: float
    low_res_logits_HW: NDArray[np.float32]


@dataclass(frozen=True)
class TilePredictions:
    """Every query's answer about every image.

    Attributes:
        mask_logits_BQHW: float32 at the images' resolution, -1024 where the object is judged absent.
        iou_BQ: Estimated IoU, 0 to 1.
        objectness_BQ: Logits; at or below zero nothing fits the query.
    """

    mask_logits_BQHW: NDArray[np.float32]
    iou_BQ: NDArray[np.float32]
    objectness_BQ: NDArray[np.float32]
