"""What is evaluated: an image is encoded once and then asked with texts, points, boxes and earlier masks.

Shape letters: Q queries, N points, C coordinates (x, y), H height, W width, B images (1 here).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from geophrase.engine.input_frame import InputFrame, normalised_input
from geophrase.engine.prompt_pixels import PromptPixels
from geophrase.training.baselines.models import Answering, Model
from geophrase.training.fit.texts import TextCache

MAX_QUERIES = 16
"""Queries that are decoded and enlarged at once, which bounds memory at native resolution."""

# Logits that are fed back as a mask prompt are clamped. Source: sam2/sam2_image_predictor.py, _predict.
_FEEDBACK_LIMIT_LOGIT = 32.0


@dataclass(frozen=True)
class Prompts:
    """What is asked about one image: Q queries, each kind of prompt given to all of them or to none.

    Attributes:
        texts: One phrase per query.
        points_xy_QNC: Points in pixels of the image, from the corner of its first, as on the wire and
            as the plugin hands in clicks.
        point_labels_QN: 1 foreground, 0 background.
        boxes_xyxy_QC: Boxes in the same frame.
        previous_QHW: Logits of earlier answers, as :meth:`Answers.feedback` gives them.
    """

    texts: Sequence[str] | None = None
    points_xy_QNC: NDArray[np.float32] | None = None
    point_labels_QN: NDArray[np.int64] | None = None
    boxes_xyxy_QC: NDArray[np.float32] | None = None
    previous_QHW: Tensor | None = None

    @property
    def num_queries(self) -> int:
        """Q.

        Raises:
            ValueError: Nothing is asked, or the kinds disagree on Q.
        """
        counts = {len(values) for values in vars(self).values() if values is not None}
        if len(counts) != 1:
            raise ValueError(f"prompts are for {sorted(counts) or 'no'} queries")
        return counts.pop()

    def part(self, part: slice) -> Prompts:
        """Some of the queries."""
        return Prompts(**{name: None if rows is None else rows[part] for name, rows in vars(self).items()})


@dataclass(frozen=True)
class Answers:
    """Answers to Q queries about one image.

    Attributes:
        logits_QHW: Masks at the decoder's resolution; positive is foreground.
        iou_Q: The model's own estimate of each mask's IoU, in [0, 1].
        objectness_Q: Logits that the object is there at all.
    """

    logits_QHW: Tensor
    iou_Q: NDArray[np.float32]
    objectness_Q: NDArray[np.float32]

    def masks(self, hw_px: tuple[int, int]) -> list[NDArray[np.bool_]]:
        """Masks at a size, whatever the objectness says: logits enlarged bilinearly, then cut at 0."""
        masks: list[NDArray[np.bool_]] = []
        for start in range(0, len(self.logits_QHW), MAX_QUERIES):
            resized_1QHW = F.interpolate(
                self.logits_QHW[None, start : start + MAX_QUERIES].float(),
                hw_px,
                mode="bilinear",
                align_corners=False,
            )
            masks.extend((resized_1QHW[0] > 0).cpu().numpy())
        return masks

    def present_masks(self, hw_px: tuple[int, int]) -> list[NDArray[np.bool_]]:
        """Masks at a size, empty where the model says absent: what somebody who typed a phrase sees."""
        return self.without_absent(self.masks(hw_px))

    def without_absent(self, masks: Sequence[NDArray[np.bool_]]) -> list[NDArray[np.bool_]]:
        """Empties the masks of objects that the model says are absent."""
        pairs = zip(masks, self.objectness_Q, strict=True)
        return [mask_HW if objectness > 0 else np.zeros_like(mask_HW) for mask_HW, objectness in pairs]

    def one(self, row: int) -> Answers:
        """The answer to one query."""
        part = slice(row, row + 1)
        return Answers(self.logits_QHW[part], self.iou_Q[part], self.objectness_Q[part])

    def feedback(self) -> Tensor:
        """The logits to hand in with the next points."""
        return self.logits_QHW.clamp(-_FEEDBACK_LIMIT_LOGIT, _FEEDBACK_LIMIT_LOGIT)


class EncodedImage(Protocol):
    """An image that was encoded once."""

    @property
    def hw_px(self) -> tuple[int, int]:
        """Height and width of the image as it was given."""

    def ask(self, prompts: Prompts) -> Answers:
        """Answers all queries."""


class Segmenter(Protocol):
    """Anything that finds what is asked for in an image."""

    @property
    def has_text(self) -> bool:
        """Whether it understands phrases."""

    def encode(self, image_HWC: NDArray[np.uint8]) -> EncodedImage:
        """Prepares an RGB image for any number of questions."""


class RsamSegmenter:
    """RSAM, SAM 2 without text, or a baseline on whole images squashed to a square, as the papers evaluate.

    Args:
        rsam: The model in evaluation mode.
        image_px: Side of the square.
        is_bfloat16: Whether matrix products run in bfloat16.
        texts: A cache of encoded phrases to share.
    """

    def __init__(
        self, rsam: Model, *, image_px: int, is_bfloat16: bool = True, texts: TextCache | None = None
    ) -> None:
        self._rsam = rsam
        self._image_px = image_px
        self._is_bfloat16 = is_bfloat16
        self._texts = texts or TextCache(rsam)

    @property
    def has_text(self) -> bool:
        """Whether the model takes text."""
        return self._rsam.config.has_text

    @torch.inference_mode()
    def encode(self, image_HWC: NDArray[np.uint8]) -> EncodedImage:
        """Encodes an RGB image of any size.

        Raises:
            ValueError: The image is not uint8 with three channels.
        """
        height_px, width_px = image_HWC.shape[:2]
        frame = InputFrame((height_px, width_px), self._image_px, self._rsam.device)
        with _autocast(frame.device, self._is_bfloat16):
            image_BCHW = normalised_input(image_HWC[None], image_px=self._image_px, device=frame.device)
            features = self._rsam.encode_image(image_BCHW)
        return _EncodedByRsam(self._rsam, self._texts, features, frame, self._is_bfloat16)


@dataclass(frozen=True)
class _EncodedByRsam:
    rsam: Answering
    texts: TextCache
    features: Any
    frame: InputFrame
    is_bfloat16: bool

    @property
    def hw_px(self) -> tuple[int, int]:
        return self.frame.image_hw_px

    def ask(self, prompts: Prompts) -> Answers:
        starts = range(0, prompts.num_queries, MAX_QUERIES)
        parts = [self._ask_some(prompts.part(slice(start, start + MAX_QUERIES))) for start in starts]
        return Answers(
            torch.cat([part.logits_QHW for part in parts]),
            np.concatenate([part.iou_Q for part in parts]),
            np.concatenate([part.objectness_Q for part in parts]),
        )

    @torch.inference_mode()
    def _ask_some(self, prompts: Prompts) -> Answers:
        labels_QN, previous_QHW = prompts.point_labels_QN, prompts.previous_QHW
        device = self.frame.device
        points_xy_QNC, boxes_xyxy_QC = self._on_pixels(prompts)
        with _autocast(device, self.is_bfloat16):
            output = self.rsam.decode(
                self.features,
                text=None if prompts.texts is None else self.texts.encode(prompts.texts),
                points_xy_QNC=_in_frame(self.frame, points_xy_QNC),
                point_labels_QN=None if labels_QN is None else torch.from_numpy(labels_QN).to(device),
                boxes_xyxy_QC=_in_frame(self.frame, boxes_xyxy_QC),
                mask_logits_Q1HW=None if previous_QHW is None else previous_QHW[:, None],
            )
        return Answers(
            output.mask_logits_QMHW[:, 0].float(),
            output.iou_QM[:, 0].float().cpu().numpy(),
            output.objectness_Q1[:, 0].float().cpu().numpy(),
        )

    def _on_pixels(self, prompts: Prompts) -> tuple[NDArray[np.float32] | None, NDArray[np.float32] | None]:
        """Points and boxes as the pixels of the model's input that they mark."""
        pixels = PromptPixels(self.frame.image_hw_px, self.frame.image_px)
        points_xy_QNC, boxes_xyxy_QC = prompts.points_xy_QNC, prompts.boxes_xyxy_QC
        if points_xy_QNC is not None:
            points_xy_QNC = pixels.points_xy(points_xy_QNC)
        if boxes_xyxy_QC is not None:
            boxes_xyxy_QC = np.stack([pixels.box_xyxy(box_C) for box_C in boxes_xyxy_QC])
        return points_xy_QNC, boxes_xyxy_QC


def _autocast(device: torch.device, is_bfloat16: bool) -> torch.autocast:
    return torch.autocast(device.type, torch.bfloat16, enabled=is_bfloat16)


def _in_frame(frame: InputFrame, xy: NDArray[np.float32] | None) -> Tensor | None:
    """Coordinates in pixels of the image, in any grouping of x and y, in pixels of the model's input."""
    if xy is None:
        return None
    prompts = frame.prompts(points_xy=xy.reshape(-1, 2), point_labels=None, box_xyxy=None, mask_logits=None)
    assert prompts.points_xy_QNC is not None
    return prompts.points_xy_QNC.reshape(xy.shape)
