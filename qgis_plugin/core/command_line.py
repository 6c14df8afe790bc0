"""The engine's command for what the dock is set to, as a person would paste it into a terminal."""

from __future__ import annotations

import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional, Tuple

import numpy as np

from geophrase.protocol.grid import Bounds

PROGRAM = "geophrase"
DEFAULT_THRESHOLD = 0.5
_AUTO = "auto"


@dataclass(frozen=True)
class SegmentCommand:
    """A ``geophrase segment`` command.

    Attributes:
        raster: What GDAL opens.
        queries: One category each.
        output: File to write; "" for a GeoPackage beside the raster.
        bands: 1-based; () lets the engine choose.
        model: Its name; "" for the engine's default.
        device: Where the model runs.
        extent_map: xmin, ymin, xmax, ymax in the raster's CRS; None for all of it.
        resolution_m: Metres per working pixel; None for the raster's own.
        is_one_window: Show the extent to the model as a single image.
        threshold: Probability from which a pixel is foreground.
        min_area_m2: Smallest polygon to keep; None keeps all.
        cache_folder: Where image encodings are kept; "" for the user's cache folder.
    """

    raster: str
    queries: Tuple[str, ...]
    output: str = ""
    bands: Tuple[int, ...] = ()
    model: str = ""
    device: str = _AUTO
    extent_map: Optional[Bounds] = None
    resolution_m: Optional[float] = None
    is_one_window: bool = False
    threshold: float = DEFAULT_THRESHOLD
    min_area_m2: Optional[float] = None
    cache_folder: str = ""

    def words(self) -> List[str]:
        """The program and its arguments; what equals the engine's defaults is left out."""
        positional = [self.raster, *self.queries]
        options = [*self._output_options(), *self._run_options()]
        if any(word.startswith("-") for word in positional):
            return [PROGRAM, "segment", *options, "--", *positional]
        return [PROGRAM, "segment", *positional, *options]

    def line(self) -> str:
        """The words as the system's usual shell reads them back."""
        return subprocess.list2cmdline(self.words()) if os.name == "nt" else shlex.join(self.words())

    def _output_options(self) -> List[str]:
        path = Path(self.raster)
        return ["-o", self.output or str(path.with_name(f"{path.stem}_segments.gpkg"))]

    def _run_options(self) -> List[str]:
        options: List[str] = []
        if self.model:
            options += ["--model", self.model]
        if self.device != _AUTO:
            options += ["--device", self.device]
        if self.extent_map is not None:
            options += ["--extent", *map(_decimal, self.extent_map)]
        if self.resolution_m is not None:
            options += ["--resolution", _decimal(self.resolution_m)]
        if self.bands:
            options += ["--bands", *map(str, self.bands)]
        if self.is_one_window:
            options.append("--one-window")
        if self.threshold != DEFAULT_THRESHOLD:
            options += ["--threshold", _decimal(self.threshold)]
        if self.min_area_m2:
            options += ["--min-area", _decimal(self.min_area_m2)]
        if self.cache_folder:
            options += ["--cache", self.cache_folder]
        return options


def _decimal(value: float) -> str:
    """The shortest decimal that reads back as the same number; never 1e-05, which looks like an option."""
    return str(np.format_float_positional(value, trim="-"))
