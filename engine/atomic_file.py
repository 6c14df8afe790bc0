"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable
from pathlib import Path

PART_SUFFIX = ".part"
"""What the names of unfinished files end in; a process that was killed may leave one behind."""


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Replace a file in one step by what `write` makes; after an exception the old one is still there alone.

    Args:
        path: The file; its folder is created where it is missing.
        write: Writes the whole content to the path that it is given: a hidden file in the same folder, which
            no other thread, process or machine writes to.

    Raises:
        OSError: The folder can't be written; and whatever `write` raises.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}{PART_SUFFIX}")
    try:
        write(part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def write_text_atomically(path: Path, text: str) -> None:
    """Replace a small UTF-8 text file in one step, creating its folder.

    Raises:
        OSError: The folder can't be written.
    """
    write_atomically(path, lambda part: part.write_text(text, encoding="utf-8"))
