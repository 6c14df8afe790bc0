"""The protocol's version: major when old and new can't talk, minor when one side learns more."""

from __future__ import annotations

PROTOCOL_VERSION = "1.1"
"""What this side speaks."""

PATH_PREFIX = "/v1"
"""In front of every path of the wire; its number is the major version."""


def is_compatible(theirs: str, *, ours: str = PROTOCOL_VERSION) -> bool:
    """Whether two sides understand each other: their major versions are equal.

    A version that can't be read is not compatible.
    """
    major, _, minor = theirs.partition(".")
    return major == ours.partition(".")[0] and minor.isdecimal()
