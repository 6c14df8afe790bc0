"""A folder of training samples in the RISORS format, appended to so that it can be read at every moment.

`images/`, `annotations/<stem>.json` and `splits/<split>.txt`, as `geophrase-train` reads and writes them. Two
additions are ignored by other readers: the image's `place`, where it was cut from, and `prompt_boxes` of
annotations that were made from boxes.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple

import numpy as np
import numpy.typing as npt

from geophrase.protocol.grid import Affine, RasterGrid

from .rle import encode_rle

SPLITS = ("train", "val", "test")


class DamagedFileError(Exception):
    """A file of the folder that is not what the format says.

    Attributes:
        path: The file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is not what the RISORS format says")
        self.path = path


@dataclass(frozen=True)
class ImageSource:
    """The raster that images are cut from.

    Attributes:
        name: As people know it; goes into file names and the record.
        key: Tells it from others of the same name, such as its path; only a hash of it is stored.
    """

    name: str
    key: str

    @property
    def prefix(self) -> str:
        """What the stems of its images begin with."""
        slug = re.sub(r"[^A-Za-z0-9]+", "-", Path(self.name).stem).strip("-").lower()[:40] or "layer"
        return f"{slug}_{hashlib.sha256(self.key.encode('utf-8')).hexdigest()[:8]}"

    def stem_at(self, map_from_pix: Affine) -> str:
        """The name of the image whose pixels lie there, the same in every export."""
        place = ",".join(f"{value:.9g}" for value in map_from_pix)
        return f"{self.prefix}_{hashlib.sha256(place.encode('ascii')).hexdigest()[:12]}"


@dataclass(frozen=True)
class LabelledPhrase:
    """A phrase and what it means in one image.

    Attributes:
        text: As typed.
        mask_HW: bool, at the image's size.
        predicted_iou: The model's own estimate; 1 for what people drew.
        point_coords: Prompt points that made the mask, xy in pixel edges.
        point_labels: 1 for positive and 0 for negative points.
        prompt_boxes: Prompt boxes that made it, each x, y, width and height in pixels.
    """

    text: str
    mask_HW: npt.NDArray[np.bool_]
    predicted_iou: float = 1.0
    point_coords: Tuple[Tuple[float, float], ...] = ()
    point_labels: Tuple[int, ...] = ()
    prompt_boxes: Tuple[Tuple[float, ...], ...] = ()

    def row(self) -> Dict[str, Any]:
        """The annotation, without its number."""
        rows = np.flatnonzero(self.mask_HW.any(axis=1))
        cols = np.flatnonzero(self.mask_HW.any(axis=0))
        x, y = (int(cols[0]), int(rows[0])) if rows.size else (0, 0)
        width, height = (int(cols[-1]) + 1 - x, int(rows[-1]) + 1 - y) if rows.size else (0, 0)
        boxes = {"prompt_boxes": [list(box) for box in self.prompt_boxes]} if self.prompt_boxes else {}
        return {
            "name": "",
            "description": self.text,
            "kind": "class" if rows.size else "absent",
            "area": int(np.count_nonzero(self.mask_HW)),
            "bbox": [x, y, width, height],
            "point_coords": [list(point) for point in self.point_coords],
            "point_labels": list(self.point_labels),
            "segmentation": encode_rle(self.mask_HW),
            "predicted_iou": self.predicted_iou,
            **boxes,
        }


class SampleFolder:
    """A folder in the RISORS format, new or with images from anywhere.

    Args:
        root: The folder; made by the first image.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def stems_by_split(self) -> Dict[str, List[str]]:
        """The images of each split that has a list.

        Raises:
            DamagedFileError: A list is no text.
        """
        lists = sorted((self._root / "splits").glob("*.txt"))
        return {path.stem: _read_text(path).split() for path in lists}

    def grids_of(self, source: ImageSource, crs_wkt: str) -> Dict[str, RasterGrid]:
        """Where the images lie that were cut from a raster before, by their stems.

        Raises:
            DamagedFileError: A record is damaged.
        """
        grids = {}
        for path in sorted((self._root / "annotations").glob(f"{source.prefix}_*.json")):
            record = _read_document(path)["image"]
            try:
                a, b, c, d, e, f = (float(value) for value in record["place"]["map_from_pix"])
                grid = RasterGrid(int(record["width"]), int(record["height"]), (a, b, c, d, e, f), crs_wkt)
            except (KeyError, TypeError, ValueError) as error:
                raise DamagedFileError(path) from error
            grids[path.stem] = grid
        return grids

    def write(
        self,
        stem: str,
        png: bytes,
        phrases: Sequence[LabelledPhrase],
        *,
        grid: RasterGrid,
        source: ImageSource,
        split: str,
    ) -> None:
        """Writes an image or replaces it; phrases that it had and that are not given stay.

        The image comes first and the split's list last, each in one step, so that a reader never finds half.

        Args:
            stem: See `ImageSource.stem_at`.
            png: The image file.
            phrases: What it shows.
            grid: Where its pixels lie.
            source: What it was cut from.
            split: The split that it belongs to from now on, and to no other.

        Raises:
            OSError: The folder cannot be written.
            DamagedFileError: What it holds of this image is damaged.
        """
        path = self._root / "annotations" / f"{stem}.json"
        given = {phrase.text for phrase in phrases}
        rows = _read_document(path)["annotations"] if path.exists() else []
        rows = [row for row in rows if row["description"] not in given]
        rows += [phrase.row() for phrase in phrases]
        numbered = [{**row, "id": number} for number, row in enumerate(rows, start=1)]
        document = {"image": _image_record(stem, grid, source), "annotations": numbered}
        _replace(self._root / "images" / f"{stem}.png", png)
        _replace(path, json.dumps(document).encode("utf-8"))
        self._move_to(split, stem)

    def _move_to(self, split: str, stem: str) -> None:
        """Lists the image in this split alone; taken out of another first, so that it never is in two."""
        lists = self.stems_by_split()
        for other, stems in lists.items():
            if other != split and stem in stems:
                self._write_split(other, set(stems) - {stem})
        if stem not in lists.get(split, ()):
            self._write_split(split, {*lists.get(split, ()), stem})

    def _write_split(self, split: str, stems: set[str]) -> None:
        text = "".join(f"{stem}\n" for stem in sorted(stems))
        _replace(self._root / "splits" / f"{split}.txt", text.encode("utf-8"))


def _image_record(stem: str, grid: RasterGrid, source: ImageSource) -> Dict[str, Any]:
    return {
        "image_id": int.from_bytes(hashlib.sha256(stem.encode("utf-8")).digest()[:8], "big") >> 11,
        "width": grid.width_px,
        "height": grid.height_px,
        "file_name": f"{stem}.png",
        "place": {"source": source.name, "map_from_pix": list(grid.map_from_pix)},
    }


def _read_document(path: Path) -> Dict[str, Any]:
    try:
        document = json.loads(_read_text(path))
        is_right = isinstance(document["image"], dict)
        is_right = is_right and all(isinstance(row["description"], str) for row in document["annotations"])
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedFileError(path) from error
    if not is_right:
        raise DamagedFileError(path)
    return dict(document)


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise DamagedFileError(path) from error


def _replace(path: Path, content: bytes) -> None:
    """Replaces a file in one step, and makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
