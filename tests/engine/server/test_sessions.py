"""Sessions and clicks of the engine, with a model whose right answers are known."""

from __future__ import annotations

import os
import threading

import numpy as np
import pytest
import shapely

from geophrase.engine.errors import EngineError
from geophrase.engine.model.weights.load import locate_weights
from geophrase.engine.raster.source import RasterSource
from geophrase.engine.server import folders as folders_module
from geophrase.engine.server.folders import ServerFolders
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.features import FeatureBatch
from geophrase.protocol.grid import WindowPx
from geophrase.protocol.messages import (
    IMAGE,
    LOW_RES_LOGITS,
    VALID,
    BoxQuery,
    ClassesQuery,
    FileSource,
    MaskQuery,
    PixelSource,
    PointsQuery,
    TextQuery,
)
from geophrase.protocol.sessions import OpenSession, PredictRequest
from geophrase.tests.engine.server.conftest import ORIGIN_MAP, PIXEL_M, wait_until
from geophrase.tests.fakes.colour_model import ColourModel

RED = ("red", 100, 60, 20, 10)
WINDOW = WindowPx(64, 32, 128, 128)


def at(col: float, row: float, window: WindowPx = WINDOW) -> PointsQuery:
    """A click on a pixel of the raster, in the frame of a session of this window."""
    return PointsQuery(((col - window.col + 0.5, row - window.row + 0.5),), (1,))


def opened(engine, path, window=WINDOW, **options):
    return engine.open_session(OpenSession(FileSource(str(path)), window=window, **options), {})


def click(engine, session, *prompts, arrays=None, **options) -> FeatureBatch:
    request = PredictRequest(prompts, **options)
    return FeatureBatch.from_arrays(engine.predict(session.session_id, request, arrays or {})[1])


def refusal(call, *arguments, **options) -> ErrorCode:
    with pytest.raises(EngineError) as caught:
        call(*arguments, **options)
    assert caught.value.message.endswith((".", "?"))
    return caught.value.code


def shape_of(features: FeatureBatch):
    assert len(features) == 1
    return shapely.from_wkb(features.geometry_wkb(0))


def map_box(col: int, row: int, width: int, height: int):
    x, y = ORIGIN_MAP
    return shapely.box(
        x + col * PIXEL_M, y - (row + height) * PIXEL_M, x + (col + width) * PIXEL_M, y - row * PIXEL_M
    )


def test_a_click_outlines_the_object_where_it_lies_on_the_map(paint, start_engine):
    engine = start_engine()
    session = opened(engine, paint([RED, ("blue", 10, 10, 9, 9)]))
    assert not session.is_cached
    features = click(engine, session, at(105, 65))
    assert shape_of(features).equals(map_box(100, 60, 20, 10))
    # UTM's scale at this longitude is 0.9997: areas on the ellipsoid differ from those on the map by 6e-4.
    assert features.area_m2[0] == pytest.approx(20 * 10 * PIXEL_M**2, rel=2e-3)
    assert features.perimeter_m[0] == pytest.approx(60 * PIXEL_M, rel=2e-3)
    assert features.score[0] > 0.99
    assert features.iou_pred[0] == 0.9
    assert 0.9 < features.objectness[0] < 1


def test_prompts_are_combined_and_options_apply(paint, start_engine):
    engine = start_engine()
    session = opened(engine, paint([RED, ("red", 150, 60, 4, 4)]))
    assert len(click(engine, session, TextQuery("red"))) == 2
    assert len(click(engine, session, TextQuery("red"), min_area_m2=10.0)) == 1
    box = BoxQuery((140 - WINDOW.col, 50 - WINDOW.row, 170 - WINDOW.col, 70 - WINDOW.row))
    assert shape_of(click(engine, session, TextQuery("red"), box)).equals(map_box(150, 60, 4, 4))
    assert len(click(engine, session, TextQuery("red"), threshold=0.9999)) == 0  # sure is 0.9997


