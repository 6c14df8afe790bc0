"""What is asked about one object, and what comes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional, Tuple

import numpy as np
from qgis.core import QgsGeometry, QgsPointXY

from geophrase.protocol.features import FeatureBatch
from geophrase.protocol.sessions import SessionOpened

from ..engine.client import PredictAnswer
from ..raster.crops import Crop
from ..vector.boxes import Corners
from ..vector.clicks import Click
from ..vector.features import geometry_of
from .masks import CropMask
from .prompts import PromptState


@dataclass(frozen=True)
class RefineOptions:
    """How objects are outlined.

    Attributes:
        model: Its name; None for the engine's default.
        threshold: Probability from which a pixel is foreground.
        min_area_m2: Smallest part to keep.
        simplify_m: Tolerance of the outline.
    """

    model: Optional[str] = None
    threshold: float = 0.5
    min_area_m2: Optional[float] = None
    simplify_m: Optional[float] = None


@dataclass(frozen=True)
class View:
    """What the analyst sees, in the raster's own pixels (`LayerRaster.pixel_grid`).

    Attributes:
        centre_pix: x, y of its middle.
        side_pix: How many pixels it is wide: the mean of its sides.
    """

    centre_pix: Tuple[float, float]
    side_pix: float


@dataclass(frozen=True)
class Outlined:
    """The answer to a state.

    Attributes:
        state: What was asked.
        geometry: In the raster's CRS; empty where the model found nothing.
        mask: What goes in with the next click.
        score: Mean probability inside; NaN of nothing.
        iou_pred: The model's estimate of the mask's IoU.
        objectness: Probability that something fits.
        area_m2: Geodesic.
        perimeter_m: Geodesic.
        model: That answered.
        weights: Short hash of its weights.
        others: What else the prompts may mean, the likelier ones first; () where the model has one answer.
    """

    state: PromptState
    geometry: QgsGeometry
    mask: Optional[CropMask]
    score: float
    iou_pred: float
    objectness: float
    area_m2: float
    perimeter_m: float
    model: str
    weights: str
    others: Tuple[Outlined, ...] = ()

    @property
    def alternatives(self) -> Tuple[Outlined, ...]:
        """All that the prompts may mean, this one first."""
        return (self, *self.others)

    @classmethod
    def of(cls, state: PromptState, answer: PredictAnswer, *, crop: Crop, session: SessionOpened) -> Outlined:
        """The engine's answer as one object; several parts count by their areas.

        A text may find every object of its kind, so only the parts that were marked belong to this one.
        """
        logits_HW = answer.low_res_logits_HW
        features, parts = _marked(answer.features, state)
        area_m2 = float(features.area_m2.sum())
        weights = features.area_m2 if area_m2 > 0 else np.ones(len(features))
        return cls(
            state=state,
            geometry=_joined(parts),
            mask=None if logits_HW is None else CropMask(crop, logits_HW),
            score=float(np.average(features.score, weights=weights)) if len(features) else float("nan"),
            iou_pred=answer.reply.iou_pred,
            objectness=answer.reply.objectness,
            area_m2=area_m2,
            perimeter_m=float(features.perimeter_m.sum()),
            model=session.model,
            weights=session.weights,
            others=tuple(cls.of(state, other, crop=crop, session=session) for other in answer.others),
        )


@dataclass(frozen=True)
class RefinedFeature:
    """An object that the analyst accepted.

    Attributes:
        feature_id: Of the polygon that was refined; None for a new one.
        geometry: In the raster's CRS.
        text: What was typed; "" for clicks alone.
        clicks: In the raster's CRS.
        outlined: The scores, and what answered.
        layer_id: Of the layer that the refined polygon is in; "" for a new one.
        box_map: The box that was drawn around it, in the raster's CRS; None without one.
    """

    feature_id: Optional[int]
    geometry: QgsGeometry
    text: str
    clicks: Tuple[Click, ...]
    outlined: Outlined
    layer_id: str = ""
    box_map: Optional[Corners] = None


def _marked(features: FeatureBatch, state: PromptState) -> Tuple[FeatureBatch, List[QgsGeometry]]:
    """The parts that a positive click, the box or the refined polygon touches, and their geometries."""
    marks = _marks_of(state)
    parts = [geometry_of(features, index) for index in range(len(features))]
    # Prepared: a polygon that was taken up may have a thousand holes, and the answer thousands of parts.
    engines = [QgsGeometry.createGeometryEngine(mark.constGet()) for mark in marks]
    for engine in engines:
        engine.prepareGeometry()
    kept = [
        index
        for index, part in enumerate(parts)
        if any(engine.intersects(part.constGet()) for engine in engines)
    ]
    return features.select(kept), [parts[index] for index in kept]


def _marks_of(state: PromptState) -> List[QgsGeometry]:
    marks = [
        QgsGeometry.fromPointXY(QgsPointXY(click.x_map, click.y_map))
        for click in state.clicks
        if click.is_positive
    ]
    rings = [] if state.shape is None else list(state.shape.polygons_map)
    if state.box_map is not None:
        rings.append((np.array(state.box_map),))
    for polygon in rings:
        marks.append(QgsGeometry.fromPolygonXY([[QgsPointXY(x, y) for x, y in ring] for ring in polygon]))
    return marks


def _joined(parts: List[QgsGeometry]) -> QgsGeometry:
    if len(parts) == 1:
        return parts[0]
    return QgsGeometry.unaryUnion(parts) if parts else QgsGeometry()
