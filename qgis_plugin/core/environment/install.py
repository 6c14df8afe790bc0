"""The installation as a state machine: the steps that are due run in order, each finished one is recorded.

A step is due where it never finished, where its inputs changed, or where a step that it needs is due. So a
failed or cancelled installation goes on where it stopped, and an upgrade does only what changed.
"""

from __future__ import annotations

import datetime
import platform
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Collection, Dict, Mapping, Optional, Sequence, Tuple

from ..translation import tr
from .command import CommandResult, InstallationCancelled, run_command
from .failure import InstallError, explain
from .location import environment_python
from .lock import installation_lock
from .plan import LOG_FILE, VENV, InstallListener, InstallPlan
from .state import STATE_FILE, FinishedStep, InstallState, fingerprint, read_state, write_state
from .steps import Step, install_steps
from .torch_build import platform_obstacle

_LONGEST_WINDOWS_FOLDER = 100  # PyTorch's longest path inside the environment has some 150 letters
_PROGRESS = re.compile(r"Progress (\d+) of \d+")
_MB = 10**6


@dataclass(frozen=True)
class InstallOutcome:
    """How an installation ended: done, cancelled or with an error.

    Attributes:
        error: What failed; None where nothing did.
        step: Title of the step that failed, "" where none was running.
        is_cancelled: Whether the user ended it.
    """

    error: Optional[InstallError] = None
    step: str = ""
    is_cancelled: bool = False

    @property
    def is_done(self) -> bool:
        """Whether the engine can be used."""
        return self.error is None and not self.is_cancelled


def due_steps(plan: InstallPlan, state: InstallState) -> Tuple[Step, ...]:
    """The steps that an installation by this plan would carry out, in their order.

    Raises:
        OSError, ValueError: The plugin's folder is damaged.
    """
    state = _without_lost(plan, state)
    due: Dict[str, Step] = {}
    for step in install_steps(plan):
        finished = state.steps.get(step.name)
        is_same = finished is not None and finished.fingerprint == fingerprint(step.inputs(plan))
        if not is_same or any(name in due for name in step.needs):
            due[step.name] = step
    return tuple(due.values())


def install(plan: InstallPlan, listener: InstallListener) -> InstallOutcome:
    """Carries out the steps that are due; what can go wrong outside this program is told, not raised.

    Blocks for minutes: call it from a worker thread.
    """
    installation = _Installation(plan, listener)
    try:
        obstacle = platform_obstacle()
        if obstacle:
            raise InstallError(obstacle, tr("Give the path of an engine that is installed elsewhere."))
        with installation_lock(plan.folder):
            installation.carry_out_due()
    except InstallationCancelled:
        installation.say(tr("Cancelled; what is finished is kept."))
        return InstallOutcome(is_cancelled=True, step=installation.title)
    except InstallError as error:
        return _failed(installation, error)
    except (OSError, ValueError) as error:
        return _failed(installation, explain([f"{type(error).__name__}: {error}"]))
    return InstallOutcome()


def _failed(installation: _Installation, error: InstallError) -> InstallOutcome:
    installation.say(f"!! {installation.title}: {error.message} {error.advice}")
    return InstallOutcome(error, installation.title)


