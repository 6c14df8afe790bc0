"""Decisions, one JSON line each, on the disk before they count; nothing is ever changed or taken out.

Undoing is a line, too: it takes back the last decision that still stands. What holds is what remains when
the lines are read in order, so a crash loses nothing, and undo works after opening the project again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

from geophrase.training.annotation.candidates import NUM_CANDIDATES, Candidate, Guidance
from geophrase.training.annotation.project import AnnotationError

Action = Literal["accept", "retry", "drop"]
Status = Literal["pending", "accepted", "dropped"]
_UNDO = "undo"


@dataclass(frozen=True)
class Decision:
    """One step of a person's work on one instance.

    Attributes:
        instance: Its id.
        action: accept a mask, retry with points, or drop the instance.
        mask: Index of the accepted mask.
        guidance: What was asked of the model in a retry.
        candidates: The masks that it answered.
        origin: What took the decision: "page", or the row of a file.
    """

    instance: str
    action: Action
    mask: int | None = None
    guidance: Guidance | None = None
    candidates: tuple[Candidate, ...] = ()
    origin: str = "page"

    def to_json(self) -> dict[str, Any]:
        """The line's content, its time aside."""
        row: dict[str, Any] = {"instance": self.instance, "action": self.action, "origin": self.origin}
        if self.mask is not None:
            row["mask"] = self.mask
        if self.guidance is not None:
            row["base"] = self.guidance.base
            row["point_coords"] = [list(point) for point in self.guidance.points_xy]
            row["point_labels"] = list(self.guidance.point_labels)
            row["candidates"] = [each.to_json() for each in self.candidates]
        return row

    @classmethod
    def from_json(cls, row: dict[str, Any]) -> Decision:
        """What :meth:`to_json` gave; raises KeyError, TypeError or ValueError for anything else."""
        action = row["action"]
        if action not in ("accept", "retry", "drop"):
            raise ValueError(f"unknown action {action!r}")
        if action == "accept" and not 0 <= int(row["mask"]) < NUM_CANDIDATES:
            raise ValueError(f"unknown mask {row['mask']!r}")
        guidance = None
        if action == "retry":
            points = tuple((float(x), float(y)) for x, y in row["point_coords"])
            guidance = Guidance(int(row["base"]), points, tuple(int(each) for each in row["point_labels"]))
        return cls(
            instance=str(row["instance"]),
            action=action,
            mask=int(row["mask"]) if action == "accept" else None,
            guidance=guidance,
            candidates=tuple(Candidate.from_json(each) for each in row.get("candidates", ())),
            origin=str(row.get("origin", "page")),
        )


@dataclass(frozen=True)
class InstanceState:
    """Where an instance stands.

    Attributes:
        status: Whether it is decided, and how.
        rounds: The guidance so far.
        candidates: The masks of the last round; empty before the first, when the proposals hold.
        mask: Index of the accepted mask among those.
    """

    status: Status = "pending"
    rounds: tuple[Guidance, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    mask: int | None = None

    def after(self, decision: Decision) -> InstanceState:
        """The state that a decision leads to; a retry opens a decided instance again."""
        if decision.guidance is not None:
            return InstanceState("pending", (*self.rounds, decision.guidance), decision.candidates)
        status: Status = "accepted" if decision.action == "accept" else "dropped"
        return InstanceState(status, self.rounds, self.candidates, decision.mask)


@dataclass
class Decisions:
    """The decisions that stand, in order.

    Attributes:
        stack: All of them.
        origins: Where decisions came from, those taken back included.
    """

    stack: list[Decision] = field(default_factory=list)
    origins: set[str] = field(default_factory=set)
    _by_instance: dict[str, list[Decision]] = field(default_factory=dict)

    def add(self, decision: Decision) -> None:
        """Takes one more decision."""
        self.stack.append(decision)
        self.origins.add(decision.origin)
        self._by_instance.setdefault(decision.instance, []).append(decision)

    def take_back(self) -> Decision | None:
        """Takes the last one back; None where there is none."""
        if not self.stack:
            return None
        last = self.stack.pop()
        self._by_instance[last.instance].pop()
        return last

    def state_of(self, instance: str) -> InstanceState:
        """Where an instance stands."""
        state = InstanceState()
        for decision in self._by_instance.get(instance, ()):
            state = state.after(decision)
        return state


def read_journal(path: Path) -> Decisions:
    """What stands in a journal; a missing file is an empty one, and a last line that was cut off is left out.

    Raises:
        AnnotationError: A line is damaged.
    """
    decisions = Decisions()
    for row in _rows(path):
        if row.get("action") == _UNDO:
            decisions.take_back()
            continue
        try:
            decisions.add(Decision.from_json(row))
        except (KeyError, TypeError, ValueError) as error:
            raise AnnotationError(f"{path} holds a line that is no decision ({error!r}).") from error
    return decisions


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    if not path.is_file():
        return
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n"):  # the computer stopped while it was written
                return
            try:
                yield dict(json.loads(line))
            except (ValueError, TypeError) as error:
                raise AnnotationError(
                    f"{path} is damaged in line {number}; take the line out, or restore the file."
                ) from error


class Journal:
    """A journal that is open for writing; use it as a context manager, one at a time for a file.

    Args:
        path: The file; made where it is missing.

    Raises:
        AnnotationError: A line is damaged.
        OSError: The file can't be written.
    """

    def __init__(self, path: Path) -> None:
        self.decisions = read_journal(path)
        self._stream = path.open("ab", buffering=0)  # what was refused isn't tried again on closing
        self._cut_partial_line(path)

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()

    def append(self, decision: Decision) -> None:
        """Takes a decision once it is on the disk.

        Raises:
            OSError: The disk refuses.
        """
        self._write(decision.to_json())
        self.decisions.add(decision)

    def undo(self) -> Decision | None:
        """Takes the last decision back and returns it; None where there is none.

        Raises:
            OSError: The disk refuses.
        """
        if self.decisions.stack:
            self._write({"action": _UNDO})
        return self.decisions.take_back()

    def _write(self, row: dict[str, Any]) -> None:
        at = datetime.now(timezone.utc).isoformat(timespec="seconds")
        line = json.dumps({"at": at, **row}).encode() + b"\n"
        end = self._stream.seek(0, os.SEEK_END)
        try:
            while line:
                line = line[self._stream.write(line) :]
            os.fsync(self._stream.fileno())
        except OSError:
            self._stream.truncate(end)
            raise

    def _cut_partial_line(self, path: Path) -> None:
        content = path.read_bytes()
        end = content.rfind(b"\n") + 1
        if end < len(content):
            self._stream.truncate(end)
