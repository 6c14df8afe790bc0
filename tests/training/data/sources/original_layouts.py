"""Writers of public data sets' original layouts, small, for the tests of their readers."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image
from pycocotools import mask as coco_mask


def picture(seed: int, *, height_px: int = 60, width_px: int = 80) -> npt.NDArray[np.uint8]:
    """A noisy image, RGB uint8 HWC."""
    return np.random.default_rng(seed).integers(0, 255, (height_px, width_px, 3), np.uint8)


def box_mask(
    x: int, y: int, width: int, height: int, *, shape: tuple[int, int] = (60, 80)
) -> npt.NDArray[np.uint8]:
    """A rectangle of ones."""
    mask_HW = np.zeros(shape, np.uint8)
    mask_HW[y : y + height, x : x + width] = 1
    return mask_HW


def write_refsegrs(folder: Path, samples: dict[str, Sequence[tuple[int, str]]]) -> Path:
    """PackBits TIFFs of images and masks, and a list of ids and phrases for each split."""
    for name in ("images", "masks"):
        (folder / name).mkdir(parents=True)
    for split, rows in samples.items():
        lines = "".join(f"{key} {text}\n" for key, text in rows)
        (folder / f"output_phrase_{split}.txt").write_text(lines)
        for key, _ in rows:
            image = Image.fromarray(picture(key))
            image.save(folder / "images" / f"{key}.tif", compression="packbits")
            mask_HW = box_mask(key % 40, 5, 20, 10) * 255
            Image.fromarray(mask_HW).save(folder / "masks" / f"{key}.tif", compression="packbits")
    return folder


def reference(number: int, split: str, text: str, *, category: int = 9) -> dict[str, Any]:
    """A row of `refs(unc).p` as RRSIS-D has it: one sentence, and every identifier the image's number."""
    sentence = {"tokens": text.split(), "raw": text, "sent_id": number, "sent": text}
    return {
        "image_id": number,
        "split": split,
        "sentences": [sentence],
        "file_name": f"{number:05d}.jpg",
        "category_id": category,
        "ann_id": number,
        "sent_ids": [number],
        "ref_id": number,
    }


def write_rrsis_d(
    folder: Path,
    references: Sequence[dict[str, Any]],
    masks: dict[int, npt.NDArray[np.uint8]],
    *,
    shape: tuple[int, int] = (60, 80),
) -> Path:
    """`rrsisd/` with pickle and COCO file, and the JPEG images in `images/rrsisd/JPEGImages/`."""
    annotations, images = folder / "rrsisd", folder / "images" / "rrsisd" / "JPEGImages"
    annotations.mkdir(parents=True)
    images.mkdir(parents=True)
    (annotations / "refs(unc).p").write_bytes(pickle.dumps(list(references)))
    rows = []
    for number, mask_HW in masks.items():
        rle = coco_mask.encode(np.asfortranarray(mask_HW))
        segmentation = [{"size": rle["size"], "counts": rle["counts"].decode("ascii")}]
        row = {"bbox": [0, 0, 1, 1], "categories_id": 9, "id": number, "image_id": number}
        rows.append(row | {"segmentation": segmentation, "area": 279213})
        image_HWC = picture(number, height_px=shape[0], width_px=shape[1])
        cv2.imwrite(str(images / f"{number:05d}.jpg"), image_HWC[..., ::-1])
    document = {
        "images": [
            {"file_name": f"{number:05d}.jpg", "height": shape[0], "width": shape[1], "id": number}
            for number in masks
        ],
        "annotations": rows,
        "categories": [{"name": "golffield", "id": 9}, {"name": "Expressway-toll-station", "id": 1}],
    }
    (annotations / "instances.json").write_text(json.dumps(document))
    return folder


def write_dior_rsvg(
    folder: Path,
    objects: dict[str, Sequence[tuple[str, tuple[int, int, int, int], str]]],
    lists: dict[str, Sequence[int]],
) -> Path:
    """Pascal VOC files with a description in each object, images, and lists of the objects' numbers."""
    for name in ("Annotations", "JPEGImages"):
        (folder / name).mkdir(parents=True)
    for stem, found in objects.items():
        (folder / "Annotations" / f"{stem}.xml").write_text(_voc(stem, found))
        cv2.imwrite(str(folder / "JPEGImages" / f"{stem}.jpg"), picture(int(stem)))
    for split, numbers in lists.items():
        (folder / f"{split}.txt").write_text("".join(f"{number}\n" for number in numbers))
    return folder


def _voc(stem: str, objects: Sequence[tuple[str, tuple[int, int, int, int], str]]) -> str:
    rows = "".join(
        f"<object><name>{name}</name><pose>Unspecified</pose><bndbox><xmin>{box[0]}</xmin><ymin>{box[1]}</ymin>"
        f"<xmax>{box[2]}</xmax><ymax>{box[3]}</ymax></bndbox><description>{text}</description></object>"
        for name, box, text in objects
    )
    return (
        '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n<annotation>'
        f"<filename>{stem}.jpg</filename><source><database>DIOR</database></source><size><width>80</width>"
        f"<height>60</height><depth>3</depth></size><segmented>0</segmented>{rows}</annotation>"
    )
