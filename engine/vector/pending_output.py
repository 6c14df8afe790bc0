"""Output files that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from geophrase.engine.errors import EngineError
from geophrase.protocol.errors import ErrorCode

WriterT = TypeVar("WriterT", bound="OutputWriter")

STALE_BESIDE_SHP = (".prj", ".cpg", ".qix", ".sbn", ".sbx", ".fbn", ".fbx", ".ain", ".aih", ".qpj")
"""Sidecars of a shapefile that belong to its old content; .shx and .dbf are always replaced."""
STALE_BESIDE_TIF = (".aux.xml", ".ovr", ".msk")
OPEN_ELSEWHERE_BESIDE_GPKG = ("-wal", "-journal")
OWN_TABLES = {"segments", "layer_styles"}
"""Layers of a GeoPackage that a new run may replace: an earlier run's, and QGIS's style for it."""


class PendingOutput:
    """A hidden folder beside the destination, where the output is written until it may replace the old one.

    Only `commit` touches the destination. A process that is killed leaves the hidden folder, never half an
    output.

    Args:
        destination: The file to make; a link is followed.

    Raises:
        EngineError: OUTPUT_NOT_WRITABLE where a file can't be made there.
    """

    def __init__(self, destination: Path) -> None:
        self.destination = Path(os.path.realpath(destination))
        self._refuse_what_cannot_be_replaced()
        try:
            self._folder = Path(tempfile.mkdtemp(dir=self.destination.parent, prefix=".geophrase-"))
        except OSError as error:
            raise not_writable(self.destination, error.strerror) from error

    @property
    def path(self) -> Path:
        """Where to write: the destination's name, in the hidden folder. Sidecars may lie beside it."""
        return self._folder / self.destination.name

    def commit(self) -> None:
        """Replace the destination and its sidecars with what was written; the main file comes last.

        One file is replaced atomically; of a shapefile's several each is.

        Raises:
            EngineError: OUTPUT_NOT_WRITABLE, for example while another program holds the file.
        """
        self._refuse_what_cannot_be_replaced()
        try:
            for written in sorted(self._folder.iterdir(), key=lambda file: file.name == self.path.name):
                _flush_to_disk(written)
            for stale in self._stale_sidecars():
                stale.unlink(missing_ok=True)
            for written in sorted(self._folder.iterdir(), key=lambda file: file.name == self.path.name):
                os.replace(written, self.destination.with_name(written.name))
        except OSError as error:
            raise not_writable(self.destination, error.strerror) from error
        finally:
            self.discard()

    def discard(self) -> None:
        """Remove all that was written and not committed."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _refuse_what_cannot_be_replaced(self) -> None:
        destination = self.destination
        try:
            os.fspath(destination).encode()
        except UnicodeEncodeError as error:
            raise not_writable(destination, "its name or its folder's is not UTF-8") from error
        if destination.is_dir():
            raise EngineError(
                ErrorCode.OUTPUT_NOT_WRITABLE,
                f"The output {destination} is a folder. Name a file in it, such as segments.gpkg.",
            )
        if not destination.parent.is_dir():
            raise EngineError(
                ErrorCode.OUTPUT_NOT_WRITABLE,
                f"The output's folder {destination.parent} does not exist. Create it or choose another.",
            )
        if destination.exists() and not destination.is_file():
            raise not_writable(destination, "it is not an ordinary file")
        if destination.exists() and not os.access(destination, os.W_OK):
            raise not_writable(destination, "it is write-protected")
        if destination.suffix.lower() == ".gpkg":
            _refuse_to_spoil_geopackage(destination)

    def _stale_sidecars(self) -> list[Path]:
        destination = self.destination
        if destination.suffix.lower() == ".shp":
            return [destination.with_suffix(suffix) for suffix in STALE_BESIDE_SHP]
        if destination.suffix.lower() == ".tif":
            return [destination.with_name(destination.name + suffix) for suffix in STALE_BESIDE_TIF]
        return []


class OutputWriter(ABC):
    """A file under way, as a context manager that leaves it whole or leaves nothing.

    On an exception, cancelling and Ctrl-C included, what was written is removed and an existing file is
    untouched.

    Args:
        path: The output.
        failures: What the libraries underneath raise where a place refuses files.
    """

    def __init__(self, path: Path, *, failures: tuple[type[Exception], ...]) -> None:
        self._path = path
        self._failures = failures
        self._pending: PendingOutput | None = None

    def __enter__(self: WriterT) -> WriterT:
        """Prepare the output: a place that can't be written to is found before the work, not after it.

        Raises:
            EngineError: OUTPUT_NOT_WRITABLE.
        """
        self._pending = PendingOutput(self._path)
        try:
            with self._failures_named():
                self._begin(self._pending.path)
        except BaseException:
            self._abandon()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close, or after an exception remove what there is of the file."""
        if kind is None:
            self.close()
        else:
            self._abandon()

    def close(self) -> None:
        """Put the finished file in place; closing again does nothing.

        Raises:
            EngineError: OUTPUT_NOT_WRITABLE, and nothing is left of the new file.
        """
        if self._pending is None:
            return
        try:
            with self._failures_named():
                self._complete(self._pending.path)
            self._pending.commit()
        except BaseException:
            self._abandon()
            raise
        self._pending = None

    @abstractmethod
    def _begin(self, written: Path) -> None:
        """Make the file, still without content, at a path in the hidden folder."""

    @abstractmethod
    def _complete(self, written: Path) -> None:
        """Finish the file and make sure that all of it can be read back."""

    @abstractmethod
    def _let_go(self) -> None:
        """Close what is open, whatever state it is in; the file is about to be removed."""

    @contextmanager
    def _failures_named(self) -> Iterator[None]:
        """Turn what the libraries raise into one sentence."""
        try:
            yield
        except self._failures as error:
            raise not_writable(self._path, getattr(error, "strerror", None) or str(error)) from error

    def _abandon(self) -> None:
        try:
            self._let_go()
        finally:
            if self._pending is not None:
                self._pending.discard()
                self._pending = None


