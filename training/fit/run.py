"""A whole run: updates until the budget is spent, with logs, checkpoints, validation and pictures."""

from __future__ import annotations

import json
import shutil
import sys
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from torch import Tensor
from tqdm import tqdm

from geophrase.engine.atomic_file import write_text_atomically
from geophrase.engine.errors import CancelledError, EngineError
from geophrase.engine.model.weights.save import WeightsMetadata, save_weights
from geophrase.protocol.errors import ErrorCode
from geophrase.training.baselines.models import Model
from geophrase.training.config import TrainConfig, differing_fields
from geophrase.training.data.dataset import Batch
from geophrase.training.data.risors import RisorsImage
from geophrase.training.evaluation.metrics import ReferringScores
from geophrase.training.evaluation.panels import choose_panels, draw_panels
from geophrase.training.evaluation.phrases import score_images
from geophrase.training.evaluation.segmenter import RsamSegmenter
from geophrase.training.fit.checkpoint import load_checkpoint, save_checkpoint
from geophrase.training.fit.curves import plot_curves
from geophrase.training.fit.interrupt import Interrupt, deferred_interrupt
from geophrase.training.fit.launch import CONFIG_FILE, images_per_update, settings_of
from geophrase.training.fit.model_setup import merged_weights
from geophrase.training.fit.parallel import whole_weights
from geophrase.training.fit.run_log import RunLog
from geophrase.training.fit.sharded import latest_sharded, load_sharded, save_sharded
from geophrase.training.fit.trainer import Trainer

BatchSource = Callable[[int], Generator[Batch, None, None]]

_RESUMABLE_CHANGES = ("budget.", "execution.", "validation.", "checkpoint_minutes", "log_steps")
_UPDATE_SIZE = ("num_processes", "data.batch_size", "optimizer.accumulated_batches")
_FILE, _FOLDER = "checkpoint.pt", "checkpoint"


def find_checkpoint(run: Path) -> Path | None:
    """The last checkpoint in a run folder: a file, or a folder that several processes wrote."""
    found = [path for path in (run / _FILE, latest_sharded(run / _FOLDER)) if path is not None]
    return max((path for path in found if path.exists()), key=lambda path: path.stat().st_mtime, default=None)


