"""How weights move: parameter groups, the learning-rate schedule and the moving average of the weights."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from geophrase.training.baselines.models import Model
from geophrase.training.config import GroupConfig, OptimizerConfig
from geophrase.training.fit.model_setup import LowRankUpdate

_PARTS = {"image_encoder.trunk.": "trunk", "text_encoder.": "text_encoder"}
_EMA_RAMP_STEPS = 10


def build_optimizer(
    config: OptimizerConfig, rsam: Model, extra: Iterable[nn.Parameter] = ()
) -> torch.optim.AdamW:
    """Returns AdamW over everything that trains, without decay on norms, biases and embeddings.

    Args:
        config: Rates and decay. Each group keeps its factor on the rate as ``rate_factor``.
        rsam: The model; parameters without gradient are left out. A text encoder that is to be trained has
            been loaded.
        extra: Parameters of an auxiliary loss.

    Source: the decay split is that of SAM 2's training configuration (no decay on biases and LayerNorm).
    """
    undecayed = _undecayed_names(rsam)
    groups: dict[tuple[str, bool], list[nn.Parameter]] = {}
    for name, parameter in rsam.named_parameters():
        if parameter.requires_grad:
            part = next((part for prefix, part in _PARTS.items() if name.startswith(prefix)), "rest")
            groups.setdefault((part, name in undecayed), []).append(parameter)
    rows = []
    for (part, is_undecayed), parameters in groups.items():
        group: GroupConfig = getattr(config, part)
        decay = 0.0 if is_undecayed else group.weight_decay
        rows.append({"params": parameters, "rate_factor": group.rate_factor, "weight_decay": decay})
    extra = list(extra)
    if extra:
        rows.append({"params": extra, "rate_factor": 1.0, "weight_decay": 0.0})
    return torch.optim.AdamW(rows, lr=config.learning_rate, betas=config.betas)


def _undecayed_names(module: nn.Module) -> set[str]:
    """Names of vectors, embeddings and bare parameters such as learned positions."""
    names = set()
    for prefix, part in module.named_modules():
        is_weighted = isinstance(part, nn.Linear | nn.Conv2d | nn.ConvTranspose2d | LowRankUpdate)
        for name, parameter in part.named_parameters(recurse=False):
            if not is_weighted or parameter.ndim < 2:
                names.add(f"{prefix}.{name}" if prefix else name)
    return names


def rate_multiplier(config: OptimizerConfig, progress: float) -> float:
    """Returns the share of the peak rate: a linear warm-up, then half a cosine.

    Args:
        config: The schedule.
        progress: Share of the run's budget that is spent, in [0, 1].

    Source: Loshchilov and Hutter 2017, equation 5, without restarts.
    """
    if progress < config.warmup_fraction:
        return max(progress / config.warmup_fraction, 1e-3)
    fraction = (progress - config.warmup_fraction) / (1 - config.warmup_fraction)
    cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, fraction)))
    return config.final_rate_fraction + (1 - config.final_rate_fraction) * cosine


class MovingAverage:
    """An exponential moving average of a model's own weights, batch statistics included.

    The decay starts low, so that the random start is forgotten soon.
    """

    def __init__(self, rsam: Model, *, decay: float) -> None:
        self._rsam = rsam
        self._decay = decay
        self._num_updates = 0
        self.weights = {name: value.detach().clone() for name, value in rsam.own_state_dict().items()}

    @torch.no_grad()
    def update(self) -> None:
        """Takes the model's weights into the average."""
        self._num_updates += 1
        decay = min(self._decay, (1 + self._num_updates) / (_EMA_RAMP_STEPS + self._num_updates))
        for name, value in self._rsam.own_state_dict().items():
            if value.is_floating_point():
                self.weights[name].lerp_(value.detach(), 1 - decay)
            else:
                self.weights[name].copy_(value)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Puts the average into the model, in evaluation mode, until the block ends."""
        trained = {name: value.detach().clone() for name, value in self._rsam.own_state_dict().items()}
        modes = {module: module.training for module in self._rsam.modules()}  # frozen parts have their own
        self._rsam.load_own_state_dict(self.weights)
        self._rsam.eval()
        try:
            yield
        finally:
            self._rsam.load_own_state_dict(trained)
            for module, is_training in modes.items():
                module.training = is_training

    def state_dict(self) -> dict[str, Any]:
        """The average and its age."""
        return {"weights": self.weights, "num_updates": self._num_updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues from what :meth:`state_dict` gave."""
        weights: dict[str, Tensor] = state["weights"]
        own = self.weights
        self.weights = {name: value.to(own[name].device, own[name].dtype) for name, value in weights.items()}
        self._num_updates = state["num_updates"]
