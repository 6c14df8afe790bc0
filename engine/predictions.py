"""What a predictor hands out: encoded images, and its answers about them.

Shape letters: B images, Q queries, D channels, H height, W width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from geophrase.engine.model.rsam.image_encoder import ImageFeatures


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
        return {
            "deep_DHW": halves.deep_BDHW[0].numpy(),
            "shallow8_DHW": halves.shallow8_BDHW[0].numpy(),
            "shallow4_DHW": halves.shallow4_BDHW[0].numpy(),
            "image_hw_px": np.asarray(self.image_hw_px, dtype=np.int64),
        }

    @classmethod
    def from_arrays(cls, arrays: dict[str, NDArray[Any]]) -> Embedding:
        """Reads what :meth:`to_arrays` gave.

        Raises:
            ValueError: Where an array is missing.
        """
        try:
            deep, shallow8, shallow4, hw_px = (
                arrays[name] for name in ("deep_DHW", "shallow8_DHW", "shallow4_DHW", "image_hw_px")
            )
        except KeyError as error:
            raise ValueError(f"not an embedding: there is no {error}") from error
        features = ImageFeatures(
            *(torch.from_numpy(np.array(x_DHW))[None] for x_DHW in (deep, shallow8, shallow4))
        )
        return cls(features, (int(hw_px[0]), int(hw_px[1])))


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
