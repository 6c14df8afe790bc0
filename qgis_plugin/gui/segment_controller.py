"""What the dock's widgets do: a run from the query line to its layer, and the sliders on it."""

from __future__ import annotations

from dataclasses import replace
from typing import Optional, Union

from qgis.core import QgsCoordinateReferenceSystem, QgsMapLayer, QgsRasterLayer, QgsRectangle
from qgis.gui import QgisInterface
from qgis.PyQt.QtCore import QObject, pyqtSignal
from qgis.PyQt.QtGui import QGuiApplication

from geophrase.protocol.jobs import JobProgress, Outline

from ..core.command_line import SegmentCommand
from ..core.engine.service import EngineService
from ..core.raster.errors import LayerError
from ..core.raster.layer_raster import LayerRaster, layer_raster
from ..core.segment.extent import Area, ExtentError, visible_rectangle
from ..core.segment.history import remember_query
from ..core.segment.job import SegmentRequest, Sending
from ..core.segment.layer import ResultLayer
from ..core.segment.queries import QueryError, split_queries
from ..core.segment.results import Results
from ..core.segment.run import Outcome, SegmentRun
from ..core.settings import load_settings
from ..core.translation import tr
from .messages import Messages
from .segment_page import SegmentPage


class InputError(Exception):
    """The dock is set to something that can't be run; the text says what to change."""


