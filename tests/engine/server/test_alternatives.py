"""Several masks for one prompt: what the served model says against the predictor itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import rasterio
import shapely
import torch
from affine import Affine
from rasterio.features import geometry_mask
from scipy.special import expit

from geophrase.engine.model.rsam.config import PRESETS, ConvTrunkConfig
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.engine.predictor import Predictor
from geophrase.protocol.features import FeatureBatch
from geophrase.protocol.grid import WindowPx
from geophrase.protocol.messages import (
    ALTERNATIVE_LOGITS,
    LOW_RES_LOGITS,
    BoxQuery,
    FileSource,
    MaskQuery,
    PointsQuery,
)
from geophrase.protocol.sessions import OpenSession, PredictRequest
from geophrase.tests.fakes.colour_model import ColourModel

SIDE_PX = 128
TRUNK = ConvTrunkConfig(stem_channels=8, channels=(8, 16, 24, 32), depths=(1, 1, 1, 1))
CONFIG = replace(PRESETS["sam2.1_hiera_tiny"], trunk=TRUNK, image_px=SIDE_PX)
BOX = BoxQuery((20.0, 30.0, 90.0, 100.0))
POINT = PointsQuery(((50.0, 60.0),), (1,))


@pytest.fixture(scope="module")
def click_model() -> Predictor:
    """SAM 2.1's decoder with its four mask tokens, small and with random weights."""
    torch.manual_seed(3)
    return Predictor.from_model(Rsam(CONFIG))


def _opened(engine, path):
    window = WindowPx(0, 0, SIDE_PX, SIDE_PX)
    return engine.open_session(OpenSession(FileSource(str(path)), window=window), {})


def _mask_of(features: FeatureBatch, index: int, grid) -> np.ndarray:
    """The pixels whose centres the polygons of one mask hold, burnt in by GDAL."""
    of_it = np.flatnonzero(features.query_index == index)
    shapes = [shapely.from_wkb(features.geometry_wkb(int(at))) for at in of_it]
    if not shapes:
        return np.zeros((SIDE_PX, SIDE_PX), bool)
    return geometry_mask(shapes, (SIDE_PX, SIDE_PX), Affine(*grid.map_from_pix), invert=True)


@pytest.mark.parametrize("prompt", [BOX, POINT], ids=["box", "point"])
def test_every_mask_comes_with_its_outline_its_estimate_and_its_logits(
    paint, start_engine, click_model, prompt
):
    path = paint([("red", 20, 30, 60, 60)])
    engine = start_engine(click_model)
    session = _opened(engine, path)
    request = PredictRequest((prompt,), is_multimask=True)
    answer, arrays = engine.predict(session.session_id, request, {})
    with rasterio.open(path) as dataset:
        image_HWC = dataset.read(window=((0, SIDE_PX), (0, SIDE_PX))).transpose(1, 2, 0)
    embedding = click_model.encode(image_HWC)
    box = {"box_xyxy": (20.0, 30.0, 89.0, 99.0)}  # a predictor's names its first and last pixel
    keywords = box if prompt is BOX else {"points_xy": POINT.points_pix, "point_labels": [1]}
    expected = click_model.predict_alternatives(embedding, **keywords, is_absent_kept=True)
    expected.sort(key=lambda mask: -mask.iou)
    assert answer.alternatives == pytest.approx([mask.iou for mask in expected], abs=1e-3)
    assert answer.iou_pred == answer.alternatives[0]
    assert len(set(answer.alternatives)) == 3
    assert LOW_RES_LOGITS not in arrays
    features = FeatureBatch.from_arrays(arrays)
    for index, mask in enumerate(expected):  # the encoding went through half precision in between
        np.testing.assert_allclose(arrays[ALTERNATIVE_LOGITS][index], mask.low_res_logits_HW, atol=0.05)
        is_sure_HW = np.abs(mask.mask_logits_HW) > 0.05
        outlined_HW = _mask_of(features, index, session.grid)
        assert (outlined_HW == (mask.mask_logits_HW > 0))[is_sure_HW].all()
        assert (features.iou_pred[features.query_index == index] == answer.alternatives[index]).all()
    assert sum(_mask_of(features, index, session.grid).any() for index in range(3)) >= 2


def test_the_chosen_mask_goes_back_with_the_next_click(paint, start_engine, click_model):
    engine = start_engine(click_model)
    session = _opened(engine, paint([("red", 20, 30, 60, 60)]))
    _, arrays = engine.predict(session.session_id, PredictRequest((BOX,), is_multimask=True), {})
    again = PredictRequest((POINT, BOX, MaskQuery()))
    answers = [
        engine.predict(session.session_id, again, {LOW_RES_LOGITS: np.ascontiguousarray(logits_HW)})
        for logits_HW in arrays[ALTERNATIVE_LOGITS]
    ]
    assert len({answer.iou_pred for answer, _ in answers}) == 3  # each mask leads to an answer of its own
    assert all(answer.alternatives == () for answer, _ in answers)
    assert all(LOW_RES_LOGITS in arrays and ALTERNATIVE_LOGITS not in arrays for _, arrays in answers)


def test_a_model_with_one_mask_answers_one(paint, start_engine):
    engine = start_engine(ColourModel())
    session = _opened(engine, paint([("red", 20, 30, 60, 60)]))
    answer, arrays = engine.predict(session.session_id, PredictRequest((BOX,), is_multimask=True), {})
    assert answer.alternatives == (0.9,)
    assert arrays[ALTERNATIVE_LOGITS].shape == (1, 16, 16)
    assert len(FeatureBatch.from_arrays(arrays)) == 1
    bare = PredictRequest((BOX,), is_multimask=True, has_logits=False)
    assert ALTERNATIVE_LOGITS not in engine.predict(session.session_id, bare, {})[1]


class RampModel(ColourModel):
    """Logits that rise from row to row, and beyond what float32 tells from certainty."""

    LOGITS = np.linspace(-25, 25, SIDE_PX, dtype=np.float32)

    def predict(self, embedding, **prompts):
        ramp_HW = np.repeat(self.LOGITS[:, None], SIDE_PX, axis=1)
        return replace(super().predict(embedding, **prompts), mask_logits_HW=ramp_HW)


@pytest.mark.parametrize("threshold", [1e-9, 0.01, 0.5, 0.99, 1 - 1e-9])
def test_every_row_that_reaches_the_threshold_is_outlined(paint, start_engine, threshold):
    engine = start_engine(RampModel())
    session = _opened(engine, paint([]))
    _, arrays = engine.predict(session.session_id, PredictRequest((BOX,), threshold=threshold), {})
    num_rows = int((expit(RampModel.LOGITS) >= threshold).sum())
    assert 0 < num_rows < SIDE_PX
    outlined_HW = _mask_of(FeatureBatch.from_arrays(arrays), 0, session.grid)
    assert (outlined_HW.sum(axis=0) == num_rows).all()
    assert outlined_HW[-num_rows:].all()
