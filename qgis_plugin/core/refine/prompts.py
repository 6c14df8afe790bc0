"""What the analyst has marked of one object, and the way back and forth through it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import List, Optional, Tuple

from ..vector.boxes import Corners
from ..vector.clicks import Click
from .masks import MaskPrompt, ShapeMask


@dataclass(frozen=True, eq=False)
class PromptState:
    """All prompts about one object. Each state is itself and equal to no other, so answers can be kept by it.

    Attributes:
        text: What the object is; "" says nothing.
        clicks: In the order made, in the raster's CRS.
        box_map: A dragged box.
        mask: The mask before these prompts: of the answer to an earlier state, or a polygon's shape.
        shape: The polygon that is refined; None for a new object.
        chosen: Which of the masks that the answer offers.
    """

    text: str = ""
    clicks: Tuple[Click, ...] = ()
    box_map: Optional[Corners] = None
    mask: Optional[MaskPrompt] = None
    shape: Optional[ShapeMask] = None
    chosen: int = 0

    def with_click(self, click: Click, *, mask: Optional[MaskPrompt]) -> PromptState:
        """One more click, on top of the latest mask."""
        return replace(self, clicks=(*self.clicks, click), mask=mask, chosen=0)

    def with_box(self, box_map: Corners) -> PromptState:
        """Another box, which says anew where the object is: the mask so far counts no more."""
        return replace(self, box_map=box_map, mask=None, chosen=0)

    def with_text(self, text: str) -> PromptState:
        """Another text."""
        return replace(self, text=text, chosen=0)

    def with_choice(self, chosen: int) -> PromptState:
        """Another one of the masks that were offered."""
        return replace(self, chosen=chosen)

    def has_marks_beyond(self, start: PromptState) -> bool:
        """Whether there is something to ask about: a mark, not just a text or what it began with."""
        return self.clicks != start.clicks or self.box_map != start.box_map


class PromptHistory:
    """States of one object, and which of them counts.

    Args:
        start: The state before the first mark.
    """

    def __init__(self, start: PromptState) -> None:
        self._states: List[PromptState] = [start]
        self._index = 0

    @property
    def start(self) -> PromptState:
        """The state before the first mark."""
        return self._states[0]

    @property
    def current(self) -> PromptState:
        """The state that counts."""
        return self._states[self._index]

    @property
    def can_undo(self) -> bool:
        """Whether there is an earlier state."""
        return self._index > 0

    @property
    def can_redo(self) -> bool:
        """Whether a state was undone and not replaced since."""
        return self._index + 1 < len(self._states)

    def push(self, state: PromptState) -> None:
        """Go on to a new state; what was undone before is gone."""
        self._states[self._index + 1 :] = [state]
        self._index += 1

    def undo(self) -> bool:
        """Step back; False where there is nothing to undo."""
        if not self.can_undo:
            return False
        self._index -= 1
        return True

    def redo(self) -> bool:
        """Step forward again; False where there is nothing to redo."""
        if not self.can_redo:
            return False
        self._index += 1
        return True
