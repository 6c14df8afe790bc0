"""The `geophrase-train` command: from data to a model that is measured.

Each command imports what it needs when it runs, so that `--help` and the light commands start at once.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module

from geophrase.engine.errors import CancelledError, EngineError
from geophrase.protocol.errors import ErrorCode
from geophrase.training.errors import TrainingError

EXIT_OK, EXIT_FAILED, EXIT_USAGE, EXIT_CANCELLED = 0, 1, 2, 130

_COMMANDS = {
    # command: (module, stem of its add_…_arguments and run_…, help)
    "prepare": (
        "geophrase.training.data.prepare",
        "prepare",
        "convert a data set, or a raster with a layer, into a RISORS folder",
    ),
    "scene": ("geophrase.training.scenes.command", "scene", "generate georeferenced scenes with phrases"),
    "distill": (
        "geophrase.training.distillation.command",
        "distill",
        "pre-train the small trunk on a teacher's features",
    ),
    "fit": ("geophrase.training.fit.command", "fit", "train a model"),
    "choose": (
        "geophrase.training.choosing.command",
        "choose",
        "teach a model to choose among objects, without images",
    ),
    "evaluate": ("geophrase.training.evaluation.command", "evaluate", "score a model on held-out images"),
    "gallery": (
        "geophrase.training.gallery.command",
        "gallery",
        "draw what a model finds on real scenes, with verdicts given by eye",
    ),
    "benchmark": (
        "geophrase.training.benchmark.command",
        "benchmark",
        "set our figures beside the published ones",
    ),
    "annotate": (
        "geophrase.training.annotation.command",
        "annotate",
        "make masks from boxes with a click model, as RISORS was made",
    ),
    "statistics": (
        "geophrase.training.annotation.statistics_command",
        "statistics",
        "count and plot what a data folder holds",
    ),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns 0, 1 (failed, with one line on stderr), 2 (usage) or 130 (cancelled)."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        parser, run = _build_parser(words)
        args = parser.parse_args(words)
        return run(args)
    except EngineError as error:
        print(f"geophrase-train: {error.message}", file=sys.stderr)
        return EXIT_USAGE if error.code is ErrorCode.BAD_REQUEST else EXIT_FAILED
    except OSError as error:  # a file that the command was given is not there, or can't be written
        name = error.filename2 or error.filename  # of two, the one that is written
        place = "" if name is None else f"{name}: "
        print(f"geophrase-train: {place}{error.strerror or error}.", file=sys.stderr)
        return EXIT_FAILED
    except TrainingError as error:
        print(f"geophrase-train: {error}", file=sys.stderr)
        return EXIT_FAILED
    except CancelledError as error:
        print(f"geophrase-train: {error}", file=sys.stderr)
        return EXIT_CANCELLED
    except ModuleNotFoundError as error:  # the engine's environment alone, without what training needs
        if error.name is None or error.name.split(".")[0] == "geophrase":
            raise
        print(f"geophrase-train: {_missing_package(error.name)}", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        print("geophrase-train: cancelled", file=sys.stderr)
        return EXIT_CANCELLED


def _build_parser(
    words: Sequence[str],
) -> tuple[argparse.ArgumentParser, Callable[[argparse.Namespace], int]]:
    """A parser that knows the options of the asked command only; the others show their line of help."""
    parser = argparse.ArgumentParser(prog="geophrase-train", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    asked = next((word for word in words if not word.startswith("-")), None)
    run: Callable[[argparse.Namespace], int] = _nothing
    for name, (module_name, stem, summary) in _COMMANDS.items():
        command = commands.add_parser(name, help=summary, description=summary)
        if name == asked:
            module = import_module(module_name)
            getattr(module, f"add_{stem}_arguments")(command)
            run = getattr(module, f"run_{stem}")
    return parser, run


def _missing_package(module: str) -> str:
    needed = "pycocotools opencv-python-headless matplotlib tensorboard tflite"
    return f"Training needs the package of '{module}': run {sys.executable} -m pip install {needed}"


def _nothing(_args: argparse.Namespace) -> int:
    raise AssertionError("the parser ends before a command that was not asked for")


if __name__ == "__main__":
    sys.exit(main())
