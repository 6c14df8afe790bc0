"""A model as a job sees it: every call goes through the device's queue, so that a click is never far behind.

Shape letters: B tiles, Q queries, H rows, W columns, C channels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from geophrase.engine.predictions import TilePredictions
from geophrase.engine.predictor import IMAGES_PER_CPU_DECODE
from geophrase.engine.server.device_worker import DeviceCall, DeviceWorker, Priority
from geophrase.engine.server.memory_fallback import MemoryFallback
from geophrase.engine.server.model_host import ModelFacts, ModelHost

ResultT = TypeVar("ResultT")
WaitFor = Callable[[DeviceCall[Any]], Any]


class JobModel:
    """A TileModel; it is loaded when it is first asked about, and again where it has left memory since.

    Its weights are the same throughout: if others take its name meanwhile, the job fails with NOT_FOUND.

    On a CPU, which gains little from batches, a turn takes one image to encode, or one text about a few
    images; what is found is the same to the last bit.

    Args:
        key: The model.
        host: Loads it.
        worker: Whose queue the calls go through.
        wait_for: Waits for a call and gives its result, or raises CancelledError.
    """

    def __init__(self, key: str, *, host: ModelHost, worker: DeviceWorker, wait_for: WaitFor) -> None:
        self._key = key
        self._host = host
        self._worker = worker
        self._wait_for = wait_for
        self._known: ModelFacts | None = None

    @property
    def name(self) -> str:
        """What outputs record as the model."""
        return self._facts.name

    @property
    def weights_sha256(self) -> str:
        """Hex digest of the weights."""
        return self._facts.weights_sha256

    @property
    def identity(self) -> str:
        """Two models of one identity make the same encodings; of the newest ones where memory ran out."""
        return self._facts.identity

    @property
    def has_text(self) -> bool:
        """Whether queries can be asked at all."""
        return self._facts.has_text

    @property
    def image_px(self) -> int:
        """Side of the square that the model works in."""
        return self._facts.image_px

    @property
    def device(self) -> object:
        """Where it runs now."""
        return self._host.device.kind

    def encode_batch(self, images_BHWC: np.ndarray) -> list[Any]:
        """Encode uint8 RGB images of one size."""
        if not self._is_on_cpu:
            return self._encoded(images_BHWC)
        return [self._encoded(image_HWC[None])[0] for image_HWC in images_BHWC]

    def embedding_from_arrays(self, arrays: dict[str, np.ndarray]) -> Any:
        """Read an encoding back."""
        return self._compute(lambda model: model.embedding_from_arrays(arrays))

    def predict_texts(self, embeddings: Sequence[Any], texts: Sequence[str]) -> TilePredictions:
        """Decode every query on every tile."""
        if not self._is_on_cpu:
            return self._decoded(embeddings, texts)
        starts = range(0, len(embeddings), IMAGES_PER_CPU_DECODE)
        parts = [embeddings[start : start + IMAGES_PER_CPU_DECODE] for start in starts]
        return _joined([[self._decoded(part, [text]) for text in texts] for part in parts])

    def _encoded(self, images_BHWC: np.ndarray) -> list[Any]:
        encodings, self._known = self._compute(
            lambda model: (model.encode_batch(images_BHWC), self._host.facts(self._key))
        )
        return encodings

    def _decoded(self, embeddings: Sequence[Any], texts: Sequence[str]) -> TilePredictions:
        return self._compute(lambda model: model.predict_texts(embeddings, texts))

    @property
    def _is_on_cpu(self) -> bool:
        return self._host.device.kind == "cpu"

    @property
    def _facts(self) -> ModelFacts:
        if self._known is None:
            self._known = self._compute(lambda _: self._host.facts(self._key))
            assert self._known is not None, "a model that was got has facts"
        return self._known

    def _compute(self, compute: Callable[[MemoryFallback], ResultT]) -> ResultT:
        weights_sha256 = None if self._known is None else self._known.weights_sha256
        call = self._worker.submit(
            lambda: compute(self._host.get(self._key, weights_sha256=weights_sha256)), priority=Priority.JOB
        )
        result: ResultT = self._wait_for(call)
        return result


def _joined(parts_BQ: Sequence[Sequence[TilePredictions]]) -> TilePredictions:
    """One answer of those about some images (rows) and some texts (columns)."""

    def whole(name: str) -> np.ndarray:
        rows = [np.concatenate([getattr(part, name) for part in row], axis=1) for row in parts_BQ]
        return np.concatenate(rows)

    return TilePredictions(whole("mask_logits_BQHW"), whole("iou_BQ"), whole("objectness_BQ"))
