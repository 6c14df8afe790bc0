"""What an output records of the run that made it, so that the run can be repeated from the output."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from geophrase.engine.model.weights.hashing import short_hash
from geophrase.engine.pipeline.tile_model import TileModel
from geophrase.engine.raster.source import RasterSource
from geophrase.engine.software_version import software_version
from geophrase.engine.vector.attributes import Provenance


def provenance_of(model: TileModel[Any] | None, path: str | Path) -> Provenance:
    """What every feature of a run that begins now says of its origin; a run may be without a model."""
    return Provenance(
        model="" if model is None else model.name,
        weights="" if model is None else short_hash(model.weights_sha256),
        source=_as_text(str(path)),
        created=datetime.now(timezone.utc),
    )


def run_parameters(
    command: str, parameters: Mapping[str, Any], *, source: RasterSource, model: TileModel[Any] | None
) -> dict[str, Any]:
    """Everything that a run's result depends on, as JSON-able values for the output's metadata.

    Args:
        command: The `geophrase` command that does the same.
        parameters: What was asked, under the names of the command's configuration.
        source: The raster; its content is recorded by fingerprint, its place as an absolute path.
        model: Recorded by name, the whole hash of its weights and the number format; None for a run without.
    """
    return {
        "command": command,
        "geophrase": software_version(),
        **parameters,
        "raster": _as_text(os.path.abspath(source.name) if os.path.exists(source.name) else source.name),
        "raster_fingerprint": source.fingerprint,
        **({} if model is None else {"model": model.identity, "device": str(model.device)}),
    }


def _as_text(path: str) -> str:
    """The path with U+FFFD for bytes that are no UTF-8, as names from older systems have."""
    return os.fsencode(path).decode("utf-8", errors="replace")
