"""How asking the engine can end other than in an answer."""

from __future__ import annotations

from geophrase.protocol.errors import ErrorCode
from geophrase.protocol.version import PROTOCOL_VERSION

from ..translation import tr


class EngineFailure(Exception):  # noqa: N818 - the name of what it brings: the protocol's Failure
    """The engine refused or failed.

    Args:
        code: For programs.
        message: For people, to be shown as it is.
    """

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class EngineGone(EngineFailure):
    """The engine's process or the connection to it ended before the answer.

    Args:
        message: For people, to be shown as it is.
    """

    def __init__(self, message: str) -> None:
        super().__init__(ErrorCode.INTERNAL, message)


class JobCancelled(Exception):  # noqa: N818 - no error
    """The job was cancelled: an outcome, not a failure."""


def gone() -> EngineGone:
    """The exception for a connection that broke."""
    return EngineGone(tr("The engine stopped before it answered. Try again."))


def stopped() -> EngineFailure:
    """The exception for whoever waits for an engine that is being stopped."""
    return EngineFailure(ErrorCode.SHUTTING_DOWN, tr("The engine was stopped. Start the work again."))


def mismatch(theirs: str) -> EngineFailure:
    """The exception for an engine of another protocol; it says which of the two sides to update."""
    major, ours = theirs.partition(".")[0], PROTOCOL_VERSION.partition(".")[0]
    is_newer = major.isdecimal() and int(major) > int(ours)
    text = (
        tr("The engine is newer than this plugin (protocol {theirs}, not {ours}). Update the plugin.")
        if is_newer
        else tr("The engine is older than this plugin (protocol {theirs}, not {ours}). Update the engine.")
    )
    return EngineFailure(ErrorCode.VERSION_MISMATCH, text.format(theirs=theirs, ours=PROTOCOL_VERSION))


def with_last_words(text: str, last_words: str) -> str:
    """The text, followed by what the engine said last."""
    return tr("{text} Its last words: {line}").format(text=text, line=last_words) if last_words else text
