"""What the plugin and the engine say to each other, request by request.

======================================  ===================  =================================================
request                                 body                 answer
======================================  ===================  =================================================
GET    /v1/hello                        –                    Hello
GET    /v1/health                       –                    Health
GET    /v1/doctor                       –                    DoctorReport
POST   /v1/sessions                     OpenSession          SessionOpened
DELETE /v1/sessions/{session_id}        –                    Done
POST   /v1/sessions/{session_id}/predict  PredictRequest     Predicted, with features and logits
POST   /v1/uploads                      BeginUpload          UploadBegun
POST   /v1/uploads/{upload_id}/windows  UploadWindow         Done
DELETE /v1/uploads/{upload_id}          –                    Done
POST   /v1/jobs                         JobRequest           stream of JobEvent
POST   /v1/jobs/{job_id}/cancel         –                    Done
======================================  ===================  =================================================

Every body is one frame (wire.py). A refused request answers with an HTTP status of 400 or more and a Failure.
Sessions, and clicks on their images, are in sessions.py, jobs and their events in jobs.py.

Frames: `_map` is the CRS of the source's grid, `_pix` are pixel edges of a session's image with the origin at
the top-left corner.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Dict, Optional, Tuple, Union

from .errors import ErrorCode
from .grid import RasterGrid, WindowPx

IMAGE = "image_HWC"
"""Buffer: uint8 RGB pixels."""
VALID = "valid_HW"
"""Buffer: bool, where the pixels are data."""
LOW_RES_LOGITS = "low_res_logits_HW"
"""Buffer: float32 logits of a mask at a quarter of the model's input side, as a later mask prompt."""
ALTERNATIVE_LOGITS = "low_res_logits_MHW"
"""Buffer: the same of each mask of an answer with alternatives, in their order."""
LOW_RES_STRIDE = 4
"""Pixels of the model's image per pixel of those logits, along each side."""

MIN_TOKEN_CHARS = 16
MAX_QUERIES = 64
"""Phrases of one job."""
MAX_QUERY_CHARS = 500

# --- what the engine is -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class DeviceStatus:
    """Where the model runs.

    Attributes:
        name: For people, such as "NVIDIA RTX 4080" or "CPU".
        kind: cpu, cuda or mps.
        reason: A sentence saying why this device and no other.
        is_fallback: Whether another was asked for.
    """

    name: str
    kind: str
    reason: str
    is_fallback: bool = False


@dataclass(frozen=True)
class ModelStatus:
    """A model that the engine knows.

    Attributes:
        name: As requests name it.
        has_text: Whether it takes text.
        is_here: Whether its weights are on this machine.
        image_px: Side of the square that it works in.
        size_bytes: Size of the weights.
        licence: Of the weights.
        title: One line for people.
    """

    name: str
    has_text: bool
    is_here: bool
    image_px: int
    size_bytes: int
    licence: str = ""
    title: str = ""


@dataclass(frozen=True)
class Limits:
    """What the engine takes at most."""

    max_body_bytes: int
    max_queries: int
    max_query_chars: int
    max_sessions: int
    max_image_px: int


@dataclass(frozen=True)
class Hello:
    """The handshake: both sides look at `protocol` first (see version.py)."""

    protocol: str
    engine: str
    device: DeviceStatus
    models: Tuple[ModelStatus, ...]
    default_model: str
    limits: Limits


@dataclass(frozen=True)
class Health:
    """How the engine is; answered at once whatever the device is doing.

    Attributes:
        state: "idle", "loading" (a model), or "busy".
        device: Where the model runs now, which after a lack of memory is not where it began.
        model: The loaded model; "" while none is.
        num_sessions: Open sessions.
        num_jobs: Jobs that run.
        num_queued: Requests that wait for the device.
        memory_bytes: Resident memory of the engine.
    """

    state: str
    device: DeviceStatus
    model: str
    num_sessions: int
    num_jobs: int
    num_queued: int
    memory_bytes: int


