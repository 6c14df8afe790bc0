"""What of an installation is finished, kept in one file that is replaced in one step."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Collection, Mapping

STATE_FORMAT = 1
STATE_FILE = "state.json"


@dataclass(frozen=True)
class FinishedStep:
    """A step that was carried out to its end.

    Attributes:
        fingerprint: Of everything that went into it; another fingerprint means that it is due again.
        result: What later steps want to know of it.
    """

    fingerprint: str
    result: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class InstallState:
    """The finished steps by name."""

    steps: Mapping[str, FinishedStep] = field(default_factory=dict)

    def result(self, step: str) -> Mapping[str, str]:
        """What a finished step left for later ones; empty where it isn't finished."""
        finished = self.steps.get(step)
        return finished.result if finished else {}

    def with_step(self, name: str, finished: FinishedStep) -> InstallState:
        """The state once `name` is finished."""
        return InstallState({**self.steps, name: finished})

    def without(self, names: Collection[str]) -> InstallState:
        """The state in which these steps are due again."""
        return InstallState({name: step for name, step in self.steps.items() if name not in names})


def fingerprint(inputs: Mapping[str, str]) -> str:
    """A digest that changes where any of the inputs does."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def read_state(folder: Path) -> InstallState:
    """The state in the environment's folder; an empty one where there is none that can be read."""
    try:
        document = json.loads((folder / STATE_FILE).read_text(encoding="utf-8"))
        if document["format"] != STATE_FORMAT:
            return InstallState()
        return InstallState({name: FinishedStep(**step) for name, step in document["steps"].items()})
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # lost or damaged: begin again
        return InstallState()


def write_state(folder: Path, state: InstallState) -> None:
    """Replaces the state in one step, so that a crash leaves the old or the new one.

    Raises:
        OSError: The folder can't be written.
    """
    steps = {name: dataclasses.asdict(step) for name, step in state.steps.items()}
    pending = folder / f"{STATE_FILE}.new"
    with pending.open("w", encoding="utf-8") as stream:
        json.dump({"format": STATE_FORMAT, "steps": steps}, stream, indent=2)
        stream.flush()
        os.fsync(stream.fileno())
    pending.replace(folder / STATE_FILE)
