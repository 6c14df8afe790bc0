#!/usr/bin/env python3
"""An engine without a model: it speaks the real protocol, and a script says how it misbehaves.

As a process it is used exactly like ``geophrase serve``, under any Python that has numpy:

    scripted_engine.py [--script FILE] [--log FILE] serve [what `geophrase serve` takes]

Without a script it answers everything, always in the same way (scripted_application.py). The script and the
log are described in engine_script.py.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import types
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

try:
    import geophrase  # is it installed?
except ImportError:  # as in QGIS's Python, where it is the folder of a plugin
    geophrase = types.ModuleType("geophrase")
    geophrase.__path__ = [str(REPOSITORY)]
    sys.modules["geophrase"] = geophrase

from geophrase.engine.server.http_server import EngineHttpServer, ServerConfig  # noqa: E402
from geophrase.protocol.version import PROTOCOL_VERSION  # noqa: E402
from geophrase.tests.fakes.engine_script import EngineScript  # noqa: E402
from geophrase.tests.fakes.scripted_application import ScriptedApplication  # noqa: E402


def main() -> int:
    arguments, serve_options = _parser().parse_known_args()
    script = EngineScript(arguments.script, log=arguments.log)
    script.record_start([arguments.command, *serve_options])
    application = ScriptedApplication(script)
    start = script.settings.get("start", {})
    time.sleep(start.get("delay_s", 0))
    print(start.get("stderr", "scripted engine"), file=sys.stderr, flush=True)
    if "exit" in start:
        return start["exit"]
    token = sys.stdin.readline().strip()
    limits = application.hello().limits
    server = EngineHttpServer(
        application, token=token, config=ServerConfig(max_body_bytes=limits.max_body_bytes)
    )
    server.start()
    announcement = {"url": server.url, "protocol": PROTOCOL_VERSION, "engine": "0.1.0", "pid": os.getpid()}
    print(start.get("print", json.dumps(announcement)), flush=True)
    sys.stdin.read()
    server.stop()
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--script", type=Path)
    parser.add_argument("--log", type=Path)
    parser.add_argument("command", choices=["serve"])
    return parser


if __name__ == "__main__":
    sys.exit(main())