def test_logits_go_out_and_come_back_as_a_prompt(paint, start_engine):
    engine = start_engine()
    session = opened(engine, paint([RED]))
    _, arrays = engine.predict(session.session_id, PredictRequest((at(105, 65),)), {})
    logits = arrays[LOW_RES_LOGITS]
    assert (logits.shape, logits.dtype) == ((16, 16), np.float32)
    answer, without = engine.predict(
        session.session_id,
        PredictRequest((at(105, 65), MaskQuery()), has_logits=False),
        {LOW_RES_LOGITS: logits},
    )
    assert LOW_RES_LOGITS not in without
    assert answer.model_s > 0
    for wrong in ({}, {LOW_RES_LOGITS: logits[:8]}, {LOW_RES_LOGITS: logits.astype(np.float64)}):
        assert refusal(click, engine, session, MaskQuery(), arrays=wrong) is ErrorCode.BAD_REQUEST
    holed = logits.copy()
    holed[3, 3] = np.nan
    assert (
        refusal(click, engine, session, MaskQuery(), arrays={LOW_RES_LOGITS: holed}) is ErrorCode.BAD_REQUEST
    )


def test_what_can_not_be_asked_is_said(paint, start_engine):
    engine = start_engine(ColourModel(has_text=False, name="clicks"))
    session = opened(engine, paint([RED]))
    assert refusal(click, engine, session, TextQuery("red")) is ErrorCode.BAD_REQUEST
    assert refusal(click, engine, session, ClassesQuery()) is ErrorCode.MODEL_UNKNOWN
    assert refusal(click, engine, session) is ErrorCode.BAD_REQUEST
    assert refusal(click, engine, session, at(1, 1), at(2, 2)) is ErrorCode.BAD_REQUEST
    assert refusal(click, engine, session, at(1e30, 1)) is ErrorCode.BAD_REQUEST
    crowd = PointsQuery(((1.0, 1.0),) * 1001, (1,) * 1001)
    assert refusal(click, engine, session, crowd) is ErrorCode.BAD_REQUEST
    assert refusal(click, engine, session, at(1, 1), threshold=1.5) is ErrorCode.BAD_REQUEST
    assert refusal(opened, engine, paint([RED]), model="rsam_huge") is ErrorCode.MODEL_UNKNOWN
    assert refusal(opened, engine, "/no/such/file.tif") is ErrorCode.RASTER_UNREADABLE
    assert refusal(opened, engine, "a\0b") is ErrorCode.BAD_REQUEST
    path = paint([RED])
    assert refusal(opened, engine, path, WindowPx(900, 900, 64, 64)) is ErrorCode.OUTSIDE_RASTER
    assert refusal(opened, engine, path, shape_yx=(64, 100_000)) is ErrorCode.TOO_LARGE
    assert refusal(opened, engine, path, shape_yx=(0, 64)) is ErrorCode.BAD_REQUEST
    assert refusal(opened, engine, path, WindowPx(0, 0, 0, 5)) is ErrorCode.BAD_REQUEST


def test_the_same_image_is_encoded_once_also_after_a_restart(paint, start_engine, tmp_path):
    path, model = paint([RED]), ColourModel()
    engine = start_engine(model)
    first, second = opened(engine, path), opened(engine, path)
    assert (first.is_cached, second.is_cached) == (False, True)
    assert first.session_id == second.session_id
    assert opened(engine, path, WindowPx(65, 32, 128, 128)).session_id != first.session_id
    assert model.num_encoded == 2

    restarted = start_engine(model)
    unknown = refusal(click, restarted, first, at(105, 65))
    assert unknown is ErrorCode.NOT_FOUND
    again = opened(restarted, path)
    assert again.is_cached
    assert model.num_encoded == 2
    assert shape_of(click(restarted, again, at(105, 65))).equals(map_box(100, 60, 20, 10))


def test_a_changed_file_is_another_image(paint, start_engine):
    engine = start_engine()
    first = opened(engine, paint([RED]))
    path = paint([("blue", 100, 60, 20, 10)])
    os.utime(path, (1, 1))
    second = opened(engine, path)
    assert second.session_id != first.session_id
    assert len(click(engine, second, TextQuery("blue"))) == 1


