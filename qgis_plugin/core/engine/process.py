"""The engine as a child process: started without a window, ended without a trace."""

from __future__ import annotations

import json
import queue
import secrets
import subprocess
import threading
import time
from collections import deque
from typing import IO, Callable, Deque, Optional, Sequence, Tuple

from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.version import is_compatible

from ..environment.clean_environ import clean_environ
from ..translation import tr
from .answer import address_of
from .errors import EngineFailure, EngineGone, mismatch, stopped, with_last_words

START_TIMEOUT_S = 180.0
"""A first start compiles Python's files and may load libraries from a slow disk."""
_POLL_S = 0.05
_END_S = 3.0
_TAIL_LINES = 200
_LINE_BYTES = 2**16
_SHOWN_CHARS = 300


class EngineProcess:
    """One engine process; its standard input stays open as long as it is wanted.

    When this process ends, however it ends, that input ends too, and with it the engine.

    Args:
        on_log: Called with every line that the engine logs, from a thread of its own.
    """

    def __init__(self, on_log: Optional[Callable[[str], None]] = None) -> None:
        self._on_log = on_log
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._lines: queue.Queue[bytes] = queue.Queue()
        self._tail: Deque[str] = deque(maxlen=_TAIL_LINES)
        self._logging: Optional[threading.Thread] = None
        self._stop_lock = threading.Lock()

    def start(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float = START_TIMEOUT_S,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> Tuple[str, str]:
        """Starts the engine and waits until it answers; returns its URL and the token for it.

        Args:
            argv: The command, `serve` and its options included.
            timeout_s: How long it may take.
            is_cancelled: Asked while waiting.

        Raises:
            EngineFailure: It could not be started, or did not say its address; it has been ended.
        """
        token = secrets.token_urlsafe(32)
        process = self._process = self._launch(argv)
        try:
            assert process.stdin is not None
            self._read_in_threads(process)
            self._give(process.stdin, token)
            line = self._first_line(time.monotonic() + timeout_s, is_cancelled)
            return self._url_in(line), token
        except BaseException:
            process.terminate()  # it has done nothing yet that it would have to end in good order
            self.stop()
            raise

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def tail(self) -> Sequence[str]:
        """The last lines that it logged."""
        return list(self._tail)

    @property
    def last_words(self) -> str:
        """The last line that says something, for messages; "" when there is none."""
        lines = [line.strip() for line in self.tail if line.strip()]
        return lines[-1][:_SHOWN_CHARS] if lines else ""

    def has_ended(self, *, within_s: float) -> bool:
        """Whether the process ends by itself in this time; its last words have then been heard."""
        if self._process is None:
            return True
        try:
            self._process.wait(within_s)
        except subprocess.TimeoutExpired:
            return False
        if self._logging is not None:
            self._logging.join(_END_S)
        return True

    def stop(self) -> None:
        """Ends the engine: first by closing its input, then by force. Nothing happens if it has ended."""
        with self._stop_lock:
            process = self._process
            if process is None:
                return
            self.release()
            for end in (process.terminate, process.kill):
                if self.has_ended(within_s=_END_S):
                    return
                end()
            process.wait()

    def release(self) -> None:
        """Closes the engine's input, upon which it ends by itself; doesn't wait for it."""
        if self._process is not None and self._process.stdin is not None:
            try:
                self._process.stdin.close()
            except OSError:  # it has ended already
                pass

    def _launch(self, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                list(argv),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=clean_environ(),
                creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            )
        except (OSError, ValueError) as error:
            text = tr("The engine could not be started: {reason}. Check the engine in the settings.")
            raise EngineFailure(ErrorCode.INTERNAL, text.format(reason=error)) from error

    @staticmethod
    def _give(stdin: IO[bytes], token: str) -> None:
        try:
            stdin.write(f"{token}\n".encode("ascii"))
            stdin.flush()
        except OSError:  # it has ended already, which waiting for its first line tells
            pass

    def _read_in_threads(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None
        assert process.stderr is not None
        self._logging = threading.Thread(target=self._read_log, args=(process.stderr,), daemon=True)
        self._logging.start()
        threading.Thread(target=self._read_output, args=(process.stdout,), daemon=True).start()

    def _read_output(self, stream: IO[bytes]) -> None:
        """Keeps the first line; the rest is taken too, so that the engine never waits for a reader."""
        with stream:
            self._lines.put(stream.readline(_LINE_BYTES))
            while stream.read1(_LINE_BYTES):  # type: ignore[attr-defined]
                pass

    def _read_log(self, stream: IO[bytes]) -> None:
        with stream:
            for line in iter(lambda: stream.readline(_LINE_BYTES), b""):
                text = line.decode("utf-8", "replace").rstrip()
                self._tail.append(text)
                if self._on_log is not None:
                    self._on_log(text)

    def _first_line(self, deadline_s: float, is_cancelled: Callable[[], bool]) -> bytes:
        while time.monotonic() < deadline_s:
            if is_cancelled():
                raise stopped()
            try:
                return self._lines.get(timeout=_POLL_S)
            except queue.Empty:
                continue
        raise EngineFailure(
            ErrorCode.INTERNAL,
            self._with_last_words(tr("The engine did not start in time. Try again.")),
        )

    def _url_in(self, line: bytes) -> str:
        if not line and self.has_ended(within_s=_END_S):
            text = tr("The engine ended at once. Check the engine in the settings.")
            raise EngineGone(self._with_last_words(text))
        try:
            announcement = json.loads(line.decode("utf-8"))
            url, theirs = str(announcement["url"]), str(announcement["protocol"])
            address_of(url)
        except (ValueError, KeyError, TypeError) as error:
            text = tr(
                "The engine's command is not an engine: it printed {line}. Check the engine in the settings."
            )
            shown = repr(line.decode("utf-8", "replace").strip()[:80])
            raise EngineFailure(ErrorCode.INTERNAL, self._with_last_words(text.format(line=shown))) from error
        if not is_compatible(theirs):
            raise mismatch(theirs)
        return url

    def _with_last_words(self, text: str) -> str:
        return with_last_words(text, self.last_words)
