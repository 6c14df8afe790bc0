"""One object of a session: from the prompts of a request to its mask and polygons.

Shape letters: H rows, W columns.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import ArrayLike
from scipy.special import expit, logit

from geophrase.engine.errors import EngineError
from geophrase.engine.pipeline.run_config import distinct_queries
from geophrase.engine.predictions import Prediction
from geophrase.engine.prompt_pixels import PromptPixels
from geophrase.engine.server.model_host import ModelFacts
from geophrase.engine.server.sessions import Session
from geophrase.engine.vector.attributes import Provenance, SegmentsTable
from geophrase.engine.vector.polygonise import PixelPolygon, StreamingPolygoniser
from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.features import FeatureBatch
from geophrase.protocol.messages import (
    LOW_RES_LOGITS,
    LOW_RES_STRIDE,
    BoxQuery,
    ClassesQuery,
    MaskQuery,
    PointsQuery,
    Query,
    TextQuery,
)
from geophrase.protocol.sessions import PredictRequest
from geophrase.protocol.wire import Arrays

_MAX_POINTS = 1000
_MAX_COORDINATE_PIX = 1e6
_NEARLY_SURE = 1 - 1e-6
"""Above it a float32 probability may be rounded up to a threshold that its logit doesn't reach."""
_ROUNDING_LOGIT = 1e-3
NO_CLASSES = EngineError(
    ErrorCode.MODEL_UNKNOWN,
    "This version has no model that finds classes by itself. Type what to look for instead.",
)


def prompts_of(request: PredictRequest, arrays: Arrays, session: Session) -> dict[str, Any]:
    """The keywords of `Predictor.predict` that a request about a session's image stands for.

    Raises:
        EngineError: BAD_REQUEST for prompts that can't be combined or that the model doesn't take,
            MODEL_UNKNOWN for classes.
    """
    if len({type(prompt) for prompt in request.prompts}) < len(request.prompts) or not request.prompts:
        raise _bad("Give a text, points, a box or a mask, each once at most.")
    found: dict[str, Any] = {"is_absent_kept": request.is_absent_kept}
    for prompt in request.prompts:
        found |= _keywords(prompt, arrays, session)
    return found


def _keywords(prompt: Query, arrays: Arrays, session: Session) -> dict[str, Any]:
    pixels = PromptPixels(session.grid.window.shape_yx, session.model.image_px)
    if isinstance(prompt, PointsQuery):
        if len(prompt.points_pix) > _MAX_POINTS:
            raise _bad(f"At most {_MAX_POINTS} points mark an object, not {len(prompt.points_pix)}.")
        points_xy = pixels.points_xy(_near(prompt.points_pix))
        return {"points_xy": points_xy, "point_labels": np.array(prompt.labels, np.int64)}
    if isinstance(prompt, BoxQuery):
        return {"box_xyxy": pixels.box_xyxy(_near(prompt.box_pix))}
    if isinstance(prompt, MaskQuery):
        return {"mask_logits": _mask_logits(arrays, session.model)}
    if isinstance(prompt, ClassesQuery):
        raise NO_CLASSES
    return {"text": text_of(prompt, session.model)}


def _near(coordinates_pix: ArrayLike) -> np.ndarray:
    """The coordinates, none of them so far outside the image that the model's numbers would overflow."""
    values = np.array(coordinates_pix, np.float64)
    if np.abs(values).max() > _MAX_COORDINATE_PIX:
        raise _bad("A point or a box lies far outside the image. Click inside it.")
    return values


def text_of(prompt: TextQuery, model: ModelFacts) -> str:
    """The phrase.

    Raises:
        EngineError: BAD_REQUEST for one that is none, or for a model that takes no text.
    """
    if not model.has_text:
        raise _bad(
            f"{model.name} takes points and boxes, not text. Choose a text model, or leave the text out."
        )
    return distinct_queries(prompt.text)[0]


def _mask_logits(arrays: Arrays, model: ModelFacts) -> np.ndarray:
    side_px = model.image_px // LOW_RES_STRIDE
    logits_HW = arrays.get(LOW_RES_LOGITS)
    if logits_HW is None or logits_HW.dtype != np.float32 or logits_HW.shape != (side_px, side_px):
        raise _bad(f"A mask prompt needs the buffer {LOW_RES_LOGITS}, float32 of {side_px} x {side_px}.")
    if not np.isfinite(logits_HW).all():
        raise _bad(f"The buffer {LOW_RES_LOGITS} holds values that are no numbers.")
    return logits_HW


def outlines_of(
    masks: Sequence[Prediction], session: Session, request: PredictRequest
) -> tuple[FeatureBatch, float]:
    """The outlines of predicted masks, in the CRS of the session's grid; never where there is no data.

    Returns:
        The features, whose `query_index` is that of their mask, and how long they took.
    """
    started_s = time.perf_counter()
    found = [
        (index, polygon)
        for index, mask in enumerate(masks)
        for polygon in _polygons_in(mask, session, request)
    ]
    table = SegmentsTable(
        session.grid,
        Provenance(session.model.name, "", session.name, datetime.now(timezone.utc)),
        min_area_m2=request.min_area_m2,
        simplify_m=request.simplify_m,
    )
    frame = table.frame(
        [polygon for _, polygon in found],
        queries=[str(index) for index, _ in found],
        iou_pred=[masks[index].iou for index, _ in found],
        objectness=[masks[index].objectness for index, _ in found],
    )
    return batch_of(frame, int), time.perf_counter() - started_s


def _polygons_in(mask: Prediction, session: Session, request: PredictRequest) -> list[PixelPolygon]:
    """The mask's polygons; only the rows that it reaches are looked at: most of an image lies beside it."""
    surely_below_logit = logit(min(request.threshold, _NEARLY_SURE)) - _ROUNDING_LOGIT
    rows = np.flatnonzero((mask.mask_logits_HW > surely_below_logit).any(axis=1))
    if not rows.size:
        return []
    reached = slice(int(rows[0]), int(rows[-1]) + 1)
    probabilities_HW = expit(mask.mask_logits_HW[reached], dtype=np.float32)
    polygoniser = StreamingPolygoniser(threshold=request.threshold)
    return [
        *polygoniser.add_strip(reached.start, probabilities_HW, session.valid_HW[reached]),
        *polygoniser.finish(),
    ]


def batch_of(frame: gpd.GeoDataFrame, index_of_query: Callable[[str], int]) -> FeatureBatch:
    """Features as they travel."""
    columns = {name: frame[name].to_numpy() for name in FeatureBatch.column_names()[3:]}
    geometries = np.asarray(frame.geometry.array, dtype=object)
    return FeatureBatch.of(
        list(shapely.to_wkb(geometries, byte_order=1)),
        query_index=[index_of_query(query) for query in frame["query"]],
        **columns,
    )


def _bad(message: str) -> EngineError:
    return EngineError(ErrorCode.BAD_REQUEST, message)
