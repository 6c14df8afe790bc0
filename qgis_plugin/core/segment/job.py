"""A segment job from the layer's pixels to its last event: what the dock and Processing have in common."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field, replace
from typing import Callable, Optional, Tuple, Union

from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.grid import Bounds, RasterGrid
from geophrase.protocol.jobs import (
    JobEvent,
    JobNotice,
    JobRequest,
    JobResult,
    JobStarted,
    Outline,
    OutlineJob,
    SegmentJob,
)
from geophrase.protocol.messages import FileSource, TextQuery, UploadSource

from ..engine.client import EngineClient
from ..engine.errors import EngineFailure, JobCancelled
from ..engine.service import EngineService
from ..raster.layer_raster import LayerRaster
from ..raster.local_file import LocalFile
from ..raster.upload import upload_layer
from ..translation import tr


@dataclass(frozen=True)
class SegmentRequest:
    """What to look for and where.

    Attributes:
        queries: Phrases, one category each.
        extent_map: xmin, ymin, xmax, ymax in the layer's CRS; None for all of it.
        resolution: Pixel side to work at. Of a file in metres, None for its own pixels; of a layer that QGIS
            draws in the layer's map units, and then it must be given.
        model: Its name; "" for the engine's default.
        is_one_window: Show the extent to the model as a single image.
        tile_px: Tile side; None for the model's.
        overlap_px: Overlap of tiles; None for a quarter.
        outline: What becomes polygons.
    """

    queries: Tuple[str, ...]
    extent_map: Optional[Bounds] = None
    resolution: Optional[float] = None
    model: str = ""
    is_one_window: bool = False
    tile_px: Optional[int] = None
    overlap_px: Optional[int] = None
    outline: Outline = field(default_factory=Outline)


@dataclass(frozen=True)
class Sending:
    """A layer that QGIS draws is on its way to the engine: windows of how many."""

    num_done: int
    num_total: int


OnEvent = Callable[[Union[JobEvent, Sending]], None]


def run_segment_job(
    service: EngineService,
    raster: LayerRaster,
    request: SegmentRequest,
    *,
    on_event: OnEvent,
    is_cancelled: Callable[[], bool],
) -> JobResult:
    """Runs the job to its end; call it in a worker thread.

    Args:
        service: Starts the engine if it doesn't run, and once again if it dies.
        raster: Where to look; used in this thread only.
        request: What to look for.
        on_event: Told of every event, in this thread. After a second JobStarted what was told before is void.
        is_cancelled: Asked all the time, from another thread.

    Raises:
        JobCancelled: `is_cancelled` said so.
        EngineFailure: Of the engine, with a sentence for the user.
        LayerError: Of the layer, likewise.
    """

    def tell(event: JobEvent) -> None:
        on_event(known_as(event, raster.file, raster.source) if isinstance(event, JobStarted) else event)

    def follow(source: Union[FileSource, UploadSource]) -> JobResult:
        job = _job_of(request, uuid.uuid4().hex, source)
        return _followed(service, job, on_event=tell, is_cancelled=is_cancelled)

    if raster.is_file:
        return follow(raster.file_source(request.resolution))
    if not request.resolution:
        raise ValueError("a layer that QGIS draws needs a resolution")
    grid = raster.grid_for(request.extent_map or raster.extent_map, request.resolution)
    is_sent_again = False
    while True:
        upload_id = _sent(service, raster, grid, on_event=on_event, is_cancelled=is_cancelled)
        try:
            return follow(UploadSource(upload_id))
        except EngineFailure as failure:
            # The engine that was sent the pixels has died, and the one in its place doesn't have them.
            if failure.code is not ErrorCode.NOT_FOUND or is_sent_again:
                raise
            is_sent_again = True
        finally:
            _forget_upload(service, upload_id)


def known_as(started: JobStarted, file: Optional[LocalFile], source: str) -> JobStarted:
    """The first event with the raster as its user knows it, not a file that was made for the engine.

    Args:
        started: As the engine told it.
        file: What the engine read; None for an upload or a path as the user knows it.
        source: The user's name of the raster.
    """
    if file is None or file.folder is None:
        return started
    return replace(started, source=source, parameters={**started.parameters, "raster": source})


def run_outline_job(
    service: EngineService,
    result: JobStarted,
    outline: Outline,
    *,
    extent_map: Optional[Bounds],
    on_event: OnEvent,
    is_cancelled: Callable[[], bool],
) -> JobResult:
    """Outlines a result's probabilities anew, without the model; like `run_segment_job` otherwise.

    Args:
        service: As there.
        result: The first event of the run that made it.
        outline: What of the probabilities becomes polygons.
        extent_map: Only what lies in here, in the layer's CRS; None for all.
        on_event: As there.
        is_cancelled: As there.

    Raises:
        JobCancelled: `is_cancelled` said so.
        EngineFailure: With code NOT_FOUND where the engine no longer has the probabilities.
    """

    def tell(event: JobEvent) -> None:
        on_event(replace(event, source=result.source) if isinstance(event, JobStarted) else event)

    job = OutlineJob(uuid.uuid4().hex, result_id=result.result_id, outline=outline, extent_map=extent_map)
    return _followed(service, job, on_event=tell, is_cancelled=is_cancelled)


def _sent(
    service: EngineService,
    raster: LayerRaster,
    grid: RasterGrid,
    *,
    on_event: OnEvent,
    is_cancelled: Callable[[], bool],
) -> str:
    def send(client: EngineClient) -> Optional[str]:
        return upload_layer(
            client,
            raster,
            grid,
            progress=lambda num_done, num_total: on_event(Sending(num_done, num_total)),
            is_cancelled=is_cancelled,
        )

    upload_id = service.call(send, is_cancelled=is_cancelled)
    if upload_id is None:
        raise JobCancelled(tr("The run was cancelled."))
    for problem in raster.problems[:1]:
        text = tr("Parts of the layer did not arrive ({problem}) and count as no data. Try again later.")
        on_event(JobNotice(text.format(problem=problem)))
    return upload_id


def _forget_upload(service: EngineService, upload_id: str) -> None:
    if service.is_running:
        try:
            service.client().close_upload(upload_id)
        except EngineFailure:  # it is gone, and the upload with it
            return


def _followed(
    service: EngineService,
    job: JobRequest,
    *,
    on_event: Callable[[JobEvent], None],
    is_cancelled: Callable[[], bool],
) -> JobResult:
    result: Optional[JobResult] = None
    for event in service.run_job(job, is_cancelled=is_cancelled):
        on_event(event)
        if isinstance(event, JobResult):
            result = event
    if result is None:
        raise JobCancelled(tr("The run was cancelled."))
    return result


def _job_of(request: SegmentRequest, job_id: str, source: Union[FileSource, UploadSource]) -> SegmentJob:
    return SegmentJob(
        job_id=job_id,
        source=source,
        queries=tuple(TextQuery(query) for query in request.queries),
        extent_map=request.extent_map,
        model=request.model or None,
        is_one_window=request.is_one_window,
        tile_px=request.tile_px,
        overlap_px=request.overlap_px,
        outline=request.outline,
    )
