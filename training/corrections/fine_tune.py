"""Fine-tuning on corrections: prepare, judge, train, judge again, and install what got better."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from geophrase.engine.atomic_file import write_text_atomically
from geophrase.engine.device import DeviceChoice
from geophrase.engine.errors import CancelledError, EngineError
from geophrase.engine.model.load_model import load_model
from geophrase.engine.model.weights.load import WeightsFile, locate_weights
from geophrase.engine.model.weights.user_models import free_name, install_model
from geophrase.protocol.errors import ErrorCode
from geophrase.training.config import TrainConfig
from geophrase.training.corrections.candidate import averaged_weights, card_of, write_candidate
from geophrase.training.corrections.exam import Exam, build_exam
from geophrase.training.corrections.guard import GuardConfig, Verdict, judge
from geophrase.training.corrections.rehearsal import Rehearsal, RehearsalConfig, corrected_classes
from geophrase.training.corrections.task import FineTuning, read_task
from geophrase.training.data.risors import read_stems
from geophrase.training.errors import TrainingError
from geophrase.training.evaluation.segmenter import RsamSegmenter
from geophrase.training.fit.build_fitting import build_fitting

_REHEARSAL = RehearsalConfig()
_SHARE_OF_CORRECTIONS = 0.6  # of the images in an epoch, the rest is rehearsed


def run_corrections(
    args: argparse.Namespace, config: TrainConfig, rehearsal: RehearsalConfig = _REHEARSAL
) -> int:
    """Runs ``geophrase-train fit --recipe corrections``; prints the path of the installed model.

    Args:
        args: The command's options.
        config: The recipe's settings with what the options change.
        rehearsal: How much the model is asked to keep.

    Raises:
        TrainingError: There are too few corrections to judge by, or the guard refuses the result.
        EngineError: With a sentence for the user.
        CancelledError: Ctrl-C; nothing is installed.
    """
    started_s = time.monotonic()
    task = read_task(args, config)
    exam = _prepare(task, rehearsal)
    tuned = _trained(task, args)
    weights = averaged_weights(task.start, tuned, tuned_share=rehearsal.tuned_share)
    candidate = task.run / "candidate.safetensors"
    write_candidate(candidate, weights, task, None)
    verdict = None if exam is None else _verdict(task, exam, locate_weights(candidate))
    path = _installed(candidate, weights, task, verdict)
    minutes = (time.monotonic() - started_s) / 60
    print(f"{path.stem} is ready after {minutes:.1f} minutes: choose it in the panel.", file=sys.stderr)
    print(path)
    return 0


def _prepare(task: FineTuning, config: RehearsalConfig) -> Exam | None:
    """Writes the training folders and asks the starting model the exam; None with nothing held back."""
    learned, held_out = task.corrections.train, task.corrections.held_out
    starting, folder = _segmenter(task.start, task.choice), task.run / "data"
    rehearsal = Rehearsal(starting, corrected_classes((*learned, *held_out)), config)
    rehearsal.write_corrections(folder / "corrections", learned)
    rehearsal.write_scenes(folder / "scenes")
    return build_exam(folder / "exam", held_out, rehearsal) if held_out else None


def _trained(task: FineTuning, args: argparse.Namespace) -> WeightsFile:
    fitting = build_fitting(argparse.Namespace(**{**vars(args), **_fit_options(task)}), task.config)
    try:
        return locate_weights(fitting.fit())
    except CancelledError as error:  # which says how to resume, but this can't be resumed
        raise CancelledError("cancelled; no model was installed") from error


def _fit_options(task: FineTuning) -> dict[str, object]:
    folders = [task.run / "data" / "corrections", task.run / "data" / "scenes"]
    num_images, num_rehearsed = (_num_stems(folder) for folder in folders)
    wanted = num_rehearsed * _SHARE_OF_CORRECTIONS / (1 - _SHARE_OF_CORRECTIONS)
    return {
        "data": folders,
        "repeats": [max(1, round(wanted / num_images)), max(1, round(num_images / wanted))],
        "validate_on": [],  # the guard alone looks at what was held back, so nothing is chosen by it
        "run": task.run,
        "init": str(task.start.path),
    }


def _num_stems(folder: Path) -> int:
    return len(read_stems(folder, "train"))


def _verdict(task: FineTuning, exam: Exam, candidate: WeightsFile) -> Verdict:
    """Judges the candidate and shows the figures.

    Raises:
        TrainingError: It got worse.
    """
    verdict = judge(exam.before, exam.answers(_segmenter(candidate, task.choice)), GuardConfig())
    text = json.dumps({"figures": verdict.figures(), "complaints": verdict.complaints}, indent=1)
    write_text_atomically(task.run / "guard.json", text + "\n")
    print(verdict.as_table(), file=sys.stderr)
    if verdict.complaints:
        raise TrainingError(
            f"The new model was not installed, for {' and '.join(verdict.complaints)}; correct more places "
            f"or train longer with --minutes. It is kept as {candidate.path}."
        )
    return verdict


def _installed(
    candidate: Path, weights: dict[str, Tensor], task: FineTuning, verdict: Verdict | None
) -> Path:
    """Installs the model; under the next free name where another fine-tuning took its own meanwhile."""
    while True:
        write_candidate(candidate, weights, task, verdict)
        try:
            return install_model(task.name, candidate, card_of(candidate, task, verdict))
        except EngineError as error:
            name = free_name(task.name)
            if error.code is not ErrorCode.BAD_REQUEST or name == task.name:
                raise
            print(f"There is a model called {task.name} by now: this one is {name}.", file=sys.stderr)
            task = replace(task, name=name)


def _segmenter(weights: WeightsFile, choice: DeviceChoice) -> RsamSegmenter:
    rsam = load_model(weights).to(choice.device).eval()
    is_bfloat16 = choice.dtype is torch.bfloat16
    return RsamSegmenter(rsam, image_px=rsam.config.image_px, is_bfloat16=is_bfloat16)
