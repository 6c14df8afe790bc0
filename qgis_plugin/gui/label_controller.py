"""What the dock's "Boxes to label" does: one box after the other, from a prompt to a saved label."""

from __future__ import annotations

import math
import threading
from functools import partial
from typing import List, Optional, Tuple

from qgis.core import (
    QgsCoordinateTransform,
    QgsCsException,
    QgsGeometry,
    QgsPointXY,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.gui import QgisInterface
from qgis.PyQt import sip
from qgis.PyQt.QtCore import QObject

from ..core.annotate.boxes import BoxSource, BoxToLabel
from ..core.annotate.label_store import LabelStore, open_labels
from ..core.annotate.walk import Label, LabelWalk
from ..core.background import BackgroundCall
from ..core.raster.layer_raster import LayerRaster
from ..core.refine.layer_edit import RefinedError
from ..core.refine.outlined import RefinedFeature, View
from ..core.refine.refined_object import RefinedObject
from ..core.segment.queries import QueryError, split_queries
from ..core.segment.result_file import ResultError
from ..core.translation import tr
from ..core.vector.reproject import NoPlaceError
from .messages import Messages
from .refine_controller import RefineController
from .refine_keys import WalkKey
from .segment_page import SegmentPage

_VIEW_BOXES = 3.0
"""The map shows so many boxes side by side: an object needs ground around it."""
_MIN_VIEW_PX = 256
"""Of the raster, along each side of the map, however small a box is: the model sees about what the map shows,
and learnt from imagery that was enlarged no further."""


class LabelController(QObject):
    """Walks through a layer of boxes with the tool that refines. Lives in the main thread.

    Args:
        page: The widgets.
        iface: QGIS's interface.
        refine: Has the map tool.
        messages: Where the user is told.
    """

    def __init__(
        self, page: SegmentPage, iface: QgisInterface, refine: RefineController, *, messages: Messages
    ) -> None:
        super().__init__(page)
        self.walk: Optional[LabelWalk] = None
        self.store: Optional[LabelStore] = None
        self._page, self._iface, self._refine, self._messages = page, iface, refine, messages
        self._reading: Optional[BackgroundCall] = None
        self._is_read_in_vain = threading.Event()
        self._raster_layer: Optional[QgsRasterLayer] = None
        self._box_layer: Optional[QgsVectorLayer] = None
        box = page.label_box
        box.walk_toggled.connect(self.set_active)
        box.accept_requested.connect(self._accept)
        box.drop_requested.connect(self.drop)
        box.step_requested.connect(self.step)
        refine.given_up.connect(self._begin_anew)
        refine.walk_requested.connect(self._on_key)
        page.layer_box.layerChanged.connect(self._on_raster)

    def set_active(self, is_active: bool) -> None:
        """Begins to walk where the last walk ended, or ends it; all labels are saved already."""
        if not is_active:
            self.stop()
            return
        boxes = self._page.label_box.boxes
        if boxes is None:
            self._refuse(tr("There is no layer of boxes. Add one to the project and choose it."))
            return
        self._refine.set_active(True)
        raster, raster_layer = self._refine.raster, self._page.layer_box.currentLayer()
        if raster is None or not isinstance(raster_layer, QgsRasterLayer):
            self._page.label_box.show_toggled(False)  # refining has said why
            return
        self._raster_layer, self._box_layer = raster_layer, boxes
        source = BoxSource.of(
            boxes,
            self._page.label_box.phrase_field,
            raster_crs=raster.crs,
            grid=raster.pixel_grid,
            context=QgsProject.instance().transformContext(),
        )
        self._page.label_box.show_toggled(True)
        self._is_read_in_vain = threading.Event()
        self._reading = BackgroundCall(partial(source.read, self._is_read_in_vain.is_set), self)
        self._reading.succeeded.connect(self._on_read)
        self._reading.failed.connect(self._refuse)
        self._reading.start()

    def stop(self) -> None:
        """Ends the walk."""
        self._is_read_in_vain.set()
        self._reading = None
        if self.walk is not None:
            self._refine.end_walk()
        if self.store is not None:
            self.store.layer.willBeDeleted.disconnect(self._on_labels_gone)
            self.store.close()
        self.walk, self.store, self._raster_layer, self._box_layer = None, None, None, None
        self._page.label_box.show_toggled(False)
        self._page.label_box.show_walk(None)

    def step(self, by: int) -> None:
        """Goes to the next box or to the one before; what was not accepted there is dropped from the map."""
        if self.walk is not None and self.walk.step(by):
            self._show_box()

    def drop(self) -> None:
        """Leaves the box out and goes on."""
        if self.walk is None or self.store is None:
            return
        try:
            self.store.drop(self.walk.current)
        except RefinedError as error:
            self._messages.warned(str(error))
            return
        self.walk.set_label(Label.DROPPED)
        self._go_on()

    # --- the walk -------------------------------------------------------------------------------------------

    def _on_read(self, read: Tuple[List[BoxToLabel], int]) -> None:
        boxes, num_beside = read
        if self.sender() is not self._reading or self._raster_layer is None or self._box_layer is None:
            return  # the walk ended meanwhile
        self._reading = None
        if sip.isdeleted(self._box_layer) or sip.isdeleted(self._raster_layer):
            self.stop()
            return
        if not boxes:
            self._refuse(
                tr("No box lies on the raster layer. Choose the layer that the boxes were drawn on.")
            )
            return
        if num_beside:
            text = tr("Left out, because they lie beside the raster or have no extent: {count}.")
            self._messages.told(text.format(count=num_beside))
        try:
            self.store = open_labels(self._box_layer, self._raster_layer, boxes)
        except ResultError as error:
            self._refuse(str(error))
            return
        self.store.layer.willBeDeleted.connect(self._on_labels_gone)
        self.walk = LabelWalk(boxes, accepted=self.store.accepted(), dropped=self.store.dropped())
        self._refine.begin_walk(self._keep)
        self._iface.setActiveLayer(self.store.layer)
        self._show_box()

    def _show_box(self) -> None:
        """Zooms to the current box and asks what is in it, or shows the polygon that it has."""
        assert self.walk is not None
        self._refine.set_active(True)
        raster, tool = self._refine.raster, self._refine.tool
        if raster is None or tool is None:  # refining has said why
            self.stop()
            return
        self._zoom_to(self.walk.current, raster)
        self._begin_anew()
        upcoming = self.walk.upcoming
        if upcoming is not None:
            self._refine.expect(upcoming.corners_map, self._view_of(upcoming))

    def _begin_anew(self) -> None:
        """The box as it was before the analyst marked anything."""
        raster, tool = self._refine.raster, self._refine.tool
        if self.walk is None or self.store is None or raster is None or tool is None:
            return
        box = self.walk.current
        self._page.label_box.show_walk(self.walk)
        try:
            labelled = self.store.labelled_object(box, raster.crs)
        except NoPlaceError as error:
            self._refuse(str(error))
            return
        if labelled is not None:
            tool.begin(labelled)
            return
        tool.begin(RefinedObject(box.phrase or self._typed_phrase, box_map=box.corners_map))

    def _keep(self, refined: RefinedFeature, raster: LayerRaster) -> None:
        """Saves the accepted polygon and goes on.

        Raises:
            RefinedError: It can't be saved.
        """
        assert self.walk is not None
        assert self.store is not None
        self.store.accept(self.walk.current, refined, raster)
        self.walk.set_label(Label.ACCEPTED)
        self._go_on()

    def _go_on(self) -> None:
        assert self.walk is not None
        assert self.store is not None
        if self.walk.next_open():
            self._show_box()
            return
        text = tr("All boxes are labelled: {accepted} accepted, {dropped} dropped. They are in {layer}.")
        self._messages.succeeded(
            text.format(
                accepted=self.walk.num_labelled(Label.ACCEPTED),
                dropped=self.walk.num_labelled(Label.DROPPED),
                layer=self.store.layer.name(),
            )
        )
        self.stop()

    def _zoom_to(self, box: BoxToLabel, raster: LayerRaster) -> None:
        """Shows a box with ground around it; a box without a place on the map stays where it is."""
        (x, y), half = box.centre_pix, _shown_px(box) / 2
        around_pix = [(x - half, y - half), (x + half, y - half), (x + half, y + half), (x - half, y + half)]
        corners = [QgsPointXY(*corner) for corner in raster.pixel_grid.to_map(around_pix).tolist()]
        view = QgsGeometry.fromPolygonXY([corners])
        canvas = self._iface.mapCanvas()
        crs = canvas.mapSettings().destinationCrs()
        try:
            view.transform(QgsCoordinateTransform(raster.crs, crs, QgsProject.instance()))
        except QgsCsException:
            return
        canvas.setExtent(view.boundingBox())
        canvas.refresh()

    def _view_of(self, box: BoxToLabel) -> View:
        """How a box will be shown: the shorter side of the map has room for all of it."""
        viewport = self._iface.mapCanvas().viewport()
        longer, shorter = max(viewport.width(), viewport.height()), min(viewport.width(), viewport.height())
        return View(box.centre_pix, _shown_px(box) * math.sqrt(longer / max(1, shorter)))

    @property
    def _typed_phrase(self) -> str:
        """The phrase after Find, where it is one."""
        try:
            queries = split_queries(self._page.query_line.text())
        except QueryError:
            return ""
        return queries[0] if len(queries) == 1 else ""

    # --- what happens meanwhile -----------------------------------------------------------------------------

    def _accept(self) -> None:
        if self._refine.tool is not None:
            self._refine.tool.accept()

    def _on_key(self, key: WalkKey) -> None:
        if key is WalkKey.DROP:
            self.drop()
        else:
            self.step(1 if key is WalkKey.NEXT else -1)

    def _on_raster(self) -> None:
        """Another raster: the boxes don't belong to it."""
        if self._raster_layer is not None and self._page.layer_box.currentLayer() is not self._raster_layer:
            self.stop()

    def _on_labels_gone(self) -> None:
        """The user took the labels out of the project; they are kept in their file."""
        assert self.store is not None
        self.store.close()
        self.store = None
        self.stop()

    def _refuse(self, text: str) -> None:
        self._messages.warned(text)
        self.stop()


def _shown_px(box: BoxToLabel) -> float:
    """The raster's pixels along the shorter side of the map."""
    xmin, ymin, xmax, ymax = box.bounds_pix
    return max(max(xmax - xmin, ymax - ymin) * _VIEW_BOXES, _MIN_VIEW_PX)
