"""Fine-tuning on corrections: prepare, judge, train, judge again, and install what got better."""

from __future__ import annotations

import argparse
import datetime
import json
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import platformdirs
import torch

from geophrase.engine.atomic_file import write_text_atomically
from geophrase.engine.device import DeviceChoice, select_device
from geophrase.engine.errors import EngineError
from geophrase.engine.model.load_model import load_model
from geophrase.engine.model.rsam.config import RsamConfig
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.engine.model.weights.card import ModelCard, TrainingSource, read_card
from geophrase.engine.model.weights.load import WeightsFile, locate_weights, read_state_dict
from geophrase.engine.model.weights.save import WeightsMetadata, save_weights
from geophrase.engine.model.weights.user_models import check_name, free_name, install_model
from geophrase.protocol.errors import ErrorCode
from geophrase.training.config import TrainConfig
from geophrase.training.corrections.exam import Exam, build_exam
from geophrase.training.corrections.guard import GuardConfig, Verdict, judge
from geophrase.training.corrections.held_out import Corrections, read_corrections
from geophrase.training.corrections.rehearsal import (
    RehearsalConfig,
    corrected_classes,
    write_corrections,
    write_scenes,
)
from geophrase.training.errors import TrainingError
from geophrase.training.evaluation.segmenter import RsamSegmenter
from geophrase.training.fit.checkpoint import data_fingerprint
from geophrase.training.fit.command import build_fitting
from geophrase.training.recipes.corrections import corrections as recipe

_DEFAULT_START = "rsam_small"
_REHEARSAL = RehearsalConfig()
_SHARE_OF_CORRECTIONS = 0.6  # of the images in an epoch, the rest is rehearsed


@dataclass(frozen=True)
class FineTuning:
    """What one fine-tuning is about.

    Attributes:
        name: Of the model to be.
        start: The weights that it starts from.
        config: Of the training.
        corrections: What is learned from and what is held back.
        data: The folders that they come from.
        run: Where everything is written but the installed model.
        choice: The device.
    """

    name: str
    start: WeightsFile
    config: TrainConfig
    corrections: Corrections
    data: tuple[Path, ...]
    run: Path
    choice: DeviceChoice

    @property
    def start_name(self) -> str:
        """What the starting model is called."""
        return self.start.entry.name if self.start.entry else self.start.path.name


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
    task = _task(args, config)
    print(task.choice.reason, file=sys.stderr)
    exam = _prepare(task, rehearsal)
    fit_args = argparse.Namespace(**{**vars(args), **_fit_options(task)})
    best = locate_weights(build_fitting(fit_args, task.config).fit())
    candidate = task.run / "candidate.safetensors"
    verdict = None
    if exam is not None:
        verdict = _verdict(task, exam, best)
        print(verdict.as_table(), file=sys.stderr)
    _write_candidate(task, best, candidate, verdict)
    if verdict is not None and verdict.complaints:
        raise TrainingError(
            f"The new model was not installed, for {' and '.join(verdict.complaints)}; correct more places "
            f"or train longer with --minutes. It is kept as {candidate}."
        )
    path = install_model(task.name, candidate, _card(task, candidate, verdict))
    minutes = (time.monotonic() - started_s) / 60
    print(f"{task.name} is ready after {minutes:.1f} minutes: choose it in the panel.", file=sys.stderr)
    print(path)
    return 0


def _task(args: argparse.Namespace, config: TrainConfig) -> FineTuning:
    if not args.data:
        args.usage_error("--data says where the corrections are")
    if args.resume:
        message = "A fine-tuning takes minutes and is not resumed: start it again without --resume."
        raise EngineError(ErrorCode.BAD_REQUEST, message)
    if args.name is not None:
        check_name(args.name)
    name = args.name or free_name(f"{args.data[0].resolve().name}-{datetime.date.today():%Y%m%d}")
    start = locate_weights(args.init or _DEFAULT_START)
    return FineTuning(
        name=name,
        start=start,
        config=_fitted_to(config, load_model(start).config),
        corrections=read_corrections(args.data, is_judged=not args.unguarded),
        data=tuple(args.data),
        run=args.run or _free_run(name),
        choice=select_device(args.device),
    )


def _fitted_to(config: TrainConfig, model: RsamConfig) -> TrainConfig:
    """The settings for the model that is started from, at its own side unless another was asked for."""
    if not model.has_text:
        message = f"{model.name} takes no text, so phrases can't teach it: start with a model of ours."
        raise EngineError(ErrorCode.BAD_REQUEST, message)
    if config.data.image_px == recipe().data.image_px:
        config = replace(config, data=replace(config.data, image_px=(model.image_px,)))
    return replace(config, model=model)


