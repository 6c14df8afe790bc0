"""Jobs of the engine: their events, their end, and what is kept of them."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
import shapely
import torch

from geophrase.engine.errors import EngineError
from geophrase.engine.raster.source import RasterSource
from geophrase.engine.segment import segment_raster
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.features import FeatureBatch
from geophrase.protocol.grid import WindowPx
from geophrase.protocol.jobs import (
    FINAL_EVENTS,
    JobCancelled,
    JobNotice,
    JobPartial,
    JobProgress,
    JobResult,
    JobStarted,
    Outline,
    OutlineJob,
    PolygoniseJob,
    SegmentJob,
)
from geophrase.protocol.messages import (
    IMAGE,
    VALID,
    BeginUpload,
    ClassesQuery,
    FileSource,
    PointsQuery,
    TextQuery,
    UploadSource,
    UploadWindow,
)
from geophrase.protocol.sessions import OpenSession, PredictRequest
from geophrase.tests.engine.server.conftest import wait_until
from geophrase.tests.fakes.colour_model import ColourModel

SCENE = [
    ("red", 20, 10, 30, 20),
    ("red", 60, 50, 90, 12),
    ("blue", 200, 30, 20, 200),
    ("blue", 5, 240, 9, 9),
]


def segment(path, *queries, job_id="job", **options) -> SegmentJob:
    source = path if isinstance(path, UploadSource) else FileSource(str(path))
    return SegmentJob(job_id, source, tuple(map(TextQuery, queries or ("red", "blue"))), **options)


def finished(events):
    """All events of a job, which must be as a job's events are."""
    found = list(events)
    kinds = [type(event) for event, _ in found]
    assert [isinstance(event, FINAL_EVENTS) for event, _ in found] == [False] * (len(found) - 1) + [True]
    if kinds[-1] is JobResult:
        assert kinds[0] is JobStarted
        assert kinds.count(JobStarted) == 1
    return found


def features_of(found):
    """query, geometry and area of every feature, in an order of its own."""
    started = found[0][0]
    batches = [FeatureBatch.from_arrays(arrays) for event, arrays in found if isinstance(event, JobPartial)]
    return sorted(
        (started.queries[batch.query_index[row]], shapely.from_wkb(batch.geometry_wkb(row)).wkt, *columns)
        for batch in batches
        for row, columns in enumerate(
            zip(batch.area_m2, batch.perimeter_m, batch.score, batch.iou_pred, batch.objectness, strict=True)
        )
    )


def expected_of(path, queries=("red", "blue"), model=None, **options):
    frame = segment_raster(path, queries, model=model or ColourModel(), is_cached=False, **options)
    columns = ["area_m2", "perimeter_m", "score", "iou_pred", "objectness"]
    return sorted(
        (query, geometry.wkt, *numbers)
        for query, geometry, *numbers in frame[["query", "geometry", *columns]].itertuples(index=False)
    )


def assert_same(found, expected):
    assert [row[:2] for row in found] == [row[:2] for row in expected]
    np.testing.assert_allclose([row[2:] for row in found], [row[2:] for row in expected], rtol=1e-4)


def test_a_job_finds_what_the_command_finds(paint, start_engine):
    path = paint(SCENE)
    found = finished(start_engine().run_job(segment(path, outline=Outline(0.5, 5.0, 1.0))))
    assert len(features_of(found)) == 4
    assert_same(features_of(found), expected_of(path, min_area_m2=5.0, simplify_m=1.0))
    started, result = found[0][0], found[-1][0]
    assert started.queries == ("red", "blue")
    assert started.parameters["queries"] == ("red", "blue")
    assert started.parameters["min_area_m2"] == 5.0
    assert (started.model, started.weights, started.source) == ("colour", "c010c010c010", str(path))
    assert started.is_geodesic
    with RasterSource.open(path) as source:
        assert started.crs_wkt == source.grid.crs_wkt
    assert result.num_polygons == (2, 2)
    assert result.device == "CPU"
    progress = [event for event, _ in found if isinstance(event, JobProgress)]
    assert progress[-1].num_done == progress[-1].num_total == progress[-1].num_encoded
    assert [event.num_done for event in progress] == sorted(event.num_done for event in progress)


