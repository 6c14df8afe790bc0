"""A model made by hand that is unsure: its probabilities take all values and differ from tile to tile."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geophrase.tests.fakes.colour_model import COLOURS, ColourEmbedding, ColourModel, ColourPredictions


class SoftModel(ColourModel):
    """The nearer a pixel is to the named colour, the surer; overlapping tiles disagree, as a network's do."""

    def predict_texts(self, embeddings: Sequence[ColourEmbedding], texts: Sequence[str]) -> ColourPredictions:
        sure = super().predict_texts(embeddings, texts)
        images_BHWC = np.stack([embedding.image_HWC for embedding in embeddings]).astype(np.float32)
        for index, text in enumerate(texts):
            distance_BHW = np.abs(images_BHWC - COLOURS.get(text, COLOURS["red"])).mean(axis=-1)
            bias_B11 = distance_BHW.mean(axis=(1, 2), keepdims=True) / 64
            sure.mask_logits_BQHW[:, index] = 4 - distance_BHW / 16 + bias_B11
            sure.objectness_BQ[:, index] += bias_B11[:, 0, 0] / 8
        return sure
