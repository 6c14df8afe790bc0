"""Answers to clicks: the newest, from the right crop, and again after the engine has died."""

from __future__ import annotations

import time
from functools import partial

import numpy as np
import pytest
from qgis.core import QgsRasterLayer
from rasters import ROTATED, write_raster
from tile_server import TileServer

from geophrase.qgis_plugin.core.engine.service import EngineService
from geophrase.qgis_plugin.core.raster.layer_raster import layer_raster
from geophrase.qgis_plugin.core.refine.outlined import RefineOptions, View
from geophrase.qgis_plugin.core.refine.prompts import PromptState
from geophrase.qgis_plugin.core.refine.refine_engine import RefineEngine
from geophrase.qgis_plugin.core.vector.clicks import Click

pytestmark = pytest.mark.usefixtures("qgis_app")
SIDE_PX = 4096


class Desk:
    """A refine engine on a scripted engine, and everything it has told."""

    def __init__(self, app, command, source: str, provider: str = "gdal", **options):
        self.app, self.command = app, command
        self.service = EngineService(lambda: command.serve_argv)
        self.layer = QgsRasterLayer(source, "photo", provider)
        assert self.layer.isValid()
        self.raster = layer_raster(self.layer)
        self.engine = RefineEngine(self.service, self.raster, RefineOptions(**options))
        self.told: list = []
        for name in ("outlined", "hovered", "failed", "status_changed"):
            signal = getattr(self.engine, name)
            signal.connect(partial(self._tell, name))
        self.engine.view_encoded.connect(lambda: self.told.append(("view_encoded", None)))
        self.engine.start()

    def _tell(self, name: str, value):
        self.told.append((name, value))

    def of(self, name: str) -> list:
        return [value for kind, value in self.told if kind == name]

    def wait(self, condition, timeout_s: float = 15.0):
        end = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end, self.told
            self.app.processEvents()
            time.sleep(0.002)

    def settle(self, seconds: float = 0.3):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.app.processEvents()
            time.sleep(0.002)

    def click(self, *at_pix, is_positive: bool = True) -> Click:
        x_map, y_map = self.raster.pixel_grid.to_map(at_pix)
        return Click(float(x_map), float(y_map), is_positive)

    def state(self, *points_pix, text: str = "") -> PromptState:
        return PromptState(text=text, clicks=tuple(self.click(*at_pix) for at_pix in points_pix))

    def requests(self, on: str) -> list[dict]:
        return self.command.requests(on)

    def prompts(self, index: int = -1) -> dict:
        found = self.requests("predict")[index]["message"]["prompts"]
        return {prompt["type"]: prompt for prompt in found}

    def close(self):
        self.engine.stop()
        self.service.stop()
        assert self.engine.join(5)
        self.app.processEvents()  # what was told last reaches this object while it is whole
        self.layer = None  # layers must not outlive QGIS


@pytest.fixture
def desk(qgis_app, scripted_engine, tmp_path):
    opened = []

    def open_desk(source=None, provider="gdal", **options):
        if source is None:
            values = np.full((3, SIDE_PX, SIDE_PX), 100, np.uint8)
            source = write_raster(tmp_path / "photo.tif", values, transform=ROTATED, epsg=25832)
        opened.append(Desk(qgis_app, scripted_engine, source, provider, **options))
        return opened[-1]

    yield open_desk
    for one in opened:
        one.close()


def _view(x_pix: float, y_pix: float, side_pix: float = 1024) -> View:
    return View((x_pix, y_pix), side_pix)


def test_the_view_is_encoded_first_and_then_its_neighbourhood_in_the_background(desk):
    d = desk()
    d.engine.show_view(_view(2100, 2000))
    d.wait(lambda: len(d.requests("open_session")) == 3)
    d.settle()
    opened = [entry["message"] for entry in d.requests("open_session")]
    assert [message["is_background"] for message in opened] == [False, True, True]  # of 8 sessions it keeps 4
    assert opened[0]["window"] == {"col": 1536, "row": 1536, "width": 1024, "height": 1024}
    assert opened[0]["shape_yx"] == [1024, 1024]
    assert opened[0]["source"]["path"] == d.raster.file_source().path
    assert opened[1]["window"]["col"] == 2048
    assert len(d.of("view_encoded")) == 1
    d.engine.show_view(_view(2110, 2010, 1100))
    d.wait(lambda: len(d.of("view_encoded")) == 2)
    assert len(d.requests("open_session")) == 3


def test_a_click_is_answered_at_the_pixel_that_was_meant(desk):
    d = desk(threshold=0.4, min_area_m2=2.0, simplify_m=0.5)
    state = d.state((2100, 2000), text="roof")
    d.engine.predict(state, _view(2000, 2000))
    d.wait(lambda: d.of("outlined"))
    outlined = d.of("outlined")[0]
    assert outlined.state is state
    window = d.requests("open_session")[0]["message"]["window"]
    prompts = d.prompts()
    assert prompts["text"]["text"] == "roof"
    assert prompts["points"]["labels"] == [1]
    assert prompts["points"]["points_pix"][0] == pytest.approx(
        [2100 - window["col"], 2000 - window["row"]], abs=1e-3
    )
    message = d.requests("predict")[0]["message"]
    assert (message["threshold"], message["min_area_m2"], message["simplify_m"]) == (0.4, 2.0, 0.5)
    centre = outlined.geometry.centroid().asPoint()
    assert d.raster.pixel_grid.to_pix((centre.x(), centre.y())) == pytest.approx((2100, 2000), abs=0.5)
    assert (outlined.model, outlined.weights, outlined.score) == ("scripted", "5c817ed0", 0.9)
    assert outlined.area_m2 > 100


