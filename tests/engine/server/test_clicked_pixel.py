"""What is clicked on the map is the pixel that the network is told of, at whatever scale it is shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch
from affine import Affine

from geophrase.engine.model.rsam.config import PRESETS, ConvTrunkConfig
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.engine.predictor import Predictor
from geophrase.engine.refine import RefineConfig, refine_raster
from geophrase.protocol.grid import RasterGrid, WindowPx
from geophrase.protocol.messages import BoxQuery, FileSource, PointsQuery
from geophrase.protocol.sessions import OpenSession, PredictRequest
from geophrase.qgis_plugin.core.raster.crops import Crop
from geophrase.qgis_plugin.core.refine.crop_prompts import prompts_in
from geophrase.qgis_plugin.core.refine.prompts import PromptState
from geophrase.qgis_plugin.core.vector.clicks import Click

INPUT_PX = 128
TRUNK = ConvTrunkConfig(stem_channels=8, channels=(8, 16, 24, 32), depths=(1, 1, 1, 1))
HEIGHT_PX, WIDTH_PX = 600, 700
MAP_FROM_PIX = Affine(0.5, 0, 346_000, 0, -0.5, 5_648_000) @ Affine.rotation(20)
GRID = RasterGrid(WIDTH_PX, HEIGHT_PX, tuple(MAP_FROM_PIX)[:6])

LIT = WindowPx(332, 264, 4, 4)
"""The white pixels of a black raster: one pixel of the coarsest crop to 32 by 32 of the finest."""


class ListeningPredictor(Predictor):
    """Writes down where its prompt encoder was told to look, in pixel edges of the network's input."""

    told_xy: np.ndarray
    shown_HWC: np.ndarray

    def encode_batch(self, images_BHWC):
        self.shown_HWC = images_BHWC[0]
        return super().encode_batch(images_BHWC)

    def predict(self, embedding, *, text=None, **prompts):
        if text is not None:  # the engine's own first question, whose answer nobody waits for
            return super().predict(embedding, text=text, **prompts)
        positions: list[np.ndarray] = []
        layer = self.rsam.prompt_encoder.pe_layer
        hook = layer.register_forward_pre_hook(lambda _, shares: positions.append(shares[0].numpy()))
        try:
            return super().predict(embedding, **prompts)
        finally:
            hook.remove()
            (self.told_xy,) = [shares[0] * INPUT_PX for shares in positions if shares.shape[:-2] == (1,)]

    def colour_at(self, told_xy: np.ndarray) -> int:
        """Of the image at a point of the input."""
        x_px, y_px = told_xy * (np.array(self.shown_HWC.shape[1::-1]) / INPUT_PX)
        return int(self.shown_HWC[int(y_px), int(x_px), 0])


@pytest.fixture(scope="module")
def listener() -> ListeningPredictor:
    torch.manual_seed(0)
    return ListeningPredictor.from_model(Rsam(replace(PRESETS["rsam_small"], trunk=TRUNK, image_px=INPUT_PX)))


