"""`geophrase serve`: the engine as a local server, for the QGIS plugin and other programs."""

from __future__ import annotations

import argparse
import json
import logging
import math
import os
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from geophrase.engine.cli.interrupts import INTERRUPTED
from geophrase.engine.cli.options import NO_CACHE, add_cache_option, add_model_options
from geophrase.engine.errors import EngineError
from geophrase.protocol.errors import ErrorCode

if TYPE_CHECKING:
    from geophrase.engine.server.engine_application import EngineApplication, EngineConfig

_log = logging.getLogger(__name__)

_EPILOG = """\
The first line on stdin is the token that every request must bring; the end of stdin ends the engine.
When it is ready it prints one line of JSON on stdout: {"url": …, "protocol": …, "engine": …, "pid": …}.
It answers on 127.0.0.1 alone.
"""
_STDIN = 0
_MAX_TOKEN_BYTES = 4096
_CLOSE_S = 4.0
_LOOK_EVERY_S = 0.5


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the command."""
    parser = commands.add_parser(
        "serve",
        help="answer requests of other programs, such as QGIS, on this computer",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_model_options(parser)
    add_cache_option(parser)
    parser.add_argument(
        "--port", type=_port, default=0, metavar="N", help="port to listen on; default: any free one"
    )
    parser.add_argument(
        "--memory-mb",
        type=_positive,
        metavar="MB",
        help="memory for the encodings of images that are clicked in; default: 512",
    )
    parser.add_argument(
        "--keep-alive",
        type=_positive,
        metavar="S",
        help="free the models' memory after so many seconds without a request; default: never",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serve until stdin ends or a signal comes; this ends the process."""
    token = _read_token()
    application = _application(arguments)
    try:
        _serve(application, token, arguments.port)
    except KeyboardInterrupt:
        _log.info("ended by a signal")
    finally:
        application.close(_CLOSE_S)
    logging.shutdown()
    # Everything is closed. Python's own way out takes over a second with torch, and may crash beside a batch
    # or the loading of a model, which can't be stopped.
    os._exit(0)


def _application(arguments: argparse.Namespace) -> EngineApplication:
    # Here, after the options and the token are checked: this imports torch, which takes seconds.
    from geophrase.engine.loading import choose_device
    from geophrase.engine.predictor import Predictor
    from geophrase.engine.server.engine_application import EngineApplication

    choice = choose_device(arguments.device)
    return EngineApplication(_config(arguments), Predictor.load, choice)


def _config(arguments: argparse.Namespace) -> EngineConfig:
    from geophrase.engine.server.engine_application import DEFAULT_MEMORY_BYTES, EngineConfig
    from geophrase.engine.server.folders import ServerFolders

    if arguments.cache is None:
        folders = ServerFolders.default()
    elif arguments.cache.lower() == NO_CACHE:
        folders = ServerFolders.for_now()
    else:
        folders = ServerFolders.under(Path(arguments.cache))
    memory_mb = arguments.memory_mb
    return EngineConfig(
        model=arguments.model,
        folders=folders,
        memory_bytes=DEFAULT_MEMORY_BYTES if memory_mb is None else int(memory_mb * 2**20),
        keep_alive_s=arguments.keep_alive,
    )


def _serve(application: EngineApplication, token: str, port: int) -> None:
    from geophrase.engine.server.http_server import EngineHttpServer

    try:
        server = EngineHttpServer(application, token=token, port=port)
    except OSError as error:
        raise EngineError(
            ErrorCode.BAD_REQUEST,
            f"Port {port} can't be listened on ({error.strerror}). Leave --port out to take any free one.",
        ) from error
    server.start()
    try:
        hello = application.hello()
        said = {"url": server.url, "protocol": hello.protocol, "engine": hello.engine, "pid": os.getpid()}
        print(json.dumps(said), flush=True)
        _wait_for_the_end()
    finally:
        server.stop()


def _wait_for_the_end() -> None:
    """Return when stdin ends; signals come as KeyboardInterrupt, which waiting in steps lets through.

    Reading with `os.read` in another thread leaves no lock of Python's own stdin behind at exit.
    """
    has_ended = threading.Event()

    def watch() -> None:
        try:
            while os.read(_STDIN, 4096):
                pass
        except OSError as error:
            _log.debug("stdin: %s", error)
        has_ended.set()

    threading.Thread(target=watch, name="stdin", daemon=True).start()
    while not has_ended.wait(_LOOK_EVERY_S) and not INTERRUPTED.is_set():
        pass


def _read_token() -> str:
    """The first line of stdin.

    Raises:
        EngineError: BAD_REQUEST for a terminal, or a line that is no good token.
    """
    from geophrase.protocol.messages import MIN_TOKEN_CHARS  # here, for it imports numpy

    if sys.stdin is None or sys.stdin.isatty():
        raise EngineError(
            ErrorCode.BAD_REQUEST,
            "`geophrase serve` is started by a program that writes a secret token as the first line of its "
            "stdin and keeps stdin open. To try it: (openssl rand -hex 16; cat) | geophrase serve",
        )
    line = b""
    while not line.endswith(b"\n") and len(line) < _MAX_TOKEN_BYTES:
        byte = os.read(_STDIN, 1)
        if not byte:
            break
        line += byte
    token = line.decode("ascii", errors="replace").strip()
    if len(token) < MIN_TOKEN_CHARS or not (token.isascii() and token.isprintable()) or " " in token:
        raise EngineError(
            ErrorCode.BAD_REQUEST,
            f"The first line of stdin must be a token of at least {MIN_TOKEN_CHARS} letters and digits.",
        )
    return token


def _port(text: str) -> int:
    if not text.isdecimal() or not 0 <= int(text) < 2**16:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to 65535, not '{text}'")
    return int(text)


def _positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number above 0, not '{text}'")
    return value
