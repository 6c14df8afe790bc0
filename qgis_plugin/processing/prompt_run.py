"""Outlines marked objects on images of the raster around them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Callable, List, Optional, Tuple

import numpy as np

from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.features import FeatureBatch
from geophrase.protocol.grid import RasterGrid
from geophrase.protocol.jobs import JobStarted, Outline
from geophrase.protocol.messages import BoxQuery, Hello, PointsQuery, Query, TextQuery
from geophrase.protocol.sessions import PredictRequest, SessionOpened

from ..core.engine.client import EngineClient
from ..core.engine.errors import EngineFailure
from ..core.engine.service import EngineService
from ..core.raster.crops import Crop
from ..core.raster.errors import LayerError
from ..core.raster.layer_raster import LayerRaster
from ..core.refine.crop_sessions import open_crop
from .prompted_objects import PromptedObject

_MIN_BOX_PX = 1.0
"""A box around less than this, such as a vertical line's, is widened to it."""
_EMPTY_CROP = (ErrorCode.NO_DATA, ErrorCode.OUTSIDE_RASTER)


@dataclass(frozen=True)
class Outlined:
    """What an object's prompts gave.

    Attributes:
        marked: The object.
        batch: Its polygons; none where the model found nothing there.
        provenance: What the features say of their origin.
    """

    marked: PromptedObject
    batch: FeatureBatch
    provenance: JobStarted


@dataclass(frozen=True)
class PromptRun:
    """Opens a session per crop and asks it for the outline of every object that is marked on it.

    Args:
        service: The engine; if it dies, it is started again and the crop is encoded again, once.
        raster: Used in the thread that calls.
        model: Its name; None for the engine's default.
        outline: What becomes polygons.
        is_cancelled: Asked before every object, and while the engine starts or the layer is drawn.
    """

    service: EngineService
    raster: LayerRaster
    model: Optional[str]
    outline: Outline
    is_cancelled: Callable[[], bool]

    def outlined(
        self, crop: Crop, objects: List[PromptedObject], *, on_outlined: Callable[[Outlined], None]
    ) -> bool:
        """Outlines the objects of one crop, each once; False if there is no data in the crop.

        Raises:
            EngineFailure: Of the engine, with a sentence for the user.
            JobCancelled: `is_cancelled` said so while the engine was starting anew.
            ReadCancelledError: `is_cancelled` said so while the layer was drawn.
        """
        waiting = list(objects)
        try:
            self.service.call(
                lambda client: self._outline_waiting(client, crop, waiting, on_outlined),
                is_cancelled=self.is_cancelled,
            )
        except EngineFailure as failure:
            if failure.code in _EMPTY_CROP:
                return False
            raise
        except LayerError:  # nothing of it could be drawn
            return False
        return True

    def _outline_waiting(
        self,
        client: EngineClient,
        crop: Crop,
        waiting: List[PromptedObject],
        on_outlined: Callable[[Outlined], None],
    ) -> None:
        """Takes from `waiting` what is done, so that a second try goes on with the rest."""
        session = open_crop(client, self.raster, crop, model=self.model, is_cancelled=self.is_cancelled)
        provenance = self._provenance(session)
        while waiting and not self.is_cancelled():
            request = PredictRequest(
                prompts=prompts_of(waiting[0], session.grid),
                threshold=self.outline.threshold,
                min_area_m2=self.outline.min_area_m2,
                simplify_m=self.outline.simplify_m,
                has_logits=False,
            )
            answer = client.predict(session.session_id, request)
            marked = waiting.pop(0)
            on_outlined(Outlined(marked, answer.features, replace(provenance, queries=(marked.query,))))
        client.close_session(session.session_id)

    def _provenance(self, session: SessionOpened) -> JobStarted:
        return JobStarted(
            result_id="",
            queries=("",),
            crs_wkt=session.grid.crs_wkt,
            model=session.model,
            weights=session.weights,
            source=self.raster.source,
            created=datetime.now(timezone.utc).isoformat(timespec="milliseconds"),
            parameters={},
        )


def image_px_of(hello: Hello, model: Optional[str]) -> int:
    """Side of the image that a model works on; the default model's for weights that have no name."""
    sides = {status.name: status.image_px for status in hello.models}
    return sides.get(model or hello.default_model, sides[hello.default_model])


def prompts_of(marked: PromptedObject, grid: RasterGrid) -> Tuple[Query, ...]:
    """The object's text, points and box in the pixels of a session's image."""
    prompts: List[Query] = [TextQuery(marked.query)] if marked.query else []
    if marked.points_map:
        points_pix = grid.to_pix(np.array(marked.points_map))
        prompts.append(PointsQuery(tuple((float(x), float(y)) for x, y in points_pix), marked.labels))
    if marked.outline_map:
        prompts.append(BoxQuery(_box_pix(marked, grid)))
    return tuple(prompts)


def _box_pix(marked: PromptedObject, grid: RasterGrid) -> Tuple[float, float, float, float]:
    """The upright box in the image around everything that marks the object's extent."""
    vertices_pix = grid.to_pix(np.array(marked.outline_map))
    low, high = vertices_pix.min(axis=0), vertices_pix.max(axis=0)
    widening = np.maximum(_MIN_BOX_PX - (high - low), 0) / 2
    low, high = low - widening, high + widening
    return float(low[0]), float(low[1]), float(high[0]), float(high[1])
