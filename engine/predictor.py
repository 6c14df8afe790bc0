"""Images in, masks out: a loaded model behind pixels, texts and numpy arrays.

Shape letters: B images, Q queries, M masks, N points, C channels, D features, H height, W width.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor
from torch.nn import functional as F

from geophrase.engine.device import DeviceChoice, select_device
from geophrase.engine.input_frame import ClickPrompts, InputFrame, normalised_input
from geophrase.engine.model.load_model import load_model
from geophrase.engine.model.rsam.image_encoder import ImageFeatures
from geophrase.engine.model.rsam.multimodal_mask_decoder import ABSENT_LOGIT, MaskOutput
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.engine.model.rsam.text_encoder import TextFeatures
from geophrase.engine.model.weights.load import locate_weights
from geophrase.engine.predictions import Embedding, Prediction, TilePredictions

__all__ = ["Embedding", "Prediction", "Predictor", "TilePredictions"]

# Logits that are fed back as a mask prompt are clamped. Source: sam2/sam2_image_predictor.py, _predict.
_FEEDBACK_LIMIT_LOGIT = 32.0
_MAX_QUERIES_PER_DECODE = 8
IMAGES_PER_CPU_DECODE = 4
"""On one core of a laptop rsam_small decodes a text about so many images in 50 ms."""
_MAX_REMEMBERED_TEXTS = 256


class Predictor:
    """A model on a device. Images are squashed to the model's square, and masks come back at their size.

    All coordinates are pixels of the image as given, the origin at its top-left corner.
    """

    def __init__(
        self, rsam: Rsam, *, name: str, device: torch.device, dtype: torch.dtype, weights_sha256: str
    ) -> None:
        self.rsam = rsam.eval().to(device)
        self.name = name
        self.device = device
        self.dtype = dtype
        self.weights_sha256 = weights_sha256
        self._remembered_texts: OrderedDict[str, TextFeatures] = OrderedDict()
        self._lock = threading.Lock()

    @classmethod
    def load(
        cls, name: str | Path, device: str | DeviceChoice = "auto", *, folder: Path | None = None
    ) -> Predictor:
        """Loads a model by its registered name, or from a weights file of ours.

        Args:
            name: A name of the registry, or a path.
            device: auto, cpu, cuda or mps; or what was chosen already.
            folder: A folder to look for the weights in before all others.

        Raises:
            EngineError: MODEL_UNKNOWN, WEIGHTS_MISSING, WEIGHTS_INVALID or DEVICE_UNAVAILABLE.
        """
        weights = locate_weights(name, folder=folder)
        choice = select_device(device) if isinstance(device, str) else device
        rsam = load_model(weights)
        return cls(
            rsam,
            name=rsam.config.name,
            device=choice.device,
            dtype=choice.dtype,
            weights_sha256=weights.sha256,
        )

    @classmethod
    def from_model(
        cls,
        rsam: Rsam,
        *,
        name: str | None = None,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> Predictor:
        """Wraps a model in memory, for training and tests; its weights are identified by their bytes."""
        return cls(
            rsam,
            name=name or rsam.config.name,
            device=torch.device(device),
            dtype=dtype,
            weights_sha256=_sha256_of(rsam),
        )

    def on_cpu(self) -> Predictor:
        """Moves the model to the CPU; this predictor is then no longer used."""
        choice = select_device("cpu")
        return Predictor(
            self.rsam,
            name=self.name,
            device=choice.device,
            dtype=choice.dtype,
            weights_sha256=self.weights_sha256,
        )

    @property
    def image_px(self) -> int:
        """Side of the square that the model takes."""
        return self.rsam.config.image_px

    @property
    def has_text(self) -> bool:
        """Whether the model takes text."""
        return self.rsam.config.has_text

    @property
    def has_alternatives(self) -> bool:
        """Whether one query has SAM 2's three masks for an answer, or only the one."""
        return self.rsam.config.decoder.num_mask_tokens > 1

    @property
    def identity(self) -> str:
        """Name, weights and precision: two models of one identity make the same encodings."""
        return f"{self.name}:{self.weights_sha256}:{str(self.dtype).removeprefix('torch.')}"

    def encode(self, image_HWC: NDArray[np.uint8]) -> Embedding:
        """Encodes an RGB image of any size.

        Raises:
            ValueError: Where the image is not uint8 with three channels.
        """
        return self.encode_batch(np.asarray(image_HWC)[None])[0]

    @torch.inference_mode()
    def encode_batch(self, images_BHWC: NDArray[np.uint8]) -> list[Embedding]:
        """Encodes RGB images of one size in one pass.

        Raises:
            ValueError: Where the images are not uint8 with three channels.
        """
        images_BHWC = np.asarray(images_BHWC)
        image_BCHW = normalised_input(images_BHWC, image_px=self.image_px, device=self.device)
        with self._autocast():
            features = self.rsam.encode_image(image_BCHW)
        features = features.map(lambda x_BDHW: x_BDHW.to(self.dtype))
        hw_px = (images_BHWC.shape[1], images_BHWC.shape[2])
        indices_B1 = torch.arange(len(images_BHWC), device=self.device)[:, None]
        return [Embedding(features.select(index_1), hw_px) for index_1 in indices_B1]

    def embedding_from_arrays(self, arrays: dict[str, NDArray[Any]]) -> Embedding:
        """Reads an embedding back from the disk, onto the device."""
        embedding = Embedding.from_arrays(arrays)
        features = embedding.features.map(lambda x_1DHW: x_1DHW.to(self.device, self.dtype))
        return Embedding(features, embedding.image_hw_px)

    @torch.inference_mode()
    def encode_text(self, texts: Sequence[str]) -> TextFeatures:
        """Encodes texts, each distinct one once in the predictor's life as long as it is remembered.

        Raises:
            ValueError: For a model that takes no text.
            EngineError: Where the text encoder's files are missing or wrong.
        """
        with self._lock:
            new = [text for text in dict.fromkeys(texts) if text not in self._remembered_texts]
            for text in new:  # one by one: in a batch the last bits depend on its other texts
                with self._autocast():
                    self._remembered_texts[text] = self.rsam.encode_text([text])
            encoded = TextFeatures.cat([self._remembered_texts[text] for text in texts])
            for text in texts:
                self._remembered_texts.move_to_end(text)
            while len(self._remembered_texts) > _MAX_REMEMBERED_TEXTS:
                self._remembered_texts.popitem(last=False)
        return encoded

    def predict(
        self,
        embedding: Embedding,
        *,
        text: str | None = None,
        points_xy: ArrayLike | None = None,
        point_labels: ArrayLike | None = None,
        box_xyxy: ArrayLike | None = None,
        mask_logits: ArrayLike | None = None,
        is_absent_kept: bool = False,
    ) -> Prediction:
        """Answers one query with one mask.

        Args:
            embedding: The encoded image.
            text: What to find.
            points_xy: (N, 2) clicks.
            point_labels: (N,) 1 foreground, 0 background.
            box_xyxy: A box around the object.
            mask_logits: ``low_res_logits_HW`` of an earlier answer.
            is_absent_kept: Whether a mask is given even where the model says that there is no object, as
                sam2's image predictor does; otherwise it is -1024 everywhere, as in sam2's base model.

        Raises:
            ValueError: Without prompts, for prompts of a wrong shape, or for text to a model without.
        """
        prompts = self._frame(embedding).prompts(
            points_xy=points_xy, point_labels=point_labels, box_xyxy=box_xyxy, mask_logits=mask_logits
        )
        encoded = None if text is None else self.encode_text([text])
        return self._answer(embedding, prompts, text=encoded, multimask=False, is_absent_kept=is_absent_kept)[
            0
        ]

    def predict_alternatives(
        self,
        embedding: Embedding,
        *,
        text: str | None = None,
        points_xy: ArrayLike | None = None,
        point_labels: ArrayLike | None = None,
        box_xyxy: ArrayLike | None = None,
        mask_logits: ArrayLike | None = None,
        is_absent_kept: bool = False,
    ) -> list[Prediction]:
        """Answers one query with SAM 2's three alternative masks, in sam2's order.

        The arguments are those of :meth:`predict`.

        Raises:
            ValueError: As :meth:`predict`, and for a model with a single mask token.
        """
        prompts = self._frame(embedding).prompts(
            points_xy=points_xy, point_labels=point_labels, box_xyxy=box_xyxy, mask_logits=mask_logits
        )
        encoded = None if text is None else self.encode_text([text])
        return self._answer(embedding, prompts, text=encoded, multimask=True, is_absent_kept=is_absent_kept)

    @torch.inference_mode()
    def predict_texts(self, embeddings: Sequence[Embedding], texts: Sequence[str]) -> TilePredictions:
        """Answers every text about every image; all images have one size.

        On a CPU one text at a time is asked of a few images: there a larger batch gains little, and what a
        text finds stays the same, to the last bit, whatever else is asked with it.

        Raises:
            ValueError: Without images or texts, for images of different sizes, or for a model without text.
        """
        if not embeddings or not texts:
            raise ValueError("at least one embedding and one text are needed")
        sizes = {embedding.image_hw_px for embedding in embeddings}
        if len(sizes) > 1:
            raise ValueError(f"the images have different sizes: {sorted(sizes)}")
        features = ImageFeatures.cat([self._features(embedding) for embedding in embeddings])
        text = self.encode_text(texts)
        image_index = torch.arange(len(embeddings), device=self.device).repeat(len(texts))
        text_index = torch.arange(len(texts), device=self.device).repeat_interleave(len(embeddings))
        num_queries = len(image_index)
        num_together, num_at_once = num_queries, _MAX_QUERIES_PER_DECODE
        if self.device.type == "cpu":
            num_together, num_at_once = len(embeddings), IMAGES_PER_CPU_DECODE
        hw_px = embeddings[0].image_hw_px
        masks_QHW = np.full((num_queries, *hw_px), ABSENT_LOGIT, np.float32)
        ious_Q, objectness_Q = (np.empty(num_queries, np.float32) for _ in range(2))
        for part in _parts(num_queries, num_together, num_at_once):
            with self._autocast():
                output = self.rsam.decode(
                    features,
                    image_index_Q=image_index[part],
                    text=text.select(text_index[part]).trimmed(),  # padding costs last bits, too
                    is_absent_skipped=True,
                )
            ious_Q[part] = output.iou_QM[:, 0].float().cpu().numpy()
            objectness_Q[part] = output.objectness_Q1[:, 0].float().cpu().numpy()
            for index in np.flatnonzero(objectness_Q[part] > 0):
                masks_QHW[part.start + index] = _at_image_size(output.mask_logits_QMHW[index, None], hw_px)[
                    0, 0
                ]
        shape_qb = (len(texts), len(embeddings))
        return TilePredictions(
            masks_QHW.reshape(*shape_qb, *hw_px).swapaxes(0, 1),
            ious_Q.reshape(shape_qb).T,
            objectness_Q.reshape(shape_qb).T,
        )

    @torch.inference_mode()
    def _answer(
        self,
        embedding: Embedding,
        prompts: ClickPrompts,
        *,
        text: TextFeatures | None,
        multimask: bool,
        is_absent_kept: bool,
    ) -> list[Prediction]:
        if text is None and prompts.is_empty:
            raise ValueError("a query needs a text, points, a box or a mask")
        with self._autocast():
            raw = self.rsam.decode(
                self._features(embedding),
                text=text,
                points_xy_QNC=prompts.points_xy_QNC,
                point_labels_QN=prompts.point_labels_QN,
                boxes_xyxy_QC=prompts.boxes_xyxy_QC,
                mask_logits_Q1HW=prompts.mask_logits_Q1HW,
                multimask=multimask,
            )
        output = raw if is_absent_kept else raw.without_absent()
        masks, ious, objectness = self._to_arrays(output, embedding.image_hw_px)
        low_res_MHW = (
            raw.mask_logits_QMHW[0].float().clamp(-_FEEDBACK_LIMIT_LOGIT, _FEEDBACK_LIMIT_LOGIT).cpu()
        )
        return [
            Prediction(mask_HW, float(iou), float(objectness[0, 0]), low_res_HW.numpy())
            for mask_HW, iou, low_res_HW in zip(masks[0], ious[0], low_res_MHW, strict=True)
        ]

    def _to_arrays(
        self, output: MaskOutput, hw_px: tuple[int, int]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
        return (
            _at_image_size(output.mask_logits_QMHW, hw_px),
            output.iou_QM.float().cpu().numpy(),
            output.objectness_Q1.float().cpu().numpy(),
        )

    def _frame(self, embedding: Embedding) -> InputFrame:
        return InputFrame(embedding.image_hw_px, self.image_px, self.device)

    def _features(self, embedding: Embedding) -> ImageFeatures:
        return embedding.features.map(lambda x_1DHW: x_1DHW.to(self.device, self.dtype))

    def _autocast(self) -> torch.autocast:
        is_half = self.dtype != torch.float32
        return torch.autocast(self.device.type, dtype=self.dtype if is_half else None, enabled=is_half)


def _parts(count: int, num_together: int, num_at_once: int) -> Iterator[slice]:
    """Slices of at most `num_at_once`, none of which reaches across a multiple of `num_together`."""
    for first in range(0, count, num_together):
        end = min(first + num_together, count)
        for start in range(first, end, num_at_once):
            yield slice(start, min(start + num_at_once, end))


def _at_image_size(mask_logits_QMHW: Tensor, hw_px: tuple[int, int]) -> NDArray[np.float32]:
    resized = F.interpolate(mask_logits_QMHW.float(), size=hw_px, mode="bilinear", align_corners=False)
    array: NDArray[np.float32] = resized.cpu().numpy()
    return array


def _sha256_of(rsam: Rsam) -> str:
    digest = hashlib.sha256(rsam.config.to_json().encode())
    for name, tensor in sorted(rsam.own_state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
