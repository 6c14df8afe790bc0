"""Resumable, verified downloads: a target appears whole and checked, or not at all.

The bytes gather in `TARGET.part`, with what is needed to resume them in `TARGET.part.json`. A lock lets one
process at a time work on a target; a second one waits and then finds the file there.
"""

from __future__ import annotations

import errno
import http.client
import os
import shutil
import time
import urllib.error
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import filelock

from geophrase.engine.errors import CancelledError, EngineError
from geophrase.engine.model.weights.hashing import file_sha256, short_hash
from geophrase.engine.model.weights.partial import PartialFile
from geophrase.engine.model.weights.transport import Answer, check_url, open_url
from geophrase.protocol.errors import ErrorCode

_CHUNK_BYTES = 1 << 18
_REPORT_EVERY_S = 0.1
_MAX_ATTEMPTS = 20
_MAX_RETRY_WAIT_S = 30.0
_DISK_FULL = {errno.ENOSPC, errno.EFBIG, errno.EDQUOT}
_WEB_PAGE_OPENINGS = (b"<!doctype", b"<html", b"<head", b"<?xml")


@dataclass(frozen=True)
class DownloadProgress:
    """How far a download is.

    Attributes:
        done_bytes: Bytes on the disk, those of earlier runs included.
        total_bytes: Bytes of the whole file, None where the server does not say.
        rate_bytes_per_s: Mean rate since this run began; what earlier runs fetched does not count.
    """

    done_bytes: int
    total_bytes: int | None
    rate_bytes_per_s: float


def never_cancelled() -> bool:
    """Answer that nobody has stopped the work."""
    return False


@dataclass(frozen=True)
class DownloadOptions:
    """How a download behaves.

    Attributes:
        on_progress: Called about ten times a second and once at the end.
        is_cancelled: Asked between chunks; True ends the download and keeps what can be resumed.
        timeout_s: Silence of the server after which the connection counts as lost.
        retry_wait_s: Pause before a lost connection is taken up again; it doubles up to half a minute.
    """

    on_progress: Callable[[DownloadProgress], None] | None = None
    is_cancelled: Callable[[], bool] = never_cancelled
    timeout_s: float = 30.0
    retry_wait_s: float = 1.0


def download(
    url: str,
    target: Path,
    *,
    sha256: str | None = None,
    size_bytes: int | None = None,
    options: DownloadOptions | None = None,
) -> str:
    """Fetch a file so that `target` holds exactly the expected bytes, and give their SHA-256.

    A target that already has the expected hash is left alone. A download that was cut off goes on where it
    stopped, if the server's file is still the same. A lost connection is taken up again as long as every
    attempt gets further than the one before.

    Args:
        url: https, file, or http to this machine.
        target: Where the file is to be; its folder is created.
        sha256: Expected digest; None accepts any and returns what came.
        size_bytes: Expected size; None accepts any.
        options: Callbacks and waits.

    Raises:
        EngineError: `DOWNLOAD_FAILED` (network, server), `WEIGHTS_INVALID` (not the expected bytes),
            `OUTPUT_NOT_WRITABLE` (disk full, no permission) or `BAD_REQUEST` (kind of URL).
        CancelledError: `is_cancelled` said so.
    """
    check_url(url)
    job = _Download(_Wanted(url, target, sha256, size_bytes), options or DownloadOptions())
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with job.locked():
            return job.run()
    except OSError as error:
        raise _not_writable(target, error) from error


@dataclass(frozen=True)
class _Wanted:
    url: str
    target: Path
    sha256: str | None
    size_bytes: int | None

    @property
    def elsewhere(self) -> str:
        return f"or copy {self.target.name} from another computer into {self.target.parent}"


class _ConnectionLostError(Exception):
    """The bytes stopped before the end; what has come is kept."""