@pytest.fixture(scope="module")
def town(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("clicked") / "town.tif"
    image_HW = np.zeros((HEIGHT_PX, WIDTH_PX), np.uint8)
    image_HW[LIT.row : LIT.row_end, LIT.col : LIT.col_end] = 255
    profile = {"driver": "GTiff", "width": WIDTH_PX, "height": HEIGHT_PX, "count": 3, "dtype": "uint8"}
    with rasterio.open(path, "w", crs="EPSG:25832", transform=MAP_FROM_PIX, **profile) as dataset:
        dataset.write(np.stack([image_HW] * 3))
    return path


@pytest.mark.parametrize("within", [(0.01, 0.01), (0.4, 0.6), (0.99, 0.01), (0.3, 0.99)])
@pytest.mark.parametrize("level", [-3, -1, 0, 1, 2])
def test_a_click_in_the_plugin_is_the_pixel_of_the_crop_that_holds_it(
    listener, start_engine, town, level, within
):
    clicked_pix = (LIT.col + within[0] * LIT.width, LIT.row + within[1] * LIT.height)
    side_pix = int(INPUT_PX * 2.0**level)
    col, row = (at // side_pix * side_pix for at in (LIT.col, LIT.row))
    crop = Crop(level, WindowPx(col, row, side_pix, side_pix), INPUT_PX)
    state = PromptState(clicks=(Click(*(MAP_FROM_PIX @ clicked_pix), True),))
    queries, _ = prompts_in(state, crop, grid=GRID, has_text=True)

    engine = start_engine(listener)
    request = OpenSession(FileSource(str(town)), crop.window, (INPUT_PX, INPUT_PX))
    session_id = engine.open_session(request, {}).session_id
    engine.predict(session_id, PredictRequest(queries), {})

    (told_xy,) = listener.told_xy
    pixel = np.floor((np.array(clicked_pix) - (col, row)) / 2.0**level)
    assert told_xy == pytest.approx(pixel + 0.5, abs=1e-3)
    if level >= 0:  # enlarged, the spot has soft edges
        assert listener.colour_at(told_xy) == 255


def test_a_click_on_the_command_line_is_the_pixel_that_holds_it(listener, town):
    for within in (0.01, 0.5, 0.99):
        clicked_pix = (LIT.col_end - 1 + within, LIT.row + within)
        config = RefineConfig(points=((*(MAP_FROM_PIX @ clicked_pix), True),))
        refine_raster(town, config=config, model=listener)
        (told_xy,) = listener.told_xy
        assert told_xy % 1 == pytest.approx((0.5, 0.5), abs=1e-3)
        assert listener.colour_at(told_xy) == 255
        assert listener.colour_at(told_xy + np.array([1, 0])) == 0
        assert listener.colour_at(told_xy - np.array([0, 1])) == 0


@pytest.mark.parametrize("side_px", [512, 300, 128, 50])
def test_an_image_of_another_size_than_the_input_has_its_clicks_on_the_inputs_pixels(
    listener, start_engine, town, side_px
):
    engine = start_engine(listener)
    window = WindowPx(100, 50, side_px, side_px)
    session_id = engine.open_session(OpenSession(FileSource(str(town)), window), {}).session_id
    rng = np.random.default_rng(side_px)
    points_pix = rng.uniform(0, side_px, (40, 2))
    query = PointsQuery(tuple(map(tuple, points_pix.tolist())), (1,) * 40)
    engine.predict(session_id, PredictRequest((query,)), {})
    assert listener.told_xy == pytest.approx(np.floor(points_pix * INPUT_PX / side_px) + 0.5, abs=1e-3)


def test_a_box_tells_the_centres_of_its_first_and_last_pixel(listener, start_engine, town):
    """As in training, where a box is the first and last column and row of a mask."""
    engine = start_engine(listener)
    window = WindowPx(256, 200, INPUT_PX, INPUT_PX)
    session_id = engine.open_session(OpenSession(FileSource(str(town)), window), {}).session_id
    col, row = LIT.col - window.col, LIT.row - window.row
    engine.predict(session_id, PredictRequest((BoxQuery((col, row, col + 4, row + 4)),)), {})
    assert listener.told_xy.ravel() == pytest.approx([col + 0.5, row + 0.5, col + 3.5, row + 3.5], abs=1e-3)
    assert [listener.colour_at(xy) for xy in listener.told_xy] == [255, 255]
    assert [listener.colour_at(xy) for xy in listener.told_xy + np.array([[-1, 0], [1, 0]])] == [0, 0]

    engine.predict(session_id, PredictRequest((BoxQuery((col, row, col + 0.2, row + 4)),)), {})
    (left_x, _), (right_x, _) = listener.told_xy  # a box narrower than a pixel has not its sides exchanged
    assert left_x == right_x
