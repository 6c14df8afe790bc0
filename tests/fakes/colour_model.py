"""A model made by hand: it finds the colour that the query names, so that the right answer is known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from geophrase.engine.predictions import Prediction

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "black": (0, 0, 0)}
SURE_LOGIT = 8.0


@dataclass(frozen=True)
class ColourEmbedding:
    """The image itself, which half precision holds exactly."""

    image_HWC: np.ndarray

    def to_arrays(self) -> dict[str, np.ndarray]:
        return {"image": self.image_HWC.astype(np.float32) / 256}


@dataclass(frozen=True)
class ColourPredictions:
    mask_logits_BQHW: np.ndarray
    iou_BQ: np.ndarray
    objectness_BQ: np.ndarray


@dataclass
class ColourModel:
    """Marks the pixels of a named colour; other words are absent. Counts what it is asked."""

    image_px: int = 64
    identity: str = "colour:1"
    name: str = "colour"
    weights_sha256: str = "c010" * 16
    has_text: bool = True
    has_alternatives: bool = False
    device: str = "cpu"
    num_encoded: int = 0
    num_decoded: int = 0
    texts_seen: list[tuple[str, ...]] = field(default_factory=list)

    def encode_batch(self, images_BHWC: np.ndarray) -> list[ColourEmbedding]:
        self.num_encoded += len(images_BHWC)
        return [ColourEmbedding(image_HWC) for image_HWC in images_BHWC]

    def embedding_from_arrays(self, arrays: dict[str, np.ndarray]) -> ColourEmbedding:
        return ColourEmbedding(np.round(arrays["image"].astype(np.float32) * 256).astype(np.uint8))

    def predict_texts(self, embeddings: Sequence[ColourEmbedding], texts: Sequence[str]) -> ColourPredictions:
        self.num_decoded += len(embeddings)
        self.texts_seen.append(tuple(texts))
        images_BHWC = np.stack([embedding.image_HWC for embedding in embeddings]).astype(int)
        logits_BQHW = np.stack([self._logits(images_BHWC, text) for text in texts], axis=1)
        is_there_BQ = np.array([[text in COLOURS for text in texts]] * len(embeddings))
        objectness_BQ = np.where(is_there_BQ, 3.0, -3.0).astype(np.float32)
        # The share of the tile tells the tiles apart in tests of the scores.
        iou_BQ = (logits_BQHW > 0).mean(axis=(2, 3), dtype=np.float32)
        return ColourPredictions(logits_BQHW, iou_BQ, objectness_BQ)

    def predict(
        self,
        embedding: ColourEmbedding,
        *,
        text: str | None = None,
        points_xy: np.ndarray | None = None,
        point_labels: np.ndarray | None = None,
        box_xyxy: np.ndarray | None = None,
        mask_logits: np.ndarray | None = None,
        is_absent_kept: bool = False,
    ) -> Prediction:
        """The colour of the text, of the clicks labelled 1 or of the box's middle, inside the box.

        Like SAM 2 it takes whole numbers for pixels, and a box to name its first and last one.
        """
        self.num_decoded += 1
        image_HWC = embedding.image_HWC
        wanted = [np.array(COLOURS[text])] if text in COLOURS else []
        clicks = [] if points_xy is None else zip(points_xy, point_labels, strict=True)
        wanted += [_colour_at(image_HWC, xy) for xy, label in clicks if label == 1]
        if box_xyxy is not None and not wanted:
            wanted.append(_colour_at(image_HWC, (box_xyxy[:2] + box_xyxy[2:]) / 2))
        is_found_HW = np.zeros(image_HWC.shape[:2], bool)
        for colour in wanted:
            is_found_HW |= np.abs(image_HWC.astype(int) - colour).max(axis=-1) < 100
        if box_xyxy is not None:
            xmin, ymin, xmax, ymax = np.round(box_xyxy).astype(int)
            outside_HW = np.ones(is_found_HW.shape, bool)
            outside_HW[ymin : ymax + 1, xmin : xmax + 1] = False
            is_found_HW &= ~outside_HW
        logits_HW = np.where(is_found_HW, SURE_LOGIT, -SURE_LOGIT).astype(np.float32)
        side_px = self.image_px // 4
        return Prediction(logits_HW, 0.9, 3.0, np.resize(logits_HW, (side_px, side_px)))

    def on_cpu(self) -> Any:
        return replace(self, device="cpu")

    @staticmethod
    def _logits(images_BHWC: np.ndarray, text: str) -> np.ndarray:
        distance_BHW = np.abs(images_BHWC - COLOURS.get(text, (255, 0, 0))).max(axis=-1)
        return np.where(distance_BHW < 100, SURE_LOGIT, -SURE_LOGIT).astype(np.float32)


def _colour_at(image_HWC: np.ndarray, xy: np.ndarray) -> np.ndarray:
    height, width = image_HWC.shape[:2]
    col, row = (int(np.clip(value, 0, length - 1)) for value, length in zip(xy, (width, height), strict=True))
    return image_HWC[row, col].astype(int)
