"""SHA-256 of weights files, remembered while a file stays as it is, and the records of a first download."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from pathlib import Path

import platformdirs

from geophrase.engine.atomic_file import write_text_atomically

_CHUNK_BYTES = 1 << 20
_SHORT_HASH_CHARS = 12
# A file younger than this may change again without its time stamp changing (coarse file system clocks).
_SETTLED_NS = 2_000_000_000


def file_sha256(path: Path) -> str:
    """Hash the bytes that are on the disk now, as lower-case hex.

    Raises:
        OSError: The file can't be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def remembered_sha256(path: Path, *, memory: Path | None = None) -> str:
    """Hash a file, or recall its hash where neither size nor modification time has changed since.

    This guards against damage, not against an attacker on the same machine, who could as well replace the
    program.

    Args:
        path: The file.
        memory: Folder of the remembered hashes; the user's cache folder by default.

    Raises:
        OSError: The file can't be read.
    """
    path = path.resolve()
    folder = memory or platformdirs.user_cache_path("geophrase", appauthor=False) / "hashes"
    note = folder / (hashlib.sha256(os.fsencode(path)).hexdigest()[:32] + ".json")
    stat = path.stat()
    key = [stat.st_size, stat.st_mtime_ns]
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        remembered = json.loads(note.read_text(encoding="utf-8"))
        if remembered["key"] == key:
            return str(remembered["sha256"])
    sha256 = file_sha256(path)
    if time.time_ns() - stat.st_mtime_ns > _SETTLED_NS:
        with contextlib.suppress(OSError):  # a read-only home costs time at the next start, nothing else
            write_text_atomically(note, json.dumps({"key": key, "sha256": sha256}))
    return sha256


def short_hash(sha256: str) -> str:
    """The first 12 hex digits, as outputs and messages show a hash."""
    return sha256[:_SHORT_HASH_CHARS]


def checksum_path(path: Path) -> Path:
    """Name the record of a first download: `FILE.sha256`, in the format that `sha256sum -c` reads."""
    return path.with_name(path.name + ".sha256")


def record_checksum(path: Path, sha256: str) -> None:
    """Write the record of a first download beside the file.

    Raises:
        OSError: The folder can't be written.
    """
    write_text_atomically(checksum_path(path), f"{sha256}  {path.name}\n")


def recorded_checksum(path: Path) -> str | None:
    """Read the record of a first download; None where there is none or it is not a SHA-256."""
    try:
        words = checksum_path(path).read_text(encoding="ascii").split()
    except (OSError, UnicodeDecodeError):
        return None
    return words[0].lower() if words and len(words[0]) == hashlib.sha256().digest_size * 2 else None
