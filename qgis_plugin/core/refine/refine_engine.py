"""Answers to clicks, from worker threads: QGIS's own thread never waits for the engine or the network."""

from __future__ import annotations

import threading
import traceback
import uuid
from typing import Any, Callable, Dict, Optional, Tuple, TypeVar

from qgis.PyQt.QtCore import QObject, pyqtBoundSignal, pyqtSignal

from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.messages import ModelStatus
from geophrase.protocol.sessions import PredictRequest, SessionOpened

from ..engine.client import EngineClient
from ..engine.errors import EngineFailure, JobCancelled
from ..engine.service import EngineService
from ..log import log_details
from ..raster.crops import Crop, CropLattice
from ..raster.errors import LayerError, ReadCancelledError
from ..raster.layer_raster import LayerRaster
from ..translation import tr
from .crop_prompts import bounds_of_prompts, prompts_in
from .crop_sessions import CropSessions
from .masks import CropMask
from .neighbourhood import Neighbourhood
from .outlined import Outlined, RefineOptions, View
from .prompts import PromptState
from .request_slots import Kind, RequestSlots

T = TypeVar("T")


class RefineEngine(QObject):
    """Outlines objects of one raster with one model.

    One thread serves what the analyst waits for: a click before the view, the view before a preview, and of
    each only the newest. Another encodes the neighbourhood, since a request in flight can't be taken back and
    a click mustn't wait for it. After the engine has died its sessions are opened again and the request is
    repeated once.

    Args:
        service: Where clients come from.
        raster: The raster, closed by `join`; a second is cloned from it, so make this in the main thread.
        options: Of all requests; `options` may be changed later.
    """

    outlined = pyqtSignal(object)
    """The Outlined answer to the newest `predict`."""
    hovered = pyqtSignal(object)
    """An Outlined preview, or None where there is none."""
    view_encoded = pyqtSignal()
    """The view that was last shown can be asked about without delay."""
    status_changed = pyqtSignal(str)
    """What is being done; "" when nothing is."""
    failed = pyqtSignal(str)
    """A sentence for the user."""

    def __init__(self, service: EngineService, raster: LayerRaster, options: RefineOptions) -> None:
        super().__init__()
        self.raster = raster
        self.options = options
        self._service = service
        self._slots = RequestSlots()
        self._stream = uuid.uuid4().hex
        slots = self._slots  # no cycle through self: the rasters' providers must not outlive QGIS
        self._sessions = CropSessions(model=options.model, is_cancelled=lambda: slots.is_stopped)
        self._neighbourhood = Neighbourhood(service, raster.clone(), self._sessions)
        self._model: Optional[ModelStatus] = None
        self._lattice: Optional[CropLattice] = None
        self._current: Optional[Crop] = None
        self._upcoming: Optional[Tuple[PromptState, View]] = None
        self._hover_number = 0
        self._thread = threading.Thread(target=self._run, name="geophrase-refine", daemon=True)

    def start(self) -> None:
        """Begins to serve."""
        self._thread.start()
        self._neighbourhood.start()

    def stop(self) -> None:
        """Serves nothing more; what is in flight ends unheard."""
        self._slots.stop()
        self._neighbourhood.stop()

    def join(self, timeout_s: float) -> bool:
        """Waits for the threads after `stop`, then closes the raster; False where a thread is still busy."""
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            return False
        self.raster.close()
        return self._neighbourhood.join(timeout_s)

    def show_view(self, view: View) -> None:
        """Has the view encoded, then what is around it."""
        self._slots.put(Kind.VIEW, view)

    def expect(self, upcoming: Optional[Tuple[PromptState, View]]) -> None:
        """What will probably be asked next, and in which view: it is encoded after the view now shown."""
        self._upcoming = upcoming

    def predict(self, state: PromptState, view: View) -> None:
        """Outlines what a state marks; answers to earlier states are no longer told."""
        self._slots.put(Kind.PREDICT, (state, view))

    def cancel_predict(self) -> None:
        """Takes back what still waits."""
        self._slots.drop(Kind.PREDICT)

    def hover(self, state: PromptState, view: View) -> None:
        """Previews a state, if the view is encoded."""
        self._hover_number += 1
        self._slots.put(Kind.HOVER, (self._hover_number, state, view))

    def end_hover(self) -> None:
        """No preview is wanted any more, also none that is under way."""
        self._hover_number += 1
        self._slots.drop(Kind.HOVER)

    # --- in the worker thread -----------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            taken = self._slots.take()
            if taken is None:
                return
            try:
                self._serve(*taken)
            except (ReadCancelledError, JobCancelled):
                pass
            except (EngineFailure, LayerError) as failure:
                self._tell_failure(taken[0], failure)
            except Exception as error:  # the boundary of the thread
                log_details(traceback.format_exc())
                self._tell_failure(taken[0], error)

    def _tell(self, signal: pyqtBoundSignal, *values: object) -> None:
        """Emits, unless it was stopped: whoever listened may be gone, and this object with it."""
        if not self._slots.is_stopped:
            signal.emit(*values)

    def _tell_failure(self, kind: Kind, failure: Exception) -> None:
        is_superseded = isinstance(failure, EngineFailure) and failure.code is ErrorCode.SUPERSEDED
        if not (is_superseded or kind is Kind.HOVER):
            self._tell(self.failed, str(failure))

    def _serve(self, kind: Kind, request: Any) -> None:
        serve: Dict[Kind, Callable[[Any], None]] = {
            Kind.PREDICT: self._serve_predict,
            Kind.VIEW: self._serve_view,
            Kind.HOVER: self._serve_hover,
        }
        serve[kind](request)

    def _serve_predict(self, request: Tuple[PromptState, View]) -> None:
        outlined = self._ask(lambda client: self._outline(client, *request))
        if outlined is not None and not self._slots.is_waiting(Kind.PREDICT):
            self._current = outlined.mask.crop if outlined.mask else self._current
            self._tell(self.outlined, outlined)

    def _serve_view(self, view: View) -> None:
        crop = self._ask(lambda client: self._show(client, view))
        if not self._slots.is_waiting(Kind.VIEW):
            self._tell(self.view_encoded)
            assert self._lattice is not None
            crops = self._lattice.neighbours(crop, towards_pix=view.centre_pix)
            if self._upcoming is not None:
                crops.insert(0, self._crop_for(*self._upcoming, self._lattice))
            self._neighbourhood.encode(crops[: self._sessions.max_open // 2])

    def _serve_hover(self, request: Tuple[int, PromptState, View]) -> None:
        number, state, view = request
        outlined = None
        if self._lattice is not None and self._sessions.of(self._crop_for(state, view, self._lattice)):
            outlined = self._ask(lambda client: self._outline(client, state, view))
        if number == self._hover_number:
            self._tell(self.hovered, outlined)

    def _ask(self, work: Callable[[EngineClient], T]) -> T:
        """Does the work, a second time if the engine or its session went away under it."""

        def attempt(client: EngineClient) -> T:
            try:
                return work(client)
            except EngineFailure as failure:
                if failure.code is not ErrorCode.NOT_FOUND:
                    raise
            self._sessions.forget()
            return work(client)

        return self._service.call(attempt, is_cancelled=lambda: self._slots.is_stopped)

    def _show(self, client: EngineClient, view: View) -> Crop:
        lattice = self._lattice_of(client)
        x, y = view.centre_pix
        crop = lattice.crop_for((x, y, x, y), view_side_pix=view.side_pix, current=self._current)
        self._open(client, crop)
        self._current = crop
        return crop

    def _outline(self, client: EngineClient, state: PromptState, view: View) -> Optional[Outlined]:
        """The answer; None where a newer click came while the crop was encoded."""
        lattice = self._lattice_of(client)
        crop = self._crop_for(state, view, lattice)
        session = self._open(client, crop)
        if self._slots.is_waiting(Kind.PREDICT):
            return None
        assert self._model is not None
        queries, logits_HW = prompts_in(state, crop, grid=lattice.grid, has_text=self._model.has_text)
        request = PredictRequest(
            queries,
            threshold=self.options.threshold,
            min_area_m2=self.options.min_area_m2,
            simplify_m=self.options.simplify_m,
            stream=self._stream,
            is_multimask=state.mask is None,  # a first box or point may mean several things, as in SAM 2
        )
        answer = client.predict(session.session_id, request, logits_HW)
        return Outlined.of(state, answer, crop=crop, session=session)

    def _crop_for(self, state: PromptState, view: View, lattice: CropLattice) -> Crop:
        """The crop that shows all the prompts, that of their mask if it still does."""
        current = state.mask.crop if isinstance(state.mask, CropMask) else self._current
        bounds_pix = bounds_of_prompts(state, lattice.grid) or (*view.centre_pix, *view.centre_pix)
        return lattice.crop_for(bounds_pix, view_side_pix=view.side_pix, current=current)

    def _open(self, client: EngineClient, crop: Crop) -> SessionOpened:
        if self._sessions.of(crop) is None:
            self._tell(self.status_changed, tr("Encoding the view…"))
            try:
                return self._sessions.open(client, self.raster, crop, is_background=False)
            finally:
                self._tell(self.status_changed, "")
        return self._sessions.open(client, self.raster, crop, is_background=False)

    def _lattice_of(self, client: EngineClient) -> CropLattice:
        """The lattice for the model's image side, which the engine announces."""
        if self._lattice is None:
            hello = client.hello()
            name = self.options.model or hello.default_model
            self._model = next((model for model in hello.models if model.name == name), None)
            if self._model is None:
                text = tr("The engine has no model named {name}; choose another one.")
                raise EngineFailure(ErrorCode.MODEL_UNKNOWN, text.format(name=name))
            self._sessions.limit(hello.limits.max_sessions)
            self._lattice = CropLattice(self.raster.pixel_grid, image_px=self._model.image_px)
        return self._lattice
