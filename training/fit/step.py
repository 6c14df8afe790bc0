"""From a batch to its loss: the part of an update that runs in parallel.

Shape letters: B images, Q queries, C channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from geophrase.engine.input_frame import normalised_input
from geophrase.training.baselines.models import Model
from geophrase.training.config import TrainConfig
from geophrase.training.data.dataset import Batch
from geophrase.training.fit.texts import TextCache
from geophrase.training.objective.draws import Draws
from geophrase.training.objective.objective import Objective, Queries

_TERMS = ("focal", "dice", "objectness", "iou")


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


class TrainingStep(nn.Module):
    """Model, objective and auxiliary loss as one module with one call, which is what DDP and FSDP2 wrap.

    Args:
        config: The run's settings.
        rsam: The model.
        auxiliary: An optional loss on the trunk's maps.
    """

    def __init__(self, config: TrainConfig, rsam: Model, auxiliary: AuxiliaryLoss | None = None) -> None:
        super().__init__()
        self.rsam = rsam
        self.auxiliary = auxiliary
        self.texts = TextCache(rsam, is_bfloat16=config.execution.is_bfloat16)
        self._is_bfloat16 = config.execution.is_bfloat16
        self._objective = Objective(config.loss, config.clicks)
        self._tap = _TrunkTap()
        if auxiliary is not None:
            self._tap.attach(rsam.image_encoder.trunk)

    def forward(self, batch: Batch, draws: Draws, auxiliary_weight: float) -> tuple[Tensor, Tensor]:
        """Returns the scalar to descend, and what :func:`means` takes, both float32.

        Args:
            batch: Images and phrases, on the CPU.
            draws: Chance for the corrections.
            auxiliary_weight: Weight of the auxiliary loss; at 0 it is not computed.
        """
        device = self.rsam.device
        images_BHWC = batch.images_BCHW.permute(0, 2, 3, 1).numpy()
        image_BCHW = normalised_input(images_BHWC, image_px=images_BHWC.shape[1], device=device)
        text = self.texts.encode(batch.texts)
        queries = Queries(
            batch.image_index_Q.to(device),
            text,
            batch.masks_QHW.to(device) > 0,
            batch.is_absent_Q.to(device),
            batch.referents_QRHW.to(device) > 0,
            batch.has_referents_QR.to(device),
        )
        with torch.autocast(device.type, torch.bfloat16, enabled=self._is_bfloat16):
            loss = self._objective(self.rsam, self.rsam.encode_image(image_BCHW), queries, draws)
            total, terms = loss.total, [getattr(loss.text, name) for name in _TERMS]
            if self.auxiliary is not None and auxiliary_weight > 0:
                pixels_BCHW = batch.images_BCHW.to(device).float() / 255
                terms.append(auxiliary_weight * self.auxiliary(pixels_BCHW, self._tap.maps))
                total = total + terms[-1]
        counts = (loss.iou_sum, loss.num_present)
        return total, torch.stack([value.detach().float() for value in (*counts, total, *terms)])


def means(sums: Sequence[float], num_batches: int) -> dict[str, float]:
    """Returns the means to log, from the sums of what the step gave for equally large batches."""
    iou_sum, num_present, *losses = sums
    names = ["loss", *(f"loss_{name}" for name in (*_TERMS, "auxiliary"))]
    row = {name: value / num_batches for name, value in zip(names, losses, strict=False)}
    return {"loss": row["loss"], "iou": iou_sum / max(1.0, num_present)} | row
