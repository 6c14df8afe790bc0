"""`geophrase serve` as a program, with the bundled model, asked by the plugin's own client."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
import torch

from geophrase.engine.cli.main import main
from geophrase.engine.segment import segment_raster
from geophrase.protocol.grid import WindowPx
from geophrase.protocol.jobs import JobProgress, JobResult, JobStarted, Outline, SegmentJob
from geophrase.protocol.messages import FileSource, PointsQuery, TextQuery
from geophrase.protocol.sessions import OpenSession, PredictRequest
from geophrase.qgis_plugin.core.engine.client import EngineClient
from geophrase.qgis_plugin.core.engine.errors import EngineFailure, EngineGone, JobCancelled
from geophrase.qgis_plugin.core.engine.job_stream import PartialFeatures
from geophrase.tests.engine.server.conftest import wait_until

TOKEN = "a-token-of-the-tests-0123456789"
QUERIES = ("tennis courts", "buildings")
# One thread: clicks are timed here, and a machine that does other things slows several threads down most.
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}
COMMAND = [sys.executable, "-m", "geophrase.engine.cli.main"]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals and pseudo-terminals")


class Engine:
    """A running `geophrase serve`."""

    def __init__(self, *options: str, **streams) -> None:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **streams}
        self.process = subprocess.Popen([*COMMAND, "serve", *options], env=ENVIRONMENT, text=True, **pipes)
        self.process.stdin.write(TOKEN + "\n")
        self.process.stdin.flush()
        self.said = json.loads(self.process.stdout.readline())
        self.client = EngineClient(self.said["url"], TOKEN)

    def end(self) -> int:
        if not self.process.stdin.closed:
            self.process.stdin.close()
        code = self.process.wait(20)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        return code


@pytest.fixture(scope="module")
def start(tmp_path_factory) -> Iterator[Callable[..., Engine]]:
    """Start engines that share a cache folder and end with the tests."""
    cache = tmp_path_factory.mktemp("cache")
    with ExitStack() as stack:

        def run(*options: str, **streams) -> Engine:
            engine = Engine("--cache", str(cache), *options, **streams)
            stack.callback(engine.end)
            return engine

        yield run


@pytest.fixture(scope="module")
def engine(start) -> Engine:
    return start()


@pytest.fixture(scope="module")
def scene(tmp_path_factory) -> Path:
    """The demo's scene."""
    path = tmp_path_factory.mktemp("scene") / "scene.tif"
    command = [sys.executable, "-m", "geophrase.training.cli", "scene", str(path), "--theme", "sports"]
    made = subprocess.run([*command, "--seed", "5"], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"no scene could be generated, for want of the training extra: {made.stderr[-200:]}")
    return path


@pytest.fixture(scope="module")
def large_scene(scene) -> Path:
    """Two copies of the scene, one below the other."""
    path = scene.with_name("large.tif")
    with rasterio.open(scene) as source:
        bands_BHW, profile = source.read(), source.profile
    mosaic_BHW = np.tile(bands_BHW, (1, 2, 1))
    profile.update(height=mosaic_BHW.shape[1], width=mosaic_BHW.shape[2])
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(mosaic_BHW)
    return path


def job_on(path: Path, *queries: str, job_id: str = "job", **outline) -> SegmentJob:
    texts = tuple(TextQuery(query) for query in queries or QUERIES)
    return SegmentJob(job_id, FileSource(str(path)), texts, outline=Outline(**outline))


def rows_of(events) -> list[tuple]:
    """query, WKB and attributes of each feature, in an order of their own."""
    queries, rows = (), []
    for event in events:
        if isinstance(event, JobStarted):
            queries, rows = event.queries, []
        if isinstance(event, PartialFeatures):
            batch = event.features
            columns = (batch.score, batch.area_m2, batch.perimeter_m, batch.iou_pred, batch.objectness)
            numbers = np.stack(columns, axis=-1)
            rows += [
                (queries[batch.query_index[row]], batch.geometry_wkb(row), *numbers[row])
                for row in range(len(batch))
            ]
    return sorted(rows)


