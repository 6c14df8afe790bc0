"""What an export that cannot be done raises."""

from __future__ import annotations


class ExportError(Exception):
    """An export that cannot be done; the message is for people: what happened, then what to do."""


class ExportCancelledError(ExportError):
    """The user cancelled; nothing half-written is left."""
