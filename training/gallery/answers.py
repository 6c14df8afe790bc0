"""The gallery's questions put to a model, on the way that `geophrase segment` takes.

Shape letters: B tiles, Q queries, H rows, W columns, C colours.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

import geopandas as gpd
import numpy as np
from scipy.special import expit

from geophrase.engine.pipeline.tile_model import EmbeddingT, TileModel, TilePredictions
from geophrase.engine.segment import segment_raster
from geophrase.training.gallery.questions import Question, View


@dataclass(frozen=True)
class Answer:
    """What the model found for one phrase.

    Attributes:
        question: What was asked.
        polygons: In the raster's CRS, with the output's attributes.
        objectness: The highest probability, in any tile, that there is something to find; None without data.
        seconds: From the phrase to the polygons.
    """

    question: Question
    polygons: gpd.GeoDataFrame
    objectness: float | None
    seconds: float

    @property
    def score(self) -> float | None:
        """The mean probability inside the polygons; None without any."""
        if self.polygons.empty:
            return None
        return float(np.average(self.polygons["score"], weights=self.polygons.area))


def answers_of(
    raster: Path, view: View, model: TileModel[EmbeddingT], *, cache_dir: Path
) -> Iterator[Answer]:
    """Ask one phrase after the other, as a user does: the first encodes the view for all of them.

    Args:
        raster: The scene's file.
        view: Where to ask what.
        model: Answers.
        cache_dir: Holds the encodings; empty at first, if the first answer's seconds shall mean anything.

    Raises:
        EngineError: The raster can't be read, or the view lies outside it.
    """
    for question in view.questions:
        listening = _ListeningModel(model)
        started_s = time.perf_counter()
        polygons = segment_raster(
            raster,
            question.phrase,
            model=listening,
            extent=view.extent_map,
            resolution_m=view.resolution_m,
            one_window=view.one_window,
            cache_dir=cache_dir,
        )
        seconds = time.perf_counter() - started_s
        yield Answer(question, polygons, listening.objectness, seconds)


class _ListeningModel(Generic[EmbeddingT]):
    """A model whose objectness is kept for where it finds nothing: then no polygon carries it.

    Attributes:
        objectness: The highest probability so far; None before the first tile.
    """

    def __init__(self, model: TileModel[EmbeddingT]) -> None:
        self.objectness: float | None = None
        self._model = model
        self.name = model.name
        self.weights_sha256 = model.weights_sha256
        self.identity = model.identity
        self.has_text = model.has_text
        self.image_px = model.image_px
        self.device = model.device

    def encode_batch(self, images_BHWC: np.ndarray) -> list[EmbeddingT]:
        return self._model.encode_batch(images_BHWC)

    def embedding_from_arrays(self, arrays: dict[str, np.ndarray]) -> EmbeddingT:
        return self._model.embedding_from_arrays(arrays)

    def predict_texts(self, embeddings: Sequence[EmbeddingT], texts: Sequence[str]) -> TilePredictions:
        predictions = self._model.predict_texts(embeddings, texts)
        highest = float(expit(predictions.objectness_BQ.max()))
        self.objectness = highest if self.objectness is None else max(self.objectness, highest)
        return predictions
