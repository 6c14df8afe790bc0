"""Pre-trains the small trunk by regressing a frozen teacher's feature maps on unlabelled crops.

The student starts from random weights and sees each crop exactly as the teacher does, with strong
augmentation and mixing, so that the targets stay informative for hundreds of passes over few images.

Source: "patient and consistent" distillation, Beyer et al. 2022, Section 3.

Shape letters: B batch, C channels, H height, W width.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from geophrase.engine.allocator import keep_freed_memory
from geophrase.engine.atomic_file import write_text_atomically
from geophrase.engine.errors import EngineError
from geophrase.engine.input_frame import imagenet_normalised
from geophrase.engine.model.rsam.conv_trunk import ConvTrunk, ConvTrunkConfig
from geophrase.protocol.errors import ErrorCode
from geophrase.training.data.risors import read_image
from geophrase.training.distillation.teacher import MobileNetTeacher
from geophrase.training.fit.checkpoint import load_checkpoint, save_checkpoint


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


class UnlabelledCrops(IterableDataset[Tensor]):
    """An endless stream of augmented square crops, uint8 (3, crop_px, crop_px).

    Args:
        paths: Image files; each crop's image is drawn with probability in proportion to its area.
        config: Crop size and scale range.
    """

    def __init__(self, paths: Sequence[Path], config: DistillationConfig) -> None:
        super().__init__()
        self._images = [read_image(path) for path in paths]
        # Square roots keep a few very large images from drowning the many small ones.
        areas = np.array([image.shape[0] * image.shape[1] for image in self._images], float) ** 0.5
        self._shares = areas / areas.sum()
        self._config = config

    def __iter__(self) -> Iterator[Tensor]:
        """Yields crops without end, differently in every worker and at every start."""
        worker = get_worker_info()
        rng = np.random.default_rng([self._config.seed, worker.id if worker else 0, time.time_ns()])
        cv2.setNumThreads(0)
        while True:
            image = self._images[rng.choice(len(self._images), p=self._shares)]
            crop = _augment(_random_crop(image, self._config, rng), rng)
            yield torch.from_numpy(np.ascontiguousarray(crop.transpose(2, 0, 1)))


def _random_crop(image: np.ndarray, config: DistillationConfig, rng: np.random.Generator) -> np.ndarray:
    low, high = np.log(config.scale_range)
    aspect = np.exp(rng.uniform(-0.2, 0.2))
    scale = np.exp(rng.uniform(low, high))
    height = min(image.shape[0], max(32, round(config.crop_px * scale * aspect)))
    width = min(image.shape[1], max(32, round(config.crop_px * scale / aspect)))
    top, left = rng.integers(image.shape[0] - height + 1), rng.integers(image.shape[1] - width + 1)
    crop = image[top : top + height, left : left + width]
    shrinks = height * width > config.crop_px**2
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(crop, (config.crop_px, config.crop_px), interpolation=interpolation)


def _augment(crop: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Turns, mirrors and recolours a crop; no label is attached, so nothing needs to stay true."""
    crop = np.rot90(crop, int(rng.integers(4)))
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    values = crop.astype(np.float32)
    values *= rng.uniform(0.75, 1.3, 3).astype(np.float32) * np.float32(rng.uniform(0.8, 1.2))
    values += np.float32(rng.uniform(-20, 20))
    mean = values.mean()
    values = (values - mean) * np.float32(rng.uniform(0.7, 1.4)) + mean
    if rng.random() < 0.1:
        values = np.repeat(values.mean(2, keepdims=True), 3, axis=2)
    if rng.random() < 0.15:
        values = np.asarray(cv2.GaussianBlur(values, (0, 0), rng.uniform(0.4, 1.5)), np.float32)
    return values.clip(0, 255).astype(np.uint8)


def training_images(roots: Sequence[Path]) -> list[Path]:
    """The image files of the train splits of several RISORS folders.

    Raises:
        EngineError: A folder has no train split or names an image that is not there.
    """
    paths = []
    for root in roots:
        listing = root / "splits" / "train.txt"
        if not listing.is_file():
            message = f"{root} has no splits/train.txt: make it with `geophrase-train prepare`."
            raise EngineError(ErrorCode.BAD_REQUEST, message)
        for stem in listing.read_text().split():
            matches = sorted((root / "images").glob(f"{stem}.*"))
            if not matches:
                raise EngineError(
                    ErrorCode.BAD_REQUEST, f"{root}/images has no file for '{stem}' of its train split."
                )
            paths.append(matches[0])
    return paths


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


def distil(
    config: DistillationConfig,
    *,
    teacher: MobileNetTeacher,
    roots: Sequence[Path],
    run: Path,
    workers: int = 1,
) -> Path:
    """Trains for the configured wall time, resuming what lies in the run folder.

    Args:
        config: The run's settings.
        teacher: The frozen source of targets.
        roots: RISORS folders; only their train splits are read.
        run: Folder for the checkpoint and metrics.
        workers: Loader processes.

    Returns:
        The path of the trunk's averaged weights, for ``geophrase-train fit --init``.
    """
    run.mkdir(parents=True, exist_ok=True)
    checkpoint = run / "distillation.pt"
    distiller = Distiller(config, teacher)
    if checkpoint.is_file():
        distiller.load_state_dict(load_checkpoint(checkpoint))
    crops = UnlabelledCrops(training_images(roots), config)
    loader = DataLoader(crops, config.batch_size, num_workers=workers, prefetch_factor=4 if workers else None)
    write_text_atomically(run / "config.json", json.dumps(asdict(config), indent=1))
    losses: list[float] = []
    last = time.monotonic()
    for batch in loader:
        losses.append(distiller.update(batch))
        now = time.monotonic()
        distiller.elapsed_s, last = distiller.elapsed_s + now - last, now
        is_done = distiller.elapsed_s >= 60 * config.minutes
        if distiller.step % 100 == 0 or is_done:
            row = {
                "step": distiller.step,
                "minutes": round(distiller.elapsed_s / 60, 2),
                "loss": np.mean(losses),
            }
            with (run / "metrics.jsonl").open("a") as log:
                log.write(json.dumps(row) + "\n")
            losses.clear()
        if distiller.step % 500 == 0 or is_done:
            save_checkpoint(distiller.state_dict(), checkpoint)
            save_checkpoint(distiller.ema, run / "trunk.pt")
        if is_done:
            break
    return run / "trunk.pt"


def add_distill_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``geophrase-train distill``."""
    parser.add_argument(
        "--data", type=Path, nargs="+", required=True, help="RISORS folders; train splits only"
    )
    parser.add_argument("--teacher", type=Path, required=True, help="the teacher's .tflite file")
    parser.add_argument("--run", type=Path, required=True, help="run folder; a run found there is resumed")
    parser.add_argument("--minutes", type=float, default=60.0, help="wall time, earlier parts included")
    parser.add_argument("--workers", type=int, default=1, help="loader processes")
    parser.add_argument("--threads", type=int, default=0, help="torch threads (0: torch's own choice)")
    parser.add_argument("--crop-px", type=int, default=320, help="side of the crops")


def run_distill(args: argparse.Namespace) -> int:
    """Runs ``geophrase-train distill``; prints the path of the trunk's weights."""
    keep_freed_memory()
    if args.threads:
        torch.set_num_threads(args.threads)
    config = DistillationConfig(minutes=args.minutes, crop_px=args.crop_px)
    teacher = MobileNetTeacher(args.teacher)
    print(distil(config, teacher=teacher, roots=args.data, run=args.run, workers=args.workers))
    return 0
