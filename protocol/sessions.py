"""What is said of sessions: one encoded image, and any number of questions about it.

Frames and buffers are those of messages.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Tuple, Union

from .grid import RasterGrid, WindowPx
from .messages import FileSource, PixelSource, Query


@dataclass(frozen=True)
class OpenSession:
    """Encode one image, to ask any number of queries about it.

    The same image opened again gives the same session and costs nothing.

    Attributes:
        source: A file, or the pixels themselves.
        window: Which pixels of a file's grid; None for all. It may stick out: there is no data.
        shape_yx: Rows and columns of the session's image; None for those of the window.
        model: Its name; None for the engine's default.
        is_background: Whether it may wait for everything else.
    """

    source: Union[FileSource, PixelSource]
    window: Optional[WindowPx] = None
    shape_yx: Optional[Tuple[int, int]] = None
    model: Optional[str] = None
    is_background: bool = False


@dataclass(frozen=True)
class SessionOpened:
    """An encoded image.

    Attributes:
        session_id: Names it in requests.
        grid: Where its pixels lie on the map.
        model: What encoded it.
        weights: Short hash of the model's weights.
        is_cached: Whether the encoding was there already.
        encode_s: What making it took.
    """

    session_id: str
    grid: RasterGrid
    model: str
    weights: str
    is_cached: bool
    encode_s: float


@dataclass(frozen=True)
class PredictRequest:
    """Outline one object.

    Attributes:
        prompts: At most one of each kind.
        threshold: Probability from which a pixel is foreground.
        min_area_m2: Smallest part to keep.
        simplify_m: Tolerance of the outline.
        stream: Names a series of requests of which only the newest matters: one that still waits is given up,
            with the code `superseded`, when the next of its stream arrives. "" for none.
        is_absent_kept: Whether a mask is given even where the model says that nothing fits.
        has_logits: Whether the answer carries LOW_RES_LOGITS, or with alternatives ALTERNATIVE_LOGITS.
        is_multimask: Whether a model that has several answers to one prompt (SAM 2's three masks) gives them
            all; another gives its one. Since 1.1: an older engine gives one and names no alternatives.
    """

    prompts: Tuple[Query, ...]
    threshold: float = 0.5
    min_area_m2: Optional[float] = None
    simplify_m: Optional[float] = None
    stream: str = ""
    is_absent_kept: bool = True
    has_logits: bool = True
    is_multimask: bool = False


@dataclass(frozen=True)
class Predicted:
    """One object's mask, its polygons in the buffers of features.py.

    Where alternatives were asked for, a polygon's `query_index` says which of the masks it belongs to.

    Attributes:
        iou_pred: The model's own estimate, 0 to 1; with alternatives that of the first.
        objectness: Probability that something fits the prompts.
        wait_s: In the queue.
        model_s: In the model.
        polygonise_s: From mask to polygons.
        alternatives: `iou_pred` of each mask, the best first; () where none were asked for. Since 1.1.
    """

    iou_pred: float
    objectness: float
    wait_s: float
    model_s: float
    polygonise_s: float
    alternatives: Tuple[float, ...] = ()
