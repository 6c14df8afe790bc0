"""The scripted engine as a command with a script and a log, for tests."""

from __future__ import annotations

import json
import os
import shlex
import sys
from pathlib import Path
from typing import Any

from .engine_script import read_log

PROGRAM = Path(__file__).with_name("scripted_engine.py")


class ScriptedCommand:
    """What a test hands to the plugin in the place of `geophrase`.

    Args:
        folder: For the script, the log and the executable.
        python: That runs it; the test's own by default.
    """

    def __init__(self, folder: Path, *, python: str = sys.executable) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._script, self.log, self._executable = (
            folder / "script.json",
            folder / "log",
            folder / "geophrase",
        )
        self._python = python
        self.script()

    @property
    def argv(self) -> list[str]:
        """As `geophrase`, to be followed by `serve` and its options."""
        return [self._python, str(PROGRAM), "--script", str(self._script), "--log", str(self.log)]

    @property
    def serve_argv(self) -> list[str]:
        """As `geophrase serve`."""
        return [*self.argv, "serve"]

    @property
    def executable(self) -> str:
        """The path of a program that is used like `geophrase`, where a setting wants one."""
        self._executable.write_text(f'#!/bin/sh\nexec {shlex.join(self.argv)} "$@"\n', "utf-8")
        self._executable.chmod(0o755)
        return str(self._executable)

    def script(self, *rules: dict[str, Any], **settings: Any) -> None:
        """Replace the script (engine_script.py); a running engine follows it from its next request on."""
        written = self._script.with_suffix(".new")
        written.write_text(json.dumps({**settings, "rules": rules}), "utf-8")
        os.replace(written, self._script)

    def requests(self, on: str | None = None) -> list[dict[str, Any]]:
        """What was asked so far, of one kind or all."""
        return [entry for entry in read_log(self.log) if on in (None, entry["on"])]

    @property
    def num_starts(self) -> int:
        """How many processes were started."""
        return len(self.requests("start"))
