"""Which GeoPhrase this is."""

from __future__ import annotations

import importlib.metadata


def software_version() -> str:
    """The installed version of GeoPhrase; "unknown" where it runs from a bare folder."""
    try:
        return importlib.metadata.version("geophrase")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
