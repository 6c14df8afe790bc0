"""A whole training of the chooser: a log, checkpoints, validation, the averaged weights."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from torch import Tensor

from geophrase.engine.atomic_file import write_text_atomically
from geophrase.engine.errors import EngineError
from geophrase.engine.model.rsam.object_chooser import ObjectChooser
from geophrase.protocol.errors import ErrorCode
from geophrase.training.choosing.chunks import ExampleChunks, stream
from geophrase.training.choosing.config import ChoosingConfig
from geophrase.training.choosing.examples import Example
from geophrase.training.choosing.trainer import ChooserTrainer, Encode, EncodedExample, encode_examples
from geophrase.training.choosing.validation import plain, table, validate
from geophrase.training.config import differing_fields
from geophrase.training.fit.checkpoint import load_checkpoint, save_checkpoint

_LOG_CHUNKS = 20


class ChooserRun:
    """One training of a chooser in a folder; what lies there is resumed.

    Args:
        chooser: Is trained in place.
        encode: Gives the phrases' tokens.
        config: Settings; of a run that is resumed only the budget may change.
        folder: Of the run.
        origins: Hashes of what it learns from and starts from, by names for people. A run that is resumed
            must have the same.

    Raises:
        EngineError: The folder holds a run with other settings or origins, or its checkpoint is damaged.
    """

    def __init__(
        self,
        chooser: ObjectChooser,
        encode: Encode,
        config: ChoosingConfig,
        folder: Path,
        *,
        origins: Mapping[str, str] | None = None,
    ) -> None:
        self._encode, self._config, self._folder = encode, config, folder
        self._origins = dict(origins or {})
        self._trainer = ChooserTrainer(chooser, encode, config)
        self._settings = json.loads(json.dumps(asdict(config)))
        self._checkpoint = folder / "checkpoint.pt"
        if self._checkpoint.is_file():
            state = load_checkpoint(self._checkpoint)
            self._refuse_another_run(json.loads(state.pop("config")), json.loads(state.pop("origins", "{}")))
            self._trainer.load_state_dict(state)
        write_text_atomically(folder / "config.json", json.dumps(self._settings, indent=1))

    def train(self, chunks: ExampleChunks, held_out: list[Example], *, workers: int = 0) -> dict[str, Tensor]:
        """Trains until the budget is spent and returns the averaged weights.

        Args:
            chunks: Examples to learn from.
            held_out: Examples to validate on.
            workers: Processes that make examples.
        """
        trainer = self._trainer
        validation = encode_examples(held_out, self._encode)
        examples = self._examples(chunks, workers)
        losses: list[float] = []
        num_validated = self._num_validations_due()
        last = saved = time.monotonic()
        while trainer.progress < 1:
            losses.append(trainer.learn(next(examples)))
            now = time.monotonic()
            trainer.elapsed_s, last = trainer.elapsed_s + now - last, now
            is_done = trainer.progress >= 1
            if len(losses) == _LOG_CHUNKS or is_done:
                self._log({"loss": round(sum(losses) / len(losses), 4)})
                losses.clear()
            if self._num_validations_due() > num_validated and validation:
                num_validated = self._num_validations_due()
                self._validate(validation)
            if now - saved > 60 * self._config.checkpoint_minutes or is_done:
                self._save()
                saved = now
        return {name: value.detach().clone() for name, value in trainer.averaged.state_dict().items()}

    def _examples(self, chunks: ExampleChunks, workers: int) -> Iterator[list[Example]]:
        """New chunks, once those that the pool held when the run was stopped are in it again."""
        trainer = self._trainer
        examples = stream(chunks, trainer.first_in_pool, workers=workers)
        for _ in range(trainer.first_in_pool, trainer.num_chunks):
            trainer.recall(next(examples))
        yield from examples

    def _num_validations_due(self) -> int:
        return int(self._trainer.progress * self._config.num_validations)

    def _validate(self, validation: list[EncodedExample]) -> None:
        rows = validate(self._trainer.averaged, validation)
        self._log({"validation": plain(rows)})
        print(f"update {self._trainer.num_updates}\n{table(rows)}", file=sys.stderr, flush=True)

    def _log(self, figures: dict[str, Any]) -> None:
        row = {
            "step": self._trainer.num_updates,
            "minutes": round(self._trainer.elapsed_s / 60, 2),
            **figures,
        }
        with (self._folder / "metrics.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(row) + "\n")

    def _save(self) -> None:
        state = {
            **self._trainer.state_dict(),
            "config": json.dumps(self._settings),
            "origins": json.dumps(self._origins),
        }
        save_checkpoint(state, self._checkpoint)

    def _refuse_another_run(self, before: dict[str, Any], origins: dict[str, str]) -> None:
        changed = differing_fields(before, self._settings)
        changed = [name for name in changed if not name.startswith("budget")]
        changed += [name for name, value in self._origins.items() if origins.get(name) != value]
        if changed:
            names = ", ".join(changed)
            message = f"{self._folder} was started with other settings ({names}): use those or a new folder."
            raise EngineError(ErrorCode.BAD_REQUEST, message)
