"""Encoded phrases, kept: the text encoder is frozen, so a phrase has to go through it only once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch

from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.engine.model.rsam.text_encoder import TextFeatures

_MAX_TEXTS = 20_000  # about 300 MB of MiniLM's tokens


class TextCache:
    """A bounded memory of encoded phrases, oldest dropped first.

    Phrases are encoded one at a time: in a batch their values would depend, in the last bits, on what else
    was in it, and a resumed run would no longer equal an uninterrupted one.
    """

    def __init__(self, rsam: Rsam) -> None:
        self._rsam = rsam
        self._by_text: OrderedDict[str, TextFeatures] = OrderedDict()

    def encode(self, texts: Sequence[str]) -> TextFeatures:
        """Returns the features of the texts in their order; gradients reach an unfrozen encoder.

        Raises:
            EngineError: The text encoder's files are missing or wrong.
        """
        text_config = self._rsam.config.text
        if text_config is not None and not text_config.is_frozen:
            return self._rsam.encode_text(texts)
        return TextFeatures.cat([self._lookup(text) for text in texts])

    def _lookup(self, text: str) -> TextFeatures:
        found = self._by_text.get(text)
        if found is None:
            with torch.no_grad(), torch.autocast(self._rsam.device.type, enabled=False):
                found = self._rsam.encode_text([text])
            self._by_text[text] = found
            if len(self._by_text) > _MAX_TEXTS:
                self._by_text.popitem(last=False)
        return found
