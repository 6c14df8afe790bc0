"""A painted raster, a model that knows its colours, and an engine around it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import torch
from affine import Affine

from geophrase.engine.device import DeviceChoice
from geophrase.engine.server.engine_application import EngineApplication, EngineConfig
from geophrase.engine.server.folders import ServerFolders
from geophrase.tests.fakes.colour_model import COLOURS, ColourModel

PIXEL_M = 0.5
ORIGIN_MAP = (400_000.0, 5_000_000.0)

Painter = Callable[..., Path]


@pytest.fixture
def paint(tmp_path: Path) -> Painter:
    """Write a grey raster with coloured rectangles (colour, col, row, width, height) on it."""

    def write(
        rectangles: list[tuple[str, int, int, int, int]],
        *,
        width: int = 256,
        height: int = 256,
        name: str = "town.tif",
        no_data: tuple[int, int, int, int] | None = None,
    ) -> Path:
        image_HWC = np.full((height, width, 3), 128, np.uint8)
        for colour, col, row, wide, high in rectangles:
            image_HWC[row : row + high, col : col + wide] = COLOURS[colour]
        profile = {
            "driver": "GTiff",
            "width": width,
            "height": height,
            "count": 3,
            "dtype": "uint8",
            "crs": "EPSG:32633",
            "transform": Affine(PIXEL_M, 0, ORIGIN_MAP[0], 0, -PIXEL_M, ORIGIN_MAP[1]),
        }
        path = tmp_path / name
        with rasterio.open(path, "w", **profile) as dataset:
            dataset.write(image_HWC.transpose(2, 0, 1))
            if no_data is not None:
                mask_HW = np.full((height, width), 255, np.uint8)
                col, row, wide, high = no_data
                mask_HW[row : row + high, col : col + wide] = 0
                dataset.write_mask(mask_HW)
        return path

    return write


@pytest.fixture
def start_engine(tmp_path: Path) -> Iterator[Callable[..., EngineApplication]]:
    """Make an engine around a model (or a loader of models), closed at the end."""
    with ExitStack() as stack:

        def start(
            model: Any = None, *, device: str = "cpu", cache: Path | None = None, **options: Any
        ) -> EngineApplication:
            model = model or ColourModel()
            load = model if callable(model) else lambda _name, _choice: model
            folders = options.pop("folders", None) or ServerFolders.under(cache or tmp_path / "cache")
            config = EngineConfig(model="rsam_small", folders=folders, **options)
            choice = DeviceChoice(torch.device(device), torch.float32, f"Running on {device}.")
            application = EngineApplication(config, load, choice)
            stack.callback(application.close, 5.0)
            return application

        yield start


def wait_until(is_so: Callable[[], bool], timeout_s: float = 5.0) -> None:
    deadline_s = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline_s, "it never came to that"
        time.sleep(0.005)