def _refuse_to_spoil_geopackage(path: Path) -> None:
    # Replacing a database under a program that has it open would let that program spoil the new one.
    for suffix in OPEN_ELSEWHERE_BESIDE_GPKG:
        if path.with_name(path.name + suffix).exists():
            raise not_writable(path, "another program has it open")
    if foreign := _foreign_layers(path):
        raise EngineError(
            ErrorCode.OUTPUT_NOT_WRITABLE,
            f"The output {path} also holds {', '.join(foreign)}, which would be lost. Choose another name.",
        )


def _foreign_layers(geopackage: Path) -> list[str]:
    """Layers that are no output of ours; none where there is no readable GeoPackage."""
    if not geopackage.is_file():
        return []
    try:
        with closing(sqlite3.connect(f"{geopackage.as_uri()}?mode=ro&immutable=1", uri=True)) as database:
            names = [str(name) for (name,) in database.execute("SELECT table_name FROM gpkg_contents")]
    except (sqlite3.Error, OSError):
        return []
    return sorted(set(names) - OWN_TABLES)


def not_writable(path: Path, reason: str | None) -> EngineError:
    """Return the error for an output that can't be written, with the reason that the system gave."""
    if reason and "disk is full" in reason:  # SQLite's words, behind the whole of its statement
        reason = "the disk is full"
    return EngineError(
        ErrorCode.OUTPUT_NOT_WRITABLE,
        f"The output {path} could not be written ({reason or 'unknown reason'}). "
        "Check the folder's permissions and free space, close the file elsewhere, or choose another name.",
    )


def _flush_to_disk(path: Path) -> None:
    """Store the content before the name, so that a power cut can't leave an empty file."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
