"""The engine's one exception type for everything a user can cause or mend."""

from __future__ import annotations

from geophrase.protocol.errors import ErrorCode


class EngineError(Exception):
    """A failure with a code for programs and one sentence for people: what happened, then what to do.

    Args:
        code: One of the closed set that also travels on the wire.
        message: A complete sentence or two, shown to the user as it is.
    """

    def __init__(self, code: ErrorCode, message: str) -> None:
        self.code = code
        # A path may hold bytes that are no UTF-8; no terminal, file or wire takes those.
        self.message = message.encode(errors="replace").decode()
        super().__init__(self.message)


class CancelledError(Exception):
    """The user stopped the work: an outcome, not a failure."""
