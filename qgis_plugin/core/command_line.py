"""The engine's command for a raster, as a person would paste it into a terminal."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Optional

PLACEHOLDER_QUERY = "storage tanks"


def segment_command(raster: str, *, query: str = PLACEHOLDER_QUERY, output: Optional[str] = None) -> str:
    """Returns a ``geophrase segment`` line that a POSIX shell reads back as it was meant.

    Args:
        raster: Path of the raster file.
        query: The phrase to look for.
        output: File to write; beside the raster, as a GeoPackage, where none is given.
    """
    path = Path(raster)
    written = output or str(path.with_name(f"{path.stem}_segments.gpkg"))
    return shlex.join(["geophrase", "segment", raster, query, "-o", written])