@pytest.fixture
def threads_of_the_engine():
    """As many as `ENVIRONMENT` gives it: the last bits of a product depend on how it was divided."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads_of_the_engine")
def test_a_job_gives_the_features_of_the_command(engine, scene):
    frame = segment_raster(
        scene, QUERIES, device="cpu", is_cached=False, min_area_m2=4.0, simplify_m=0.5, threshold=0.6
    )
    assert len(frame) > 20
    request = job_on(scene, min_area_m2=4.0, simplify_m=0.5, threshold=0.6)
    found = rows_of(engine.client.run_job(request))
    columns = ["query", "score", "area_m2", "perimeter_m", "iou_pred", "objectness"]
    expected = sorted(
        (query, shapely.to_wkb(geometry, byte_order=1), *numbers)
        for geometry, (query, *numbers) in zip(
            frame.geometry, frame[columns].itertuples(index=False), strict=True
        )
    )
    assert [row[:2] for row in found] == [row[:2] for row in expected]
    np.testing.assert_allclose([row[2:] for row in found], [row[2:] for row in expected], rtol=1e-4)


def a_click(engine: Engine, path: Path, xy: tuple[float, float], **options):
    session = engine.client.open_session(OpenSession(FileSource(str(path)), WindowPx(100, 100, 512, 512)))
    request = PredictRequest((PointsQuery((xy,), (1,)),), **options)
    return session, engine.client.predict(session.session_id, request)


def test_clicks_and_health_are_answered_while_a_job_of_another_client_runs(engine, large_scene):
    session, _ = a_click(engine, large_scene, (200.0, 200.0))
    other = EngineClient(engine.said["url"], TOKEN)
    events: list = []
    job = threading.Thread(target=lambda: events.extend(other.run_job(job_on(large_scene, job_id="long"))))
    job.start()
    wait_until(lambda: any(isinstance(event, JobProgress) for event in events), timeout_s=30)
    clicks_s, health_s, hello_s = [], [], []
    for number in range(12):
        request = PredictRequest((PointsQuery(((20.0 + 40 * number, 200.0),), (1,)),), stream="click")
        clicks_s.append(_seconds(lambda request=request: engine.client.predict(session.session_id, request)))
        health_s.append(_seconds(engine.client.health))
        hello_s.append(_seconds(engine.client.hello))
    assert engine.client.health().num_jobs == 1, "the job was over before the clicks were"
    job.join(60)
    assert isinstance(events[-1], JobResult)
    # Behind at most one image of the job and the polygons of its rows; bounds for a machine under load.
    assert np.median(clicks_s) < 0.25
    assert max(clicks_s) < 1.0
    assert np.median(health_s) < 0.05
    assert np.median(hello_s) < 0.05


def test_a_client_that_hangs_up_ends_its_job(engine, large_scene):
    stream = engine.client.run_job(job_on(large_scene, "roundabouts", job_id="forsaken"))
    next(stream)
    assert engine.client.health().num_jobs == 1
    stream.close()
    wait_until(lambda: engine.client.health().num_jobs == 0)


def test_the_same_view_costs_nothing_in_the_next_engine(start, engine, scene):
    first, answer = a_click(engine, scene, (250.0, 250.0))
    next_engine = start("--keep-alive", "0.5")
    assert set(next_engine.said) == {"url", "protocol", "engine", "pid"}
    assert next_engine.said["pid"] == next_engine.process.pid
    second, same = a_click(next_engine, scene, (250.0, 250.0))
    assert second.is_cached
    assert second.session_id == first.session_id
    assert np.array_equal(answer.low_res_logits_HW, same.low_res_logits_HW)
    assert np.array_equal(answer.features.wkb, same.features.wkb)
    wait_until(lambda: next_engine.client.health().model == "", timeout_s=10)  # it has left memory
    _, later = a_click(next_engine, scene, (250.0, 250.0))
    assert np.array_equal(answer.features.wkb, later.features.wkb)
    next_engine.process.stdin.close()
    assert next_engine.process.wait(20) == 0
    assert next_engine.process.stdout.read() == ""


@pytest.mark.slow
def test_a_job_goes_on_after_the_engine_was_killed(engine, tmp_path, large_scene):
    request = job_on(large_scene, "cars")
    first = Engine("--cache", str(tmp_path))
    num_total = _kill_in_mid_job(first, request)
    assert num_total > 20
    second = Engine("--cache", str(tmp_path))
    events = list(second.client.run_job(request))
    last = [event for event in events if isinstance(event, JobProgress)][-1]
    assert last.num_done == last.num_total == num_total
    assert last.num_encoded < 0.6 * num_total
    assert second.end() == 0
    assert rows_of(events) == rows_of(engine.client.run_job(request))  # which was never interrupted


def _kill_in_mid_job(engine: Engine, request: SegmentJob) -> int:
    """Kill it with half of the job done; give the number of its tiles."""
    num_total = 0
    try:
        for event in engine.client.run_job(request):
            if isinstance(event, JobProgress) and event.num_done > 0.5 * event.num_total:
                num_total = event.num_total
                os.kill(engine.process.pid, signal.SIGKILL)
    except EngineGone:
        engine.end()
        return num_total
    raise AssertionError("the job outlived its engine")


@pytest.mark.parametrize("how", ["stdin", signal.SIGTERM])
def test_the_engine_ends_soon_and_cleanly_in_mid_job(start, large_scene, how):
    engine = start("--cache", "none")
    failures: list[Exception] = []
    begun = threading.Event()

    def run() -> None:
        try:
            for _ in engine.client.run_job(job_on(large_scene, "cars")):
                begun.set()
        except (EngineFailure, JobCancelled) as failure:
            failures.append(failure)

    job = threading.Thread(target=run)
    job.start()
    assert begun.wait(30)
    started_s = time.monotonic()
    if how == "stdin":
        engine.process.stdin.close()
    else:
        engine.process.send_signal(how)
    assert engine.process.wait(20) == 0
    assert time.monotonic() - started_s < 6
    job.join(5)
    assert len(failures) == 1
    assert "Traceback" not in engine.process.stderr.read()


def test_the_engine_ends_when_the_program_that_started_it_was_killed(tmp_path):
    """All ends of its pipes close at once: nobody reads what it says, and nobody may be left waiting."""
    starter = f"""