def _free_run(name: str) -> Path:
    folder = platformdirs.user_data_path("geophrase", appauthor=False) / "runs"
    number, run = 1, folder / name
    while run.exists():
        number += 1
        run = folder / f"{name}-run{number}"
    return run


def _prepare(task: FineTuning, rehearsal: RehearsalConfig) -> Exam | None:
    """Writes the training folders and asks the starting model the exam; None with nothing held back."""
    starting = _segmenter(load_model(task.start), task.choice)
    corrected = corrected_classes((*task.corrections.train, *task.corrections.held_out))
    write_corrections(task.run / "data" / "corrections", task.corrections.train, starting, rehearsal)
    write_scenes(task.run / "data" / "scenes", corrected, starting, rehearsal)
    if not task.corrections.held_out:
        return None
    return build_exam(task.run / "data" / "exam", task.corrections.held_out, starting, rehearsal)


def _fit_options(task: FineTuning) -> dict[str, object]:
    folders = [task.run / "data" / "corrections", task.run / "data" / "scenes"]
    num_images, num_rehearsed = (_num_stems(folder) for folder in folders)
    wanted = num_rehearsed * _SHARE_OF_CORRECTIONS / (1 - _SHARE_OF_CORRECTIONS)
    repeats = [max(1, round(wanted / num_images)), max(1, round(num_images / wanted))]
    return {
        "data": folders,
        "repeats": repeats,
        "validate_on": [],  # the guard alone looks at what was held back, so nothing is chosen by it
        "run": task.run,
        "init": str(task.start.path),
    }


def _num_stems(folder: Path) -> int:
    return len((folder / "splits" / "train.txt").read_text(encoding="utf-8").split())


def _verdict(task: FineTuning, exam: Exam, best: WeightsFile) -> Verdict:
    after = exam.answers(_segmenter(load_model(best), task.choice))
    verdict = judge(exam.before, after, GuardConfig())
    text = json.dumps({"figures": verdict.figures(), "complaints": verdict.complaints}, indent=1)
    write_text_atomically(task.run / "guard.json", text + "\n")
    return verdict


def _segmenter(rsam: Rsam, choice: DeviceChoice) -> RsamSegmenter:
    rsam.to(choice.device).eval()
    is_bfloat16 = choice.dtype is torch.bfloat16
    return RsamSegmenter(rsam, image_px=rsam.config.image_px, is_bfloat16=is_bfloat16)


def _write_candidate(task: FineTuning, best: WeightsFile, path: Path, verdict: Verdict | None) -> None:
    """Writes the averaged weights again, under the model's own name and with what it was made from."""
    made_from = {
        "name": task.name,
        "start": task.start_name,
        "start_sha256": task.start.sha256,
        "created": f"{datetime.date.today():%Y-%m-%d}",
        "data_fingerprint": data_fingerprint(task.data),
        "num_images": len(task.corrections.train),
        "num_phrases": task.corrections.num_phrases,
        "validation": None if verdict is None else verdict.figures(),
    }
    metadata = WeightsMetadata(
        model=task.start_name,
        version="1",
        training_data=_sentence_on_data(task),
        licence=_licence(task),
        config_json=replace(task.config.model, name=task.name).to_json(),
        fine_tuning_json=json.dumps(made_from),
    )
    save_weights(read_state_dict(best), path, metadata, half=True)


def _card(task: FineTuning, candidate: Path, verdict: Verdict | None) -> ModelCard:
    start_card = read_card(task.start.path)
    own = TrainingSource(
        name=", ".join(folder.resolve().name for folder in task.data),
        licence="of whoever corrected",
        use="corrections",
        num_images=len(task.corrections.train),
    )
    return ModelCard.describing(
        candidate,
        model=task.name,
        version="1",
        licence=_licence(task),
        created=f"{datetime.date.today():%Y-%m-%d}",
        summary=f"{_sentence_on_data(task)} {_sentence_on_figures(task, verdict)}",
        training_data=(*(start_card.training_data if start_card else ()), own),
        figures={} if verdict is None else verdict.figures(),
        recipe="corrections",
    )


def _licence(task: FineTuning) -> str:
    return task.start.entry.licence if task.start.entry else "that of its starting model"


def _sentence_on_data(task: FineTuning) -> str:
    texts = [phrase.text for image in task.corrections.train for phrase in image.phrases]
    shown = list(dict.fromkeys(texts))
    names = ", ".join(shown[:3]) + (" …" if len(shown) > 3 else "")
    return f"{task.start_name}, fine-tuned on {len(task.corrections.train)} images: {names}."


def _sentence_on_figures(task: FineTuning, verdict: Verdict | None) -> str:
    if verdict is None or not verdict.rows:
        return "Not judged."
    first = verdict.rows[0]
    num_images = len(task.corrections.held_out)
    return f"mIoU on {num_images} images held back: {first.before:.2f} before, {first.after:.2f} after."
