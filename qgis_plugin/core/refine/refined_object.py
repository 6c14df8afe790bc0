"""The object that is being refined: what it was, what was marked, what was answered."""

from __future__ import annotations

from typing import Dict, Optional, Tuple

from qgis.core import QgsGeometry

from ..vector.boxes import Corners
from ..vector.clicks import Click
from ..vector.rings import rings_of
from .masks import MaskPrompt, ShapeMask
from .outlined import Outlined, RefinedFeature
from .prompts import PromptHistory, PromptState


class RefinedObject:
    """One object from its first mark to its acceptance.

    Args:
        text: What it is; "" says nothing.
        feature_id: Of the polygon that is refined; None for a new object.
        layer_id: Of that polygon's layer.
        shape: That polygon, in the raster's CRS.
        clicks: That made that polygon; they count along with those to come.
        box_map: Likewise; or the box around a new object, which no undo takes away.
    """

    def __init__(
        self,
        text: str,
        *,
        feature_id: Optional[int] = None,
        layer_id: str = "",
        shape: Optional[QgsGeometry] = None,
        clicks: Tuple[Click, ...] = (),
        box_map: Optional[Corners] = None,
    ) -> None:
        self._feature_id, self._layer_id = feature_id, layer_id
        self._shape = shape
        self._last = shape
        mask = None if shape is None else ShapeMask(rings_of(shape))
        start = PromptState(text=text, clicks=clicks, box_map=box_map, mask=mask, shape=mask)
        self._history = PromptHistory(start)
        self._answers: Dict[PromptState, Outlined] = {}

    @property
    def state(self) -> PromptState:
        """What counts now."""
        return self._history.current

    @property
    def is_marked(self) -> bool:
        """Whether there is something to ask: a mark since it began, or the box that a new one began with."""
        is_new_box = self._shape is None and self.state.box_map is not None
        return is_new_box or self.state.has_marks_beyond(self._history.start)

    @property
    def alternatives(self) -> Tuple[Outlined, ...]:
        """The masks to choose from, the likeliest first; () while there is no choice."""
        answer = self._answers.get(self.state)
        return answer.alternatives if answer is not None and answer.others else ()

    @property
    def outlined(self) -> Optional[Outlined]:
        """The answer to it, the mask that was chosen; None while there is none."""
        answer = self._answers.get(self.state)
        return None if answer is None else answer.alternatives[self.state.chosen]

    @property
    def geometry(self) -> Optional[QgsGeometry]:
        """What to show, in the raster's CRS: the answer, or while that is on its way the one before it.

        Before the first mark it is the polygon that is refined.
        """
        if self.outlined is not None:
            return self.outlined.geometry
        return self._last if self.is_marked else self._shape

    def take(self, outlined: Outlined) -> bool:
        """Keep an answer; False where it is not to what counts now."""
        self._answers[outlined.state] = outlined
        if outlined.state is not self.state:
            return False
        self._last = outlined.geometry
        return True

    def click(self, click: Click) -> None:
        """One more click."""
        self._history.push(self.preview(click))

    def preview(self, click: Click) -> PromptState:
        """What would count after a click."""
        return self.state.with_click(click, mask=self._latest_mask)

    def drag(self, box_map: Corners) -> None:
        """Another box."""
        self._history.push(self.state.with_box(box_map))

    def choose(self, index: int) -> bool:
        """Another one of the masks that were offered; it can be undone like a mark. False for none other."""
        if index == self.state.chosen or not 0 <= index < len(self.alternatives):
            return False
        answer = self._answers[self.state]
        self._history.push(self.state.with_choice(index))
        self._answers[self.state] = answer
        self._last = answer.alternatives[index].geometry
        return True

    def rename(self, text: str) -> None:
        """Another text; it can be undone like a mark."""
        self._history.push(self.state.with_text(text))

    def undo(self) -> bool:
        """Step back."""
        return self._history.undo()

    def redo(self) -> bool:
        """Step forward again."""
        return self._history.redo()

    def refined(self) -> Optional[RefinedFeature]:
        """What to accept; None while there is no outline of what was marked."""
        outlined = self.outlined
        if outlined is None or outlined.geometry.isEmpty():
            return None
        state = self.state
        return RefinedFeature(
            self._feature_id,
            outlined.geometry,
            state.text,
            state.clicks,
            outlined,
            layer_id=self._layer_id,
            box_map=state.box_map,
        )

    @property
    def _latest_mask(self) -> Optional[MaskPrompt]:
        """The answer's mask, or while that is on its way the one before it."""
        outlined = self.outlined
        return outlined.mask if outlined is not None and outlined.mask is not None else self.state.mask
