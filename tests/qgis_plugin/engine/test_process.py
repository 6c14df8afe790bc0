from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from geophrase.protocol.errors import ErrorCode
from geophrase.qgis_plugin.core.engine import process as process_module
from geophrase.qgis_plugin.core.engine.client import EngineClient
from geophrase.qgis_plugin.core.engine.errors import EngineFailure
from geophrase.qgis_plugin.core.engine.process import EngineProcess
from geophrase.tests.fakes.scripted_command import ScriptedCommand


@pytest.fixture
def process() -> Iterator[EngineProcess]:
    process = EngineProcess()
    yield process
    process.stop()


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def announcing(then: str, **changed: str) -> list[str]:
    """A program that says that it is an engine and then does something else."""
    line = json.dumps({"url": "http://127.0.0.1:9", "protocol": "1.0", "engine": "0", "pid": 1, **changed})
    return python(f"import signal, sys, time; sys.stdin.readline(); print({line!r}, flush=True); {then}")


def has_ended(pid: int, *, within_s: float = 5.0) -> bool:
    end_s = time.monotonic() + within_s
    while time.monotonic() < end_s:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{pid}/stat").exists() and Path(f"/proc/{pid}/stat").read_text().split()[2] == "Z":
            return True  # nobody has asked for its end yet
        time.sleep(0.02)
    return False


def test_an_engine_starts_answers_and_ends(process: EngineProcess, scripted_engine: ScriptedCommand):
    url, token = process.start(scripted_engine.serve_argv)
    assert len(token) >= 32
    assert EngineClient(url, token).hello().default_model == "scripted"
    assert process.is_alive
    process.stop()
    process.stop()
    assert not process.is_alive


def test_every_start_has_another_token(scripted_engine: ScriptedCommand):
    first, second = EngineProcess(), EngineProcess()
    assert first.start(scripted_engine.serve_argv)[1] != second.start(scripted_engine.serve_argv)[1]
    first.stop()
    second.stop()


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc")
def test_the_token_is_not_to_be_seen_from_outside(process: EngineProcess, scripted_engine: ScriptedCommand):
    _, token = process.start(scripted_engine.serve_argv)
    folder = Path("/proc") / str(scripted_engine.requests("start")[0]["pid"])
    for name in ("cmdline", "environ"):
        assert token.encode() not in (folder / name).read_bytes()