@dataclass(frozen=True)
class DoctorReport:
    """What `geophrase doctor` prints.

    Attributes:
        text: For people.
        report: The same as JSON.
    """

    text: str
    report: Dict[str, Any]


@dataclass(frozen=True)
class Done:
    """The answer to a request that has nothing to tell."""


@dataclass(frozen=True)
class Failure:
    """Why a request was refused or failed.

    Attributes:
        code: For programs.
        message: For people: what happened, then what to do.
    """

    code: ErrorCode
    message: str


# --- where pixels come from -------------------------------------------------------------------------------


@dataclass(frozen=True)
class FileSource:
    """A raster that the engine reads itself.

    Attributes:
        path: What GDAL opens.
        bands: 1-based, one or three; None lets the engine choose.
        resolution_m: Metres per working pixel; None works on the raster's own pixels.
    """

    TYPE: ClassVar[str] = "file"

    path: str
    bands: Optional[Tuple[int, ...]] = None
    resolution_m: Optional[float] = None


@dataclass(frozen=True)
class UploadSource:
    """A raster that was sent window by window.

    Attributes:
        upload_id: From UploadBegun.
    """

    TYPE: ClassVar[str] = "upload"

    upload_id: str


@dataclass(frozen=True)
class PixelSource:
    """Pixels in the same body, in the buffers IMAGE and VALID.

    Attributes:
        grid: Where they lie.
    """

    TYPE: ClassVar[str] = "pixels"

    grid: RasterGrid


@dataclass(frozen=True)
class BeginUpload:
    """Announce a raster that the engine can't read itself; what is not sent later has no data.

    Attributes:
        grid: Of the whole.
        name: What features say as their source: the layer's name.
        content_key: Names the content, if the sender can: equal keys promise equal pixels, so that encodings
            made of an earlier upload are used again. "" makes no promise.
    """

    grid: RasterGrid
    name: str
    content_key: str = ""


@dataclass(frozen=True)
class UploadBegun:
    """Where to send the windows."""

    upload_id: str


@dataclass(frozen=True)
class UploadWindow:
    """One window's pixels, in the buffers IMAGE and VALID; sent again, it replaces what was there."""

    window: WindowPx


# --- what is asked ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class TextQuery:
    """A phrase."""

    TYPE: ClassVar[str] = "text"

    text: str


@dataclass(frozen=True)
class PointsQuery:
    """Clicks on one object.

    Attributes:
        points_pix: x, y of each, in pixel edges of the session's image.
        labels: 1 on the object, 0 beside it.
    """

    TYPE: ClassVar[str] = "points"

    points_pix: Tuple[Tuple[float, float], ...]
    labels: Tuple[int, ...]

    def __post_init__(self) -> None:
        if not self.points_pix or len(self.points_pix) != len(self.labels):
            raise ValueError("every point needs a label, and there must be a point")
        if not set(self.labels) <= {0, 1}:
            raise ValueError("labels are 1 (on the object) or 0 (beside it)")


@dataclass(frozen=True)
class BoxQuery:
    """A box around one object: xmin, ymin, xmax, ymax in pixel edges of the session's image."""

    TYPE: ClassVar[str] = "box"

    box_pix: Tuple[float, float, float, float]

    def __post_init__(self) -> None:
        xmin, ymin, xmax, ymax = self.box_pix
        if not (xmin < xmax and ymin < ymax):
            raise ValueError("a box is xmin, ymin, xmax, ymax, each minimum first")


@dataclass(frozen=True)
class MaskQuery:
    """An earlier mask of the object, in the buffer LOW_RES_LOGITS."""

    TYPE: ClassVar[str] = "mask"


@dataclass(frozen=True)
class ClassesQuery:
    """The classes that a prompt-free model knows; () asks for all of them."""

    TYPE: ClassVar[str] = "classes"

    names: Tuple[str, ...] = ()


Query = Union[TextQuery, PointsQuery, BoxQuery, MaskQuery, ClassesQuery]
"""All that can be asked; text, points, box and mask may be combined for one object."""