@dataclass
class SlowModel(ColourModel):
    """Takes its time; remembers who asked for what."""

    encode_s: float = 0.02
    log: list[str] = field(default_factory=list)

    def encode_batch(self, images_BHWC):
        time.sleep(self.encode_s * len(images_BHWC))
        self.log.extend(["encode"] * len(images_BHWC))
        return super().encode_batch(images_BHWC)

    def predict(self, embedding, **prompts):
        self.log.append("click")
        return super().predict(embedding, **prompts)


def test_polygons_come_while_the_job_runs(paint, start_engine):
    strips = [("red", 10, row, 200, 20) for row in range(8, 8100, 200)]
    engine = start_engine(SlowModel(image_px=512, encode_s=0.1))
    found, times_s, last_progress_s = [], [], 0.0
    started_s = time.monotonic()
    for event, arrays in engine.run_job(segment(paint(strips, height=8192), "red")):
        found.append((event, arrays))
        if isinstance(event, JobPartial):
            times_s.append(time.monotonic())
        if isinstance(event, JobProgress) and event.num_done < event.num_total:
            assert time.monotonic() - last_progress_s > 0.05
            last_progress_s = time.monotonic()
    assert sum(len(FeatureBatch.from_arrays(arrays)) for _, arrays in found if arrays) == len(strips)
    assert len(times_s) >= 3
    assert times_s[0] - started_s < 0.7 * (time.monotonic() - started_s)
    left_s = [event.seconds_left for event, _ in found if isinstance(event, JobProgress)]
    assert left_s[-1] == 0.0
    assert any(value for value in left_s)


def test_a_click_does_not_wait_for_the_job(paint, start_engine):
    model = SlowModel(encode_s=0.03)
    engine = start_engine(model)
    path = paint(SCENE, height=1024)
    session = engine.open_session(OpenSession(FileSource(str(path)), WindowPx(0, 0, 64, 64)), {})
    events = engine.run_job(segment(path))
    assert isinstance(next(events)[0], JobStarted)
    num_waited_for = []
    for _ in range(10):
        num_encoded = model.log.count("encode")
        engine.predict(session.session_id, PredictRequest((PointsQuery(((30.0, 15.0),), (1,)),)), {})
        num_waited_for.append(model.log.count("encode") - num_encoded)
        assert engine.health().num_jobs == 1
    finished_events = list(events)
    assert isinstance(finished_events[-1][0], JobResult)
    assert np.median(num_waited_for) < 8  # the image that is being encoded, and not the 64 of its batch


