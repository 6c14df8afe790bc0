"""Small data sets in the original layouts, written by the tests."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from geophrase.training.data.sources import ground_cover


@pytest.fixture
def no_ground_cover(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps labels of real images from images that only have their names."""
    monkeypatch.setattr(ground_cover, "_FOLDER", tmp_path / "no labels")


@pytest.fixture
def tiny_nwpu(tmp_path: Path, no_ground_cover: None) -> Path:
    """Eight natural images and one colour-infrared one, with polygons of two classes."""
    root = tmp_path / "nwpu"
    (root / "images").mkdir(parents=True)
    (root / "annotations").mkdir()
    noise = np.random.default_rng(0)
    images, annotations = [], []
    for number in range(1, 10):
        image_HWC = noise.integers(60, 120, (90, 120, 3), np.uint8)
        if number == 9:
            image_HWC[:45] = (170, 80, 100)  # plants in a composite, as RGB
        cv2.imwrite(str(root / "images" / f"{number:03d}.jpg"), image_HWC[..., ::-1])
        images.append({"id": number, "file_name": f"{number:03d}.jpg", "width": 120, "height": 90})
        for left, category in ((10, 1), (50, 1), (85, 3)):
            ring = [left, 20, left + 20, 20, left + 20, 40 + left // 4, left, 40 + left // 4]
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": category,
                    "segmentation": [ring],
                    "area": 1.0,
                    "bbox": [left, 20, 20, 20],
                    "iscrowd": 0,
                }
            )
    categories = [{"id": 1, "name": "airplane"}, {"id": 3, "name": "storage_tank"}]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (root / "annotations" / "instances_train.json").write_text(json.dumps(document))
    return root


DUBAI_COLOURS = (
    (0x3C, 0x10, 0x98),
    (0x84, 0x29, 0xF6),
    (0x6E, 0xC1, 0xE4),
    (0xFE, 0xDD, 0x3A),
    (0xE2, 0xA9, 0x29),
)


@pytest.fixture
def tiny_dubai(tmp_path: Path) -> Path:
    """Three districts of nine parts, 100 x 150 px, in five vertical bands of one class each."""
    root = tmp_path / "dubai"
    for district in ("tile_4", "tile_7", "tile_8"):
        (root / district / "images").mkdir(parents=True)
        (root / district / "masks").mkdir()
        for part in range(1, 10):
            mask_HWC = np.repeat(np.array(DUBAI_COLOURS, np.uint8)[None], 100, axis=0).repeat(30, axis=1)
            mask_HWC[:10, :10] = 0x9B
            name = f"image_part_{part:03d}"
            cv2.imwrite(str(root / district / "images" / f"{name}.jpg"), mask_HWC[..., ::-1])
            cv2.imwrite(str(root / district / "masks" / f"{name}.png"), mask_HWC[..., ::-1])
    return root
