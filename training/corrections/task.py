"""What one fine-tuning is about, read from the command's options."""

from __future__ import annotations

import argparse
import datetime
from dataclasses import dataclass, replace
from pathlib import Path

import platformdirs

from geophrase.engine.device import DeviceChoice, select_device
from geophrase.engine.errors import EngineError
from geophrase.engine.model.load_model import read_config
from geophrase.engine.model.rsam.config import RsamConfig
from geophrase.engine.model.weights.load import WeightsFile, locate_weights
from geophrase.engine.model.weights.user_models import check_name, free_name
from geophrase.protocol.errors import ErrorCode
from geophrase.training.config import TrainConfig
from geophrase.training.corrections.held_out import Corrections, read_corrections
from geophrase.training.fit.run import find_checkpoint
from geophrase.training.recipes.corrections import corrections as recipe

_DEFAULT_START = "rsam_small"


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


def read_task(args: argparse.Namespace, config: TrainConfig) -> FineTuning:
    """Makes sure that a fine-tuning can be done as asked, before any work.

    Raises:
        EngineError: An option or the model to start from does not fit.
        TrainingError: There are no corrections, or too few to judge by.
    """
    if not args.data:
        args.usage_error("--data says where the corrections are")
    if args.resume:
        message = "A fine-tuning takes minutes and is not resumed: start it again without --resume."
        raise EngineError(ErrorCode.BAD_REQUEST, message)
    if args.repeats or args.validate_on is not None:
        message = (
            "A fine-tuning chooses what is repeated and held back: leave --repeats and --validate-on out."
        )
        raise EngineError(ErrorCode.BAD_REQUEST, message)
    if args.name is not None:
        check_name(args.name)
    if args.run is not None and find_checkpoint(args.run) is not None:
        raise EngineError(ErrorCode.BAD_REQUEST, f"{args.run} already holds a run: choose another folder.")
    name = args.name or free_name(f"{args.data[0].resolve().name}-{datetime.date.today():%Y%m%d}")
    start = locate_weights(args.init or _DEFAULT_START)
    return FineTuning(
        name=name,
        start=start,
        config=_fitted_to(config, read_config(start)),
        corrections=read_corrections(args.data, is_judged=not args.unguarded),
        data=tuple(args.data),
        choice=select_device(args.device),
        run=args.run or _own_run(name),  # the last, once nothing is refused any more
    )


def _fitted_to(config: TrainConfig, model: RsamConfig) -> TrainConfig:
    """The settings for the model that is started from, at its own side unless another was asked for."""
    if not model.has_text:
        message = f"{model.name} takes no text, so phrases can't teach it: start with a model of ours."
        raise EngineError(ErrorCode.BAD_REQUEST, message)
    if config.data.image_px == recipe().data.image_px:
        config = replace(config, data=replace(config.data, image_px=(model.image_px,)))
    return replace(config, model=model)


def _own_run(name: str) -> Path:
    """A new folder, made at once: a fine-tuning that starts at the same time gets another."""
    folder = platformdirs.user_data_path("geophrase", appauthor=False) / "runs"
    number, run = 1, folder / name
    while True:
        try:
            run.mkdir(parents=True)
        except FileExistsError:
            number += 1
            run = folder / f"{name}-run{number}"
        else:
            return run
