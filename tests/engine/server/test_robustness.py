"""Whatever a client asks and however many do, the engine answers or gives a sentence, and then it ends."""

from __future__ import annotations

import math
import random
import threading
import time

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geophrase.engine.errors import EngineError
from geophrase.protocol.codec import from_json, to_json
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.features import FeatureBatch
from geophrase.protocol.grid import RasterGrid, WindowPx
from geophrase.protocol.jobs import FINAL_EVENTS, JobEvent, Outline, SegmentJob
from geophrase.protocol.messages import (
    IMAGE,
    BoxQuery,
    FileSource,
    MaskQuery,
    PixelSource,
    PointsQuery,
    TextQuery,
)
from geophrase.protocol.sessions import OpenSession, Predicted, PredictRequest, SessionOpened
from geophrase.tests.fakes.colour_model import ColourModel

NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.floats(-10, 200)
WHOLE = st.integers(-300, 300) | st.integers(-(10**400), 10**400)
SIDE = st.integers(0, 200) | st.integers(0, 10**400)
NEAR, SIZE = st.integers(-200, 300), st.integers(0, 300)
WINDOWS = st.builds(WindowPx, NEAR, NEAR, SIZE, SIZE) | st.builds(WindowPx, WHOLE, WHOLE, SIDE, SIDE)
TEXTS = st.sampled_from(["red", "", "x" * 600]) | st.text(max_size=20)


@st.composite
def prompts(draw):
    points = draw(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=4))
    labels = draw(st.lists(st.integers(0, 1), min_size=len(points), max_size=len(points)))
    xmin, xmax = sorted(draw(st.lists(NUMBERS, min_size=2, max_size=2, unique=True)))
    choices = [
        PointsQuery(tuple(points), tuple(labels)),
        BoxQuery((xmin, xmin, xmax, xmax)),
        MaskQuery(),
        TextQuery(draw(TEXTS)),
    ]
    return tuple(draw(st.lists(st.sampled_from(choices), max_size=4)))


def answer_or_sentence(call):
    try:
        return call()
    except EngineError as error:
        refusal = error
    assert refusal.code is not ErrorCode.INTERNAL
    assert refusal.message.endswith((".", "?"))
    return None


FUZZ = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def test_any_click_is_answered_or_refused(paint, start_engine):
    engine = start_engine()
    session = engine.open_session(OpenSession(FileSource(str(paint([("red", 9, 9, 40, 40)])))), {})

    @FUZZ
    @given(prompts(), NUMBERS, st.none() | NUMBERS, st.none() | NUMBERS)
    def ask(prompts, threshold, min_area_m2, simplify_m):
        request = PredictRequest(prompts, threshold, min_area_m2, simplify_m)
        found = answer_or_sentence(lambda: engine.predict(session.session_id, request, {}))
        if found is not None:
            assert from_json(Predicted, to_json(found[0])) == found[0]
            FeatureBatch.from_arrays(found[1])

    ask()


def test_any_window_is_opened_or_refused(paint, start_engine):
    engine = start_engine()
    path = str(paint([("red", 9, 9, 40, 40)]))

    @FUZZ
    @given(
        WINDOWS | st.none(),
        st.none() | st.tuples(SIDE, SIDE),
        st.none() | NUMBERS,
        st.none() | st.tuples(WHOLE),
    )
    def ask(window, shape_yx, resolution_m, bands):
        source = FileSource(path, bands, resolution_m)
        opened = answer_or_sentence(lambda: engine.open_session(OpenSession(source, window, shape_yx), {}))
        if opened is not None:
            assert from_json(SessionOpened, to_json(opened)) == opened

    ask()


def test_any_place_is_taken_for_sent_pixels(start_engine):
    engine = start_engine()
    image_HWC = np.zeros((20, 30, 3), np.uint8)

    @FUZZ
    @given(st.tuples(*[NUMBERS] * 6), st.sampled_from(["", "EPSG:4326", "nonsense", 'LOCAL_CS["x"]']), TEXTS)
    def ask(map_from_pix, crs, text):
        try:
            grid = RasterGrid(30, 20, map_from_pix, crs)
        except ValueError:
            return
        opened = answer_or_sentence(
            lambda: engine.open_session(OpenSession(PixelSource(grid)), {IMAGE: image_HWC})
        )
        if opened is not None:
            request = PredictRequest((TextQuery(text), PointsQuery(((5.0, 5.0),), (1,))))
            answer_or_sentence(lambda: engine.predict(opened.session_id, request, {}))

    ask()


