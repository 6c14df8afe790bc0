"""Work over whole rasters, and the events that tell how it goes.

A job's answer is a stream of events (frames of wire.py) and ends in exactly one JobResult, JobFailed or
JobCancelled. Frames: `_map` is the CRS of the source's grid.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Dict, Optional, Tuple, Union

from .errors import ErrorCode
from .messages import ClassesQuery, FileSource, TextQuery, UploadSource


@dataclass(frozen=True)
class Outline:
    """What of the probabilities becomes polygons; changing it costs no inference.

    Attributes:
        threshold: Probability from which a pixel is foreground.
        min_area_m2: Polygons under this geodesic area are dropped.
        simplify_m: Tolerance of the outlines.
    """

    threshold: float = 0.5
    min_area_m2: Optional[float] = None
    simplify_m: Optional[float] = None


@dataclass(frozen=True)
class SegmentJob:
    """Find what the queries name in a whole raster.

    Attributes:
        job_id: Chosen by the sender, so that it can cancel before the first event; unique among running jobs.
        source: The raster.
        queries: Phrases, or one ClassesQuery.
        extent_map: xmin, ymin, xmax, ymax in the raster's CRS; None for all.
        model: Its name; None for the engine's default.
        is_one_window: Give the extent to the model as a single image.
        tile_px: Tile side; None for five sixths of the model's input side.
        overlap_px: Overlap of tiles; None for a quarter.
        outline: What becomes polygons.
    """

    TYPE: ClassVar[str] = "segment"

    job_id: str
    source: Union[FileSource, UploadSource]
    queries: Tuple[Union[TextQuery, ClassesQuery], ...]
    extent_map: Optional[Tuple[float, float, float, float]] = None
    model: Optional[str] = None
    is_one_window: bool = False
    tile_px: Optional[int] = None
    overlap_px: Optional[int] = None
    outline: Outline = field(default_factory=Outline)


@dataclass(frozen=True)
class OutlineJob:
    """Outline the probabilities of a finished SegmentJob anew, without the model.

    Attributes:
        job_id: Of this job.
        result_id: From the JobStarted of the SegmentJob, which need not be finished.
        outline: What becomes polygons.
        extent_map: Only what lies in here; None for all.
    """

    TYPE: ClassVar[str] = "outline"

    job_id: str
    result_id: str
    outline: Outline
    extent_map: Optional[Tuple[float, float, float, float]] = None


@dataclass(frozen=True)
class PolygoniseJob:
    """Outline a raster of probabilities, without a model.

    Attributes:
        job_id: Of this job.
        path: The raster.
        band: 1-based.
        query: What the features say as their query.
        scale: Raster value that stands for probability 1; None chooses by dtype (1 for floats).
        outline: What becomes polygons.
        extent_map: Only what lies in here; None for all.
    """

    TYPE: ClassVar[str] = "polygonise"

    job_id: str
    path: str
    band: int = 1
    query: str = ""
    scale: Optional[float] = None
    outline: Outline = field(default_factory=Outline)
    extent_map: Optional[Tuple[float, float, float, float]] = None


JobRequest = Union[SegmentJob, OutlineJob, PolygoniseJob]


@dataclass(frozen=True)
class JobStarted:
    """The first event, and again after a restart: what was told before it is void.

    Attributes:
        result_id: Names the probabilities for an OutlineJob; "" where none are kept.
        queries: What `query_index` counts.
        crs_wkt: Of the polygons; "" when the raster has none.
        model: Name; "" without a model.
        weights: Short hash of its weights.
        source: What features say as their source.
        created: ISO 8601 in UTC, what features say as their time.
        parameters: Everything that the result depends on, for the layer's metadata.
        is_geodesic: Whether areas are in square metres on the ellipsoid, not in squared map units.
    """

    TYPE: ClassVar[str] = "started"

    result_id: str
    queries: Tuple[str, ...]
    crs_wkt: str
    model: str
    weights: str
    source: str
    created: str
    parameters: Dict[str, Any]
    is_geodesic: bool = True


@dataclass(frozen=True)
class JobProgress:
    """How far the job is.

    Attributes:
        num_done: Steps (tiles) that are finished, resumed ones included.
        num_total: All steps.
        num_encoded: Tiles that went through the encoder.
        num_cached: Tiles whose encoding was there.
        num_polygons: Polygons so far.
        seconds_left: Estimate; None while there is none.
    """

    TYPE: ClassVar[str] = "progress"

    num_done: int
    num_total: int
    num_encoded: int = 0
    num_cached: int = 0
    num_polygons: int = 0
    seconds_left: Optional[float] = None


@dataclass(frozen=True)
class JobPartial:
    """More finished polygons, in the buffers of features.py."""

    TYPE: ClassVar[str] = "partial"


@dataclass(frozen=True)
class JobNotice:
    """Something that the user should know and that doesn't stop the job.

    Attributes:
        message: One sentence.
    """

    TYPE: ClassVar[str] = "notice"

    message: str


@dataclass(frozen=True)
class JobResult:
    """The job is done; all polygons were sent.

    Attributes:
        num_polygons: Per query, in order.
        seconds: Wall time per stage.
        wall_s: In all.
        device: Where the model ran.
    """

    TYPE: ClassVar[str] = "result"

    num_polygons: Tuple[int, ...]
    seconds: Dict[str, float]
    wall_s: float
    device: str = ""


@dataclass(frozen=True)
class JobFailed:
    """The job ended in an error."""

    TYPE: ClassVar[str] = "error"

    code: ErrorCode
    message: str


@dataclass(frozen=True)
class JobCancelled:
    """The job was cancelled."""

    TYPE: ClassVar[str] = "cancelled"


JobEvent = Union[JobStarted, JobProgress, JobPartial, JobNotice, JobResult, JobFailed, JobCancelled]
FINAL_EVENTS = (JobResult, JobFailed, JobCancelled)
"""A stream ends with exactly one of these."""
