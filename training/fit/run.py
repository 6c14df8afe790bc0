"""A whole run: updates until the budget is spent, with logs, checkpoints, validation and pictures."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from tqdm import tqdm

from geophrase.engine.atomic_file import write_text_atomically
from geophrase.engine.errors import CancelledError, EngineError
from geophrase.engine.model.weights.save import WeightsMetadata, save_weights
from geophrase.protocol.errors import ErrorCode
from geophrase.training.config import TrainConfig, differing_fields
from geophrase.training.data.dataset import Batch
from geophrase.training.data.risors import RisorsImage
from geophrase.training.evaluation.panels import choose_panels, draw_panels
from geophrase.training.evaluation.phrases import score_images
from geophrase.training.evaluation.segmenter import RsamSegmenter
from geophrase.training.fit.checkpoint import load_checkpoint, save_checkpoint
from geophrase.training.fit.curves import plot_curves
from geophrase.training.fit.model_setup import merged_weights
from geophrase.training.fit.run_log import RunLog
from geophrase.training.fit.trainer import Trainer

BatchSource = Callable[[int], Iterator[Batch]]

_RESUMABLE_CHANGES = ("budget.", "validation.", "checkpoint_minutes", "log_steps")


class Fitting:
    """Drives a trainer through its budget and keeps the run folder.

    The folder holds ``config.json``, ``metrics.jsonl``, ``tensorboard/``, ``curves.png``, ``checkpoint.pt``,
    ``best.safetensors`` (the averaged weights with the highest validation mIoU, float16) and
    ``panels/*.png``.

    Args:
        trainer: The state of the run.
        batches: Gives the stream of batches from a batch number on.
        validation: Images that no batch has seen; empty to train without, when the last weights are exported.
        run: The run folder.
        data_fingerprint: Hash of the training data, compared on resuming.
    """

    def __init__(
        self,
        trainer: Trainer,
        batches: BatchSource,
        *,
        validation: Sequence[RisorsImage],
        run: Path,
        data_fingerprint: str,
    ) -> None:
        self._trainer = trainer
        self._config: TrainConfig = trainer.config
        self._batches = batches
        self._run = run
        self._fingerprint = data_fingerprint
        limit = self._config.validation.max_images
        stride = max(1, len(validation) // limit) if limit else 1
        self._validation = list(validation[::stride][: limit or None])
        self._log = RunLog(run)
        self._metrics: dict[str, Any] = {"training": None, "validation": [], "best_mIoU": None}
        self._num_validations = 0
        self._checkpoint_s = 0.0

    @property
    def checkpoint_path(self) -> Path:
        """Where the run's state is kept."""
        return self._run / "checkpoint.pt"

    def resume(self) -> None:
        """Continues from the run folder's checkpoint.

        Raises:
            EngineError: There is none, or it belongs to other settings or data.
        """
        state = load_checkpoint(self.checkpoint_path)
        changed = differing_fields(
            json.loads(state["config"]), json.loads(json.dumps(self._config.as_dict()))
        )
        changed = [name for name in changed if not name.startswith(_RESUMABLE_CHANGES)]
        if state["data_fingerprint"] != self._fingerprint:
            changed.append("the training data")
        if changed:
            names = ", ".join(changed)
            message = f"{self._run} was started with other settings ({names}): use those or a new folder."
            raise EngineError(ErrorCode.BAD_REQUEST, message)
        self._trainer.load_state_dict(state["trainer"])
        self._num_validations, self._metrics = state["num_validations"], state["metrics"]
        self._log.resume(state["log"], step=self._trainer.step)

    def fit(self) -> Path:
        """Trains until the budget is spent and returns the exported weights.

        Raises:
            CancelledError: Ctrl-C or SIGTERM came; a checkpoint to resume from was written.
            EngineError: The run folder cannot be written.
        """
        (self._run / "panels").mkdir(parents=True, exist_ok=True)
        write_text_atomically(self._run / "config.json", json.dumps(self._config.as_dict(), indent=1))
        trainer, per_update = self._trainer, self._config.optimizer.accumulated_batches
        stream = self._batches(trainer.step * per_update)
        started_s = time.monotonic() - trainer.elapsed_s
        self._checkpoint_s = trainer.elapsed_s
        with _deferred_interrupt() as interrupted, _progress_bar(trainer) as bar:
            while trainer.progress < 1 and not interrupted:
                waited_s = time.monotonic()
                group = [next(stream) for _ in range(per_update)]
                waited_s = time.monotonic() - waited_s
                row = trainer.update(group)
                trainer.elapsed_s = time.monotonic() - started_s
                self._after_update(
                    row | {"wait_s": waited_s, "images": sum(len(b.images_BCHW) for b in group)}
                )
                trainer.elapsed_s = time.monotonic() - started_s
                bar.set_postfix(loss=f"{row['loss']:.3f}", iou=f"{row['iou']:.2f}", refresh=False)
                bar.update(round(1000 * trainer.progress) - bar.n)
            self._save()
        self._log.close()
        if interrupted:
            raise CancelledError(f"stopped at step {trainer.step}; continue with --resume")
        return self._run / "best.safetensors"

    def _after_update(self, row: dict[str, float]) -> None:
        trainer, config = self._trainer, self._config
        self._log.add(row)
        is_done = trainer.progress >= 1
        if trainer.step % config.log_steps == 0 or is_done:
            self._metrics["training"] = self._log.flush(
                step=trainer.step,
                minutes=round(trainer.elapsed_s / 60, 3),
                progress=round(trainer.progress, 4),
            )
        if is_done or trainer.progress * config.validation.num_rounds >= self._num_validations + 1:
            self._validate()
        if trainer.elapsed_s - self._checkpoint_s > 60 * config.checkpoint_minutes:
            self._save()
            self._checkpoint_s = trainer.elapsed_s

    def _validate(self) -> None:
        """Scores the averaged weights, draws panels and exports the weights if they are the best so far."""
        trainer, settings = self._trainer, self._config.validation
        self._num_validations = max(self._num_validations + 1, int(trainer.progress * settings.num_rounds))
        if not self._validation:
            plot_curves(self._log.path, self._run / "curves.png")
            self._export()
            return
        with trainer.ema.applied():
            segmenter = RsamSegmenter(
                trainer.rsam,
                image_px=settings.image_px,
                is_bfloat16=self._config.execution.is_bfloat16,
                texts=trainer.texts,
            )
            report = score_images(segmenter, self._validation).report()
            panels = choose_panels(self._validation, settings.num_panels)
            if panels:
                picture = self._run / "panels" / f"step_{trainer.step:06d}.png"
                draw_panels(segmenter, panels, picture)
                self._log.write_picture("panels", picture, step=trainer.step)
        self._log.write({"step": trainer.step, "validation": report})
        plot_curves(self._log.path, self._run / "curves.png")
        self._keep_the_best(report)

    def _keep_the_best(self, report: dict[str, Any]) -> None:
        miou, best = report["mIoU"] or 0.0, self._metrics["best_mIoU"]
        self._metrics["validation"].append({"step": self._trainer.step, **report})
        tqdm.write(f"step {self._trainer.step}: validation mIoU {miou:.4f}, best before {best or 0:.4f}")
        if best is None or miou > best:
            self._metrics["best_mIoU"] = miou
            self._export(report)

    def _export(self, report: Mapping[str, Any] | None = None) -> None:
        """Writes the averaged weights; their header says on what they were trained and how they scored."""
        figures = [f"{name} {report[name]:.4f}" for name in ("mIoU", "oIoU") if report and report[name]]
        metadata = WeightsMetadata(
            model=self._config.model.name,
            version=", ".join(
                [f"step {self._trainer.step}", *(f"validation {figure}" for figure in figures)]
            ),
            training_data=f"fingerprint {self._fingerprint}",
            licence="GPL-3.0-or-later",
            config_json=self._config.model.to_json(),
        )
        weights = merged_weights(self._trainer.ema.weights)
        save_weights(weights, self._run / "best.safetensors", metadata, half=True)

    def _save(self) -> None:
        state = {
            "trainer": self._trainer.state_dict(),
            "config": json.dumps(self._config.as_dict()),
            "data_fingerprint": self._fingerprint,
            "num_validations": self._num_validations,
            "metrics": self._metrics,
            "log": self._log.state_dict(),
        }
        save_checkpoint(state, self.checkpoint_path)


class _Interrupt:
    """True once Ctrl-C was pressed or the process was asked to end."""

    def __init__(self) -> None:
        self._is_set = False

    def __bool__(self) -> bool:
        return self._is_set

    def __call__(self, _signal: int, _frame: FrameType | None) -> None:
        if self._is_set:
            raise KeyboardInterrupt
        self._is_set = True


@contextmanager
def _deferred_interrupt() -> Iterator[_Interrupt]:
    """Lets a first Ctrl-C or SIGTERM wait for the end of an update, so that the checkpoint is whole."""
    interrupt = _Interrupt()
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _progress_bar(trainer: Trainer) -> tqdm[Any]:
    per_mille = round(1000 * trainer.progress)
    return tqdm(total=1000, initial=per_mille, unit="‰", desc=trainer.config.model.name, dynamic_ncols=True)
