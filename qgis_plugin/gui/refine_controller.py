"""What the dock's Refine button does: the map tool on a raster, and accepted objects into a layer."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, List, Optional

from qgis.core import QgsProject, QgsRasterLayer, QgsVectorLayer
from qgis.gui import QgisInterface, QgsMapTool
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QDateTime, QObject, Qt, QTimer, pyqtSignal

from geophrase.protocol.jobs import JobStarted, Outline

from ..core.engine.service import EngineService
from ..core.raster.errors import LayerError
from ..core.raster.layer_raster import LayerRaster, layer_raster
from ..core.refine.layer_edit import RefinedError, write_refined
from ..core.refine.outlined import RefinedFeature, RefineOptions, View
from ..core.refine.prompts import PromptState
from ..core.refine.refine_engine import RefineEngine
from ..core.segment.layer import ResultLayer
from ..core.segment.queries import QueryError, split_queries
from ..core.segment.result_file import ResultError
from ..core.segment.results import Results
from ..core.settings import load_settings
from ..core.translation import tr
from ..core.vector.boxes import Corners
from .messages import Messages
from .refine_tool import RefineTool
from .segment_page import SegmentPage
from .segments_target import segments_target

Recipient = Callable[[RefinedFeature, LayerRaster], None]
"""Keeps an accepted object; raises RefinedError or ResultError where it can't."""
STOP_S = 3.0
"""How long QGIS waits at most for what refines when the plugin is taken away."""
_RETIRED_MS = 500


