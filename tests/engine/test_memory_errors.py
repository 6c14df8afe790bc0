"""A lack of memory is told in one sentence, by every command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import torch

from geophrase.engine.errors import EngineError
from geophrase.engine.memory_errors import memory_errors_explained
from geophrase.engine.refine import RefineConfig, refine_raster
from geophrase.protocol.errors import ErrorCode


class Hungry:
    """Stands for a predictor on a device that is full."""

    name, weights_sha256, identity, device = "hungry", "0" * 64, "hungry:0", "cuda"
    has_text, image_px = True, 64

    def encode(self, image_HWC):
        raise torch.OutOfMemoryError("CUDA out of memory.")


def test_refine_explains_it(tmp_path: Path):
    path = tmp_path / "town.tif"
    profile = {"driver": "GTiff", "width": 80, "height": 80, "count": 3, "dtype": "uint8"}
    transform = rasterio.Affine(0.5, 0, 400_000, 0, -0.5, 5_000_000)
    with rasterio.open(path, "w", crs="EPSG:32633", transform=transform, **profile) as dataset:
        dataset.write(np.full((3, 80, 80), 90, np.uint8))
    config = RefineConfig(points=((400_010.0, 4_999_990.0, True),))
    with pytest.raises(EngineError, match="memory") as refusal:
        refine_raster(path, config=config, model=Hungry())
    assert refusal.value.code is ErrorCode.OUT_OF_MEMORY


def test_other_errors_pass():
    with pytest.raises(RuntimeError, match="shapes"), memory_errors_explained():
        raise RuntimeError("shapes cannot be multiplied")