class Fitting:
    """Drives a trainer through its budget and keeps the run folder.

    The folder holds ``config.json``, ``metrics.jsonl``, ``tensorboard/``, ``curves.png``, ``panels/*.png``,
    ``best.safetensors`` (the averaged weights with the highest validation mIoU, float16) and
    ``checkpoint.pt``, or ``checkpoint/`` where the model is sharded.

    Of several processes the first one keeps the folder and reads the clock; all of them are driven alike, and
    each validates on its share of the images.

    Args:
        trainer: The state of the run.
        batches: Gives the stream of batches, or of this process's shares of them, from a batch number on.
        validation: Images that no batch has seen; empty to train without, when the last weights are exported.
        run: The run folder, which all processes share.
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
        self._ranks = trainer.ranks
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
        self._started_s = 0.0
        self._checkpoint_s = 0.0

    @property
    def _settings(self) -> dict[str, Any]:
        return settings_of(self._config, self._ranks.world_size)

    def resume(self) -> None:
        """Continues from the run folder's checkpoint, on as many processes as there are now.

        Raises:
            EngineError: There is none, or it belongs to other settings or data.
        """
        path = find_checkpoint(self._run) or self._run / _FILE
        if path.is_dir():
            state = load_sharded(path, self._ranks, {"trainer": self._trainer.layout()})
        else:
            state = load_checkpoint(path)
        self._check_is_same_run(json.loads(state["config"]), state["data_fingerprint"])
        self._trainer.load_state_dict(state["trainer"])
        self._num_validations, self._metrics = state["num_validations"], state["metrics"]
        if self._ranks.is_first:
            self._log.resume(state["log"], step=self._trainer.step)

    def _check_is_same_run(self, before: Mapping[str, Any], fingerprint: str) -> None:
        settings = self._settings
        may_change: tuple[str, ...] = _RESUMABLE_CHANGES
        if images_per_update(before) == images_per_update(settings):
            may_change += _UPDATE_SIZE
        changed = [name for name in differing_fields(before, settings) if not name.startswith(may_change)]
        if fingerprint != self._fingerprint:
            changed.append("the training data")
        if changed:
            names = ", ".join(changed)
            message = f"{self._run} was started with other settings ({names}): use those or a new folder."
            raise EngineError(ErrorCode.BAD_REQUEST, message)

    def fit(self) -> Path:
        """Trains until the budget is spent and returns the exported weights.

        Raises:
            CancelledError: Ctrl-C or SIGTERM came to any process; a checkpoint to resume from was written.
            EngineError: The run folder cannot be written.
        """
        trainer = self._trainer
        if self._ranks.is_first:
            self._open_folder()
        batches = self._batches(trainer.step * self._config.optimizer.accumulated_batches)
        self._started_s = time.monotonic() - trainer.elapsed_s
        self._checkpoint_s = trainer.elapsed_s
        with deferred_interrupt() as interrupt, closing(batches) as stream, self._progress_bar() as bar:
            is_stopped = self._agree(interrupt)
            while trainer.progress < 1 and not is_stopped:
                row = self._update(stream)
                self._agree(interrupt)
                self._after_update(row)
                is_stopped = self._agree(interrupt)
                bar.set_postfix(loss=f"{row['loss']:.3f}", iou=f"{row['iou']:.2f}", refresh=False)
                bar.update(round(1000 * trainer.progress) - bar.n)
            self._save()
        self._log.close()
        if is_stopped:
            raise CancelledError(f"stopped at step {trainer.step}; continue with --resume")
        return self._run / "best.safetensors"

    def _open_folder(self) -> None:
        (self._run / "panels").mkdir(parents=True, exist_ok=True)
        settings = self._settings | {"launch_id": self._ranks.launch_id}
        write_text_atomically(self._run / CONFIG_FILE, json.dumps(settings, indent=1))
        if self._trainer.step == 0:  # a run that was lost before its first checkpoint may have left lines
            self._log.resume(self._log.state_dict(), step=0)

    def _agree(self, interrupt: Interrupt) -> bool:
        """Sets the clock by the first process and returns whether any of them is to stop."""
        elapsed_s = time.monotonic() - self._started_s
        self._trainer.elapsed_s, is_stopped = self._ranks.agreed(of_first=elapsed_s, of_any=bool(interrupt))
        return is_stopped

    def _update(self, stream: Iterator[Batch]) -> dict[str, float]:
        waited_s = time.monotonic()
        group = [next(stream) for _ in range(self._config.optimizer.accumulated_batches)]
        waited_s = time.monotonic() - waited_s
        row = self._trainer.update(group)
        num_images = sum(len(batch.images_BCHW) for batch in group) * self._ranks.world_size
        return row | {"wait_s": waited_s, "images": num_images}

    def _after_update(self, row: dict[str, float]) -> None:
        trainer, config = self._trainer, self._config
        is_done = trainer.progress >= 1
        self._log.add(row)
        if self._ranks.is_first and (trainer.step % config.log_steps == 0 or is_done):
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
        """Scores the averaged weights, each process on its share of the images; the first one judges."""
        trainer, num_rounds = self._trainer, self._config.validation.num_rounds
        self._num_validations = max(self._num_validations + 1, int(trainer.progress * num_rounds))
        weights = merged_weights(whole_weights(trainer.ema.weights))
        if self._validation:
            with trainer.averaged_model(weights) as rsam:
                scores = self._ranks.gathered(self._scores(rsam))
                report = self._report(scores, rsam) if self._ranks.is_first else {}
        else:
            report = {}
        if self._ranks.is_first:
            self._judge(weights, report)

    def _segmenter(self, rsam: Model) -> RsamSegmenter:
        return RsamSegmenter(
            rsam,
            image_px=self._config.validation.image_px,
            is_bfloat16=self._config.execution.is_bfloat16,
            texts=self._trainer.texts if rsam is self._trainer.rsam else None,
        )

    def _scores(self, rsam: Model) -> ReferringScores:
        share = self._validation[self._ranks.rank :: self._ranks.world_size]
        return score_images(self._segmenter(rsam), share)

    def _report(self, scores: Sequence[ReferringScores], rsam: Model) -> dict[str, Any]:
        """Adds up all processes' scores and draws panels."""
        for others in scores[1:]:
            scores[0].merge(others)
        panels = choose_panels(self._validation, self._config.validation.num_panels)
        if panels:
            picture = self._run / "panels" / f"step_{self._trainer.step:06d}.png"
            draw_panels(self._segmenter(rsam), panels, picture)
            self._log.write_picture("panels", picture, step=self._trainer.step)
        return scores[0].report()

    def _judge(self, weights: dict[str, Tensor], report: dict[str, Any]) -> None:
        """Exports the weights if they are the best so far, or if there was nothing to compare them on."""
        if report:
            self._log.write({"step": self._trainer.step, "validation": report})
            self._keep_the_best(weights, report)
        else:
            self._export(weights, report)
        plot_curves(self._log.path, self._run / "curves.png")

    def _keep_the_best(self, weights: dict[str, Tensor], report: dict[str, Any]) -> None:
        miou, best = report["mIoU"] or 0.0, self._metrics["best_mIoU"]
        self._metrics["validation"].append({"step": self._trainer.step, **report})
        said = f"step {self._trainer.step}: validation mIoU {miou:.4f}, best before {best or 0:.4f}"
        tqdm.write(said, file=sys.stderr)
        if best is None or miou > best:
            self._metrics["best_mIoU"] = miou
            self._export(weights, report)

    def _export(self, weights: dict[str, Tensor], report: Mapping[str, Any]) -> None:
        """Writes the averaged weights; their header says on what they were trained and how they scored."""
        figures = [f"{name} {report[name]:.4f}" for name in ("mIoU", "oIoU") if report.get(name) is not None]
        metadata = WeightsMetadata(
            model=self._config.model.name,
            version=", ".join(
                [f"step {self._trainer.step}", *(f"validation {figure}" for figure in figures)]
            ),
            training_data=f"fingerprint {self._fingerprint}",
            licence="GPL-3.0-or-later",
            config_json=self._config.model.to_json(),
        )
        save_weights(weights, self._run / "best.safetensors", metadata, half=True)

    def _save(self) -> None:
        """Writes a checkpoint; one of the other kind, from before the run was sharded or whole, goes."""
        state = {
            "trainer": self._trainer.state_dict(),
            "config": json.dumps(self._settings),
            "data_fingerprint": self._fingerprint,
            "num_validations": self._num_validations,
            "metrics": self._metrics,
            "log": self._log.state_dict(),
        }
        if self._trainer.is_sharded:
            save_sharded(state, self._run / _FOLDER, self._ranks, step=self._trainer.step)
            if self._ranks.is_first:
                (self._run / _FILE).unlink(missing_ok=True)
        elif self._ranks.is_first:
            save_checkpoint(state, self._run / _FILE)
            shutil.rmtree(self._run / _FOLDER, ignore_errors=True)

    def _progress_bar(self) -> tqdm[Any]:
        return tqdm(
            total=1000,
            initial=round(1000 * self._trainer.progress),
            unit="‰",
            desc=self._config.model.name,
            dynamic_ncols=True,
            disable=not self._ranks.is_first,
        )
