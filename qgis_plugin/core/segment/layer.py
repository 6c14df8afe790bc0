"""The layer that a result streams into."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Optional, Sequence

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsGeometry,
    QgsLayerMetadata,
    QgsProject,
    QgsRasterLayer,
    QgsRectangle,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QObject, pyqtSignal

from geophrase.protocol.jobs import JobStarted, Outline

from ..translation import tr
from .layer_writer import Found, LayerWriter
from .queries import short_title
from .result_file import (
    ResultError,
    create_result_file,
    layer_source,
    remove_result_file,
    results_folder,
    store_run,
)
from .result_style import style_by_query

RUN_PROPERTY = "geophrase/run"
"""The layer's custom property that holds the run's parameters as JSON."""


class ResultLayer(QObject):
    """A styled layer of the output schema, in the project, that polygons are added to while a job runs.

    Lives in the main thread. A revision says what the result is from now on: polygons that are there already
    stay as they are, new ones are added, and what a finished revision did not name is removed. Polygons that
    the user touched are never changed (see LayerWriter).

    Attributes:
        layer: The layer; None once the user removed it.
        started: The job that made it, or made it anew.
        clip_map: The area that the run was restricted to; None for none.

    Args:
        started: The first event of the job.
        raster: What was searched; the layer is put above it.
        clip_map: Of the run; revisions leave out polygons beside it, too.
        folder: Where its file is made; the profile's folder of results by default.
        parent: Qt's.

    Raises:
        ResultError: Its file can't be made.
    """

    progressed = pyqtSignal()
    """The number of polygons changed."""
    settled = pyqtSignal()
    """A revision is finished and all of it is in the layer."""
    gone = pyqtSignal()
    """The user removed the layer."""
    failed = pyqtSignal(str)
    """Its file can't be written; what to tell the user."""

    def __init__(
        self,
        started: JobStarted,
        raster: QgsRasterLayer,
        *,
        clip_map: Optional[QgsGeometry] = None,
        folder: Optional[Path] = None,
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self.started = started
        self.clip_map = clip_map
        crs = _crs_of(started, raster)
        self._path = create_result_file(
            folder or results_folder(), started.queries, crs, dict(started.parameters)
        )
        self.layer: Optional[QgsVectorLayer] = _open_layer(self._path, started, raster)
        self._writer = LayerWriter(self.layer, parent=self)
        self._writer.wrote.connect(self.progressed)
        self._writer.settled.connect(self.settled)
        self._writer.failed.connect(self.failed)
        self.layer.willBeDeleted.connect(self._forget)
        show_above(self.layer, raster)

    @property
    def num_polygons(self) -> int:
        """Those that are in the layer or on their way into it."""
        return self._writer.num_found

    def begin_revision(
        self, started: Optional[JobStarted] = None, within: Optional[QgsRectangle] = None
    ) -> None:
        """What comes next is the result anew.

        Args:
            started: Of the job that makes it, if it is another one than before.
            within: The revision says nothing of what lies outside; None for a revision of everything.
        """
        if started is not None:
            self.started = started
        self._writer.begin_revision(within)

    def add(self, found: Sequence[Found]) -> None:
        """Adds polygons in the background of the event loop."""
        self._writer.add(found)

    def end_revision(self) -> None:
        """The revision is complete: what it did not name goes."""
        self._writer.end_revision()

    def set_outline(self, outline: Outline) -> None:
        """Records what the polygons were made with, so that the run can still be repeated from the layer."""
        if self.layer is not None:
            run = {**self.started.parameters, **asdict(outline)}
            self.started = replace(self.started, parameters=run)
            store_run(self._path, run)
            _describe(self.layer, self.started)

    def stop(self) -> None:
        """Writes what was added and ends the revision as it is: nothing is removed."""
        self._writer.flush()

    def release(self) -> None:
        """Writes what waits, then leaves the layer to the project; it is never touched again."""
        if self.layer is not None:
            self.layer.willBeDeleted.disconnect(self._forget)
            self._writer.flush()
            self._writer.forget()
            self.layer = None

    def discard(self) -> None:
        """Takes the layer out of the project and deletes its file."""
        layer, path = self.layer, self._path
        self._forget()
        if layer is not None:
            QgsProject.instance().removeMapLayer(layer.id())
        remove_result_file(path)

    def _forget(self) -> None:
        if self.layer is not None:
            self.layer = None
            self._writer.forget()
            self.gone.emit()


def _crs_of(started: JobStarted, raster: QgsRasterLayer) -> QgsCoordinateReferenceSystem:
    """The raster layer's CRS, which is the one of the polygons however the engine spells it."""
    return raster.crs() if started.crs_wkt else QgsCoordinateReferenceSystem()


def _open_layer(path: Path, started: JobStarted, raster: QgsRasterLayer) -> QgsVectorLayer:
    queries = short_title(started.queries) or tr("clicked objects")
    title = tr("{queries} · {raster}").format(queries=queries, raster=raster.name())
    layer = QgsVectorLayer(layer_source(path), title, "ogr")
    if not layer.isValid():
        raise ResultError(tr("The result at {path} can't be opened. Run the query again.").format(path=path))
    _describe(layer, started)
    results = [
        each for each in QgsProject.instance().mapLayers().values() if each.customProperty(RUN_PROPERTY)
    ]
    style_by_query(layer, started.queries, first_colour=len(results))
    return layer


def _describe(layer: QgsVectorLayer, started: JobStarted) -> None:
    """Puts the run into the layer's metadata, for people and for programs."""
    run_json = json.dumps(started.parameters, ensure_ascii=False)
    layer.setCustomProperty(RUN_PROPERTY, run_json)
    metadata = QgsLayerMetadata()
    metadata.setTitle(layer.name())
    metadata.setType("dataset")
    metadata.setIdentifier(started.result_id)
    metadata.setCrs(layer.crs())
    text = tr("Found in {source} by {model} ({weights}) at {created}: {queries}")
    metadata.setAbstract(
        text.format(
            source=started.source,
            model=started.model,
            weights=started.weights,
            created=started.created,
            queries="; ".join(started.queries),
        )
    )
    metadata.setKeywords({"GeoPhrase": list(started.queries)})
    metadata.addHistoryItem(run_json)
    layer.setMetadata(metadata)


def show_above(layer: QgsVectorLayer, raster: QgsRasterLayer) -> None:
    """Puts a layer into the project, above the raster that it is about."""
    project = QgsProject.instance()
    project.addMapLayer(layer, False)
    node = project.layerTreeRoot().findLayer(raster.id())
    group = node.parent() if node is not None else project.layerTreeRoot()
    group.insertLayer(group.children().index(node) if node is not None else 0, layer)
