"""What goes wrong with the pixels of a layer."""

from __future__ import annotations


class LayerError(Exception):
    """A layer that can't be used; the message is for people: what happened, then what to do."""


class ReadCancelledError(Exception):
    """The user cancelled while pixels were read or sent: an outcome, not a failure."""
