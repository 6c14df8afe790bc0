"""Runs a program with its output line by line; cancelling ends it and everything it started."""

from __future__ import annotations

import collections
import os
import platform
import queue
import signal
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Callable, Dict, Mapping, Optional, Sequence, Tuple

KEPT_LINES = 400
_POLL_S = 0.1
_GRACE_S = 3.0
_CREATE_NO_WINDOW = 0x08000000
_CREATE_NEW_PROCESS_GROUP = 0x00000200


class InstallationCancelled(Exception):  # noqa: N818 - an outcome, not an error
    """The user cancelled; what was running has been ended."""


@dataclass(frozen=True)
class CommandResult:
    """How a program ended.

    Attributes:
        code: Its exit code.
        lines: The last lines that it printed, standard output and error together.
    """

    code: int
    lines: Tuple[str, ...]


def run_command(
    argv: Sequence[str],
    *,
    environ: Mapping[str, str],
    folder: Path,
    on_line: Callable[[str], None],
    is_cancelled: Callable[[], bool],
) -> CommandResult:
    """Runs a program without a window and hands on each line as soon as it is printed.

    Args:
        argv: The program and its arguments.
        environ: Its whole environment.
        folder: The folder it runs in.
        on_line: Gets each line without its end.
        is_cancelled: Asked some ten times a second.

    Raises:
        InstallationCancelled: `is_cancelled` said so; the program and its children are gone.
        OSError: The program can't be started.
    """
    process = subprocess.Popen(
        list(argv),
        env=dict(environ),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        **_own_group(),
    )
    kept: collections.deque[str] = collections.deque(maxlen=KEPT_LINES)
    try:
        for line in _lines(process, is_cancelled):
            kept.append(line)
            on_line(line)
        return CommandResult(process.wait(), tuple(kept))
    finally:
        end_tree(process)
        if process.stdout is not None:
            process.stdout.close()


def output_of(argv: Sequence[str], environ: Mapping[str, str], *, limit_s: float) -> str:
    """What a program that answers quickly prints; "" where it isn't there, fails or takes too long."""
    try:
        answer = subprocess.run(
            list(argv),
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=limit_s,
            check=True,
            **hidden_window(),
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return str(answer.stdout)


def end_tree(process: subprocess.Popen[str]) -> None:
    """Ends a program and its children, politely first; does nothing where it has ended by itself."""
    if process.poll() is not None:
        return
    if platform.system() == "Windows":
        command = ["taskkill", "/PID", str(process.pid), "/T", "/F"]
        subprocess.run(command, check=False, capture_output=True, **hidden_window())
    else:
        _signal_group(process.pid, signal.SIGTERM)
        try:
            process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            pass
        _signal_group(process.pid, signal.SIGKILL)
    process.wait()


def hidden_window() -> Dict[str, Any]:
    """Options for `subprocess` that keep a console window from flashing up on Windows."""
    return {"creationflags": _CREATE_NO_WINDOW} if platform.system() == "Windows" else {}


def _own_group() -> Dict[str, Any]:
    if platform.system() == "Windows":
        return {"creationflags": _CREATE_NO_WINDOW | _CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def _signal_group(group: int, number: int) -> None:
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # gone already
        return


def _lines(process: subprocess.Popen[str], is_cancelled: Callable[[], bool]) -> Any:
    """Yields the lines as they come; a reader thread keeps a silent program from blocking the cancel."""
    lines: queue.Queue[Optional[str]] = queue.Queue()
    assert process.stdout is not None
    threading.Thread(target=_read, args=(process.stdout, lines), daemon=True).start()
    while True:
        if is_cancelled():
            raise InstallationCancelled
        try:
            line = lines.get(timeout=_POLL_S)
        except queue.Empty:
            if process.poll() is not None and lines.empty():  # a child of it keeps the pipe open
                return
            continue
        if line is None:
            return
        yield line


def _read(stream: IO[str], lines: queue.Queue[Optional[str]]) -> None:
    try:
        for line in stream:
            lines.put(line.rstrip("\n"))
    except ValueError:  # closed under our feet by a cancel
        return
    finally:
        lines.put(None)
