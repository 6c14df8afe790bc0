"""A town of blue ponds, exported as the plugin does it: phrases alone, each image with its place."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from geophrase.training.data.risors import Phrase, write_sample, write_split

SIDE_PX = 64


def painted(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """A grey picture with a blue pond and a white roof, and the pond's mask."""
    rng = np.random.default_rng(seed)
    image_HWC = rng.integers(90, 130, (SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
    rows, cols = np.mgrid[:SIDE_PX, :SIDE_PX]
    top, left = rng.integers(4, 40, 2)
    roof_HW = (rows >= top) & (rows < top + 16) & (cols >= left) & (cols < left + 16)
    y, x = rng.integers(16, 48, 2)
    pond_HW = ((rows - y) ** 2 + (cols - x) ** 2 < 14**2) & ~roof_HW
    image_HWC[roof_HW], image_HWC[pond_HW] = (245, 240, 235), (30, 60, 200)
    return image_HWC, pond_HW


def write_ponds(
    root: Path,
    num_images: int,
    *,
    places: list[float] | None = None,
    split: str = "train",
    is_wrong: bool = False,
) -> Path:
    """Write images of ponds as a folder of corrections; `places` are their left edges in metres."""
    stems = []
    for number in range(num_images):
        image_HWC, pond_HW = painted(number)
        mask_HW = np.roll(pond_HW, (32, 32), (0, 1)) if is_wrong else pond_HW
        stems.append(f"{root.name}_{number}")
        write_sample(root, stems[-1], image_HWC, [Phrase.from_mask("ponds", mask_HW, kind="class")])
        if places is not None:
            _place(root / "annotations" / f"{stems[-1]}.json", places[number])
    write_split(root, split, stems)
    return root


@pytest.fixture
def export(tmp_path: Path) -> Callable[..., Path]:
    """`write_ponds` into a folder of the test's own."""

    def write(num_images: int = 8, *, name: str = "town", **options: Any) -> Path:
        return write_ponds(tmp_path / name, num_images, **options)

    return write


def _place(path: Path, left_m: float) -> None:
    document = json.loads(path.read_text())
    document["image"]["place"] = {"source": "town.tif", "map_from_pix": [0.5, 0, left_m, 0, -0.5, 100.0]}
    path.write_text(json.dumps(document))
