"""The walk through the boxes of a layer: where it is, and what became of each."""

from __future__ import annotations

from enum import Enum
from typing import Dict, Iterable, Optional, Sequence

from .boxes import BoxToLabel


class Label(Enum):
    """What became of a box."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DROPPED = "dropped"


class LabelWalk:
    """Boxes in their order, one of them the current one; knows neither layers nor widgets.

    Boxes of one key are one question: what becomes of one becomes of all.

    Args:
        boxes: At least one.
        accepted: Keys of those whose polygons are there.
        dropped: Keys of those without an object to label.
    """

    def __init__(
        self, boxes: Sequence[BoxToLabel], *, accepted: Iterable[str] = (), dropped: Iterable[str] = ()
    ) -> None:
        if not boxes:
            raise ValueError("a walk needs a box")
        self.boxes = tuple(boxes)
        self.index = 0
        self._label_of: Dict[str, Label] = {key: Label.DROPPED for key in dropped}
        self._label_of.update({key: Label.ACCEPTED for key in accepted})
        self._first_open()

    @property
    def current(self) -> BoxToLabel:
        """The box that is looked at."""
        return self.boxes[self.index]

    @property
    def label(self) -> Label:
        """What became of it so far."""
        return self._label_at(self.index)

    def num_labelled(self, label: Label) -> int:
        """How many boxes that became of."""
        return sum(self._label_at(index) is label for index in range(len(self.boxes)))

    def set_label(self, label: Label) -> None:
        """Says what becomes of the current box."""
        self._label_of[self.current.key] = label

    def step(self, by: int) -> bool:
        """Goes on or back, whatever became of the boxes there; False at the end."""
        index = self.index + by
        if not 0 <= index < len(self.boxes):
            return False
        self.index = index
        return True

    def next_open(self) -> bool:
        """Goes on to the next box that is open, from the end to the beginning; False where none is left."""
        index = self._next_open_index()
        if index is None:
            return False
        self.index = index
        return True

    @property
    def upcoming(self) -> Optional[BoxToLabel]:
        """The box that the walk goes on to from here; None where this is the last that is open."""
        index = self._next_open_index()
        return None if index is None or index == self.index else self.boxes[index]

    def _next_open_index(self) -> Optional[int]:
        num = len(self.boxes)
        indices = ((self.index + ahead) % num for ahead in range(1, num + 1))
        return next((index for index in indices if self._label_at(index) is Label.OPEN), None)

    def _label_at(self, index: int) -> Label:
        return self._label_of.get(self.boxes[index].key, Label.OPEN)

    def _first_open(self) -> None:
        self.index = len(self.boxes) - 1
        if not self.next_open():
            self.index = 0
