"""Runs an installed engine's `doctor`: what it has, what it lacks and why a GPU is not used.

An engine that runs answers for itself instead, with the protocol's DoctorReport (`EngineClient.doctor`).
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import Any, List, Mapping, Sequence, Tuple

from ..translation import tr
from .command import hidden_window
from .failure import InstallError, meaningful_lines

LIMIT_S = 180
"""PyTorch's first start after its installation can take minutes under an antivirus program."""


@dataclass(frozen=True)
class DoctorCheck:
    """One fact: its name, `ok`, `warn` or `fail`, what was found, and what to do about it."""

    name: str
    status: str
    detail: str
    remedy: str


@dataclass(frozen=True)
class Examination:
    """Everything that the doctor of an installed engine looked at."""

    is_healthy: bool
    checks: Tuple[DoctorCheck, ...]

    def detail(self, name: str) -> str:
        """What was found for a check, "" where there is no such check."""
        return next((check.detail for check in self.checks if check.name == name), "")

    def as_text(self) -> str:
        """It all for a person: one line a check, remedies below."""
        lines: List[str] = []
        for check in self.checks:
            lines.append(f"{check.status:4}  {check.name}: {check.detail}")
            if check.remedy:
                lines.append(f"      -> {check.remedy}")
        return "\n".join(lines)


def doctor_command(command: Sequence[str]) -> List[str]:
    """The doctor's whole command line for an engine's command."""
    return [*command, "doctor", "--json"]


def ask_doctor(command: Sequence[str], environ: Mapping[str, str]) -> Examination:
    """Runs the doctor; takes some seconds, so never on QGIS's main thread.

    Args:
        command: The first words of every `geophrase` command.
        environ: A clean environment.

    Raises:
        InstallError: There is no doctor behind this command.
    """
    try:
        answer = subprocess.run(
            doctor_command(command),
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=LIMIT_S,
            check=False,
            **hidden_window(),
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _no_answer([str(error)]) from error
    return read_examination(answer.stdout.splitlines(), answer.stderr.splitlines())


def read_examination(lines: Sequence[str], messages: Sequence[str] = ()) -> Examination:
    """Reads what `doctor --json` printed.

    Raises:
        InstallError: It is something else.
    """
    try:
        begin = next(index for index, line in enumerate(lines) if line.startswith("{"))
        document = json.loads("\n".join(lines[begin:]))
        return Examination(bool(document["healthy"]), tuple(map(_check, document["checks"])))
    except (StopIteration, ValueError, KeyError, TypeError):
        raise _no_answer([*messages, *lines]) from None


def _check(row: Mapping[str, Any]) -> DoctorCheck:
    return DoctorCheck(*(str(row[name]) for name in ("name", "status", "detail", "remedy")))


def _no_answer(lines: Sequence[str]) -> InstallError:
    return InstallError(
        tr("The engine did not start."),
        tr("See what it said below; press Retry to install it again."),
        meaningful_lines(lines),
    )