class SegmentController(QObject):
    """Runs what the page is set to. Lives in the main thread.

    Args:
        page: The widgets.
        iface: QGIS's interface.
        service: The engine.
        messages: Where the user is told.
    """

    run_began = pyqtSignal()
    run_ended = pyqtSignal()

    def __init__(
        self, page: SegmentPage, iface: QgisInterface, service: EngineService, messages: Messages
    ) -> None:
        super().__init__(page)
        self.results = Results(service, self._visible_extent, parent=self)
        self.run: Optional[SegmentRun] = None
        self._page, self._iface, self._service, self._messages = page, iface, service, messages
        page.layer_box.layerChanged.connect(self._on_layer)
        page.query_line.textChanged.connect(self._show_readiness)
        page.query_line.run_requested.connect(self.start)
        page.run_box.run_requested.connect(self.start)
        page.run_box.cancel_requested.connect(self.cancel)
        page.result_box.outline_box.changed.connect(self._on_outline)
        page.copy_button.clicked.connect(self.copy_command)
        self.results.current_changed.connect(self._on_current)
        self.results.progressed.connect(self._show_result)
        self.results.failed.connect(messages.warned)
        iface.currentLayerChanged.connect(self._on_active_layer)
        self._on_layer()

    @property
    def layer(self) -> Optional[QgsRasterLayer]:
        """The raster layer that is chosen."""
        layer = self._page.layer_box.currentLayer()
        return layer if isinstance(layer, QgsRasterLayer) else None

    def start(self) -> None:
        """Runs what the page is set to, or says what is missing."""
        if self.run is not None:
            return
        try:
            layer, request, area = self._input()
            run = SegmentRun(self._service, layer, request, clip_map=area.clip_map, parent=self)
        except (InputError, LayerError) as error:
            self._messages.warned(str(error))
            return
        remember_query(self._page.query_line.text())
        self.run = run
        run.advanced.connect(self._on_progress)
        run.result_made.connect(self.results.add)
        run.noticed.connect(self._messages.told)
        run.ended.connect(self._on_ended)
        self._page.run_box.show_running()
        self._page.engine_box.set_choosable(False)
        run.start()
        self.run_began.emit()

    def cancel(self) -> None:
        """Asks the run to stop."""
        if self.run is not None:
            self.run.cancel()

    def copy_command(self) -> None:
        """Puts what the page is set to on the clipboard as a command, or says why it has none."""
        try:
            command = self._command()
        except (InputError, LayerError) as error:
            self._messages.warned(str(error))
            return
        QGuiApplication.clipboard().setText(command.line())
        text = tr("Copied: {command}").format(command=command.line())
        if self._page.extent_box.area_on(self._chosen_layer()).clip_map is not None:
            text = tr("{text} (the box around the selected polygons)").format(text=text)
        self._messages.told(text)

    def stop(self) -> None:
        """Asks the run and the outlines that are on their way to end, and takes everything off the map."""
        self._iface.currentLayerChanged.disconnect(self._on_active_layer)
        self.results.stop()
        self.cancel()
        self._page.extent_box.close_tool()

    def wait(self, timeout_ms: int) -> None:
        """After `stop`: blocks until all has ended, for so long at most."""
        if self.run is not None:
            self.run.wait(timeout_ms)
        self.results.wait(timeout_ms)

    def _input(self) -> tuple[QgsRasterLayer, SegmentRequest, Area]:
        layer = self._chosen_layer()
        try:
            queries = split_queries(self._page.query_line.text())
            area = self._page.extent_box.area_on(layer)
        except (QueryError, ExtentError) as error:
            raise InputError(str(error)) from error
        request = SegmentRequest(
            queries=queries,
            extent_map=area.extent_map,
            resolution=self._page.resolution_box.resolution,
            model=load_settings().model,
            is_one_window=self._page.extent_box.is_one_image,
            outline=self._page.result_box.outline_box.outline,
        )
        return layer, request, area

    def _command(self) -> SegmentCommand:
        layer, request, _ = self._input()
        file = layer_raster(layer).file
        if file is None or file.folder is not None:
            text = tr(
                "The command line reads files, and {layer} is drawn by QGIS. Save it as a GeoTIFF, or use "
                "GeoPhrase's algorithms in the Processing toolbox."
            )
            raise InputError(text.format(layer=layer.name()))
        settings = load_settings()
        return SegmentCommand(
            raster=file.path,
            queries=request.queries,
            bands=file.bands,
            model=request.model,
            device=settings.device,
            extent_map=request.extent_map,
            resolution_m=request.resolution,
            is_one_window=request.is_one_window,
            threshold=request.outline.threshold,
            min_area_m2=request.outline.min_area_m2,
            cache_folder=settings.cache_folder,
        )

    def _chosen_layer(self) -> QgsRasterLayer:
        layer = self.layer
        if layer is None:
            raise InputError(tr("There is no raster layer. Add one to the project and choose it."))
        if not layer.isValid():
            text = tr("The layer {name} can't be read. Repair its source, or choose another one.")
            raise InputError(text.format(name=layer.name()))
        return layer

    def _on_layer(self) -> None:
        layer = self.layer
        raster: Optional[LayerRaster] = None
        if layer is not None and layer.isValid():
            try:
                raster = layer_raster(layer)
            except LayerError as error:
                self._messages.warned(str(error))
        self._page.resolution_box.setEnabled(raster is not None)
        if layer is not None and raster is not None:
            self._page.resolution_box.show_layer(layer, raster)
        self._show_readiness()

    def _on_active_layer(self, layer: Optional[QgsMapLayer]) -> None:
        """A raster that is clicked in the layer panel is searched next; a result takes the sliders."""
        if isinstance(layer, QgsRasterLayer) and self.run is None:
            self._page.layer_box.setLayer(layer)
        elif layer is not None:
            self.results.choose_layer(layer.id())

    def _on_progress(self, progress: Union[JobProgress, Sending]) -> None:
        self._page.run_box.show_progress(progress)

    def _on_ended(self, outcome: Outcome, message: str) -> None:
        run, self.run = self.run, None
        self._page.run_box.show_idle()
        self._page.engine_box.set_choosable(True)
        self._page.query_line.refresh()
        has_found = run is not None and run.result is not None and run.result.num_polygons > 0
        if outcome is Outcome.DONE and has_found:
            self._messages.succeeded(message)
        elif outcome is Outcome.DONE:
            self._messages.told(message)
        elif outcome is Outcome.CANCELLED:
            self._messages.told(message)
        else:
            self._messages.warned(message)
        is_current = run is not None and run.result is not None and run.result is self.results.current
        if outcome is Outcome.DONE and run is not None and is_current:
            outline = self._page.result_box.outline_box.outline
            if run.request.outline != outline:
                self.results.outline_current(outline)  # the sliders moved while the run went on
            self._show_result()
        else:
            self._on_current()  # the sliders moved for a run that is not the current result
        self.run_ended.emit()

    def _on_outline(self, outline: Outline) -> None:
        if self.run is None:
            self.results.outline_current(outline)
            self._show_result()

    def _on_current(self) -> None:
        result = self.results.current
        if result is not None and self.run is None:
            self._page.result_box.outline_box.outline = outline_of(result)
        self._show_result()

    def _show_result(self) -> None:
        self._page.result_box.show_result(self.results.current, is_outlining=self.results.is_outlining)

    def _show_readiness(self) -> None:
        why_not, hint = "", ""
        if self.layer is None:
            why_not = hint = tr("Add a raster layer to the project first: a file, an XYZ map, a WMS…")
        elif not self._page.query_line.text().strip():
            why_not = tr("Type what to look for first")
        self._page.run_box.set_ready(not why_not, why_not=why_not, hint=hint)

    def _visible_extent(self, crs: QgsCoordinateReferenceSystem) -> Optional[QgsRectangle]:
        return visible_rectangle(crs, self._iface.mapCanvas().mapSettings())


def outline_of(result: ResultLayer) -> Outline:
    """What a result's polygons were made with, as far as its run says."""
    run, outline = result.started.parameters, Outline()
    if isinstance(run.get("threshold"), float):
        outline = replace(outline, threshold=run["threshold"])
    if isinstance(run.get("min_area_m2"), (int, float)):
        outline = replace(outline, min_area_m2=float(run["min_area_m2"]))
    return outline
