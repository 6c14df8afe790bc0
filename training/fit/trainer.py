"""One update after another: the state of a training run and how a batch changes it.

Shape letters: B images, Q queries, C channels, H height, W width.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from geophrase.engine.input_frame import normalised_input
from geophrase.engine.model.rsam.image_encoder import ImageFeatures
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.training.config import TrainConfig
from geophrase.training.data.dataset import Batch
from geophrase.training.fit.checkpoint import capture_rng, restore_rng
from geophrase.training.fit.model_setup import prepare_model
from geophrase.training.fit.optimization import MovingAverage, build_optimizer, rate_multiplier
from geophrase.training.fit.texts import TextCache
from geophrase.training.objective.objective import Objective, Queries


class AuxiliaryLoss(Protocol):
    """A loss on the trunk's maps, such as the distance to a teacher's features.

    A module's parameters are trained along with the model.
    """

    def __call__(self, image_BCHW: Tensor, trunk_maps: Sequence[Tensor]) -> Tensor:
        """Returns a scalar for float RGB in [0, 1] and the trunk's maps of it, finest first."""


@dataclass
class _TrunkTap:
    """Keeps the maps of the trunk's last run."""

    maps: Sequence[Tensor] = ()

    def attach(self, trunk: nn.Module) -> None:
        trunk.register_forward_hook(self._keep)

    def _keep(self, _module: nn.Module, _inputs: Any, maps: Sequence[Tensor]) -> None:
        self.maps = maps


class Trainer:
    """Model, optimiser, moving average and counters of a run.

    Args:
        config: The run's settings.
        rsam: The model, on its device; its weights are changed in place.
        auxiliary: An optional loss on the trunk's maps, weighted by ``config.auxiliary``.

    Attributes:
        step: Updates made.
        elapsed_s: Wall time spent; whoever drives the run keeps it.
    """

    def __init__(self, config: TrainConfig, rsam: Rsam, *, auxiliary: AuxiliaryLoss | None = None) -> None:
        self.config = config
        self.rsam = rsam
        self.texts = TextCache(rsam)
        self.step = 0
        self.elapsed_s = 0.0
        if rsam.text_encoder is not None:
            rsam.text_encoder.load()  # draws random numbers, which must not happen in the middle of a run
        rsam.train()
        rsam.image_encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        prepare_model(rsam, config.trainable, config.execution)
        self._auxiliary = auxiliary
        self._tap = _TrunkTap()
        if auxiliary is not None:
            self._tap.attach(rsam.image_encoder.trunk)
        extra = auxiliary.parameters() if isinstance(auxiliary, nn.Module) else ()
        self.optimizer = build_optimizer(config.optimizer, rsam, [p for p in extra if p.requires_grad])
        self.ema = MovingAverage(rsam, decay=config.optimizer.ema_decay)
        self._objective = Objective(config.loss, config.clicks)

    @property
    def progress(self) -> float:
        """The share of the budget that is spent, in [0, 1]."""
        return self.config.budget.progress(self.step, self.elapsed_s)

    def update(self, batches: Sequence[Batch]) -> dict[str, float]:
        """Makes one update from one or more batches and returns what to log.

        An update whose gradients are not finite is left out; its line says so.
        """
        progress = self.progress
        rate = self.config.optimizer.learning_rate * rate_multiplier(self.config.optimizer, progress)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["rate_factor"]
        self.optimizer.zero_grad(set_to_none=True)
        rows = [self._backward(batch, share=1 / len(batches), progress=progress) for batch in batches]
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        norm = float(nn.utils.clip_grad_norm_(parameters, self.config.optimizer.max_gradient_norm))
        if math.isfinite(norm):
            self.optimizer.step()
            self.ema.update()
        self.step += 1
        means = {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}
        return {**means, "rate": rate, "gradient_norm": norm, "skipped": float(not math.isfinite(norm))}

    def _backward(self, batch: Batch, *, share: float, progress: float) -> dict[str, float]:
        device = self.rsam.device
        images_BHWC = batch.images_BCHW.permute(0, 2, 3, 1).numpy()
        image_BCHW = normalised_input(images_BHWC, image_px=images_BHWC.shape[1], device=device)
        text = self.texts.encode(batch.texts)
        queries = Queries(
            batch.image_index_Q.to(device), text, batch.masks_QHW.to(device) > 0, batch.is_absent_Q.to(device)
        )
        with torch.autocast(device.type, torch.bfloat16, enabled=self.config.execution.is_bfloat16):
            features: ImageFeatures = self.rsam.encode_image(image_BCHW)
            loss = self._objective(self.rsam, features, queries)
            total, auxiliary = loss.total, self._auxiliary_loss(batch.images_BCHW, progress)
            if auxiliary is not None:
                total = total + auxiliary
        torch.autograd.backward(total * share)
        row = {"loss": float(total.detach()), "iou": float(loss.mean_iou)}
        row |= {f"loss_{name}": value for name, value in loss.text.detached().items() if name != "total"}
        return row | ({"loss_auxiliary": float(auxiliary.detach())} if auxiliary is not None else {})

    def _auxiliary_loss(self, image_BCHW: Tensor, progress: float) -> Tensor | None:
        weight = self.config.auxiliary.weight_at(progress)
        if self._auxiliary is None or weight <= 0:
            return None
        return weight * self._auxiliary(image_BCHW.to(self.rsam.device).float() / 255, self._tap.maps)

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
            "auxiliary": auxiliary,
            "rng": capture_rng(),
            "step": self.step,
            "elapsed_s": self.elapsed_s,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues from what :meth:`state_dict` gave.

        Raises:
            ValueError: The state is of another model.
        """
        self.rsam.load_own_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.ema.load_state_dict(state["ema"])
        if isinstance(self._auxiliary, nn.Module):
            self._auxiliary.load_state_dict(state["auxiliary"])
        self.step, self.elapsed_s = state["step"], state["elapsed_s"]
        restore_rng(state["rng"])
