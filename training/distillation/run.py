"""A whole distillation: updates for a wall time, with a log, checkpoints and the averaged trunk."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
from torch.utils.data import DataLoader

from geophrase.engine.atomic_file import write_text_atomically
from geophrase.engine.errors import EngineError
from geophrase.protocol.errors import ErrorCode
from geophrase.training.config import differing_fields
from geophrase.training.distillation.crops import UnlabelledCrops, training_images
from geophrase.training.distillation.distillation import DistillationConfig, Distiller
from geophrase.training.distillation.teacher import MobileNetTeacher
from geophrase.training.fit.checkpoint import load_checkpoint, save_checkpoint


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

    Raises:
        EngineError: The run folder holds a run with other settings, or a data folder is no RISORS folder.
    """
    run.mkdir(parents=True, exist_ok=True)
    checkpoint = run / "distillation.pt"
    distiller = Distiller(config, teacher)
    if checkpoint.is_file():
        _refuse_other_settings(config, run)
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


def _refuse_other_settings(config: DistillationConfig, run: Path) -> None:
    """A run goes on under its own settings; only its length may change."""
    before = json.loads((run / "config.json").read_text(encoding="utf-8"))
    changed = differing_fields(before, json.loads(json.dumps(asdict(config))))
    changed = [name for name in changed if name != "minutes"]
    if changed:
        names = ", ".join(changed)
        message = f"{run} was started with other settings ({names}): use those or a new folder."
        raise EngineError(ErrorCode.BAD_REQUEST, message)
