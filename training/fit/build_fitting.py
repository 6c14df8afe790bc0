"""What the options of ``geophrase-train fit`` describe, ready to start: data, model, settings, run folder."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import torch

from geophrase.engine.device import select_device
from geophrase.engine.errors import EngineError
from geophrase.engine.model.rsam.config import RsamConfig
from geophrase.engine.model.rsam.conv_trunk import ConvTrunkConfig
from geophrase.protocol.errors import ErrorCode
from geophrase.training.baselines.models import build_model
from geophrase.training.config import Budget, TrainConfig, with_settings
from geophrase.training.data.risors import RisorsImage, read_split
from geophrase.training.fit.batches import TrainingData
from geophrase.training.fit.checkpoint import data_fingerprint
from geophrase.training.fit.initial_weights import load_initial_weights
from geophrase.training.fit.launch import for_processes, for_resuming
from geophrase.training.fit.parallel import Ranks
from geophrase.training.fit.run import Fitting, find_checkpoint
from geophrase.training.fit.step import AuxiliaryLoss
from geophrase.training.fit.trainer import Trainer
from geophrase.training.recipes.catalog import RECIPES


def configured(args: argparse.Namespace) -> TrainConfig:
    """The recipe that the options name, with their settings and budget.

    Raises:
        EngineError: A setting or the budget doesn't fit.
    """
    try:
        config = with_settings(RECIPES[args.recipe](), args.set)
        if args.minutes is not None or args.steps is not None:
            config = replace(config, budget=Budget(steps=args.steps, minutes=args.minutes))
    except ValueError as error:
        raise EngineError(ErrorCode.BAD_REQUEST, f"{error}") from error
    return config


def chosen_device(args: argparse.Namespace, ranks: Ranks) -> torch.device:
    """Where the options put the model of this process.

    Raises:
        EngineError: There is no such device, or one of several processes has not got its own.
    """
    choice = select_device(ranks.device_request(args.device))
    if ranks.world_size > 1 and choice.is_fallback:  # the others may have got what this one has not
        message = f"Process {ranks.rank}: {choice.reason} Start one for each GPU, or give all --device cpu."
        raise EngineError(ErrorCode.BAD_REQUEST, message)
    _say(choice.reason, ranks)
    return choice.device


def _say(sentence: str, ranks: Ranks) -> None:
    if ranks.is_first:
        print(sentence, file=sys.stderr)


def build_fitting(
    args: argparse.Namespace,
    config: TrainConfig | None = None,
    *,
    ranks: Ranks | None = None,
    device: torch.device | None = None,
) -> Fitting:
    """Returns the run that the options describe, not yet started.

    Args:
        args: Of ``geophrase-train fit``.
        config: Settings to use, whatever recipe and budget the options name.
        ranks: The connected processes; one alone where there are none.
        device: Where the model goes; what the options name where there is none.

    Raises:
        EngineError: A file, folder or setting does not fit, or the run folder is taken.
        RisorsError: A data folder is not in the RISORS format.
    """
    ranks = ranks or Ranks()
    config = for_processes(config or configured(args), ranks.world_size)
    args.run.mkdir(parents=True, exist_ok=True)
    if args.resume:
        config = for_resuming(config, args.run, ranks.world_size)
    elif find_checkpoint(args.run) is not None:
        message = f"{args.run} already holds a run: continue it with --resume, or choose another folder."
        raise EngineError(ErrorCode.BAD_REQUEST, message)
    data = TrainingData(tuple(args.data), tuple(args.repeats), args.workers)
    stream = data.stream(config.data, seed=config.seed, share=ranks.rank, num_shares=ranks.world_size)
    num_updates = stream.batches_per_epoch // config.optimizer.accumulated_batches
    config = replace(config, budget=config.budget.in_steps(max(1, num_updates)))
    device = device or chosen_device(args, ranks)
    return Fitting(
        _trainer(args, config, ranks, device),
        stream.batches,
        validation=_validation(args, ranks),
        run=args.run,
        data_fingerprint=data_fingerprint(args.data),
    )


def _trainer(args: argparse.Namespace, config: TrainConfig, ranks: Ranks, device: torch.device) -> Trainer:
    torch.manual_seed(config.seed)
    rsam = build_model(config.model)
    if args.init is not None:
        _say(f"starting with {load_initial_weights(rsam, args.init)}", ranks)
    rsam.to(device)
    return Trainer(config, rsam, auxiliary=_auxiliary(config, args.teacher), ranks=ranks)


def _validation(args: argparse.Namespace, ranks: Ranks) -> list[RisorsImage]:
    roots = args.validate_on
    if roots is None:
        roots = [root for root in args.data if (root / "splits" / "val.txt").is_file()]
    images = [image for root in roots for image in read_split(root, "val")]
    judged = [image for image in images if image.phrases and not image.is_approximate]
    if args.validate_on and not judged:
        names = ", ".join(str(root) for root in args.validate_on)
        message = f"{names} holds nothing to validate on: name a folder whose val split has exact masks."
        raise EngineError(ErrorCode.BAD_REQUEST, message)
    if not judged:
        _say("There is nothing to validate on: the last weights are exported, not the best.", ranks)
    return judged


def _auxiliary(config: TrainConfig, teacher: Path | None) -> AuxiliaryLoss | None:
    if teacher is None:
        return None
    from geophrase.training.distillation.distillation import DistillationConfig, DistillationLoss
    from geophrase.training.distillation.teacher import MobileNetTeacher

    trunk = config.model.trunk
    if not (isinstance(config.model, RsamConfig) and isinstance(trunk, ConvTrunkConfig)):
        message = "Only RSAM's small convolutional trunk learns from this teacher: leave --teacher out."
        raise EngineError(ErrorCode.BAD_REQUEST, message)
    level_weights = DistillationConfig().level_weights
    return DistillationLoss(MobileNetTeacher(teacher), trunk.channels, level_weights)
