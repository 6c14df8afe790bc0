"""Encoded phrases, kept: the text encoder is frozen, so a phrase has to go through it only once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch

from geophrase.engine.model.rsam.text_encoder import TextFeatures
from geophrase.training.baselines.models import Model

_MAX_TEXTS = 20_000  # about 300 MB of MiniLM's tokens


class TextCache:
    """A bounded memory of encoded phrases, oldest dropped first.

    The last bits of an encoding depend on what else was in its batch. A run that is to be repeated exactly
    therefore empties the cache wherever it may be taken up again.

    Args:
        rsam: Whose text encoder.
        is_bfloat16: Whether it runs in bfloat16, as the rest of an update does.
    """

    def __init__(self, rsam: Model, *, is_bfloat16: bool = False) -> None:
        self._rsam = rsam
        self._is_bfloat16 = is_bfloat16
        self._by_text: OrderedDict[str, TextFeatures] = OrderedDict()

    def clear(self) -> None:
        """Forgets everything."""
        self._by_text.clear()

    def encode(self, texts: Sequence[str]) -> TextFeatures:
        """Returns the features of the texts in their order; gradients reach an unfrozen encoder.

        Raises:
            EngineError: The text encoder's files are missing or wrong.
        """
        text_config = self._rsam.config.text
        if text_config is not None and not text_config.is_frozen:
            return self._rsam.encode_text(texts)
        missing = [text for text in dict.fromkeys(texts) if text not in self._by_text]
        if missing:
            self._add(missing)
        found = TextFeatures.cat([self._by_text[text] for text in texts])
        while len(self._by_text) > _MAX_TEXTS:
            self._by_text.popitem(last=False)
        return found

    def _add(self, texts: Sequence[str]) -> None:
        with (
            torch.no_grad(),
            torch.autocast(self._rsam.device.type, torch.bfloat16, enabled=self._is_bfloat16),
        ):
            features = self._rsam.encode_text(texts)
        for index, text in enumerate(texts):
            row = torch.tensor([index], device=features.tokens_BLD.device)
            self._by_text[text] = features.select(row).trimmed()
