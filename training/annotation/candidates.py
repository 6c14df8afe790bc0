"""Masks that a click model offers for a box, and for a box with points and an earlier mask.

Shape letters: H height, W width, C colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geophrase.engine.errors import EngineError
from geophrase.engine.predictor import Embedding, Prediction, Predictor
from geophrase.protocol.errors import ErrorCode
from geophrase.training.data.instances import Rle, decode_rle, encode_rle

NUM_CANDIDATES = 3
"""Source: paper, Section 3.1.1, step 1; the alternatives of SAM 2's decoder."""

BoxXyxy = tuple[float, float, float, float]

# Source: sam2/automatic_mask_generator.py, stability_score_offset.
_STABILITY_OFFSET_LOGIT = 1.0


@dataclass(frozen=True)
class Guidance:
    """What a person adds to a box when no mask is right.

    Attributes:
        base: Index of the earlier mask that goes back into the model, among the candidates it was seen with.
        points_xy: Pixels of the image; those of earlier rounds come first.
        point_labels: 1 for what belongs to the object and 0 for what doesn't, one for each point.
    """

    base: int
    points_xy: tuple[tuple[float, float], ...]
    point_labels: tuple[int, ...]

    def __post_init__(self) -> None:
        """Refuses what no model could use.

        Raises:
            ValueError: There is no such candidate, no point, or a point without a label of 0 or 1.
        """
        if not 0 <= self.base < NUM_CANDIDATES:
            raise ValueError(f"there is no mask {self.base + 1}, only 1 to {NUM_CANDIDATES}")
        if not self.points_xy or len(self.points_xy) != len(self.point_labels):
            raise ValueError("at least one point is needed, and a label for each")
        if any(label not in (0, 1) for label in self.point_labels):
            raise ValueError("a point's label is 1 or 0")
        if not np.isfinite(self.points_xy).all():
            raise ValueError("a point's coordinates are numbers")


@dataclass(frozen=True)
class Candidate:
    """One mask on offer.

    Attributes:
        mask_rle: COCO RLE at the image's size.
        area_px: Pixels inside.
        predicted_iou: The model's own estimate.
        stability: IoU between the masks at logits 1 and -1, as in SA-1B; 0 where both are empty.
    """

    mask_rle: Rle
    area_px: int
    predicted_iou: float
    stability: float

    @classmethod
    def from_prediction(cls, prediction: Prediction) -> Candidate:
        """The mask of logits above zero."""
        logits_HW = prediction.mask_logits_HW
        mask_HW = logits_HW > 0
        return cls(
            encode_rle(mask_HW),
            int(np.count_nonzero(mask_HW)),
            round(float(prediction.iou), 6),
            round(stability_of(logits_HW), 6),
        )

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Candidate:
        """What :meth:`to_json` wrote; raises KeyError, TypeError or ValueError for anything else."""
        size_yx = [int(side) for side in row["segmentation"]["size"]]
        rle: Rle = {"size": size_yx, "counts": str(row["segmentation"]["counts"])}
        return cls(rle, int(row["area"]), float(row["predicted_iou"]), float(row["stability_score"]))

    def to_json(self) -> dict[str, Any]:
        """The candidate under SA-1B's names."""
        return {
            "segmentation": self.mask_rle,
            "area": self.area_px,
            "predicted_iou": self.predicted_iou,
            "stability_score": self.stability,
        }

    def mask(self) -> NDArray[np.uint8]:
        """The mask, uint8 HW of zeros and ones."""
        return decode_rle(self.mask_rle)


def stability_of(logits_HW: NDArray[np.float32]) -> float:
    """How little a mask changes with its threshold, 0 to 1.

    Source: sam2/utils/amg.py, calculate_stability_score.
    """
    outer_px = np.count_nonzero(logits_HW > -_STABILITY_OFFSET_LOGIT)
    inner_px = np.count_nonzero(logits_HW > _STABILITY_OFFSET_LOGIT)
    return inner_px / outer_px if outer_px else 0.0


class MaskModel:
    """A SAM 2.1 model as annotation uses it.

    Args:
        predictor: With four mask tokens.

    Raises:
        EngineError: BAD_REQUEST for a model that gives a single mask.
    """

    def __init__(self, predictor: Predictor) -> None:
        if predictor.rsam.config.decoder.num_mask_tokens != NUM_CANDIDATES + 1:
            raise EngineError(
                ErrorCode.BAD_REQUEST,
                f"{predictor.name} gives a single mask: annotate with a SAM 2.1 model, such as "
                "sam2.1_hiera_large.",
            )
        self.predictor = predictor

    @classmethod
    def load(cls, model: str | Path, device: str = "auto") -> MaskModel:
        """A model by its name, or from a weights file.

        Raises:
            EngineError: It is unknown, its weights are missing or damaged, or it gives a single mask.
        """
        return cls(Predictor.load(model, device))

    def encode(self, image_HWC: NDArray[np.uint8]) -> Embedding:
        """Encodes an RGB image once for all its boxes and points."""
        return self.predictor.encode(image_HWC)

    def candidates(
        self, embedding: Embedding, box_xyxy: BoxXyxy, rounds: Sequence[Guidance] = ()
    ) -> tuple[Candidate, ...]:
        """Three masks for a box; after rounds of guidance, the three of the last.

        Every round is asked again from the box on, so nothing but the prompts need be kept.

        Source: paper, Section 3.1.1, steps 1 and 2: the box, all points and the chosen earlier mask are
        prompts together. Masks are kept where the model doubts that there is an object, as in
        sam2/sam2_image_predictor.py.
        """
        predictions = self.predictor.predict_alternatives(embedding, box_xyxy=box_xyxy, is_absent_kept=True)
        for guidance in rounds:
            predictions = self.predictor.predict_alternatives(
                embedding,
                box_xyxy=box_xyxy,
                points_xy=guidance.points_xy,
                point_labels=guidance.point_labels,
                mask_logits=predictions[guidance.base].low_res_logits_HW,
                is_absent_kept=True,
            )
        return tuple(Candidate.from_prediction(each) for each in predictions)