def test_beyond_the_memory_limit_encodings_come_back_from_the_disk(paint, start_engine):
    path, model = paint([RED]), ColourModel()
    engine = start_engine(model, memory_bytes=1)
    sessions = [opened(engine, path, WindowPx(col, 32, 128, 128)) for col in (60, 62, 64)]
    assert engine.health().num_sessions == 3
    for session, col in zip(sessions, (60, 62, 64), strict=True):
        found = click(engine, session, at(105, 65, WindowPx(col, 32, 128, 128)))
        assert shape_of(found).equals(map_box(100, 60, 20, 10))
    assert model.num_encoded == 3


def test_without_a_disk_cache_what_no_longer_fits_is_opened_again(paint, start_engine, tmp_path, monkeypatch):
    monkeypatch.setattr(folders_module, "default_cache_folder", lambda: tmp_path / "embeddings")
    path = paint([RED])
    folders = ServerFolders.for_now()
    engine = start_engine(memory_bytes=1, folders=folders)
    first, second = opened(engine, path), opened(engine, path, WindowPx(60, 32, 128, 128))
    assert refusal(click, engine, first, at(105, 65)) is ErrorCode.NOT_FOUND
    assert len(click(engine, second, at(105, 65, WindowPx(60, 32, 128, 128)))) == 1
    assert not opened(engine, path).is_cached
    engine.close(5.0)
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_request_is_not_told_to_name_a_weights_file(paint, start_engine, tmp_path):
    (tmp_path / "own.safetensors").write_bytes(b"weights")
    engine = start_engine()
    with pytest.raises(EngineError, match="start the engine with it") as caught:
        opened(engine, paint([RED]), model=str(tmp_path / "own.safetensors"))
    assert "works too" not in caught.value.message
    with pytest.raises(EngineError, match="works too"):
        locate_weights("rsam_huge")  # of the command


def test_a_closed_session_is_forgotten(paint, start_engine):
    engine = start_engine()
    session = opened(engine, paint([RED]))
    engine.close_session(session.session_id)
    engine.close_session("nothing")
    assert refusal(click, engine, session, at(105, 65)) is ErrorCode.NOT_FOUND


def test_where_there_is_no_data_there_is_no_object(paint, start_engine):
    engine = start_engine()
    path = paint([("black", 100, 60, 20, 10)], no_data=(110, 0, 146, 256))
    features = click(engine, opened(engine, path), TextQuery("black"))
    assert shape_of(features).equals(map_box(100, 60, 10, 10))
    # Outside the raster pixels are black and no data, too.
    window = WindowPx(-50, -50, 128, 128)
    session = opened(engine, path, window)
    assert session.grid == RasterSource.open(path).grid.subgrid(window)
    assert len(click(engine, session, TextQuery("black"))) == 0
    assert refusal(opened, engine, path, WindowPx(120, 10, 50, 50)) is ErrorCode.NO_DATA


@pytest.mark.parametrize("shape_yx", [(64, 64), (256, 256), (100, 200)])
def test_an_image_may_be_smaller_or_larger_than_its_window(paint, start_engine, shape_yx):
    engine = start_engine()
    window = WindowPx(-32, 32, 128, 128)  # a quarter of it beside the raster
    path = paint([("red", 10, 60, 40, 20)])
    session = opened(engine, path, window, shape_yx=shape_yx)
    assert (session.grid.height_px, session.grid.width_px) == shape_yx
    found = shape_of(click(engine, session, TextQuery("red")))
    expected = map_box(10, 60, 40, 20)
    assert found.symmetric_difference(expected).area < 0.12 * expected.area
    assert found.hausdorff_distance(expected) < 2 * PIXEL_M * 128 / min(shape_yx)


