"""What a scripted engine does other than answering, and its log of what it was asked.

The script is a JSON file, read again before every request, so that a test may change it in the middle:

    {"extent_map": [xmin, ymin, xmax, ymax], "crs_wkt": "…",  # of files that can't be opened in this Python
     "radius_px": 24,                                         # of the circle that `predict` gives
     "num_masks": 3,                                          # that it has where alternatives are asked for
     "max_body_bytes": N, "protocol": "2.0", "models": [name, …],  # what hello says; further models
     "start": {"delay_s": 1, "stderr": "text", "exit": 3, "print": "instead of the JSON line"},
     "rules": [{"on": "predict", …}, …]}

A rule names requests by the method of Application that answers them and does, in this order, what it holds of

    "notice": "…"        in a job: sends a JobNotice
    "delay_s": 0.5       waits; a newer request of the same stream supersedes this one meanwhile
    "fail": {"code": "out_of_memory", "message": "…"}
    "exit": 9            ends the process, as if it were killed
    "hang": true         waits until it is cancelled, superseded or killed

and applies, of the requests of its kind,

    "life": 1            only in the first process that writes to this log (2: after one restart, …)
    "skip": 2            not to the first two in this process
    "times": 1           to at most one in this process
    "after_events": 3    in a job: once three events were sent; without it, before each event

The log has one JSON object per line: {"life", "on", "id", "message", "arrays": {name: shape}, "positive":
{name: number of values above zero}} for every request, {…, "on": "session_opened"} with the id that a session
got, and {"life", "on": "start", "argv", "pid"} for every process.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from geophrase.engine.errors import EngineError
from geophrase.protocol.codec import to_json
from geophrase.protocol.errors import ErrorCode

Rule = Mapping[str, Any]
_POLL_S = 0.005


class EngineScript:
    """The script's rules for one process.

    Args:
        script: The file, or its content; None scripts nothing.
        log: The file to append to; None writes none.
    """

    def __init__(self, script: Path | Mapping[str, Any] | None = None, *, log: Path | None = None) -> None:
        self._script = {} if script is None else script
        self._log = log
        self._lock = threading.Lock()
        self._num_requests: Counter[str] = Counter()
        self._num_uses: Counter[str] = Counter()
        starts = [entry for entry in read_log(log) if entry["on"] == "start"] if log else []
        self.life = len(starts) + 1

    @property
    def settings(self) -> Mapping[str, Any]:
        """The script as it is now."""
        if isinstance(self._script, Path):
            return json.loads(self._script.read_text("utf-8"))
        return self._script

    def record_start(self, argv: list[str]) -> None:
        """Log that a process began."""
        self._append({"life": self.life, "on": "start", "argv": argv, "pid": os.getpid()})

    def record(self, on: str, *, item_id: str = "", message: Any = None, arrays: Any = None) -> list[Rule]:
        """Log a request; returns the rules that apply to it."""
        shapes = {name: list(array.shape) for name, array in (arrays or {}).items()}
        as_json = None if message is None else to_json(message)
        positive = {name: int((array > 0).sum()) for name, array in (arrays or {}).items()}
        entry = {"life": self.life, "on": on, "id": item_id, "message": as_json}
        self._append({**entry, "arrays": shapes, "positive": positive})
        with self._lock:
            self._num_requests[on] += 1
            return [rule for rule in self.settings.get("rules", ()) if self._applies(rule, on)]

    def _applies(self, rule: Rule, on: str) -> bool:
        if rule["on"] != on or rule.get("life", self.life) != self.life:
            return False
        if self._num_requests[on] <= rule.get("skip", 0):
            return False
        key = json.dumps(rule, sort_keys=True)
        self._num_uses[key] += 1
        return self._num_uses[key] <= rule.get("times", self._num_uses[key])

    def _append(self, entry: Mapping[str, Any]) -> None:
        if self._log is not None:
            with self._lock, self._log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")


def act(rule: Rule, check: Callable[[], None]) -> None:
    """Do what a rule says.

    Args:
        rule: Of the script.
        check: Called again and again while waiting; raises when the wait is over.
    """
    _wait(rule.get("delay_s", 0.0), check)
    if "fail" in rule:
        failure = rule["fail"]
        raise EngineError(ErrorCode(failure["code"]), failure.get("message", "Scripted failure; try again."))
    if "exit" in rule:
        os._exit(rule["exit"])
    if rule.get("hang"):
        _wait(float("inf"), check)


def _wait(seconds: float, check: Callable[[], None]) -> None:
    end_s = time.monotonic() + seconds
    while time.monotonic() < end_s:
        check()
        time.sleep(_POLL_S)


def read_log(log: Path) -> list[dict[str, Any]]:
    """Everything that engines have written to a log; a line that is still being written is left out."""
    if not log.exists():
        return []
    whole_lines, _, _ = log.read_text("utf-8").rpartition("\n")
    return [json.loads(line) for line in whole_lines.splitlines()]