class _Download:
    """One download under way; `run` is called once, under the lock."""

    def __init__(self, wanted: _Wanted, options: DownloadOptions) -> None:
        self._wanted = wanted
        self._options = options
        self._part = PartialFile(wanted.target, wanted.url, wanted.sha256)
        self._fetched_bytes = 0
        self._started_s = time.monotonic()
        self._reported_s = float("-inf")

    def locked(self) -> AbstractContextManager[object]:
        """Take the target's lock, asking for cancellation while another process holds it."""
        target = self._wanted.target
        lock = filelock.FileLock(target.with_name(f".{target.name}.lock"))
        while True:
            try:
                return lock.acquire(timeout=_REPORT_EVERY_S)
            except filelock.Timeout:
                self._stop_if_cancelled()

    def run(self) -> str:
        wanted = self._wanted
        if wanted.sha256 and wanted.target.is_file() and file_sha256(wanted.target) == wanted.sha256:
            return wanted.sha256
        try:
            self._fetch_with_retries()
            sha256 = self._verified()
            self._part.become(wanted.target)
        except OSError as error:
            if error.errno in _DISK_FULL:
                self._part.discard()  # a full disk needs the space more than we need a head start
            raise
        return sha256

    def _fetch_with_retries(self) -> None:
        furthest_bytes, wait_s = 0, self._options.retry_wait_s
        for _ in range(_MAX_ATTEMPTS):
            try:
                self._fetch()
                return
            except _ConnectionLostError as lost:
                if self._part.num_bytes <= furthest_bytes:
                    raise self._failed(str(lost)) from lost
                furthest_bytes = self._part.num_bytes
            self._pause(wait_s)
            wait_s = min(2 * wait_s, _MAX_RETRY_WAIT_S)
        raise self._failed(f"the connection was lost {_MAX_ATTEMPTS} times")

    def _fetch(self) -> None:
        """Append the missing bytes to the partial file over one connection."""
        self._part.load()
        if self._part.is_complete:
            return
        answer = self._open()
        if not self._part.is_continued_by(answer) and answer.start_byte != 0:
            # The server sends some other part of the file, or a part of another version: ask for all of it.
            answer.close()
            self._part.discard()
            answer = self._open()
        with answer:
            if not self._part.is_continued_by(answer):
                if answer.start_byte != 0:
                    raise self._failed("the server sent a part of the file where all of it was asked for")
                self._check_offer(answer)
                self._part.restart(answer)
            self._check_space(answer)
            self._receive(answer)

    def _open(self) -> Answer:
        """Ask for what is missing; a server that has no such bytes is asked for the whole file.

        A refusal is final; a network that fails after some bytes have come counts as a lost connection.
        """
        wanted = self._wanted
        try:
            return open_url(wanted.url, self._part.resume_headers(), self._options.timeout_s)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and self._part.num_bytes:
                self._part.discard()
                return self._open()
            raise self._failed(f"the server answered {error.code} {error.reason}") from error
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", None) or error or type(error).__name__
            if self._fetched_bytes:
                raise _ConnectionLostError(f"the connection was lost ({reason})") from error
            place = urllib.parse.urlsplit(wanted.url).hostname or wanted.url
            raise EngineError(
                ErrorCode.DOWNLOAD_FAILED,
                f"{place} can't be reached ({reason}): check the connection and the proxy settings, "
                f"{wanted.elsewhere}.",
            ) from error

    def _check_offer(self, answer: Answer) -> None:
        """Refuse before a byte is stored what can't be the file."""
        if answer.is_web_page:
            raise self._web_page()
        wanted = self._wanted
        if None not in (wanted.size_bytes, answer.total_bytes) and answer.total_bytes != wanted.size_bytes:
            raise EngineError(
                ErrorCode.WEIGHTS_INVALID,
                f"{wanted.url} offers {answer.total_bytes:,} bytes where {wanted.size_bytes:,} are expected, "
                f"so it is not the file that GeoPhrase knows: update GeoPhrase, {wanted.elsewhere}.",
            )

    def _check_space(self, answer: Answer) -> None:
        missing_bytes = (answer.total_bytes or 0) - self._part.num_bytes
        if shutil.disk_usage(self._wanted.target.parent).free < missing_bytes:
            raise OSError(errno.ENOSPC, f"{missing_bytes / 1e6:,.0f} MB more are needed")

    def _receive(self, answer: Answer) -> None:
        total_bytes = answer.total_bytes or self._wanted.size_bytes
        with self._part.path.open("ab") as stream:
            for chunk in self._chunks(answer):
                if stream.tell() == 0 and chunk.lstrip()[:9].lower().startswith(_WEB_PAGE_OPENINGS):
                    self._part.discard()
                    raise self._web_page()
                stream.write(chunk)
                self._fetched_bytes += len(chunk)
                self._report(stream.tell(), total_bytes)
                if total_bytes is not None and stream.tell() > total_bytes:
                    break  # more than the whole file: whatever it is, the check will refuse it
            stream.flush()
            os.fsync(stream.fileno())
        done_bytes = self._part.num_bytes
        self._report(done_bytes, total_bytes, always=True)
        if total_bytes is not None and done_bytes < total_bytes:
            raise _ConnectionLostError(f"the connection ended after {done_bytes:,} of {total_bytes:,} bytes")

    def _chunks(self, answer: Answer) -> Iterator[bytes]:
        while True:
            self._stop_if_cancelled()
            try:
                chunk = answer.read(_CHUNK_BYTES)
            except (OSError, http.client.HTTPException) as error:
                raise _ConnectionLostError(
                    f"the connection was lost ({error or type(error).__name__})"
                ) from error
            if not chunk:
                return
            yield chunk

    def _verified(self) -> str:
        """Hash what is on the disk; wrong bytes are removed, for resuming them would repair nothing."""
        wanted, got_bytes = self._wanted, self._part.num_bytes
        sha256 = file_sha256(self._part.path)
        if wanted.size_bytes in (None, got_bytes) and wanted.sha256 in (None, sha256):
            return sha256
        self._part.discard()
        digest = short_hash(wanted.sha256 or "")
        expected = f"SHA-256 {digest}…" if digest else f"{wanted.size_bytes:,} bytes"
        raise EngineError(
            ErrorCode.WEIGHTS_INVALID,
            f"What came from {wanted.url} ({got_bytes:,} bytes, SHA-256 {short_hash(sha256)}…) is not the "
            f"expected file ({expected}) and was deleted: try again from another network, "
            f"{wanted.elsewhere}.",
        )

    def _report(self, done_bytes: int, total_bytes: int | None, *, always: bool = False) -> None:
        now_s = time.monotonic()
        if self._options.on_progress and (always or now_s - self._reported_s >= _REPORT_EVERY_S):
            self._reported_s = now_s
            rate = self._fetched_bytes / max(now_s - self._started_s, 1e-3)
            self._options.on_progress(DownloadProgress(done_bytes, total_bytes, rate))

    def _pause(self, wait_s: float) -> None:
        end_s = time.monotonic() + wait_s
        while (left_s := end_s - time.monotonic()) > 0:
            self._stop_if_cancelled()
            time.sleep(min(left_s, _REPORT_EVERY_S))

    def _stop_if_cancelled(self) -> None:
        if self._options.is_cancelled():
            raise CancelledError(f"the download of {self._wanted.target.name} was cancelled")

    def _failed(self, what: str) -> EngineError:
        kept = "; what has come is kept and will be continued" if self._part.num_bytes else ""
        return EngineError(
            ErrorCode.DOWNLOAD_FAILED,
            f"Downloading {self._wanted.url} failed, {what}{kept}: try again later, "
            f"{self._wanted.elsewhere}.",
        )

    def _web_page(self) -> EngineError:
        return EngineError(
            ErrorCode.DOWNLOAD_FAILED,
            f"{self._wanted.url} sent a web page instead of the file, as networks with a login page do: "
            f"open a browser and log in, {self._wanted.elsewhere}.",
        )


def _not_writable(target: Path, error: OSError) -> EngineError:
    if error.errno in _DISK_FULL:
        return EngineError(
            ErrorCode.OUTPUT_NOT_WRITABLE,
            f"There is no room for {target.name} in {target.parent} ({error.strerror}): free some space or "
            "set GEOPHRASE_WEIGHTS to a folder on another disk.",
        )
    return EngineError(
        ErrorCode.OUTPUT_NOT_WRITABLE,
        f"{target} can't be written ({error.strerror or error}): allow writing to its folder or set "
        "GEOPHRASE_WEIGHTS to another one.",
    )