def test_two_jobs_take_turns_and_do_not_mix(paint, start_engine):
    model = SlowModel(encode_s=0.005)
    engine = start_engine(model)
    paths = [paint(SCENE, name="a.tif"), paint(SCENE[:2], name="b.tif")]
    outcomes = {}

    def run(name, path):
        outcomes[name] = finished(engine.run_job(segment(path, job_id=name)))

    threads = [threading.Thread(target=run, args=(f"job-{path.stem}", path)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    for path in paths:
        assert_same(features_of(outcomes[f"job-{path.stem}"]), expected_of(path))
    assert engine.health().num_jobs == 0


def test_a_job_id_is_taken_while_its_job_runs(paint, start_engine):
    path, gate = paint(SCENE), threading.Event()

    def load(name, choice):
        assert gate.wait(10)
        return ColourModel()

    engine = start_engine(load)
    events = engine.run_job(segment(path))
    with pytest.raises(EngineError) as refusal:
        engine.run_job(segment(path))
    assert refusal.value.code is ErrorCode.BAD_REQUEST
    gate.set()
    assert isinstance(list(events)[-1][0], JobResult)
    assert isinstance(list(engine.run_job(segment(path)))[-1][0], JobResult)


@pytest.mark.parametrize("when", ["loading", "queued", "running", "unread"])
def test_a_cancelled_job_ends_at_once_and_says_so(paint, start_engine, when):
    gate = threading.Event()
    model = SlowModel(encode_s=0.02)

    def load(name, choice):
        if when == "loading":
            assert gate.wait(10)
        return model

    engine = start_engine(load)
    if when == "queued":
        first = engine.run_job(segment(paint(SCENE, name="first.tif"), job_id="first"))
        next(first)
    events = engine.run_job(segment(paint(SCENE, height=2048)))
    if when == "running":
        while not isinstance(next(events)[0], JobProgress):
            pass
    elif when == "loading":
        wait_until(lambda: engine.health().state == "loading")
    model.encode_s = 0.5  # of one image of a hundred
    started_s = time.monotonic()
    engine.cancel_job("job")
    engine.cancel_job("nobody")
    found = finished(events)
    assert isinstance(found[-1][0], JobCancelled)
    assert time.monotonic() - started_s < 8.0
    assert engine.health().num_jobs == (1 if when == "queued" else 0)
    gate.set()
    model.encode_s = 0.0
    if when == "queued":
        assert isinstance(list(first)[-1][0], JobResult)
    again = finished(engine.run_job(segment(paint(SCENE[:1]), "red")))
    assert again[-1][0].num_polygons == (1,)


def test_a_client_that_goes_cancels_its_job_even_before_the_first_event(paint, start_engine):
    engine = start_engine(SlowModel(encode_s=0.05))
    events = engine.run_job(segment(paint(SCENE, height=2048)))
    events.close()
    wait_until(lambda: engine.health().num_jobs == 0)


def test_a_client_that_does_not_listen_holds_only_its_own_job(paint, start_engine):
    engine = start_engine()
    crumbs = [("red", 4 * col, 4 * row, 2, 2) for row in range(500) for col in range(60)]
    lazy = engine.run_job(
        segment(paint(crumbs, height=2048, name="crumbs.tif"), "red", tile_px=32, job_id="lazy")
    )
    time.sleep(0.3)
    found = finished(engine.run_job(segment(paint(SCENE), job_id="other")))
    assert isinstance(found[-1][0], JobResult)
    assert sum(len(arrays.get("score", ())) for _, arrays in finished(lazy)) == len(crumbs)


def test_errors_before_the_first_event_refuse_the_request(paint, start_engine):
    engine = start_engine()

    def refusal(request) -> ErrorCode:
        with pytest.raises(EngineError) as caught:
            next(engine.run_job(request))
        return caught.value.code

    path = paint(SCENE)
    assert refusal(segment("/no/such.tif")) is ErrorCode.RASTER_UNREADABLE
    assert refusal(segment(path, "")) is ErrorCode.BAD_REQUEST
    assert refusal(segment(path, model="rsam_huge")) is ErrorCode.MODEL_UNKNOWN
    assert refusal(segment(path, extent_map=(0.0, 0.0, 1.0, 1.0))) is ErrorCode.OUTSIDE_RASTER
    assert refusal(segment(path, outline=Outline(threshold=2.0))) is ErrorCode.BAD_REQUEST
    assert refusal(segment(path, *map(str, range(65)))) is ErrorCode.BAD_REQUEST
    assert refusal(segment(UploadSource("nothing"))) is ErrorCode.NOT_FOUND
    classes = SegmentJob("job", FileSource(str(path)), (ClassesQuery(),))
    assert refusal(classes) is ErrorCode.MODEL_UNKNOWN
    assert refusal(OutlineJob("job", "0" * 32, Outline())) is ErrorCode.NOT_FOUND
    assert refusal(OutlineJob("job", "../../etc", Outline())) is ErrorCode.NOT_FOUND
    assert refusal(PolygoniseJob("job", "a\0b")) is ErrorCode.BAD_REQUEST
    clicks_only = start_engine(ColourModel(has_text=False, name="clicks"))
    with pytest.raises(EngineError, match="points and boxes"):
        next(clicks_only.run_job(segment(path)))


def test_a_defect_of_the_model_ends_the_job_and_not_the_engine(paint, start_engine):
    class Broken(ColourModel):
        def predict_texts(self, embeddings, texts):
            raise ZeroDivisionError("oh")

    engine = start_engine(Broken())
    found = finished(engine.run_job(segment(paint(SCENE))))
    assert found[-1][0].code is ErrorCode.INTERNAL
    assert engine.health().num_jobs == 0


def test_memory_that_runs_out_is_told_and_costs_no_polygon(paint, start_engine):
    path = paint(SCENE)

    class Tight(SlowModel):
        def encode_batch(self, images_BHWC):
            if self.device != "cpu":
                raise torch.OutOfMemoryError("CUDA out of memory.")
            return super().encode_batch(images_BHWC)

    def load(name, choice):
        return Tight(device=choice.device.type, encode_s=0.0)

    engine = start_engine(load, device="mps")  # a device whose name is known without having it
    assert engine.health().device.kind == "mps"
    found = finished(engine.run_job(segment(path)))
    assert_same(features_of(found), expected_of(path))
    notices = [event.message for event, _ in found if isinstance(event, JobNotice)]
    assert len(notices) == len(set(notices)) > 2  # half as many images and so on, and at last the CPU
    assert "CPU" in notices[-1]
    device = engine.health().device
    assert (device.kind, device.is_fallback, device.reason) == ("cpu", True, notices[-1])
    later = finished(engine.run_job(segment(path)))
    assert [event.message for event, _ in later if isinstance(event, JobNotice)] == notices[-1:]


@dataclass
class PrecisionModel(ColourModel):
    """Has another precision on the CPU, and memory for so many images on the GPU."""

    room_for: int = 10**6

    def encode_batch(self, images_BHWC):
        if self.device != "cpu" and self.num_encoded + len(images_BHWC) > self.room_for:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return super().encode_batch(images_BHWC)

    def on_cpu(self):
        self.fallen = replace(self, device="cpu", identity="colour:float32", num_encoded=0)
        return self.fallen


def test_encodings_are_kept_as_what_they_are_when_memory_runs_out(paint, start_engine, tmp_path):
    """In one cache: those of the CPU are not taken for those of the GPU, nor the other way round."""

    def run(model, *queries):
        engine = start_engine(model, device="mps", cache=tmp_path / "shared")
        finished(engine.run_job(segment(path, *queries)))
        is_cached = [engine.open_session(request, {}).is_cached for _ in range(2)]
        return model, is_cached

    path = paint(SCENE, height=1024)
    request = OpenSession(FileSource(str(path)), WindowPx(0, 0, 64, 64))
    tight, is_cached = run(PrecisionModel(device="mps", room_for=70), "red")
    assert is_cached == [False, True]
    events = [event for event, _ in finished(start_engine().run_job(segment(path, "red")))]
    num_tiles = next(event.num_total for event in events if isinstance(event, JobProgress))
    num_on_cpu = tight.fallen.num_encoded - 1
    assert 0 < num_on_cpu < num_tiles
    roomy, is_cached = run(PrecisionModel(device="mps"), "blue")
    assert is_cached == [False, True]
    assert roomy.num_encoded == num_on_cpu + 1
    on_cpu, is_cached = run(PrecisionModel(device="cpu", identity="colour:float32"), "green")
    assert is_cached == [True, True]
    assert on_cpu.num_encoded == num_tiles - num_on_cpu


def test_a_model_that_does_not_fit_the_device_is_loaded_on_the_cpu(paint, start_engine):
    def load(name, choice):
        if choice.device.type != "cpu":
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return ColourModel()

    engine = start_engine(load, device="mps")
    found = finished(engine.run_job(segment(paint(SCENE))))
    assert isinstance(found[-1][0], JobResult)
    notices = [event.message for event, _ in found if isinstance(event, JobNotice)]
    assert len(notices) == 1
    assert engine.health().device.is_fallback


def test_a_cache_that_can_not_be_written_is_told_and_costs_no_polygon(paint, start_engine, tmp_path):
    path = paint(SCENE)
    (tmp_path / "file").write_text("no folder")
    found = finished(start_engine(cache=tmp_path / "file").run_job(segment(path)))
    assert_same(features_of(found), expected_of(path))
    notices = [event.message for event, _ in found if isinstance(event, JobNotice)]
    assert len(notices) == 2  # of encodings and of probabilities
    assert all("Going on without" in notice for notice in notices)


def test_a_finished_run_is_outlined_anew_without_the_model(paint, start_engine):
    path, model = paint(SCENE), ColourModel()
    engine = start_engine(model)
    first = finished(engine.run_job(segment(path)))
    num_asked = model.num_encoded, model.num_decoded
    outline = Outline(threshold=0.7, min_area_m2=30.0, simplify_m=1.0)
    result_id = first[0][0].result_id
    again = finished(engine.run_job(OutlineJob("slider", result_id, outline)))
    assert (model.num_encoded, model.num_decoded) == num_asked
    expected = expected_of(path, threshold=0.7, min_area_m2=30.0, simplify_m=1.0)
    assert_same(features_of(again), expected)
    assert again[0][0].parameters["threshold"] == 0.7
    assert again[0][0].created == first[0][0].created
    after_restart = finished(start_engine(model).run_job(OutlineJob("slider", result_id, outline)))
    assert features_of(after_restart) == features_of(again)


def test_a_raster_of_probabilities_is_polygonised(paint, start_engine):
    path = paint([("red", 20, 10, 30, 20)])  # red in 8 bits: 255 in band 1, 128 around it
    found = finished(start_engine().run_job(PolygoniseJob("job", str(path), query="roofs")))
    assert found[0][0].queries == ("roofs",)
    assert (found[0][0].result_id, found[0][0].model) == ("", "")
    areas = [row[2] for row in features_of(found)]
    assert areas == pytest.approx([256 * 256 * 0.25], rel=2e-3)
    high = PolygoniseJob("job", str(path), outline=Outline(threshold=0.9))
    areas = [row[2] for row in features_of(finished(start_engine().run_job(high)))]
    assert areas == pytest.approx([20 * 30 * 0.25], rel=2e-3)


def test_a_repeated_job_goes_on_where_it_was_cancelled(paint, start_engine):
    path = paint(SCENE, height=2048)
    model = SlowModel(encode_s=0.002, image_px=64)
    engine = start_engine(model)
    events = engine.run_job(segment(path))
    for event, _ in events:
        if isinstance(event, JobProgress) and event.num_done > event.num_total / 2:
            break
    engine.cancel_job("job")
    list(events)
    restarted_model = ColourModel()
    found = finished(start_engine(restarted_model).run_job(segment(path)))
    total = found[-2][0].num_total if isinstance(found[-2][0], JobProgress) else model.num_encoded
    assert restarted_model.num_decoded / 2 < 0.75 * total  # two queries
    assert_same(features_of(found), expected_of(path))


def upload(engine, path, *, window_px=100, name="Town (WMS)", content_key="", skip=()):
    with RasterSource.open(path) as source:
        grid = source.grid
        upload_id = engine.begin_upload(BeginUpload(grid, name, content_key)).upload_id
        for row in range(0, grid.height_px, window_px):
            for col in range(0, grid.width_px, window_px):
                window = WindowPx(col, row, window_px, window_px).intersection(grid.window)
                pixels = source.read(window)
                if (col, row) not in skip:
                    arrays = {IMAGE: pixels.image_HWC, VALID: pixels.valid_HW}
                    engine.put_upload(upload_id, UploadWindow(window), arrays)
    return upload_id


def test_an_uploaded_raster_gives_what_the_file_gives(paint, start_engine):
    engine = start_engine()
    path = paint(SCENE, no_data=(30, 0, 8, 256))
    upload_id = upload(engine, path)
    found = finished(engine.run_job(segment(UploadSource(upload_id))))
    assert_same(features_of(found), expected_of(path))
    assert found[0][0].source == "Town (WMS)"
    with RasterSource.open(path) as source:
        assert found[0][0].crs_wkt == source.grid.crs_wkt


def test_what_was_not_uploaded_has_no_data(paint, start_engine):
    engine = start_engine()
    path = paint([("black", 90, 90, 30, 30)])
    upload_id = upload(engine, path, skip={(100, 100), (200, 0)})
    found = features_of(finished(engine.run_job(segment(UploadSource(upload_id), "black"))))
    assert [row[2] for row in found] == pytest.approx([(900 - 400) * 0.25], rel=2e-3)


@pytest.mark.parametrize("content_key", ["", "wms:layer:2026"])
def test_an_upload_sent_again_after_a_restart_costs_no_encoding(paint, start_engine, content_key):
    path, model = paint(SCENE), ColourModel()
    first_engine = start_engine(model)
    source = UploadSource(upload(first_engine, path, content_key=content_key))
    first = finished(first_engine.run_job(segment(source)))
    first_engine.close(5.0)
    num_asked = model.num_encoded, model.num_decoded
    engine = start_engine(model)
    again = UploadSource(upload(engine, path, content_key=content_key))
    second = finished(engine.run_job(segment(again)))
    assert features_of(second) == features_of(first)
    assert second[0][0].result_id == first[0][0].result_id
    assert (model.num_encoded, model.num_decoded) == num_asked
    other = UploadSource(upload(engine, paint(SCENE[:1], name="other.tif"), content_key=content_key and "b"))
    assert len(features_of(finished(engine.run_job(segment(other))))) == 1


def test_a_running_engine_closes_with_everything(paint, start_engine):
    engine = start_engine(SlowModel(encode_s=0.05))
    events = engine.run_job(segment(paint(SCENE, height=2048)))
    next(events)
    started_s = time.monotonic()
    assert engine.close(5.0) is True
    assert time.monotonic() - started_s < 2
    assert isinstance(list(events)[-1][0], JobCancelled)
    with pytest.raises(EngineError) as refusal:
        engine.run_job(segment(paint(SCENE)))
    assert refusal.value.code is ErrorCode.SHUTTING_DOWN