def test_any_job_ends_in_one_final_event_or_is_refused(paint, start_engine):
    engine = start_engine()
    path = str(paint([("red", 9, 9, 40, 40)]))

    @FUZZ
    @given(
        st.lists(TEXTS, max_size=3),
        st.none() | st.tuples(*[NUMBERS] * 4),
        st.booleans(),
        st.none() | st.integers(32, 300) | WHOLE,
        st.none() | WHOLE,
        st.tuples(st.just(0.5) | NUMBERS, st.none() | NUMBERS, st.none() | NUMBERS),
    )
    def ask(texts, extent_map, is_one_window, tile_px, overlap_px, outline):
        request = SegmentJob(
            "job",
            FileSource(path),
            tuple(map(TextQuery, texts)),
            extent_map,
            None,
            is_one_window,
            tile_px,
            overlap_px,
            Outline(*outline),
        )
        events = answer_or_sentence(lambda: list(engine.run_job(request)))
        if events is not None:
            assert [isinstance(event, FINAL_EVENTS) for event, _ in events].count(True) == 1
            for event, _ in events:
                assert from_json(JobEvent, to_json(event)).TYPE == event.TYPE

    ask()


@pytest.mark.parametrize("is_closed_under_them", [False, True])
def test_many_clients_at_once(paint, start_engine, is_closed_under_them):
    paths = [paint([("red", 10 * n, 10, 30, 30)], name=f"{n}.tif") for n in range(5)]
    engine = start_engine(ColourModel(), memory_bytes=200_000)
    unexpected: list[BaseException] = []
    num_answers = 0
    ends_s = time.monotonic() + 3

    def use(seed: int) -> None:
        nonlocal num_answers
        chance = random.Random(seed)
        while time.monotonic() < ends_s:
            try:
                _one_use(engine, chance, paths, f"client-{seed}")
                num_answers += 1
            except EngineError as error:
                if error.code not in {ErrorCode.SUPERSEDED, ErrorCode.NOT_FOUND, ErrorCode.BUSY}:
                    unexpected.append(error)
                    return

    threads = [threading.Thread(target=use, args=(seed,)) for seed in range(12)]
    for thread in threads:
        thread.start()
    if is_closed_under_them:
        time.sleep(1)
        assert engine.close(5.0)
    for thread in threads:
        thread.join(20)
        assert not thread.is_alive(), "a client waits for ever"
    assert num_answers > 0
    codes = {getattr(error, "code", error) for error in unexpected}
    assert codes == ({ErrorCode.SHUTTING_DOWN} if is_closed_under_them else set())
    if not is_closed_under_them:
        health = engine.health()
        assert (health.state, health.num_jobs, health.num_queued) == ("idle", 0, 0)


def _one_use(engine, chance: random.Random, paths: list, client: str) -> None:
    path = str(chance.choice(paths))
    window = WindowPx(chance.randrange(64), 0, 128, 128)
    session = engine.open_session(
        OpenSession(FileSource(path), window, is_background=chance.random() < 0.3), {}
    )
    for _ in range(3):
        engine.predict(
            session.session_id, PredictRequest((TextQuery("red"),), stream=chance.choice(["", "shared"])), {}
        )
    if chance.random() < 0.3:
        engine.close_session(session.session_id)
    if chance.random() < 0.3:
        events = engine.run_job(SegmentJob(client, FileSource(path), (TextQuery("red"),)))
        for number, _ in enumerate(events):
            if chance.random() < 0.1:
                engine.cancel_job(client)
            if number > 5 and chance.random() < 0.2:
                break
        events.close()
        list(events)
    assert math.isfinite(engine.health().memory_bytes)