def test_the_mask_goes_along_and_moves_to_another_crop_with_the_click(desk):
    d = desk()
    first = d.state((2100, 2000))
    d.engine.predict(first, _view(2000, 2000))
    d.wait(lambda: d.of("outlined"))
    mask = d.of("outlined")[0].mask
    assert mask.logits_HW.shape == (256, 256)
    near = first.with_click(d.click(2200, 2100, is_positive=False), mask=mask)
    d.engine.predict(near, _view(2000, 2000))
    d.wait(lambda: len(d.of("outlined")) == 2)
    assert len(d.requests("open_session")) == 1
    assert d.of("outlined")[1].mask.crop == mask.crop
    assert d.requests("predict")[1]["arrays"] == {"low_res_logits_HW": [256, 256]}
    assert set(d.prompts()) == {"points", "mask"}
    assert d.prompts()["points"]["labels"] == [1, 0]
    far = near.with_click(d.click(3900, 2000), mask=d.of("outlined")[1].mask)
    d.engine.predict(far, _view(3600, 2000))
    d.wait(lambda: len(d.of("outlined")) == 3)
    window = d.requests("open_session")[1]["message"]["window"]
    assert window["width"] == 2048
    assert len(d.prompts()["points"]["points_pix"]) == 3
    back_pix = np.array(d.prompts()["points"]["points_pix"]) * 2 + (window["col"], window["row"])
    assert back_pix == pytest.approx(np.array([(2100, 2000), (2200, 2100), (3900, 2000)]), abs=1e-3)


def test_only_the_newest_of_many_clicks_is_told(desk):
    d = desk()
    d.engine.show_view(_view(2000, 2000))
    d.wait(lambda: d.of("view_encoded"))
    d.command.script({"on": "predict", "delay_s": 0.2})
    states = [d.state((1900 + 10 * number, 2000)) for number in range(20)]
    for state in states:
        d.engine.predict(state, _view(2000, 2000))
        d.settle(0.01)
    d.wait(lambda: d.of("outlined"))
    d.settle(0.5)
    assert [outlined.state for outlined in d.of("outlined")] == [states[-1]]
    assert len(d.requests("predict")) <= 3


def test_a_preview_is_given_only_where_the_view_is_encoded_and_only_while_it_is_wanted(desk):
    d = desk()
    d.engine.hover(d.state((2000, 2000)), _view(2000, 2000))
    d.wait(lambda: d.of("hovered") == [None])
    assert d.requests("open_session") == []
    d.engine.show_view(_view(2000, 2000))
    d.wait(lambda: d.of("view_encoded"))
    d.engine.hover(d.state((2000, 2000)), _view(2000, 2000))
    d.wait(lambda: len(d.of("hovered")) == 2)
    assert d.of("hovered")[1].geometry.area() > 100
    d.command.script({"on": "predict", "delay_s": 0.2})
    d.engine.hover(d.state((2010, 2000)), _view(2000, 2000))
    d.wait(lambda: len(d.requests("predict")) == 2)
    d.engine.end_hover()
    d.settle(0.4)
    assert len(d.of("hovered")) == 2
    assert d.of("outlined") == []


def test_a_view_that_is_being_encoded_in_the_background_is_not_encoded_again(desk):
    d = desk()
    d.command.script({"on": "open_session", "delay_s": 0.5})
    d.engine.show_view(_view(2100, 2000))
    d.wait(lambda: len(d.requests("open_session")) == 2)
    window = d.requests("open_session")[1]["message"]["window"]
    d.engine.show_view(_view(window["col"] + window["width"] / 2, window["row"] + window["height"] / 2))
    d.wait(lambda: len(d.of("view_encoded")) == 2)
    d.settle()
    windows = [str(entry["message"]["window"]) for entry in d.requests("open_session")]
    assert windows.count(str(window)) == 1
    assert d.of("failed") == []


def test_what_is_expected_next_is_encoded_before_the_neighbourhood(desk):
    d = desk()
    corners_pix = [(3500, 3400), (3600, 3400), (3600, 3500), (3500, 3500)]
    corners_map = tuple((float(x), float(y)) for x, y in d.raster.pixel_grid.to_map(corners_pix))
    upcoming = PromptState(box_map=corners_map)
    d.engine.expect((upcoming, _view(3550, 3450)))
    d.engine.show_view(_view(500, 500))
    d.wait(lambda: len(d.requests("open_session")) == 3)
    d.settle()
    opened = [entry["message"] for entry in d.requests("open_session")]
    assert [message["is_background"] for message in opened] == [False, True, True]
    window = opened[1]["window"]
    assert window["col"] <= 3500 <= 3600 <= window["col"] + window["width"]
    d.engine.predict(upcoming, _view(3550, 3450))
    d.wait(lambda: d.of("outlined"))
    assert len(d.requests("open_session")) == 3