def test_variables_by_which_qgis_finds_its_own_files_do_not_reach_the_engine(
    process: EngineProcess, scripted_engine: ScriptedCommand, monkeypatch: pytest.MonkeyPatch
):
    for name in ("PYTHONHOME", "PYTHONPATH", "GDAL_DATA", "PROJ_LIB", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"):
        monkeypatch.setenv(name, "/nowhere")  # a Python with this home cannot start
    process.start(scripted_engine.serve_argv)
    assert os.environ["PYTHONHOME"] == "/nowhere"  # QGIS's own are left alone


@pytest.mark.parametrize(
    "printed",
    [
        "Welcome to conda!",
        "[]",
        '{"url": 1, "protocol": "1.0"}',
        "",
    ],
)
def test_garbage_is_shown_and_ended(process: EngineProcess, scripted_engine: ScriptedCommand, printed: str):
    scripted_engine.script(start={"print": printed})
    with pytest.raises(EngineFailure, match="is not an engine") as caught:
        process.start(scripted_engine.serve_argv)
    assert printed[:10] in caught.value.message
    assert not process.is_alive


@pytest.mark.parametrize(
    "url", ["http://evil.example:80", "https://127.0.0.1:1", "http://127.0.0.1", "file:///x"]
)
def test_an_address_elsewhere_is_never_given_the_token(process: EngineProcess, url: str):
    with pytest.raises(EngineFailure, match="is not an engine"):
        process.start(announcing("sys.stdin.read()", url=url))


@pytest.mark.parametrize(("version", "side"), [("2.0", "plugin"), ("0.9", "engine"), ("?", "engine")])
def test_another_protocol_says_which_side_to_update(process: EngineProcess, version: str, side: str):
    with pytest.raises(EngineFailure, match=f"Update the {side}") as caught:
        process.start(announcing("sys.stdin.read()", protocol=version))
    assert caught.value.code is ErrorCode.VERSION_MISMATCH


def test_an_engine_that_says_nothing_is_given_up_in_time(process: EngineProcess):
    start_s = time.monotonic()
    with pytest.raises(EngineFailure, match="did not start in time"):
        process.start(python("import sys; sys.stdin.read()"), timeout_s=0.5)
    assert time.monotonic() - start_s < 3
    assert not process.is_alive


def test_waiting_for_an_engine_can_be_cancelled(process: EngineProcess):
    is_cancelled = threading.Event()
    threading.Timer(0.3, is_cancelled.set).start()
    start_s = time.monotonic()
    with pytest.raises(EngineFailure) as caught:
        process.start(python("import sys; sys.stdin.read()"), is_cancelled=is_cancelled.is_set)
    assert caught.value.code is ErrorCode.SHUTTING_DOWN
    assert time.monotonic() - start_s < 3
    assert not process.is_alive


def test_an_engine_that_ends_at_once_has_last_words(process: EngineProcess, scripted_engine: ScriptedCommand):
    scripted_engine.script(
        start={"exit": 3, "stderr": "Traceback …\n  File x\nImportError: no torch here\n\n"}
    )
    with pytest.raises(EngineFailure, match=r"ended at once.*Its last words: ImportError: no torch here"):
        process.start(scripted_engine.serve_argv)


@pytest.mark.parametrize("argv", [["/no/such/program", "serve"], ["/"], ["a\0b"], [__file__]])
def test_what_is_no_program_is_said(process: EngineProcess, argv: list[str]):
    with pytest.raises(EngineFailure, match="could not be started"):
        process.start(argv)


def test_a_flood_of_log_lines_does_not_stop_the_engine(scripted_engine: ScriptedCommand):
    heard: list[str] = []
    process = EngineProcess(heard.append)
    scripted_engine.script(start={"stderr": "\n".join(f"line {index} \udcff" for index in range(50_000))})
    scripted_engine._script.write_text(scripted_engine._script.read_text().replace("\\udcff", "\\u00ff"))
    url, token = process.start(scripted_engine.serve_argv)
    assert EngineClient(url, token).hello()
    process.stop()
    assert len(heard) == 50_000
    assert len(process.tail) == 200
    assert process.last_words.startswith("line 49999")


def test_output_after_the_first_line_does_not_stop_the_engine(process: EngineProcess):
    process.start(
        announcing("print('x' * 10**6, flush=True); print('done', file=sys.stderr); sys.stdin.read()")
    )
    end_s = time.monotonic() + 5
    while process.last_words != "done" and time.monotonic() < end_s:
        time.sleep(0.02)
    assert process.last_words == "done"


def test_an_engine_that_will_not_end_is_ended(monkeypatch: pytest.MonkeyPatch, process: EngineProcess):
    monkeypatch.setattr(process_module, "_END_S", 0.3)
    process.start(announcing("signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"))
    time.sleep(0.2)
    start_s = time.monotonic()
    process.stop()
    assert not process.is_alive
    assert time.monotonic() - start_s < 3


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_engine_outlives_its_qgis(scripted_engine: ScriptedCommand, number: signal.Signals):
    code = (
        "import sys, time\n"
        "from geophrase.qgis_plugin.core.engine.process import EngineProcess\n"
        "process = EngineProcess()\n"
        "process.start(sys.argv[1:])\n"
        "print('started', flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([*python(code), *scripted_engine.serve_argv], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"started\n"
        pid = scripted_engine.requests("start")[0]["pid"]
        os.kill(pid, 0)
        parent.send_signal(number)
    assert has_ended(pid)
