"""The unfinished file of a download, and what must hold for its bytes to be continued."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from geophrase.engine.atomic_file import write_text_atomically
from geophrase.engine.model.weights.transport import Answer


class PartialFile:
    """`TARGET.part` with its notes in `TARGET.part.json`.

    Bytes without readable notes, from another URL, or meant for another hash are thrown away.

    Args:
        target: The file that it is to become.
        url: Where the bytes come from.
        sha256: The digest expected of the whole file, None where unknown.
    """

    def __init__(self, target: Path, url: str, sha256: str | None) -> None:
        self.path = target.with_name(target.name + ".part")
        self._notes_path = target.with_name(target.name + ".part.json")
        self._origin = {"url": url, "sha256": sha256}
        self._validator: str | None = None
        self._total_bytes: int | None = None

    @property
    def num_bytes(self) -> int:
        """Bytes on the disk so far."""
        return self.path.stat().st_size if self.path.exists() else 0

    @property
    def is_complete(self) -> bool:
        """Whether every byte that the server announced is here."""
        return self._total_bytes is not None and self.num_bytes == self._total_bytes

    def load(self) -> None:
        """Take up what an earlier run left, or throw it away where it can't be continued safely."""
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            notes = json.loads(self._notes_path.read_text(encoding="utf-8"))
            self._validator, self._total_bytes = notes["validator"], notes["total_bytes"]
            # Without a validator only the expected hash can tell whether two halves belong together.
            if notes["origin"] == self._origin and (self._validator or self._origin["sha256"]):
                return
        self.discard()

    def resume_headers(self) -> dict[str, str]:
        """Ask for the missing bytes only, on condition that the file is unchanged."""
        if not self.num_bytes:
            return {}
        condition = {"If-Range": self._validator} if self._validator else {}
        return {"Range": f"bytes={self.num_bytes}-", **condition}

    def is_continued_by(self, answer: Answer) -> bool:
        """Tell whether an answer's body belongs right behind the bytes that are here."""
        same_version = self._validator is None or answer.validator in (None, self._validator)
        same_size = self._total_bytes is None or answer.total_bytes in (None, self._total_bytes)
        return 0 < self.num_bytes == answer.start_byte and same_version and same_size

    def restart(self, answer: Answer) -> None:
        """Begin an empty file for an answer that sends the whole one.

        Raises:
            OSError: The folder can't be written.
        """
        self.discard()
        self._validator, self._total_bytes = answer.validator, answer.total_bytes
        notes = {"origin": self._origin, "validator": self._validator, "total_bytes": self._total_bytes}
        write_text_atomically(self._notes_path, json.dumps(notes))

    def discard(self) -> None:
        """Remove the bytes, then the notes."""
        self.path.unlink(missing_ok=True)
        self._notes_path.unlink(missing_ok=True)
        self._validator = self._total_bytes = None

    def become(self, target: Path) -> None:
        """Turn the finished file into the target in one step.

        Raises:
            OSError: The target can't be replaced.
        """
        os.replace(self.path, target)
        self._notes_path.unlink(missing_ok=True)