class RefineController(QObject):
    """Has one map tool, for the raster that was chosen when refining began. Lives in the main thread.

    Args:
        page: The widgets.
        iface: QGIS's interface.
        service: The engine.
        results: Where new objects go when no segments layer is active.
        messages: Where the user is told.
    """

    given_up = pyqtSignal()
    """The analyst discarded the object in progress."""
    walk_requested = pyqtSignal(object)
    """A WalkKey was pressed while objects come from boxes."""

    def __init__(
        self,
        page: SegmentPage,
        iface: QgisInterface,
        service: EngineService,
        *,
        results: Results,
        messages: Messages,
    ) -> None:
        super().__init__(page)
        self.tool: Optional[RefineTool] = None
        self._page, self._iface, self._service = page, iface, service
        self._results, self._messages = results, messages
        self._recipient: Optional[Recipient] = None
        self._engine: Optional[RefineEngine] = None
        self._retired: List[RefineEngine] = []  # kept until their threads have ended
        self._retired_timer = QTimer(self)
        self._retired_timer.setInterval(_RETIRED_MS)
        self._retired_timer.timeout.connect(self._let_go)
        self._layer: Optional[QgsRasterLayer] = None
        self._earlier_tool: Optional[QgsMapTool] = None
        box = page.result_box
        box.refine_toggled.connect(self.set_active)
        box.undo_requested.connect(self._undo)
        box.redo_requested.connect(self._redo)
        box.outline_box.changed.connect(self._on_outline)
        box.mask_choice.chosen.connect(self._choose)
        box.mask_choice.hovered.connect(self._preview)
        page.query_line.editingFinished.connect(self._show_text)
        page.layer_box.layerChanged.connect(self._on_layer)
        results.current_changed.connect(self._show_segments)
        iface.currentLayerChanged.connect(self._show_segments)
        iface.mapCanvas().mapToolSet.connect(self._on_map_tool)

    def set_active(self, is_active: bool) -> None:
        """Begins to refine, or gives the map its earlier tool back."""
        canvas = self._iface.mapCanvas()
        if not is_active:
            if self.tool is not None and canvas.mapTool() is self.tool:
                canvas.unsetMapTool(self.tool)
                if self._earlier_tool is not None and not sip.isdeleted(self._earlier_tool):
                    canvas.setMapTool(self._earlier_tool)
            return
        try:
            tool = self._tool_for_layer()
        except LayerError as error:
            self._page.result_box.show_refining(False)
            self._messages.warned(str(error))
            return
        if canvas.mapTool() is not tool:
            self._earlier_tool = canvas.mapTool()
        canvas.setMapTool(tool)
        self._show_text()
        self._show_segments()

    @property
    def raster(self) -> Optional[LayerRaster]:
        """What is refined on; None while nothing is."""
        return None if self._engine is None else self._engine.raster

    def begin_walk(self, recipient: Recipient) -> None:
        """From now on objects come from boxes, and what is accepted goes to this recipient."""
        self._recipient = recipient
        if self.tool is not None:
            self.tool.set_walking(True)

    def expect(self, corners_map: Corners, view: View) -> None:
        """Which box the walk will probably come to next, and how it will be shown."""
        if self._engine is not None:
            self._engine.expect((PromptState(box_map=corners_map), view))

    def end_walk(self) -> None:
        """Objects are the analyst's own again; the one in progress is dropped."""
        self._recipient = None
        if self._engine is not None:
            self._engine.expect(None)
        if self.tool is not None:
            self.tool.set_walking(False)
            self.tool.discard()
            self._show_text()

    def stop(self) -> None:
        """Takes the tool off the map for good; its threads end soon."""
        self._iface.currentLayerChanged.disconnect(self._show_segments)
        self._iface.mapCanvas().mapToolSet.disconnect(self._on_map_tool)
        self._end_tool()

    def wait(self) -> None:
        """After `stop`: blocks until the threads have ended."""
        self._let_go(STOP_S)
        self._retired.clear()
        self._retired_timer.stop()

    def _tool_for_layer(self) -> RefineTool:
        layer = self._page.layer_box.currentLayer()
        if not isinstance(layer, QgsRasterLayer) or not layer.isValid():
            raise LayerError(
                tr("There is no raster layer to refine on. Add one to the project and choose it.")
            )
        model = load_settings().model or None
        if self.tool is not None and self._engine is not None and layer is self._layer:
            if self._engine.options.model == model:
                return self.tool
        self._end_tool()
        outline = self._page.result_box.outline_box.outline
        options = RefineOptions(model=model, threshold=outline.threshold)
        engine = RefineEngine(self._service, layer_raster(layer), options)
        engine.setParent(self)
        engine.failed.connect(self._messages.warned)
        engine.status_changed.connect(self._show_status)
        engine.start()
        tool = RefineTool(self._iface.mapCanvas(), engine)
        tool.status_changed.connect(self._show_status)
        tool.accepted.connect(self._on_accepted)
        tool.given_up.connect(self.given_up)
        tool.walk_requested.connect(self.walk_requested)
        tool.set_walking(self._recipient is not None)
        tool.choice_changed.connect(self._page.result_box.mask_choice.show_choice)
        self.tool, self._engine, self._layer = tool, engine, layer
        return tool

    def _end_tool(self) -> None:
        if self.tool is None or self._engine is None:
            return
        self.tool.set_segments(None)
        self._iface.mapCanvas().unsetMapTool(self.tool)
        self._engine.stop()
        self._retired.append(self._engine)
        self._retired_timer.start()
        self.tool.deleteLater()
        self.tool, self._engine, self._layer = None, None, None
        self._earlier_tool = None

    def _let_go(self, timeout_s: float = 0.0) -> None:
        """Closes the rasters of those whose threads have ended; until then they hold their files open."""
        for engine in list(self._retired):
            if engine.join(timeout_s):
                self._retired.remove(engine)
                engine.deleteLater()
        if not self._retired:
            self._retired_timer.stop()

    def _on_accepted(self, refined: RefinedFeature) -> None:
        assert self._engine is not None
        assert self.tool is not None
        try:
            (self._recipient or self._keep)(refined, self._engine.raster)
        except (RefinedError, ResultError) as error:
            self._messages.warned(str(error))
            self.tool.take_back()

    def _keep(self, refined: RefinedFeature, raster: LayerRaster) -> None:
        """Puts an accepted object where it came from, into the active result, or into a new one.

        Raises:
            RefinedError: The layer can't take it.
            ResultError: A new one can't be made.
        """
        layer = QgsProject.instance().mapLayer(refined.layer_id)  # which need no longer be the active one
        if not isinstance(layer, QgsVectorLayer):
            refined = replace(refined, feature_id=None)
            layer = segments_target(self._iface, self._results) or self._new_target(raster, refined)
        write_refined(layer, refined, crs=raster.crs, source=raster.source)
        text = tr("Accepted into {layer}. Ctrl+Z there takes it back; save the layer's edits to keep it.")
        self._page.result_box.show_hint(text.format(layer=layer.name()))

    def _new_target(self, raster: LayerRaster, refined: RefinedFeature) -> QgsVectorLayer:
        """A layer for objects that were clicked without a query before.

        Raises:
            ResultError: Its file can't be made.
        """
        assert self._layer is not None
        started = JobStarted(
            result_id="",
            queries=(refined.text,) if refined.text else (),
            crs_wkt=raster.crs_wkt,
            model=refined.outlined.model,
            weights=refined.outlined.weights,
            source=raster.source,
            created=str(QDateTime.currentDateTimeUtc().toString(Qt.DateFormat.ISODateWithMs)),
            parameters={"command": "refine", "raster": raster.source, "model": refined.outlined.model},
        )
        result = ResultLayer(started, self._layer, parent=self)
        self._results.add(result)
        assert result.layer is not None
        return result.layer

    def _on_map_tool(self, tool: Optional[QgsMapTool], _earlier: Optional[QgsMapTool] = None) -> None:
        is_active = self.tool is not None and tool is self.tool
        self._page.result_box.show_refining(is_active)
        self._show_status("")

    def _show_status(self, text: str) -> None:
        """What is being done, or else what can be done."""
        is_active = self.tool is not None and self._iface.mapCanvas().mapTool() is self.tool
        idle = tr("Click an object: left adds, right removes, a drag is a box. Enter accepts, Esc discards.")
        self._page.result_box.show_hint((text or idle) if is_active else "")

    def _on_layer(self) -> None:
        """Another raster: an object in progress on the earlier one is given up."""
        if self.tool is not None and self._page.layer_box.currentLayer() is not self._layer:
            was_active = self._iface.mapCanvas().mapTool() is self.tool
            self._end_tool()
            if was_active and self._page.layer_box.currentLayer() is not None:
                self.set_active(True)

    def _on_outline(self, outline: Outline) -> None:
        if self._engine is not None:
            self._engine.options = replace(self._engine.options, threshold=outline.threshold)

    def _show_text(self) -> None:
        """The text goes in with the clicks where it names one thing."""
        if self.tool is None or self._recipient is not None:
            return
        try:
            queries = split_queries(self._page.query_line.text())
        except QueryError:
            queries = ()
        self.tool.set_text(queries[0] if len(queries) == 1 else "")

    def _show_segments(self) -> None:
        if self.tool is not None:
            self.tool.set_segments(segments_target(self._iface, self._results))

    def _choose(self, index: int) -> None:
        if self.tool is not None:
            self.tool.choose(index)

    def _preview(self, index: Optional[int]) -> None:
        if self.tool is not None:
            self.tool.preview(index)

    def _undo(self) -> None:
        if self.tool is not None:
            self.tool.undo()

    def _redo(self) -> None:
        if self.tool is not None:
            self.tool.redo()
