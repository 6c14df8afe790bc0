"""`geophrase-train fit`: a recipe, data and a budget become weights in a run folder."""

from __future__ import annotations

import argparse
import inspect
from pathlib import Path
from typing import Any

import torch

from geophrase.engine.allocator import keep_freed_memory
from geophrase.engine.errors import EngineError
from geophrase.protocol.errors import ErrorCode
from geophrase.training.fit.build_fitting import build_fitting, chosen_device, configured
from geophrase.training.fit.launch import is_restart
from geophrase.training.fit.parallel import Ranks, joined
from geophrase.training.fit.run import find_checkpoint
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

        return run_smoke(args, configured(args))
    if args.recipe == corrections.__name__:
        from geophrase.training.corrections.fine_tune import run_corrections

        if Ranks.from_environment().world_size > 1:
            message = "Corrections are learned by one process: start the command without torchrun."
            raise EngineError(ErrorCode.BAD_REQUEST, message)
        return run_corrections(args, configured(args))
    if not args.data or args.run is None:
        args.usage_error("--data and --run say what to train on and where the run goes")
    ranks = Ranks.from_environment()
    device = chosen_device(args, ranks)
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
