"""One update after another: the state of a training run and how a batch changes it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from geophrase.training.baselines.models import Model, build_model
from geophrase.training.config import TrainConfig
from geophrase.training.data.dataset import Batch
from geophrase.training.fit.model_setup import prepare_model
from geophrase.training.fit.optimization import MovingAverage, build_optimizer, rate_multiplier
from geophrase.training.fit.parallel import (
    Ranks,
    gradients_exchanged,
    laid_out_like,
    parallelise,
    synchronise_batch_norm,
    whole,
)
from geophrase.training.fit.step import AuxiliaryLoss, TrainingStep, means
from geophrase.training.fit.texts import TextCache
from geophrase.training.objective.draws import draw, seed_of


class Trainer:
    """Model, optimiser, moving average and counters of a run.

    Every random number of an update follows from the run's seed and the update's number, so nothing of it has
    to be kept, and several processes draw for their shares of a batch what one would draw for the whole.
    Dropout, which only a text encoder that trains has, differs between processes.

    Args:
        config: The run's settings.
        rsam: The model, on its device; its weights are changed in place.
        auxiliary: An optional loss on the trunk's maps, weighted by ``config.auxiliary``.
        ranks: The connected processes that share each batch, and the model as ``config.execution`` says.

    Attributes:
        step: Updates made.
        elapsed_s: Wall time spent; whoever drives the run keeps it.
    """

    def __init__(
        self,
        config: TrainConfig,
        rsam: Model,
        *,
        auxiliary: AuxiliaryLoss | None = None,
        ranks: Ranks | None = None,
    ) -> None:
        self.config = config
        self.rsam = rsam
        self.ranks = ranks or Ranks()
        self.step = 0
        self.elapsed_s = 0.0
        if rsam.text_encoder is not None:
            rsam.text_encoder.load()  # what is frozen or sharded must be there
        rsam.train()
        if not self.is_sharded:  # FSDP2 takes contiguous weights only
            rsam.image_encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        prepare_model(rsam, config.trainable, config.execution)
        synchronise_batch_norm(rsam, self.ranks, rsam.device)
        self._auxiliary = auxiliary
        self._step = TrainingStep(config, rsam, auxiliary)
        self._module = parallelise(self._step, config.execution, self.ranks)
        extra = auxiliary.parameters() if isinstance(auxiliary, nn.Module) else ()
        self.optimizer = build_optimizer(config.optimizer, rsam, [p for p in extra if p.requires_grad])
        self.ema = MovingAverage(rsam, decay=config.optimizer.ema_decay)

    @property
    def is_sharded(self) -> bool:
        """Whether each process holds only its part of the model."""
        return self.ranks.world_size > 1 and self.config.execution.parallel == "fsdp2"

    @property
    def progress(self) -> float:
        """The share of the budget that is spent, in [0, 1]."""
        return self.config.budget.progress(self.step, self.elapsed_s)

    @property
    def texts(self) -> TextCache:
        """The encoded phrases of the run."""
        return self._step.texts

    def update(self, batches: Sequence[Batch]) -> dict[str, float]:
        """Makes one update from one or more batches and returns what to log, which is of all processes.

        An update whose gradients are not finite is left out; its line says so.

        Args:
            batches: Batches of this process, or its shares of them.
        """
        rate = self.config.optimizer.learning_rate * rate_multiplier(self.config.optimizer, self.progress)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["rate_factor"]
        self.optimizer.zero_grad(set_to_none=True)
        sums = torch.stack([self._backward(batches, index) for index in range(len(batches))]).double().sum(0)
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        norm = nn.utils.clip_grad_norm_(parameters, self.config.optimizer.max_gradient_norm)
        gradient_norm = float(whole(norm))
        if math.isfinite(gradient_norm):
            self.optimizer.step()
            self.ema.update()
        self.step += 1
        row = means(self.ranks.sums(sums.tolist()), len(batches) * self.ranks.world_size)
        skipped = float(not math.isfinite(gradient_norm))
        return {**row, "rate": rate, "gradient_norm": gradient_norm, "skipped": skipped}

    def _backward(self, batches: Sequence[Batch], index: int) -> Tensor:
        """Adds the gradients of one of an update's batches and returns what there is to log of it."""
        config, ranks, batch = self.config, self.ranks, batches[index]
        number = self.step * len(batches) + index
        torch.manual_seed(seed_of(config.seed, number, ranks.rank))
        draws = draw(
            config.clicks,
            len(batch.texts),
            seed=config.seed,
            number=number,
            share=ranks.rank,
            num_shares=ranks.world_size,
        )
        with gradients_exchanged(self._module, index == len(batches) - 1):
            total, logged = self._module(batch, draws, config.auxiliary.weight_at(self.progress))
            torch.autograd.backward(total / len(batches))
        result: Tensor = logged
        return result

    @contextmanager
    def averaged_model(self, weights: Mapping[str, Tensor]) -> Iterator[Model]:
        """Gives a model with the averaged weights, in evaluation mode, that works without other processes.

        Args:
            weights: The average, gathered and under the plain model's names.
        """
        if not self.is_sharded:
            with self.ema.applied(), torch.compiler.set_stance("force_eager"):  # not worth compiling for
                yield self.rsam
            return
        model = build_model(self.config.model)
        if model.text_encoder is not None and model.text_encoder.config.is_frozen:
            model.text_encoder = self.rsam.text_encoder
        elif model.text_encoder is not None:
            model.text_encoder.load()
        model.load_own_state_dict(dict(weights))
        yield model.to(self.rsam.device).eval()

    def state_dict(self) -> dict[str, Any]:
        """Everything that a resumed run needs to go on as if it had not stopped.

        The cache of encoded phrases is emptied, since a resumed run starts without one.
        """
        self.texts.clear()
        auxiliary = self._auxiliary.state_dict() if isinstance(self._auxiliary, nn.Module) else {}
        return {
            "model": dict(self.rsam.own_state_dict()),
            "optimizer": self.optimizer.state_dict(),
            "ema": self.ema.state_dict(),
            "auxiliary": dict(auxiliary),
            "step": self.step,
            "elapsed_s": self.elapsed_s,
        }

    def layout(self) -> dict[str, Any]:
        """Tensors that are laid out as those of the state are, at the same places."""
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        moments = {index: {"exp_avg": p, "exp_avg_sq": p} for index, p in enumerate(parameters)}
        state = self.state_dict()
        return state | {"optimizer": {"state": moments}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continues from what :meth:`state_dict` gave, on any number of processes.

        Raises:
            ValueError: The state is of another model.
        """
        state = _placed(state, self.layout())
        self.rsam.load_own_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.ema.load_state_dict(state["ema"])
        if isinstance(self._auxiliary, nn.Module):
            self._auxiliary.load_state_dict(state["auxiliary"])
        self.step, self.elapsed_s = state["step"], state["elapsed_s"]


def _placed(state: Any, layout: Any) -> Any:
    """Nested values with every tensor sharded as the one at the same place is."""
    if isinstance(state, Mapping):
        layout = layout if isinstance(layout, Mapping) else {}
        return {key: _placed(value, layout.get(key)) for key, value in state.items()}
    if isinstance(state, Tensor) and isinstance(layout, Tensor):
        return laid_out_like(state, layout)
    return state