import subprocess, sys, time
engine = subprocess.Popen({[*COMMAND, "serve", "--cache", "none"]!r},
    stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
engine.stdin.write(b"{TOKEN}\\n")
engine.stdin.flush()
engine.stdout.readline()
print(engine.pid, flush=True)
time.sleep(60)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", starter], stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
    )
    pid = int(process.stdout.readline())
    process.kill()
    process.wait(5)
    process.stdout.close()
    wait_until(lambda: not _is_alive(pid), timeout_s=10)


@pytest.mark.parametrize(
    "line", ["", "short\n", "fifteen_letters\n", "with a blank in the middle\n", "ünïcödé-ünïcödé-ü\n"]
)
def test_a_bad_token_is_a_wrong_use(line):
    ended = subprocess.run(
        [*COMMAND, "serve"], input=line, capture_output=True, text=True, check=False, env=ENVIRONMENT
    )
    assert ended.returncode == 2
    assert "at least 16" in ended.stderr
    assert ended.stdout == ""


def test_a_terminal_is_told_how_it_is_meant():
    import pty

    leader, follower = pty.openpty()
    try:
        ended = subprocess.run(
            [*COMMAND, "serve"], stdin=follower, capture_output=True, text=True, check=False, timeout=60
        )
    finally:
        os.close(leader)
        os.close(follower)
    assert ended.returncode == 2
    assert "token" in ended.stderr


@pytest.mark.parametrize("options", [["--port", "70000"], ["--memory-mb", "0"], ["--keep-alive", "-1"]])
def test_options_are_checked_before_anything_else(options, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["serve", *options])
    assert ended.value.code == 2
    assert options[0] in capsys.readouterr().err


def test_the_version_is_told():
    ended = subprocess.run([*COMMAND, "--version"], capture_output=True, text=True, check=True)
    assert ended.stdout.split()[0] == "geophrase"


def test_hello_tells_what_there_is(engine):
    hello = engine.client.hello()
    assert hello.default_model == "rsam_small"
    models = {model.name: model for model in hello.models}
    assert (models["rsam_small"].is_here, models["rsam_small"].has_text) == (True, True)
    assert models["rsam_small"].image_px == 768
    assert not models["sam2.1_hiera_tiny"].has_text
    assert engine.client.doctor().report["checks"]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not (status.exists() and ") Z " in status.read_text())


def _seconds(call: Callable[[], object]) -> float:
    started_s = time.perf_counter()
    call()
    return time.perf_counter() - started_s
