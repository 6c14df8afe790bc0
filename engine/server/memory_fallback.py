"""A model that goes on where memory runs out: with fewer images at a time, then on the CPU.

Shape letters: B images, H rows, W columns, C channels.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import ArrayLike

from geophrase.engine.errors import EngineError
from geophrase.engine.memory_errors import is_out_of_memory
from geophrase.engine.pipeline.tile_model import EmbeddingT, TileModel
from geophrase.engine.predictions import Prediction, TilePredictions
from geophrase.protocol.errors import ErrorCode

ResultT = TypeVar("ResultT")


class ServedModel(TileModel[EmbeddingT], Protocol):
    """What the server asks of a model; `Predictor` is one."""

    def predict(
        self,
        embedding: EmbeddingT,
        *,
        text: str | None = None,
        points_xy: ArrayLike | None = None,
        point_labels: ArrayLike | None = None,
        box_xyxy: ArrayLike | None = None,
        mask_logits: ArrayLike | None = None,
        is_absent_kept: bool = False,
    ) -> Prediction:
        """Answer one query with one mask."""
        ...

    @property
    def has_alternatives(self) -> bool:
        """Whether it has several masks to answer one query with."""
        ...

    def predict_alternatives(
        self,
        embedding: EmbeddingT,
        *,
        text: str | None = None,
        points_xy: ArrayLike | None = None,
        point_labels: ArrayLike | None = None,
        box_xyxy: ArrayLike | None = None,
        mask_logits: ArrayLike | None = None,
        is_absent_kept: bool = False,
    ) -> list[Prediction]:
        """Answer one query with all of them; for a model that has several."""
        ...

    def on_cpu(self) -> ServedModel[EmbeddingT]:
        """The same model on the CPU; this one is then no longer used."""
        ...


class MemoryFallback:
    """Does what its model does, in as many calls and on the device that memory allows.

    What it has learned it keeps: the smaller batches, and the CPU. What one call gives was all made on one
    device, the one whose identity is told after it.

    Args:
        model: The model.
        on_step: Told each step down in a sentence for the user.
        free_memory: Called before each further attempt.
    """

    def __init__(
        self,
        model: ServedModel[Any],
        *,
        on_step: Callable[[str], object],
        free_memory: Callable[[], object] = gc.collect,
    ) -> None:
        self.name = model.name
        self.weights_sha256 = model.weights_sha256
        self.has_text = model.has_text
        self.image_px = model.image_px
        self._model = model
        self._on_step = on_step
        self._free_memory = free_memory
        self._max_images: int | None = None

    @property
    def identity(self) -> str:
        """That of the model where it runs now: on the CPU its precision may be another."""
        return self._model.identity

    @property
    def device(self) -> object:
        """Where it runs now."""
        return self._model.device

    @property
    def is_on_cpu(self) -> bool:
        """Whether that is the CPU."""
        return str(self._model.device).startswith("cpu")

    def encode_batch(self, images_BHWC: np.ndarray) -> list[Any]:
        """Encode uint8 RGB images of one size."""
        parts = self._in_parts(images_BHWC, lambda model, images: model.encode_batch(images))
        return [embedding for part in parts for embedding in part]

    def embedding_from_arrays(self, arrays: dict[str, np.ndarray]) -> Any:
        """Read an encoding back."""
        return self._in_parts((arrays,), lambda model, one: model.embedding_from_arrays(one[0]))[0]

    def predict_texts(self, embeddings: Sequence[Any], texts: Sequence[str]) -> TilePredictions:
        """Decode every query on every tile."""
        parts = self._in_parts(embeddings, lambda model, some: model.predict_texts(some, texts))
        return TilePredictions(
            np.concatenate([part.mask_logits_BQHW for part in parts]),
            np.concatenate([part.iou_BQ for part in parts]),
            np.concatenate([part.objectness_BQ for part in parts]),
        )

    def predict(self, embedding: Any, **prompts: Any) -> Prediction:
        """Answer one query with one mask; the prompts are those of the model's own `predict`."""
        return self._in_parts((embedding,), lambda model, one: model.predict(one[0], **prompts))[0]

    def predict_masks(self, embedding: Any, **prompts: Any) -> list[Prediction]:
        """Answer one query with every mask that the model has for it, the one it thinks best first."""
        if not self._model.has_alternatives:
            return [self.predict(embedding, **prompts)]
        masks = self._in_parts(
            (embedding,), lambda model, one: model.predict_alternatives(one[0], **prompts)
        )[0]
        return sorted(masks, key=lambda mask: -np.nan_to_num(mask.iou))

    def _in_parts(self, items: Any, compute: Callable[[ServedModel[Any], Any], ResultT]) -> list[ResultT]:
        """Compute on all items, a sequence or an array, in runs of as many as there is memory for."""
        results: list[ResultT] = []
        start = 0
        while start < len(items):
            num_images = min(self._max_images or len(items), len(items) - start)
            try:
                results.append(compute(self._model, items[start : start + num_images]))
                start += num_images
                continue
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            model = self._model
            self._step_down(num_images)  # here the exception, and with it what it held, is gone
            if self._model is not model:
                results, start = [], 0
        return results

    def _step_down(self, num_images: int) -> None:
        """Make the next attempt a smaller one.

        Raises:
            EngineError: OUT_OF_MEMORY where there is none.
        """
        where = str(self._model.device)
        self._free_memory()
        if num_images > 1:
            self._max_images = num_images // 2
            self._on_step(
                f"The memory of {where} is too small for {num_images} images at a time: "
                f"going on with {self._max_images}."
            )
        elif not self.is_on_cpu:
            self._model = self._model.on_cpu()
            self._max_images = None
            self._on_step(
                f"The memory of {where} is too small for {self.name}: going on with the CPU, which is "
                "slower. Close other programs that use the GPU, or choose a smaller model."
            )
        else:
            raise EngineError(
                ErrorCode.OUT_OF_MEMORY,
                "There is not enough memory for this model and these queries. Close other programs, ask "
                "fewer queries at a time, or choose a smaller model.",
            )
