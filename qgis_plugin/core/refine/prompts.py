"""What the analyst has marked of one object, and the way back and forth through it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import List, Optional, Tuple

from ..export.clicks import Click
from .masks import MaskPrompt, ShapeMask

Corners = Tuple[Tuple[float, float], ...]
"""x, y of the four corners of a dragged box in map coordinates; askew where the canvas is rotated."""


@dataclass(frozen=True, eq=False)
class PromptState:
    """All prompts about one object. Each state is itself and equal to no other, so answers can be kept by it.

    Attributes:
        text: What the object is; "" says nothing.
        clicks: In the order made, in the raster's CRS.
        box_map: A dragged box.
        mask: The mask before these prompts: of the answer to an earlier state, or a polygon's shape.
        shape: The polygon that is refined; None for a new object.
    """

    text: str = ""
    clicks: Tuple[Click, ...] = ()
    box_map: Optional[Corners] = None
    mask: Optional[MaskPrompt] = None
    shape: Optional[ShapeMask] = None

    @property
    def is_askable(self) -> bool:
        """Whether there is something to ask about: a mark, not just a text or the shape it began with."""
        return bool(self.clicks) or self.box_map is not None

    def with_click(self, click: Click, *, mask: Optional[MaskPrompt]) -> PromptState:
        """One more click, on top of the latest mask."""
        return replace(self, clicks=(*self.clicks, click), mask=mask)

    def with_box(self, box_map: Corners) -> PromptState:
        """Another box, which says anew where the object is: the mask so far counts no more."""
        return replace(self, box_map=box_map, mask=None)

    def with_text(self, text: str) -> PromptState:
        """Another text."""
        return replace(self, text=text)


class PromptHistory:
    """States of one object, and which of them counts.

    Args:
        start: The state before the first mark.
    """

    def __init__(self, start: PromptState) -> None:
        self._states: List[PromptState] = [start]
        self._index = 0

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
