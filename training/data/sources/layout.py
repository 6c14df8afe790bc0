"""What every reader asks of a folder before it converts anything."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from geophrase.training.data.risors import RisorsError


def refuse_gaps(folder: Path, names: Sequence[str], *, what: str = "images") -> None:
    """Pass only when a folder holds every file that the data set's lists name.

    Raises:
        RisorsError: Files are missing; says how many and names one.
    """
    missing = [name for name in names if not (folder / name).is_file()]
    if missing:
        raise RisorsError(
            f"{folder} lacks {len(missing)} of {len(names)} {what}, {missing[0]} among them; "
            "copy the whole folder."
        )
