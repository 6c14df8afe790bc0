"""The `geophrase` command: reads the arguments and turns every outcome into an exit code and one line."""

from __future__ import annotations

import argparse
import importlib.metadata
import logging
import os
import re
import sys
from collections.abc import Sequence

from geophrase.engine.cli import demo, doctor, info, models, refine, segment, serve
from geophrase.engine.cli.interrupts import INTERRUPTED, listen_for_interrupts
from geophrase.engine.errors import CancelledError, EngineError
from geophrase.protocol.errors import ErrorCode

EXIT_OK = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_CANCELLED = 130

_DEBUG_VARIABLE = "GEOPHRASE_DEBUG"
# Else the threads of a layer wait for each other by spinning: beside programs that keep all cores busy, as
# QGIS does when it draws, decoding eight tiles took over 40 s instead of 0.4 s.
_OPENMP_WAIT = ("OMP_WAIT_POLICY", "PASSIVE")
_COMMANDS = (segment, refine, serve, demo, info, models, doctor)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 wrong usage, 130 cancelled."""
    os.environ.setdefault(*_OPENMP_WAIT)  # read by OpenMP when torch is imported
    arguments = _build_parser().parse_args(_shield_negative_numbers(sys.argv[1:] if argv is None else argv))
    logging.basicConfig(level=logging.WARNING, format="geophrase: %(message)s", stream=sys.stderr)
    with listen_for_interrupts():
        code = _run_command(arguments)
    if code == EXIT_CANCELLED and argv is None:
        # An import cut short leaves extension modules half-initialised, and those may crash at exit.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    return code


def _run_command(arguments: argparse.Namespace) -> int:
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, such as `head`, has what it wants; nothing may be flushed to it at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED
    except (KeyboardInterrupt, CancelledError):
        _say("cancelled; nothing was written.")
        return EXIT_CANCELLED
    except EngineError as error:
        if os.environ.get(_DEBUG_VARIABLE):
            raise
        _say(error.message)
        return EXIT_USAGE if error.code is ErrorCode.BAD_REQUEST else EXIT_FAILED
    except Exception as error:
        if INTERRUPTED.is_set():  # a library turned the interrupt into an error of its own
            _say("cancelled; nothing was written.")
            return EXIT_CANCELLED
        if os.environ.get(_DEBUG_VARIABLE):
            raise
        reason = " ".join(str(error).split()) or "no reason given"
        _say(
            f"unexpected {type(error).__name__}: {reason}. {_DEBUG_VARIABLE}=1 shows where; please report it."
        )
        return EXIT_FAILED
    return code


def _say(message: str) -> None:
    print(f"geophrase: {message}", file=sys.stderr)


def _shield_negative_numbers(arguments: Sequence[str]) -> list[str]:
    """Keep argparse from taking `-80.1,25.3` or `-1e6` for an option: a leading blank makes it a value."""
    return [f" {argument}" if re.match(r"-\.?\d", argument) else argument for argument in arguments]


def _version() -> str:
    try:
        return importlib.metadata.version("geophrase")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="geophrase",
        description="Type a phrase on a raster, get polygons.",
        epilog="Results go to stdout, messages to stderr. Exit: 0 done, 1 failed, 2 usage, 130 cancelled.",
    )
    parser.add_argument("--version", action="version", version=f"geophrase {_version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in _COMMANDS:
        command.add_parser(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
