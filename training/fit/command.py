"""`geophrase-train fit`: a recipe, data and a budget become weights in a run folder."""

from __future__ import annotations

import argparse
import inspect
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from geophrase.engine.allocator import keep_freed_memory
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
from geophrase.training.fit.launch import for_processes, for_resuming, is_restart
from geophrase.training.fit.parallel import Ranks, joined
from geophrase.training.fit.run import Fitting, find_checkpoint
from geophrase.training.fit.step import AuxiliaryLoss
from geophrase.training.fit.trainer import Trainer
from geophrase.training.recipes.catalog import RECIPES
from geophrase.training.recipes.corrections import corrections

_NOT_IN_MINIATURE = (
    "data", "repeats", "validate_on", "minutes", "steps", "init", "resume", "teacher", "name", "unguarded",
)  # fmt: skip


def add_fit_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options of ``geophrase-train fit``."""
    parser.add_argument(
        "--recipe", choices=sorted(RECIPES), default="rsam_small", help="settings to start from"
    )
    parser.add_argument("--list-recipes", action=_ListRecipes, nargs=0, help="print the recipes and exit")
    parser.add_argument(
        "--smoke",
        action="store_true",
        help="run the recipe in miniature on drawn images to see that it runs",
    )
    parser.add_argument("--data", type=Path, nargs="+", metavar="DIR", help="RISORS folders")
    parser.add_argument(
        "--repeats", type=int, nargs="+", default=[], help="passes over each folder in an epoch"
    )
    parser.add_argument(
        "--validate-on",
        type=Path,
        nargs="*",
        metavar="DIR",
        help="folders to validate on (default: all with a val split)",
    )
    parser.add_argument("--run", type=Path, metavar="DIR", help="run folder")
    parser.add_argument("--minutes", type=float, help="wall time, earlier parts of a resumed run included")
    parser.add_argument("--steps", type=int, help="updates")
    parser.add_argument(
        "--init",
        metavar="FILE_OR_NAME",
        help="start from weights, a checkpoint or a trunk.pt, or from a model such as sam2.1_hiera_base_plus",
    )
    parser.add_argument("--resume", action="store_true", help="continue the run in the run folder")
    parser.add_argument(
        "--teacher", type=Path, metavar="FILE", help="keep distilling this .tflite teacher's features"
    )
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="change a setting")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda or mps")
    parser.add_argument("--workers", type=int, default=1, help="loader processes")
    parser.add_argument("--threads", type=int, default=0, help="torch threads (0: torch's own choice)")
    parser.add_argument("--name", help="corrections: what to call the model (default: folder and date)")
    parser.add_argument(
        "--unguarded",
        action="store_true",
        help="corrections: learn from all images and install the model without judging it",
    )
    parser.set_defaults(usage_error=parser.error)


class _ListRecipes(argparse.Action):
    """Prints every recipe with the first line of its description, and ends like ``--help``."""

    def __call__(self, parser: argparse.ArgumentParser, *_: Any, **__: Any) -> None:
        for name, recipe in RECIPES.items():
            description = inspect.getdoc(recipe) or ""
            print(f"{name:32}{description.splitlines()[0]}")
        parser.exit()


def run_fit(args: argparse.Namespace) -> int:
    """Runs ``geophrase-train fit``; prints the path of the best weights.

    Raises:
        EngineError: With a sentence for the user.
        RisorsError: A data folder is not in the RISORS format.
        CancelledError: Ctrl-C; the run can be resumed.
    """
    keep_freed_memory()
    if args.threads < 0 or args.workers < 0:
        args.usage_error("--threads and --workers are 0 or more")
    if args.repeats and len(args.repeats) != len(args.data or ()):
        args.usage_error("--repeats takes a number for each folder of --data")
    if args.threads:
        torch.set_num_threads(args.threads)
    if args.smoke:
        _refuse_what_smoke_has(args)
        from geophrase.training.fit.smoke import run_smoke

        return run_smoke(args, _config(args))
    if args.recipe == corrections.__name__:
        from geophrase.training.corrections.fine_tune import run_corrections

        if Ranks.from_environment().world_size > 1:
            message = "Corrections are learned by one process: start the command without torchrun."
            raise EngineError(ErrorCode.BAD_REQUEST, message)
        return run_corrections(args, _config(args))
    if not args.data or args.run is None:
        args.usage_error("--data and --run say what to train on and where the run goes")
    ranks = Ranks.from_environment()
    device = _device(args, ranks)
    with joined(ranks, device) as connected:
        weights = _fit(args, connected, device)
    if ranks.is_first:
        print(weights)
    return 0


def _refuse_what_smoke_has(args: argparse.Namespace) -> None:
    given = [
        f"--{name.replace('_', '-')}"
        for name in _NOT_IN_MINIATURE
        if getattr(args, name) not in (None, [], False)
    ]
    if given:
        args.usage_error(f"--smoke brings its own few images and updates: leave {', '.join(given)} out")


def _fit(args: argparse.Namespace, ranks: Ranks, device: torch.device) -> Path:
    _, is_restarted = ranks.agreed(of_first=0.0, of_any=is_restart(args.run, ranks))
    if is_restarted and find_checkpoint(args.run) is not None:
        args.resume = True
    fitting = build_fitting(args, ranks=ranks, device=device)
    if args.resume:
        fitting.resume()
    return fitting.fit()


def _device(args: argparse.Namespace, ranks: Ranks) -> torch.device:
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
    config = for_processes(config or _config(args), ranks.world_size)
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
    device = device or _device(args, ranks)
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


def _config(args: argparse.Namespace) -> TrainConfig:
    try:
        config = with_settings(RECIPES[args.recipe](), args.set)
        if args.minutes is not None or args.steps is not None:
            config = replace(config, budget=Budget(steps=args.steps, minutes=args.minutes))
    except ValueError as error:
        raise EngineError(ErrorCode.BAD_REQUEST, f"{error}") from error
    return config


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
