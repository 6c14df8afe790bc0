"""Pre-trains the small trunk by regressing a frozen teacher's feature maps on unlabelled crops.

The student starts from random weights and sees each crop exactly as the teacher does, with strong
augmentation and mixing, so that the targets stay informative for hundreds of passes over few images.

Source: "patient and consistent" distillation, Beyer et al. 2022, Section 3.

Shape letters: B batch, C channels, H height, W width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from geophrase.engine.input_frame import imagenet_normalised
from geophrase.engine.model.rsam.conv_trunk import ConvTrunk, ConvTrunkConfig
from geophrase.training.distillation.teacher import MobileNetTeacher


@dataclass(frozen=True)
class DistillationConfig:
    """One distillation run.

    Attributes:
        crop_px: Side of the square crops that teacher and student see.
        scale_range: Source pixels per crop pixel, drawn log-uniformly.
        mix_probability: Chance that a batch is mixed with its own reverse (mixup on pixels).
        level_weights: Weights of the regression at strides 4, 8, 16 and 32.
    """

    trunk: ConvTrunkConfig = field(default_factory=ConvTrunkConfig)
    crop_px: int = 320
    batch_size: int = 16
    minutes: float = 60.0
    learning_rate: float = 2e-3
    weight_decay: float = 0.02
    warmup_steps: int = 200
    cooldown_fraction: float = 0.15
    scale_range: tuple[float, float] = (0.5, 2.2)
    mix_probability: float = 0.3
    level_weights: tuple[float, float, float, float] = (0.5, 0.5, 1.0, 1.0)
    ema_decay: float = 0.999
    seed: int = 0


class DistillationLoss(nn.Module):
    """Mean squared error between projected student maps and whitened teacher maps.

    Args:
        teacher: The frozen source of targets.
        student_channels: Channels of the student's maps, finest first.
        level_weights: Weight of each stride.
    """

    def __init__(
        self, teacher: MobileNetTeacher, student_channels: Sequence[int], level_weights: Sequence[float]
    ) -> None:
        super().__init__()
        self._teacher = teacher
        self._level_weights = tuple(level_weights)
        pairs = zip(student_channels, teacher.channels, strict=True)
        self.projections = nn.ModuleList(nn.Conv2d(student, target, 1) for student, target in pairs)
        self.whitening = nn.ModuleList(
            nn.BatchNorm2d(channels, affine=False, momentum=0.01) for channels in teacher.channels
        )

    def forward(self, image_BCHW: Tensor, student_maps: Sequence[Tensor]) -> Tensor:
        """Returns the weighted regression loss, a scalar.

        Args:
            image_BCHW: Float RGB in [0, 1].
            student_maps: The trunk's maps of the same images, finest first.
        """
        total = image_BCHW.new_zeros(())
        levels = zip(self._teacher(image_BCHW), student_maps, self._level_weights, strict=True)
        for index, (target, student, weight) in enumerate(levels):
            whitened = self.whitening[index](target.float()).detach()
            total = total + weight * F.mse_loss(self.projections[index](student).float(), whitened)
        return total


class Distiller:
    """The state of a distillation run: student, projections, optimiser and moving average."""

    def __init__(self, config: DistillationConfig, teacher: MobileNetTeacher) -> None:
        torch.manual_seed(config.seed)
        self.config = config
        self.trunk = ConvTrunk(config.trunk)
        self.trunk.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.loss = DistillationLoss(teacher, config.trunk.channels, config.level_weights)
        parameters = [*self.trunk.parameters(), *self.loss.projections.parameters()]
        decayed = [p for p in parameters if p.ndim > 1]
        plain = [p for p in parameters if p.ndim <= 1]
        groups = [
            {"params": decayed, "weight_decay": config.weight_decay},
            {"params": plain, "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=config.learning_rate, betas=(0.9, 0.98))
        self.ema = {name: value.detach().clone() for name, value in self.trunk.state_dict().items()}
        self.step, self.elapsed_s = 0, 0.0

    def _learning_rate(self) -> float:
        """Linear warm-up, a plateau, and a linear cool-down over the last part of the time budget."""
        config = self.config
        remaining = 1 - self.elapsed_s / (60 * config.minutes)
        warmup = min(1.0, (self.step + 1) / config.warmup_steps)
        return config.learning_rate * warmup * min(1.0, max(remaining, 0.01) / config.cooldown_fraction)

    def update(self, crops_BCHW: Tensor) -> float:
        """One optimiser step on uint8 crops; returns the loss."""
        for group in self.optimizer.param_groups:
            group["lr"] = self._learning_rate()
        image_BCHW = crops_BCHW.float().div_(255)
        if torch.rand(()) < self.config.mix_probability:
            image_BCHW = image_BCHW.lerp(image_BCHW.flip(0), float(torch.rand(())) / 2)
        image_BCHW = image_BCHW.contiguous(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            loss = self.loss(image_BCHW, self.trunk(imagenet_normalised(image_BCHW)))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.trunk.parameters(), 5.0)
        self.optimizer.step()
        self._update_ema()
        self.step += 1
        return float(loss.detach())

    @torch.no_grad()
    def _update_ema(self) -> None:
        decay = min(self.config.ema_decay, (1 + self.step) / (10 + self.step))
        for name, value in self.trunk.state_dict().items():
            if value.dtype.is_floating_point:
                self.ema[name].lerp_(value, 1 - decay)
            else:
                self.ema[name].copy_(value)

    def state_dict(self) -> dict[str, Any]:
        """Everything a resumed run needs."""
        return {
            "trunk": self.trunk.state_dict(),
            "ema": self.ema,
            "loss": self.loss.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "elapsed_s": self.elapsed_s,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continues from `state_dict`'s value."""
        self.trunk.load_state_dict(state["trunk"])
        self.ema = state["ema"]
        self.loss.load_state_dict(state["loss"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.elapsed_s = state["step"], state["elapsed_s"]