def test_sent_pixels_are_the_same_as_those_of_a_file(paint, start_engine):
    engine = start_engine()
    path = paint([RED], no_data=(110, 0, 5, 256))
    with RasterSource.open(path) as source:
        pixels, grid = source.read(WINDOW), source.grid.subgrid(WINDOW)
    arrays = {IMAGE: pixels.image_HWC, VALID: pixels.valid_HW}
    sent = engine.open_session(OpenSession(PixelSource(grid)), arrays)
    again = engine.open_session(OpenSession(PixelSource(grid)), arrays)
    assert (again.session_id, again.is_cached) == (sent.session_id, True)
    of_file = click(engine, opened(engine, path), at(105, 65))
    of_pixels = click(engine, sent, at(105, 65))
    assert np.array_equal(of_file.wkb, of_pixels.wkb)
    assert np.array_equal(of_file.area_m2, of_pixels.area_m2)
    moved = {**arrays, VALID: np.ones_like(pixels.valid_HW)}
    assert engine.open_session(OpenSession(PixelSource(grid)), moved).session_id != sent.session_id
    for wrong in (
        {},
        {IMAGE: pixels.image_HWC[:5]},
        {IMAGE: pixels.image_HWC.astype(np.float32)},
        {**arrays, VALID: pixels.valid_HW[:5]},
    ):
        assert refusal(engine.open_session, OpenSession(PixelSource(grid)), wrong) is ErrorCode.BAD_REQUEST
    request = OpenSession(PixelSource(grid), window=WINDOW)
    assert refusal(engine.open_session, request, arrays) is ErrorCode.BAD_REQUEST


class HeldModel(ColourModel):
    """Answers clicks when it is let; texts, such as the one that warms it up, at once."""

    def __init__(self) -> None:
        super().__init__()
        self.is_in, self.opened, self.is_warm = threading.Event(), threading.Event(), threading.Event()

    def predict(self, embedding, **prompts):
        if prompts.get("text") is None:
            self.is_in.set()
            assert self.opened.wait(10)
        else:
            self.is_warm.set()
        return super().predict(embedding, **prompts)


def test_a_newer_click_of_its_stream_supersedes_one_that_waits(paint, start_engine):
    model = HeldModel()
    engine = start_engine(model)
    session = opened(engine, paint([RED]))
    assert model.is_warm.wait(5)  # or it would be in the queue, too
    outcomes: dict[str, object] = {}

    def ask(name: str) -> None:
        try:
            outcomes[name] = len(click(engine, session, at(105, 65), stream="hover"))
        except EngineError as error:
            outcomes[name] = error.code

    threads = []
    for name in ("runs", "waits", "newest"):
        threads.append(threading.Thread(target=ask, args=(name,)))
        threads[-1].start()
        assert model.is_in.wait(5)
        if name != "runs":
            wait_until(lambda: engine.health().num_queued == 1)
    threads[1].join(5)
    assert outcomes == {"waits": ErrorCode.SUPERSEDED}
    assert engine.health().state == "busy"
    model.opened.set()
    for thread in threads:
        thread.join(5)
    assert outcomes == {"runs": 1, "waits": ErrorCode.SUPERSEDED, "newest": 1}


def test_idle_models_leave_memory_and_come_back(paint, start_engine):
    loads: list[str] = []
    model = ColourModel()

    def load(name, choice):
        loads.append(name)
        return model

    engine = start_engine(load, keep_alive_s=0.2)
    session = opened(engine, paint([RED]))
    assert engine.health().model == "rsam_small"
    wait_until(lambda: engine.health().model == "")
    assert len(click(engine, session, at(105, 65))) == 1
    assert loads == ["rsam_small"] * 2


class WarmedModel(ColourModel):
    """Remembers the texts that it was asked about: only the warm-up asks about one here."""

    def __init__(self) -> None:
        super().__init__()
        self.warm_ups: list[str] = []

    def predict(self, embedding, **prompts):
        if "text" in prompts:
            self.warm_ups.append(prompts["text"])
        return super().predict(embedding, **prompts)


@pytest.mark.parametrize("is_known", [True, False], ids=["known image", "new image"])
def test_a_model_that_left_memory_is_warmed_up_again(paint, start_engine, is_known):
    model = WarmedModel()
    engine = start_engine(model, keep_alive_s=0.2)
    path = paint([RED])
    opened(engine, path)
    wait_until(lambda: engine.health().model == "")
    assert len(model.warm_ups) == 1
    assert opened(engine, path, WINDOW if is_known else WindowPx(60, 32, 128, 128)).is_cached == is_known
    wait_until(lambda: len(model.warm_ups) == 2)
