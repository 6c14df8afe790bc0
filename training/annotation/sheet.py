"""A review sheet: an image's instances as rows of pictures, the box and the three masks, without a model.

Shape letters: H height, W width, C colours; h, w of a tile.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from geophrase.engine.atomic_file import write_atomically
from geophrase.training.annotation.candidates import BoxXyxy, Candidate
from geophrase.training.annotation.project import ProjectImage

_TILE_PX = 288
_MAX_ROWS = 20  # a sheet is a picture to look at, and a JPEG has at most 65,535 rows of pixels
_GAP_PX = 6
_CAPTION_PX = 26
_FONT_PX = 15
_CONTEXT = 0.35
_MASK_RGB = (255, 176, 0)
_BOX_RGB = (120, 200, 255)
_INK = "#e8eaed"
_QUIET_INK = "#a5abb3"
_GROUND = "#1b1e22"


def write_sheet(
    path: Path,
    image: ProjectImage,
    image_HWC: NDArray[np.uint8],
    offered: Sequence[Sequence[Candidate]],
) -> None:
    """Writes a JPEG with a row for each box of an image; of many boxes the others follow in numbered ones.

    Args:
        path: Of the first sheet; the second of `a.jpg` is `a (2).jpg`.
        image: The image and its boxes.
        image_HWC: Its pixels.
        offered: The masks of each box.

    Raises:
        OSError: The folder can't be written.
    """
    rows = [
        _row(f"{image.key}#{number}   {box.text}", image_HWC, box.bbox_xyxy, candidates)
        for number, (box, candidates) in enumerate(zip(image.boxed.boxes, offered, strict=True), start=1)
    ]
    for number, start in enumerate(range(0, len(rows), _MAX_ROWS), start=1):
        picture = Image.fromarray(np.concatenate(rows[start : start + _MAX_ROWS]))
        sheet = path if number == 1 else path.with_name(f"{path.stem} ({number}){path.suffix}")
        write_atomically(sheet, partial(picture.save, format="JPEG", quality=88))


def window_around(
    box_xyxy: BoxXyxy, candidates: Sequence[Candidate], size_yx: tuple[int, int]
) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of a view that shows a box and its masks with some ground around them."""
    x0, y0, x1, y1 = box_xyxy
    for candidate in candidates:
        if candidate.area_px:
            rows = np.flatnonzero(candidate.mask().any(axis=1))
            columns = np.flatnonzero(candidate.mask().any(axis=0))
            x0, x1 = min(x0, columns[0]), max(x1, columns[-1] + 1)
            y0, y1 = min(y0, rows[0]), max(y1, rows[-1] + 1)
    side = max(x1 - x0, y1 - y0) * (1 + 2 * _CONTEXT)
    left, top = (x0 + x1 - side) / 2, (y0 + y1 - side) / 2
    height_px, width_px = size_yx
    return (
        max(0, int(left)),
        max(0, int(top)),
        min(width_px, int(np.ceil(left + side))),
        min(height_px, int(np.ceil(top + side))),
    )


def _row(
    title: str, image_HWC: NDArray[np.uint8], box_xyxy: BoxXyxy, candidates: Sequence[Candidate]
) -> NDArray[np.uint8]:
    window = window_around(box_xyxy, candidates, (image_HWC.shape[0], image_HWC.shape[1]))
    num_tiles = 1 + len(candidates)
    step_px = _TILE_PX + _GAP_PX
    canvas = Image.new("RGB", (num_tiles * step_px + _GAP_PX, step_px + 2 * _CAPTION_PX), _GROUND)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(_FONT_PX)
    draw.text((_GAP_PX, 5), title, font=font, fill=_INK)
    for number in range(num_tiles):
        candidate = candidates[number - 1] if number else None
        x_px = _GAP_PX + number * step_px
        canvas.paste(Image.fromarray(_tile(image_HWC, window, box_xyxy, candidate)), (x_px, _CAPTION_PX))
        caption = "box" if candidate is None else _caption(number, candidate)
        draw.text((x_px, _CAPTION_PX + _TILE_PX + 4), caption, font=font, fill=_QUIET_INK)
    return np.asarray(canvas, np.uint8)


def _caption(number: int, candidate: Candidate) -> str:
    return (
        f"{number}:  IoU {candidate.predicted_iou:.2f}  stability {candidate.stability:.2f}  "
        f"{candidate.area_px} px"
    )


def _tile(
    image_HWC: NDArray[np.uint8],
    window: tuple[int, int, int, int],
    box_xyxy: BoxXyxy,
    candidate: Candidate | None,
) -> NDArray[np.uint8]:
    """The window at the tile's size with the mask's outline and the box, black where it has no pixels."""
    left, top, right, bottom = window
    scale = _TILE_PX / max(right - left, bottom - top)
    size_xy = (max(1, round((right - left) * scale)), max(1, round((bottom - top) * scale)))
    shrunk = cv2.resize(image_HWC[top:bottom, left:right], size_xy, interpolation=cv2.INTER_AREA)
    tile_hwC = np.zeros((_TILE_PX, _TILE_PX, 3), np.uint8)
    tile_hwC[: size_xy[1], : size_xy[0]] = shrunk
    if candidate is not None:
        mask_hw = cv2.resize(
            candidate.mask()[top:bottom, left:right], size_xy, interpolation=cv2.INTER_NEAREST
        )
        part_hwC = tile_hwC[: size_xy[1], : size_xy[0]]
        inside_hw = mask_hw > 0
        part_hwC[inside_hw] = (0.6 * part_hwC[inside_hw] + 0.4 * np.array(_MASK_RGB)).astype(np.uint8)
        outlines, _ = cv2.findContours(mask_hw, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(tile_hwC, outlines, -1, _MASK_RGB, 1, cv2.LINE_AA)
    x0, y0, x1, y1 = (
        round((value - start) * scale) for value, start in zip(box_xyxy, (left, top) * 2, strict=True)
    )
    cv2.rectangle(tile_hwC, (x0, y0), (x1, y1), _BOX_RGB, 1)
    return tile_hwC
