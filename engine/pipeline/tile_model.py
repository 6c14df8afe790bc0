"""What the pipeline asks of a model, so that it can be tested with a hand-made one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np

# B tiles, Q queries, H rows, W columns, C channels.

EmbeddingT = TypeVar("EmbeddingT", bound="TileEmbedding")


class TileEmbedding(Protocol):
    """One image's encoding, which any number of queries can be decoded from."""

    def to_arrays(self) -> dict[str, np.ndarray]:
        """The encoding as named arrays for the disk."""
        ...


class TilePredictions(Protocol):
    """What a batch of tiles holds, per query."""

    @property
    def mask_logits_BQHW(self) -> np.ndarray:  # noqa: N802 a shape suffix
        """Logits in float32 at the images' resolution."""
        ...

    @property
    def iou_BQ(self) -> np.ndarray:  # noqa: N802 a shape suffix
        """The model's own estimate of each mask's IoU, 0 to 1."""
        ...

    @property
    def objectness_BQ(self) -> np.ndarray:  # noqa: N802 a shape suffix
        """Logits; at or below zero the model says that nothing fits the query."""
        ...


class TileModel(Protocol[EmbeddingT]):
    """An encoder and decoder of tiles; `Predictor` is one."""

    @property
    def name(self) -> str:
        """What outputs record as the model."""
        ...

    @property
    def weights_sha256(self) -> str:
        """Hex digest of the weights; outputs record its first digits."""
        ...

    @property
    def identity(self) -> str:
        """Architecture, weights and precision: two models of one identity make the same encodings."""
        ...

    @property
    def has_text(self) -> bool:
        """Whether queries can be asked at all."""
        ...

    @property
    def image_px(self) -> int:
        """Side of the square that the model works in, and of a tile unless the user says otherwise."""
        ...

    @property
    def device(self) -> object:
        """Where it runs; its string is shown to people."""
        ...

    def encode_batch(self, images_BHWC: np.ndarray) -> list[EmbeddingT]:
        """Encode uint8 RGB images of one size."""
        ...

    def embedding_from_arrays(self, arrays: dict[str, np.ndarray]) -> EmbeddingT:
        """The encoding that `to_arrays` gave, float arrays having been kept in half precision."""
        ...

    def predict_texts(self, embeddings: Sequence[EmbeddingT], texts: Sequence[str]) -> TilePredictions:
        """Decode every query on every tile."""
        ...
