"""Updates of a chooser from a pool of recent examples.

Shape letters: Q phrases, O objects, F descriptors, L tokens, D text width.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.optim.swa_utils import AveragedModel

from geophrase.engine.model.rsam.object_chooser import ObjectChooser
from geophrase.engine.model.rsam.text_encoder import TextFeatures
from geophrase.training.choosing.config import ChoosingConfig
from geophrase.training.choosing.examples import Example
from geophrase.training.fit.optimization import rate_multiplier

Encode = Callable[[Sequence[str]], TextFeatures]

_TEXTS_AT_ONCE = 64
_EMA_RAMP_STEPS = 10


@dataclass(frozen=True, eq=False)
class EncodedExample:
    """An example and its phrase's tokens, float16."""

    example: Example
    tokens_LD: Tensor


def encode_examples(examples: Sequence[Example], encode: Encode) -> list[EncodedExample]:
    """Encodes every phrase once, those of like length together, in the order given."""
    texts = sorted({example.text for example in examples}, key=lambda text: (len(text), text))
    tokens: dict[str, Tensor] = {}
    for start in range(0, len(texts), _TEXTS_AT_ONCE):
        part = texts[start : start + _TEXTS_AT_ONCE]
        with torch.no_grad():
            features = encode(part)
        lengths = (~features.is_padding_BL).sum(1).tolist()
        half_BLD = features.tokens_BLD.half()
        tokens |= {
            text: half_BLD[i, :length].clone()
            for i, (text, length) in enumerate(zip(part, lengths, strict=True))
        }
    return [EncodedExample(example, tokens[example.text]) for example in examples]


@dataclass(frozen=True)
class ChoiceBatch:
    """What an update takes; padding has weight 0."""

    descriptors_QOF: Tensor
    is_meant_QO: Tensor
    weights_QO: Tensor
    text: TextFeatures

    @classmethod
    def of(cls, examples: Sequence[EncodedExample], device: torch.device) -> ChoiceBatch:
        """Pads examples to the most objects and the longest phrase."""

        def padded(name: str) -> Tensor:
            rows = [torch.from_numpy(getattr(one.example, name)) for one in examples]
            return pad_sequence(rows, batch_first=True).to(device)

        tokens_QLD = pad_sequence([one.tokens_LD for one in examples], batch_first=True)
        length_Q1 = torch.tensor([[len(one.tokens_LD)] for one in examples], device=tokens_QLD.device)
        is_padding_QL = torch.arange(tokens_QLD.shape[1], device=tokens_QLD.device) >= length_Q1
        text = TextFeatures(tokens_QLD.float(), is_padding_QL).to(device)
        return cls(padded("descriptors_OF"), padded("is_meant_O"), padded("weights_O"), text)


def choosing_loss(logits_QO: Tensor, batch: ChoiceBatch) -> Tensor:
    """Binary cross-entropy, averaged over the objects of a phrase and then over phrases."""
    each_QO = F.binary_cross_entropy_with_logits(logits_QO, batch.is_meant_QO, reduction="none")
    return (each_QO * batch.weights_QO).sum(1).mean()


class ChooserTrainer:
    """A chooser in training: pool of examples, optimiser and the average of its weights.

    Args:
        chooser: Is trained in place.
        encode: Gives the phrases' tokens.
        config: Rates and sizes.
    """

    def __init__(self, chooser: ObjectChooser, encode: Encode, config: ChoosingConfig) -> None:
        self.chooser = chooser
        self.num_chunks, self.elapsed_s = 0, 0.0
        self._encode, self._config = encode, config
        self._device = next(chooser.parameters()).device
        matrices = [p for p in chooser.parameters() if p.ndim > 1]
        vectors = [p for p in chooser.parameters() if p.ndim <= 1]
        groups = [
            {"params": matrices, "weight_decay": config.optimizer.rest.weight_decay},
            {"params": vectors, "weight_decay": 0.0},
        ]
        self._optimizer = torch.optim.AdamW(groups, lr=0.0, betas=config.optimizer.betas)
        self._average = AveragedModel(chooser, avg_fn=_ramped(config.optimizer.ema_decay))
        self._pool: deque[list[EncodedExample]] = deque(maxlen=config.pool_chunks)

    @property
    def averaged(self) -> nn.Module:
        """The chooser with averaged weights, which is what is validated and saved."""
        module: nn.Module = self._average.module
        return module

    @property
    def num_updates(self) -> int:
        """Updates so far."""
        return self.num_chunks * self._config.updates_per_chunk

    @property
    def progress(self) -> float:
        """Share of the budget that is spent."""
        return self._config.budget.progress(self.num_updates, self.elapsed_s)

    @property
    def first_in_pool(self) -> int:
        """Number of the oldest chunk that the next update may use; see :meth:`recall`."""
        return max(0, self.num_chunks - self._config.pool_chunks + 1)

    def recall(self, examples: Sequence[Example]) -> None:
        """Puts a chunk into the pool that was used before the run was stopped."""
        self._pool.append(encode_examples(examples, self._encode))

    def learn(self, examples: Sequence[Example]) -> float:
        """Takes a new chunk into the pool and makes its updates; returns their mean loss."""
        self._pool.append(encode_examples(examples, self._encode))
        everything = [one for chunk in self._pool for one in chunk]
        rng = random.Random(f"{self._config.seed}/updates/{self.num_chunks}")
        size = min(self._config.batch_size, len(everything))
        losses = [self._update(rng.sample(everything, size)) for _ in range(self._config.updates_per_chunk)]
        self.num_chunks += 1
        return sum(losses) / len(losses)

    def _update(self, examples: Sequence[EncodedExample]) -> float:
        optimizer = self._config.optimizer
        for group in self._optimizer.param_groups:
            group["lr"] = optimizer.learning_rate * rate_multiplier(optimizer, self.progress)
        batch = ChoiceBatch.of(examples, self._device)
        loss = choosing_loss(self.chooser(batch.descriptors_QOF, batch.text), batch)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.chooser.parameters(), optimizer.max_gradient_norm)
        self._optimizer.step()
        self._average.update_parameters(self.chooser)
        return float(loss.detach())

    def state_dict(self) -> dict[str, Any]:
        """Everything a resumed run needs but the pool, which is made anew."""
        return {
            "chooser": self.chooser.state_dict(),
            "average": self._average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "num_chunks": self.num_chunks,
            "elapsed_s": self.elapsed_s,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues from :meth:`state_dict`'s value."""
        self.chooser.load_state_dict(state["chooser"])
        self._average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.num_chunks, self.elapsed_s = state["num_chunks"], state["elapsed_s"]


def _ramped(decay: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """The moving average of a decay that starts low, so that the random start is forgotten soon."""

    def average(averaged: Tensor, current: Tensor, num_averaged: Tensor | int) -> Tensor:
        ramped = min(decay, (1 + int(num_averaged)) / (_EMA_RAMP_STEPS + int(num_averaged)))
        return averaged.lerp(current, 1 - ramped)

    return average
