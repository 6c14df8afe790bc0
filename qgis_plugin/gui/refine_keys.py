"""What keys do while an object is outlined."""

from __future__ import annotations

from enum import Enum
from typing import Optional, Union

from qgis.PyQt.QtCore import QEvent, Qt
from qgis.PyQt.QtGui import QKeyEvent, QKeySequence

_FIRST_DIGIT, _NUM_DIGITS = Qt.Key.Key_1, 9
_DECIDING = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Delete)


class RefineKey(Enum):
    """A command on the object in progress."""

    ACCEPT = "accept"
    DISCARD = "discard"
    UNDO = "undo"
    REDO = "redo"


class WalkKey(Enum):
    """A command on the boxes that are labelled one after the other."""

    DROP = "drop"
    NEXT = "next"
    PREVIOUS = "previous"


def refine_key(event: QEvent) -> Union[RefineKey, int, None]:
    """The command of a key, or the index of the mask that a digit chooses; None where it is QGIS's."""
    if not isinstance(event, QKeyEvent):
        return None
    shift_control = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    if event.matches(QKeySequence.StandardKey.Undo):
        return RefineKey.UNDO
    if event.matches(QKeySequence.StandardKey.Redo) or (
        event.key() == Qt.Key.Key_Z and event.modifiers() == shift_control
    ):
        return RefineKey.REDO
    if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
        return RefineKey.ACCEPT
    if event.key() == Qt.Key.Key_Escape:
        return RefineKey.DISCARD
    index = int(event.key()) - int(_FIRST_DIGIT)
    is_plain = event.modifiers() in (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.KeypadModifier)
    return index if is_plain and 0 <= index < _NUM_DIGITS else None


def walk_key(event: QEvent) -> Optional[WalkKey]:
    """The command of a key on the walk through boxes; None where it is none."""
    if not isinstance(event, QKeyEvent) or event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
        return None
    keys = {
        Qt.Key.Key_Delete: WalkKey.DROP,
        Qt.Key.Key_PageDown: WalkKey.NEXT,
        Qt.Key.Key_PageUp: WalkKey.PREVIOUS,
    }
    return keys.get(event.key())


def is_held(event: QEvent) -> bool:
    """Whether a key that accepts or drops is held down: it decides on one object, not on the next ones."""
    return isinstance(event, QKeyEvent) and event.isAutoRepeat() and event.key() in _DECIDING
