"""Running a program line by line and ending it with everything that it started."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from geophrase.qgis_plugin.core.environment.command import InstallationCancelled, run_command

# Neither it nor its child ends when asked politely.
STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
if child:
    print(os.getpid(), child, flush=True)
while True:
    time.sleep(1)
"""


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except FileNotFoundError:
        return False


def test_hands_on_each_line_at_once_and_the_exit_code(tmp_path: Path) -> None:
    lines, times_s = [], []
    code = "import sys, time; print('a', flush=True); time.sleep(.5); print('ä', file=sys.stderr); exit(3)"

    def hear(line: str) -> None:
        lines.append(line)
        times_s.append(time.monotonic())

    environ = {**os.environ, "PYTHONUTF8": "1"}
    argv = [sys.executable, "-c", code]
    result = run_command(argv, environ=environ, folder=tmp_path, on_line=hear, is_cancelled=lambda: False)

    assert (result.code, result.lines) == (3, ("a", "ä"))
    assert lines == ["a", "ä"]
    assert times_s[1] - times_s[0] > 0.3


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_cancelling_ends_what_does_not_want_to_end(tmp_path: Path) -> None:
    lines: list[str] = []
    argv = [sys.executable, "-c", STUBBORN]

    with pytest.raises(InstallationCancelled):
        run_command(
            argv, environ=os.environ, folder=tmp_path, on_line=lines.append, is_cancelled=lambda: bool(lines)
        )

    pids = [int(pid) for pid in lines[0].split()]
    assert len(pids) == 2
    time.sleep(0.1)
    assert not any(is_running(pid) for pid in pids)


def test_a_silent_program_can_be_cancelled(tmp_path: Path) -> None:
    began_s = time.monotonic()

    with pytest.raises(InstallationCancelled):
        run_command(
            [sys.executable, "-c", "import time; time.sleep(60)"],
            environ=os.environ,
            folder=tmp_path,
            on_line=print,
            is_cancelled=lambda: time.monotonic() - began_s > 0.3,
        )

    assert time.monotonic() - began_s < 10
