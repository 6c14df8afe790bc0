"""The map tool that outlines objects by clicks."""

from __future__ import annotations

from functools import partial
from typing import Callable, Dict, Optional

from qgis.core import QgsVectorLayer
from qgis.gui import QgsMapCanvas, QgsMapMouseEvent, QgsMapTool
from qgis.PyQt.QtCore import QEvent, QObject, QPoint, Qt, QTimer, pyqtSignal

from ..core.refine.outlined import Outlined
from ..core.refine.prompts import PromptState
from ..core.refine.refine_engine import RefineEngine
from ..core.refine.refined_object import RefinedObject
from ..core.refine.stored_object import stored_object
from ..core.translation import tr
from ..core.vector.clicks import Click
from ..core.vector.reproject import NoPlaceError
from .mask_choice import MaskChoice
from .refine_bands import RefineBands
from .refine_keys import RefineKey, is_held, refine_key, walk_key
from .refine_view import RasterOnCanvas, is_drag, screen_corners
from .segment_pick import segment_at

_HOVER_INTERVAL_MS = 40
_VIEW_SETTLES_MS = 300
_BEFORE_SHORTCUTS = QEvent.Type.ShortcutOverride


class RefineTool(QgsMapTool):
    """Outlines one object after the other.

    A left click adds, a right click removes, a drag is a box. A left click on a polygon of the segments layer
    takes that polygon up, unless Shift is held or an object is in progress. Where a mark may mean several
    things, the digits choose among the masks. Enter accepts, Escape discards. What is in progress outlives a
    change to another tool, such as panning, and back.

    Args:
        canvas: QGIS's.
        engine: Answers for one raster; it has been started, and is stopped by whoever made it.
    """

    accepted = pyqtSignal(object)
    """A RefinedFeature."""
    status_changed = pyqtSignal(str)
    """What can be done next, for the status line; "" for nothing."""
    choice_changed = pyqtSignal(object)
    """The MaskChoice that the object in progress offers now."""
    given_up = pyqtSignal()
    """The analyst discarded the object in progress."""
    walk_requested = pyqtSignal(object)
    """A WalkKey was pressed while a walk is on."""

    def __init__(self, canvas: QgsMapCanvas, engine: RefineEngine) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._engine = engine
        self._text = ""
        self._segments: Optional[QgsVectorLayer] = None
        self._object: Optional[RefinedObject] = None
        self._handed_over: Optional[RefinedObject] = None
        self._bands: Optional[RefineBands] = None
        self._choice, self._is_walking = MaskChoice(), False
        self._pressed_at: Optional[QPoint] = None
        self._hovered_at: Optional[QPoint] = None
        self._hover_timer = self._timer(_HOVER_INTERVAL_MS, self._ask_hover)
        self._view_timer = self._timer(_VIEW_SETTLES_MS, self._show_view)
        self.setCursor(Qt.CursorShape.CrossCursor)

    @property
    def is_refining(self) -> bool:
        """Whether an object is in progress."""
        return self._object is not None

    def set_text(self, text: str) -> None:
        """Says what the objects are; one in progress is outlined anew, which can be undone."""
        self._text = text.strip()
        if self._object is not None and self._object.state.text != self._text:
            self._object.rename(self._text)
            self._answer()

    def set_segments(self, layer: Optional[QgsVectorLayer]) -> None:
        """Sets the layer whose polygons can be taken up; None for none."""
        if self._segments is not None:
            self._segments.willBeDeleted.disconnect(self._forget_segments)
        self._segments = layer
        if layer is not None:
            layer.willBeDeleted.connect(self._forget_segments)

    def set_walking(self, is_walking: bool) -> None:
        """Whether objects come from boxes one after the other: the walk has keys, too."""
        self._is_walking = is_walking

    def begin(self, begun: RefinedObject) -> None:
        """Makes this the object in progress, in place of another."""
        self._object = begun
        self._answer()

    # --- what the analyst does ------------------------------------------------------------------------------

    def accept(self) -> None:
        """Hands the object over, or says what is missing."""
        refined = self._object.refined() if self._object is not None else None
        if refined is None:
            self.status_changed.emit(tr("Nothing is outlined yet; click on the object, then accept it."))
            return
        self._handed_over = self._object
        self.discard()
        self.accepted.emit(refined)
        self._handed_over = None

    def take_back(self) -> None:
        """Goes on with the object that `accepted` just told of: it could not be kept."""
        self._object = self._handed_over
        self._redraw()

    def discard(self) -> None:
        """Drops the object."""
        self._object = None
        self._engine.cancel_predict()
        self._end_hover()
        self._redraw()

    def give_up(self) -> None:
        """Drops the object because the analyst wants that."""
        self.discard()
        self.given_up.emit()

    def choose(self, index: int) -> None:
        """Takes another one of the masks that are offered; that can be undone like a mark."""
        self.preview(None)
        if self._object is not None and self._object.choose(index):
            self._redraw()
            self._tell_outline()

    def preview(self, index: Optional[int]) -> None:
        """Shows one of the masks that are offered beside the chosen one; None for none."""
        offered = () if self._object is None else self._object.alternatives
        self._take_hovered(None if index is None or index >= len(offered) else offered[index])

    def undo(self) -> None:
        """Takes the last mark back."""
        if self._object is not None and self._object.undo():
            self._answer()

    def redo(self) -> None:
        """Makes the mark again that was taken back."""
        if self._object is not None and self._object.redo():
            self._answer()

    # --- QGIS's events --------------------------------------------------------------------------------------

    def activate(self) -> None:
        """Begins to listen, and has the view encoded."""
        super().activate()
        self._bands = self._bands or RefineBands(self._canvas)
        self._engine.outlined.connect(self._take_outlined)
        self._engine.hovered.connect(self._take_hovered)
        self._canvas.extentsChanged.connect(self._view_timer.start)
        self._canvas.destinationCrsChanged.connect(self._redraw)
        self._canvas.installEventFilter(self)
        self._canvas.viewport().installEventFilter(self)
        self._canvas.setFocus()
        self._answer()  # the answer may have come while another tool was active
        self._show_view()

    def deactivate(self) -> None:
        """Takes everything off the canvas; what is in progress waits for the next `activate`."""
        if self._bands is not None:
            self._canvas.viewport().removeEventFilter(self)
            self._canvas.removeEventFilter(self)
            self._canvas.destinationCrsChanged.disconnect(self._redraw)
            self._canvas.extentsChanged.disconnect(self._view_timer.start)
            self._engine.hovered.disconnect(self._take_hovered)
            self._engine.outlined.disconnect(self._take_outlined)
            self._end_hover()
            self._view_timer.stop()
            self._pressed_at = None
            self._bands.remove()
            self._bands = None
            self._tell_choice(MaskChoice())
            self.status_changed.emit("")
        super().deactivate()

    def canvasPressEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: N802 - QGIS's name
        """Remembers where a click or a drag begins."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed_at = event.pixelPoint()

    def canvasMoveEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: N802 - QGIS's name
        """Shows the box while dragging, else asks for a preview."""
        if self._pressed_at is not None:
            if self._bands is not None and is_drag(self._pressed_at, event.pixelPoint()):
                self._end_hover()
                to_map = self.toMapCoordinates
                self._bands.show_box(
                    [to_map(at) for at in screen_corners(self._pressed_at, event.pixelPoint())]
                )
            return
        self._hovered_at = event.pixelPoint()
        if not self._hover_timer.isActive():
            self._hover_timer.start()

    def canvasReleaseEvent(self, event: QgsMapMouseEvent) -> None:  # noqa: N802 - QGIS's name
        """Adds, removes, or boxes."""
        at, pressed_at = event.pixelPoint(), self._pressed_at
        if event.button() == Qt.MouseButton.RightButton and pressed_at is None:
            self._mark(at, is_positive=False)
        elif event.button() == Qt.MouseButton.LeftButton and pressed_at is not None:
            self._pressed_at = None
            if is_drag(pressed_at, at):
                self._box(pressed_at, at)
                return
            is_new = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            if self._object is not None or is_new or not self._take_up(at):
                self._mark(at, is_positive=True)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802 - Qt's name
        """Does what the tool's keys say; ends the preview at the edge.

        Neither QGIS's menus, whose Undo is another, nor its canvas, which deletes what is selected or zooms,
        see these keys.
        """
        is_pressed = event.type() == QEvent.Type.KeyPress
        command = self._command_of(event) if is_pressed or event.type() == _BEFORE_SHORTCUTS else None
        if command is not None:
            event.accept()
            if is_pressed and not is_held(event):
                command()
            return True
        if event.type() == QEvent.Type.Leave:
            self._end_hover()
        return bool(super().eventFilter(watched, event))

    # --- marks ----------------------------------------------------------------------------------------------

    def _take_up(self, at: QPoint) -> bool:
        """Makes the polygon under a click the object; False where there is none."""
        place = self._raster_on_canvas.to_raster(at)
        if self._segments is None or place is None:
            return False
        picked = segment_at(self._segments, *place, crs=self._engine.raster.crs)
        if picked is None:
            return False
        try:
            self._object = stored_object(picked, self._segments, self._engine.raster.crs, text=self._text)
        except NoPlaceError:
            return False
        self._end_hover()
        self._redraw()
        self.status_changed.emit(
            tr("Click what the polygon lacks, right-click what is too much; Escape leaves it as it is.")
        )
        return True

    def _mark(self, at: QPoint, *, is_positive: bool) -> None:
        place = self._raster_on_canvas.to_raster(at)
        if place is None:
            text = tr("The layer {name} has no pixel there; click inside it.")
            self.status_changed.emit(text.format(name=self._engine.raster.name))
        elif self._object is None and not is_positive:
            self.status_changed.emit(tr("There is nothing to remove from yet; click on an object first."))
        else:
            self._object = self._object or RefinedObject(self._text)
            self._object.click(Click(*place, is_positive))
            self._answer(at)

    def _box(self, start: QPoint, end: QPoint) -> None:
        places = [self._raster_on_canvas.to_map(at) for at in screen_corners(start, end)]
        corners = tuple(place for place in places if place is not None)
        if len(corners) < len(places) or not self._raster_on_canvas.has_pixels_in(corners):
            self._redraw()
            text = tr("The layer {name} has no pixels in the box; draw it inside the layer.")
            self.status_changed.emit(text.format(name=self._engine.raster.name))
            return
        self._object = self._object or RefinedObject(self._text)
        self._object.drag(corners)
        self._answer((start + end) / 2)

    def _answer(self, at: Optional[QPoint] = None) -> None:
        """Shows the answer to what counts now, or asks for it."""
        self._end_hover()
        self._redraw()
        self._engine.cancel_predict()
        view = self._raster_on_canvas.view(at)
        if self._object is None or self._object.outlined is not None or not self._object.is_marked:
            return
        if view is None:
            self.status_changed.emit(tr("The layer can't be placed on this map; change the project's CRS."))
            return
        self._engine.predict(self._object.state, view)

    # --- answers --------------------------------------------------------------------------------------------

    def _take_outlined(self, outlined: Outlined) -> None:
        if self._object is None or not self._object.take(outlined):
            return
        self._redraw()
        self._tell_outline()

    def _tell_outline(self) -> None:
        """What can be done with the outline that is shown."""
        assert self._object is not None
        assert self._object.outlined is not None
        if self._object.outlined.geometry.isEmpty():
            text = tr("Nothing was found there; click again, or undo.")
        elif self._object.alternatives:
            text = tr("Choose a mask with the buttons or the keys 1 to 3, or click on; Enter accepts.")
        else:
            text = tr("Click adds, right-click removes; Enter accepts, Escape discards.")
        self.status_changed.emit(text)

    def _take_hovered(self, outlined: Optional[Outlined]) -> None:
        if self._bands is not None:
            geometry = None if outlined is None else outlined.geometry
            self._bands.show_hover(geometry, self._engine.raster.crs)

    def _ask_hover(self) -> None:
        """Previews what a left click would give."""
        at = self._hovered_at
        place = None if at is None else self._raster_on_canvas.to_raster(at)
        view = self._raster_on_canvas.view(at)
        if place is None or view is None:
            self._end_hover()
            return
        click = Click(*place, True)
        start = PromptState(text=self._text)
        state = start.with_click(click, mask=None) if self._object is None else self._object.preview(click)
        self._engine.hover(state, view)

    def _end_hover(self) -> None:
        self._hover_timer.stop()
        self._hovered_at = None
        self._engine.end_hover()
        if self._bands is not None:
            self._bands.show_hover(None, self._engine.raster.crs)

    def _show_view(self) -> None:
        """Has what is seen of the raster encoded."""
        view = self._raster_on_canvas.view()
        if view is not None and self._raster_on_canvas.is_seen:
            self._engine.show_view(view)

    # --- the canvas -----------------------------------------------------------------------------------------

    @property
    def _raster_on_canvas(self) -> RasterOnCanvas:
        return RasterOnCanvas(self._canvas, self._engine.raster)

    def _redraw(self) -> None:
        if self._bands is None:
            return
        state = PromptState() if self._object is None else self._object.state
        crs, to_canvas = self._engine.raster.crs, self._raster_on_canvas.to_canvas
        self._bands.show_mask(None if self._object is None else self._object.geometry, crs)
        self._bands.show_box([to_canvas(x, y) for x, y in state.box_map or ()])
        self._bands.show_clicks(
            [to_canvas(click.x_map, click.y_map) for click in state.clicks if click.is_positive],
            [to_canvas(click.x_map, click.y_map) for click in state.clicks if not click.is_positive],
        )
        offered = () if self._object is None else self._object.alternatives
        self._tell_choice(MaskChoice(tuple(mask.iou_pred for mask in offered), state.chosen))

    def _tell_choice(self, choice: MaskChoice) -> None:
        if choice != self._choice:
            self._choice = choice
            self.choice_changed.emit(choice)

    def _command_of(self, event: QEvent) -> Optional[Callable[[], None]]:
        """What a key does now; None where it is QGIS's."""
        on_walk = walk_key(event) if self._is_walking else None
        if on_walk is not None:
            return partial(self.walk_requested.emit, on_walk)
        key = refine_key(event)
        if self._object is None or key is None:
            return None
        if isinstance(key, int):
            return partial(self.choose, key) if key < len(self._object.alternatives) else None
        commands: Dict[RefineKey, Callable[[], None]] = {
            RefineKey.ACCEPT: self.accept,
            RefineKey.DISCARD: self.give_up,
            RefineKey.UNDO: self.undo,
            RefineKey.REDO: self.redo,
        }
        return commands[key]

    def _timer(self, interval_ms: int, work: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(interval_ms)
        timer.timeout.connect(work)
        return timer

    def _forget_segments(self) -> None:
        self._segments = None
