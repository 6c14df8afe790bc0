"""Encoded images, made once: kept on the disk as far as there is room, and ahead of the person who looks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from geophrase.engine.embedding_cache import EmbeddingCache, cache_key
from geophrase.engine.predictor import Embedding
from geophrase.training.annotation.candidates import MaskModel
from geophrase.training.annotation.project import AnnotationError, Project, ProjectImage
from geophrase.training.data.risors import read_image

ENCODINGS_FOLDER = "encodings"
_MAX_IN_MEMORY = 6


def read_project_image(image: ProjectImage) -> NDArray[np.uint8]:
    """An image's pixels, RGB uint8 HWC.

    Raises:
        RisorsError: It is missing or can't be read.
        AnnotationError: It has another size than its boxes say.
    """
    image_HWC = read_image(image.boxed.path)
    if image_HWC.shape[:2] != image.size_yx:
        height_px, width_px = image_HWC.shape[:2]
        raise AnnotationError(
            f"{image.boxed.path} is {width_px} x {height_px} pixels, but its boxes are for "
            f"{image.boxed.width_px} x {image.boxed.height_px}; prepare the boxes again."
        )
    return image_HWC


class EncodingStore:
    """Gives the encodings of a project's images, in one worker thread, the last few from memory.

    Args:
        project: Whose images.
        load_model: Gives the model; called when it is first needed.
        limit_bytes: The most that encodings may take on the disk; when it is reached, further ones are kept
            in memory alone.
    """

    def __init__(self, project: Project, load_model: Callable[[], MaskModel], *, limit_bytes: int) -> None:
        self._project = project
        self._load_model = load_model
        self._cache = EmbeddingCache(project.folder / ENCODINGS_FOLDER, limit_bytes=limit_bytes)
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="encode")
        self._lock = threading.Lock()
        self._futures: dict[int, Future[Embedding]] = {}
        self._ahead: set[int] = set()

    def __enter__(self) -> EncodingStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._worker.shutdown(cancel_futures=True)

    @cached_property
    def model(self) -> MaskModel:
        """What encodes and answers."""
        return self._load_model()

    def get(self, image_index: int) -> Embedding:
        """The encoding of an image, before all that was only asked for ahead.

        Raises:
            RisorsError: The image is missing or can't be read.
            AnnotationError: It has another size than its boxes say.
        """
        with self._lock:
            self._ahead.discard(image_index)
            self._forget_ahead()
            future = self._start(image_index)
        return future.result()

    def look_ahead(self, image_indices: Sequence[int]) -> None:
        """Has images encoded in the background, instead of those that were to be before."""
        with self._lock:
            self._forget_ahead()
            for image_index in image_indices:
                if image_index not in self._futures:
                    self._ahead.add(image_index)
                self._start(image_index)

    def _forget_ahead(self) -> None:
        """Takes back what nobody waits for and isn't begun."""
        for image_index in self._ahead:
            if image_index in self._futures and self._futures[image_index].cancel():
                del self._futures[image_index]
        self._ahead.clear()

    def _start(self, image_index: int) -> Future[Embedding]:
        """The image's future, now the last to be dropped; one that failed before is tried again."""
        future = self._futures.pop(image_index, None)
        if future is None or (future.done() and future.exception() is not None):
            future = self._worker.submit(self._make, image_index)
        self._futures[image_index] = future
        finished = [index for index, each in self._futures.items() if each.done()]
        for index in finished[: max(0, len(self._futures) - _MAX_IN_MEMORY)]:
            del self._futures[index]
        return future

    def _make(self, image_index: int) -> Embedding:
        image = self._project.images[image_index]
        run_key = cache_key({"model": self.model.predictor.identity})
        arrays = self._cache.get(run_key, image.key)
        if arrays is not None:
            return self.model.predictor.embedding_from_arrays(arrays)
        embedding = self.model.encode(read_project_image(image))
        self._cache.put(run_key, image.key, embedding.to_arrays())
        return embedding