class _Installation:
    """One run of the machine, and the context of its steps.

    Args:
        plan: What to install.
        listener: Who wants to know.
    """

    def __init__(self, plan: InstallPlan, listener: InstallListener) -> None:
        self.plan = plan
        self.title = tr("Preparing")
        self._state = InstallState()
        self._listener = listener
        self._done = 0.0
        self._step: Optional[Step] = None
        self._downloaded_bytes = 0  # in this step, files that are complete
        self._current_bytes = 0

    def carry_out_due(self) -> None:
        """Carries out the steps that are due and records each."""
        self._take_folder()
        self.say(f"== {datetime.datetime.now():%Y-%m-%d %H:%M} {self.plan.summary}")
        due = due_steps(self.plan, self._state)
        names = {step.name for step in due}
        self._check_room(names)
        self._done = sum(step.share for step in install_steps(self.plan) if step.name not in names)
        # Recorded first: a crash in the middle must not leave a step behind that looks finished.
        self._record(self._state.without(names))
        if due:
            self._listener.engine_withdrawn()
        (self.plan.downloads / "tmp").mkdir(parents=True, exist_ok=True)
        remove_halves(self.plan.folder)
        for step in due:
            self._carry_out(step)
        shutil.rmtree(self.plan.downloads, ignore_errors=True)
        self._listener.progress(1.0, tr("The engine is installed"))

    def result(self, step: str) -> Mapping[str, str]:
        """What a finished step left."""
        return self._state.result(step)

    def say(self, line: str) -> None:
        """Writes a line to the log file and hands it on, both without passwords."""
        line = self.plan.proxy.masked(line)
        self._listener.line(line)
        if (self.plan.folder / STATE_FILE).exists():  # never into a folder that isn't ours
            with (self.plan.folder / LOG_FILE).open("a", encoding="utf-8") as stream:
                stream.write(line + "\n")

    def run(self, argv: Sequence[str]) -> CommandResult:
        """Runs a program; raises InstallError with the cause where it fails."""
        result = self.try_run(argv)
        if result.code:
            lines = [self.plan.proxy.masked(line) for line in result.lines]
            wheels = str(self.plan.wheels) if self.plan.wheels else ""
            raise explain(lines, wheels=wheels, python=self.result("environment").get("version", ""))
        return result

    def try_run(self, argv: Sequence[str]) -> CommandResult:
        """Runs a program and hands back how it ended."""
        self.say("$ " + " ".join(argv))
        return run_command(
            argv,
            environ=self.plan.command_environ(),
            folder=self.plan.folder,
            on_line=self._heard,
            is_cancelled=self._listener.is_cancelled,
        )

    def _take_folder(self) -> None:
        """Makes the folder ours, or refuses one that another program's environment is in."""
        folder = self.plan.folder
        if platform.system() == "Windows" and len(str(folder)) > _LONGEST_WINDOWS_FOLDER:
            raise explain(["WinError 206"])
        if not (folder / STATE_FILE).exists() and (folder / VENV).exists():
            raise InstallError(
                tr("The folder {folder} already holds an environment that isn't GeoPhrase's.").format(
                    folder=folder
                ),
                tr("Choose another folder."),
            )
        self._record(read_state(folder))

    def _check_room(self, due: Collection[str]) -> None:
        if "torch" not in due:
            return
        free_mb = shutil.disk_usage(self.plan.folder).free // _MB
        if free_mb < self.plan.torch.disk_mb:
            facts = {
                "free": free_mb / 1000,
                "needed": self.plan.torch.disk_mb / 1000,
                "folder": self.plan.folder,
            }
            raise InstallError(
                tr("{needed:.1f} GB are needed, and {free:.1f} GB are free where {folder} is.").format(
                    **facts
                ),
                tr("Free some space or choose a folder on another disk, then press Retry."),
            )

    def _carry_out(self, step: Step) -> None:
        if self._listener.is_cancelled():
            raise InstallationCancelled
        self.title, self._step = step.title, step
        self._downloaded_bytes = self._current_bytes = 0
        self._listener.progress(self._done, step.title)
        self.say(f"-- {step.title}")
        inputs = fingerprint(step.inputs(self.plan))
        result = step.run(self)
        self._record(self._state.with_step(step.name, FinishedStep(inputs, result)))
        self._done += step.share

    def _record(self, state: InstallState) -> None:
        write_state(self.plan.folder, state)
        self._state = state

    def _heard(self, line: str) -> None:
        """Turns pip's progress into ours and puts every other line into the log."""
        match = _PROGRESS.match(line)
        if match is None:
            self.say(line)
            return
        current_bytes = int(match[1])
        if current_bytes < self._current_bytes:  # the next file has begun
            self._downloaded_bytes += self._current_bytes
        self._current_bytes = current_bytes
        assert self._step is not None
        loaded_mb = (self._downloaded_bytes + current_bytes) / _MB
        fraction = min(loaded_mb / max(self._step.download_mb, loaded_mb, 1), 0.9)
        text = tr("{step} ({size:.0f} MB downloaded)").format(step=self._step.title, size=loaded_mb)
        self._listener.progress(self._done + fraction * self._step.share, text)


def _without_lost(plan: InstallPlan, state: InstallState) -> InstallState:
    """The state without what is recorded but gone: a Python that was removed, a deleted environment."""
    python = state.result("python").get("executable", "")
    if python and not Path(python).exists():
        return InstallState()
    return state if environment_python(plan.folder).exists() else state.without(["environment"])


def remove_halves(folder: Path) -> None:
    """Removes the records of packages whose installation was cut short, for pip would take them for whole.

    pip writes a package's RECORD last; without one it can neither trust nor replace the package.
    """
    venv = folder / VENV
    for packages in (*venv.glob("lib/python*/site-packages"), *venv.glob("Lib/site-packages")):
        for record in packages.glob("*.dist-info"):
            if not (record / "RECORD").exists():
                shutil.rmtree(record)