def test_a_click_overtakes_previews_and_the_neighbourhood(desk):
    d = desk()
    d.engine.show_view(_view(2000, 2000))
    d.wait(lambda: d.of("view_encoded"))
    d.command.script({"on": "open_session", "delay_s": 3})
    d.engine.show_view(_view(2000, 2000))
    d.wait(lambda: len(d.of("view_encoded")) == 2)
    start_s = time.monotonic()
    d.engine.predict(d.state((2000, 2000)), _view(2000, 2000))
    d.wait(lambda: d.of("outlined"))
    assert time.monotonic() - start_s < 1


def test_a_click_in_flight_when_the_engine_dies_is_answered_by_the_next_one(desk):
    d = desk()
    d.engine.show_view(_view(2000, 2000))
    d.wait(lambda: d.of("view_encoded"))
    d.command.script({"on": "predict", "life": 1, "exit": 9})
    state = d.state((2000, 2000))
    d.engine.predict(state, _view(2000, 2000))
    d.wait(lambda: d.of("outlined"))
    assert d.of("outlined")[0].state is state
    assert d.of("failed") == []
    assert [entry["life"] for entry in d.requests("predict")] == [1, 2]
    assert any(entry["life"] == 2 for entry in d.requests("open_session"))


def test_an_engine_that_dies_again_and_again_is_told_once_for_each_click(desk):
    d = desk()
    d.command.script({"on": "predict", "exit": 9})
    d.engine.predict(d.state((2000, 2000)), _view(2000, 2000))
    d.wait(lambda: d.of("failed"))
    d.settle(0.2)
    assert len(d.of("failed")) == 1
    d.command.script()
    d.engine.predict(d.state((2000, 2000)), _view(2000, 2000))
    d.wait(lambda: d.of("outlined"))


def test_a_session_that_the_engine_forgot_is_opened_again(desk):
    d = desk()
    d.engine.predict(d.state((2000, 2000)), _view(2000, 2000))
    d.wait(lambda: d.of("outlined"))
    client = d.service.client()
    client.close_session(d.requests("predict")[0]["id"])
    d.engine.predict(d.state((2010, 2000)), _view(2000, 2000))
    d.wait(lambda: len(d.of("outlined")) == 2)
    assert len(d.requests("open_session")) == 2


def test_a_refusal_is_told_in_the_engines_words(desk):
    d = desk()
    d.command.script({"on": "predict", "fail": {"code": "out_of_memory", "message": "No memory; close it."}})
    d.engine.predict(d.state((2000, 2000)), _view(2000, 2000))
    d.wait(lambda: d.of("failed") == ["No memory; close it."])
    unknown = desk(model="no such model")
    unknown.engine.predict(d.state((2000, 2000)), _view(2000, 2000))
    unknown.wait(lambda: unknown.of("failed"))
    assert "no such model" in unknown.of("failed")[0]


def test_a_drawn_layer_is_encoded_from_its_pixels(desk):
    server = TileServer()
    try:
        d = desk(server.xyz, "wms")
        side_pix = d.raster.pixel_grid.width_px
        d.engine.predict(d.state((side_pix * 0.5 + 500, side_pix * 0.3)), _view(side_pix / 2, side_pix * 0.3))
        d.wait(lambda: d.of("outlined"))
        opened = d.requests("open_session")[0]
        assert opened["arrays"] == {"image_HWC": [1024, 1024, 3], "valid_HW": [1024, 1024]}
        assert {key[0] for key in server.asked} == {18}
        assert len(set(server.asked)) == 16  # the crop lies on the tiles
        centre = d.of("outlined")[0].geometry.centroid().asPoint()
        assert d.raster.pixel_grid.to_pix((centre.x(), centre.y())) == pytest.approx(
            (side_pix * 0.5 + 500, side_pix * 0.3), abs=0.5
        )
        z, x, y = server.asked[0]
        server.answers = {(z, x + 1000 + i, y + j): 404 for i in range(-9, 9) for j in range(-9, 9)}
        d.engine.predict(d.state(((x + 1000) * 256.0, y * 256.0)), _view((x + 1000) * 256.0, y * 256.0))
        d.wait(lambda: d.of("failed"))
        assert "No picture of this place arrived from photo" in d.of("failed")[0]
        assert len(d.requests("open_session")) == 1
    finally:
        server.close()


def test_it_stops_at_once_even_while_the_engine_is_starting(desk, tmp_path):
    d = desk()
    d.command.script(start={"delay_s": 5})
    d.engine.show_view(_view(2000, 2000))
    d.settle(0.3)
    start_s = time.monotonic()
    d.engine.stop()
    assert d.engine.join(2)
    assert time.monotonic() - start_s < 2
    assert d.of("failed") == []
