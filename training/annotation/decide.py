"""Decisions from a table, for scripts and for people without a browser.

A CSV file with the columns `instance` and `action`, and `mask` and `points` where the action needs them;
others are left alone, so that the project's own `instances.csv` can be filled in. Rows are taken in order:

    instance,action,mask,points
    00011#1,accept,2,
    00011#2,retry,1,"130,44 160,80,-"
    00011#2,accept,1,
    00012#1,drop,,
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from tqdm import tqdm

from geophrase.engine.errors import CancelledError
from geophrase.training.annotation.candidates import NUM_CANDIDATES, Guidance
from geophrase.training.annotation.journal import Action
from geophrase.training.annotation.project import AnnotationError
from geophrase.training.annotation.session import AnnotationSession

_SIGNS = {"+": 1, "-": 0}
_COLUMNS = ("instance", "action")


@dataclass(frozen=True)
class TableRow:
    """One decision of a table.

    Attributes:
        line: Its line in the file, for messages.
        number: The instance.
        action: What is decided.
        mask: Index of the accepted mask, or of the one that goes back into the model; None for a drop.
        points_xy: Points of a retry, which join those of earlier ones.
        point_labels: 1 or 0 for each.
        origin: Tells this row of this file from all others.
    """

    line: int
    number: int
    action: Action
    mask: int | None
    points_xy: tuple[tuple[float, float], ...]
    point_labels: tuple[int, ...]
    origin: str


def read_table(path: Path, numbers: Mapping[str, int]) -> list[TableRow]:
    """The decisions of a table, all checked; rows without an action are left out.

    Args:
        path: The CSV file.
        numbers: The project's instances by id.

    Raises:
        AnnotationError: The file isn't such a table, or a row is wrong; the message names the line.
        OSError: It can't be read.
    """
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()[:12]
    try:
        table = csv.DictReader(content.decode("utf-8-sig").splitlines(), strict=True)
        if not set(_COLUMNS) <= set(table.fieldnames or ()):
            raise AnnotationError(f"{path} needs the columns instance and action, and mask and points.")
        rows = []
        for row in table:
            if (row["action"] or "").strip():
                try:
                    rows.append(_parse(row, table.line_num, numbers, digest))
                except ValueError as error:
                    raise AnnotationError(f"{path}, line {table.line_num}: {error}.") from error
        return rows
    except (csv.Error, UnicodeDecodeError) as error:
        raise AnnotationError(f"{path} is no CSV file in UTF-8 ({error}).") from error


def decide(session: AnnotationSession, rows: list[TableRow]) -> int:
    """Takes a table's decisions; rows that were taken before, from the same file, are passed over.

    Returns:
        How many were taken.

    Raises:
        AnnotationError: A decision can't be taken; those before it are.
        CancelledError: Ctrl-C; the same command goes on from there.
    """
    waiting = [row for row in rows if not session.has_taken(row.origin)]
    num_done = 0
    try:
        with tqdm(waiting, desc="decide", unit="decision", disable=None, dynamic_ncols=True) as bar:
            for row in bar:
                try:
                    _take(session, row)
                except AnnotationError as error:
                    raise AnnotationError(f"Line {row.line}: {error}") from error
                num_done += 1
    except KeyboardInterrupt:
        raise CancelledError(f"stopped after {num_done} decisions; the same command goes on") from None
    return len(waiting)


def _take(session: AnnotationSession, row: TableRow) -> None:
    if row.action == "drop":
        session.drop(row.number, origin=row.origin)
        return
    assert row.mask is not None
    if row.action == "accept":
        session.accept(row.number, row.mask, origin=row.origin)
        return
    state, _ = session.state(row.number)
    before = state.rounds[-1] if state.rounds else None
    guidance = Guidance(
        row.mask,
        (before.points_xy if before else ()) + row.points_xy,
        (before.point_labels if before else ()) + row.point_labels,
    )
    session.retry(row.number, guidance, origin=row.origin)


def _parse(row: Mapping[str, str | None], line: int, numbers: Mapping[str, int], digest: str) -> TableRow:
    """Raises ValueError, with a reason for people."""
    instance, action = (row["instance"] or "").strip(), (row["action"] or "").strip().lower()
    if instance not in numbers:
        raise ValueError(f"the project has no instance {instance!r}")
    if action not in get_args(Action):
        raise ValueError(f"the action {action!r} is none of accept, retry and drop")
    mask = None if action == "drop" else _mask(row.get("mask") or "")
    points = [_point(word) for word in (row.get("points") or "").split()] if action == "retry" else []
    if action == "retry" and not points:
        raise ValueError("a retry needs points, such as 120,80 for what belongs and 40,60,- for what doesn't")
    return TableRow(
        line=line,
        number=numbers[instance],
        action=action,  # type: ignore[arg-type]  # one of Action's words
        mask=mask,
        points_xy=tuple(point for point, _ in points),
        point_labels=tuple(label for _, label in points),
        origin=f"{digest}:{line}",
    )


def _mask(text: str) -> int:
    if text.strip() not in [str(number) for number in range(1, NUM_CANDIDATES + 1)]:
        raise ValueError(f"the mask is a number from 1 to {NUM_CANDIDATES}, not {text!r}")
    return int(text) - 1


def _point(word: str) -> tuple[tuple[float, float], int]:
    parts = word.split(",")
    sign = parts.pop() if len(parts) == 3 else "+"
    try:
        x, y = (float(part) for part in parts)
        return (x, y), _SIGNS[sign]
    except (ValueError, KeyError):
        raise ValueError(f"the point {word!r} is not X,Y or X,Y,+ or X,Y,-") from None
