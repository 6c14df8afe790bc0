"""Accepted polygons as training data: images cut from the raster, with the phrase's mask in each."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, List, Optional, Protocol, Sequence, Tuple

import numpy as np
import numpy.typing as npt
from qgis.PyQt.QtCore import QBuffer, QIODevice
from qgis.PyQt.QtGui import QImage

from geophrase.protocol.grid import Bounds, RasterGrid, WindowPx

from ..raster.errors import LayerError, ReadCancelledError
from ..translation import tr
from ..vector.boxes import Corners
from ..vector.clicks import Click
from ..vector.mask import Rings, polygon_mask
from .chips import Chip, ObjectBox, planned_chips
from .errors import ExportCancelledError, ExportError
from .sample_folder import DamagedFileError, ImageSource, LabelledPhrase, SampleFolder

DEFAULT_SIDE_PX = 800
"""Side of RISORS's images."""


class PixelSource(Protocol):
    """What is needed of a `LayerRaster`."""

    @property
    def crs_wkt(self) -> str:
        """Of the raster; "" when it has none."""

    @property
    def extent_map(self) -> Bounds:
        """xmin, ymin, xmax, ymax."""

    @property
    def pixel_grid(self) -> RasterGrid:
        """Its own pixels, or the finest that are of use."""

    def grid_for(self, extent_map: Bounds, resolution_map: float) -> RasterGrid:
        """A north-up grid that covers an extent, on a lattice that doesn't depend on it."""

    def read(
        self, grid: RasterGrid, *, is_cancelled: Optional[Callable[[], bool]] = None
    ) -> Tuple[npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
        """(H, W, 3) uint8 and where it is data, (H, W) bool."""


@dataclass(frozen=True, eq=False)
class LabelledObject:
    """An accepted polygon, in the raster's CRS.

    Attributes:
        phrase: What it answers.
        polygons_map: Its parts, each a sequence of rings, (N, 2) x, y.
        anchor_map: x, y of a point inside.
        predicted_iou: The model's own estimate; None for what people drew.
        clicks: That made it, in the raster's CRS.
        box_map: The box that it was made from, likewise; None for none.
        is_accepted: False for an object that belongs to the phrase's mask where an image shows it, but for
            which no image is made.
    """

    phrase: str
    polygons_map: Tuple[Rings, ...]
    anchor_map: Tuple[float, float]
    predicted_iou: Optional[float] = None
    clicks: Tuple[Click, ...] = ()
    box_map: Optional[Corners] = None
    is_accepted: bool = True


@dataclass(frozen=True)
class SampleOptions:
    """Where and how training data is written.

    Attributes:
        folder: In the RISORS format, or new.
        split: The split that the images go to.
        side_px: Of the images.
        resolution_map: Side of a pixel in units of the raster's CRS; None for the raster's own.
    """

    folder: Path
    split: str = "train"
    side_px: int = DEFAULT_SIDE_PX
    resolution_map: Optional[float] = None


@dataclass(frozen=True)
class SampleReport:
    """What was written.

    Attributes:
        stems: Of the images, in order.
        num_objects: Accepted polygons that the images show.
        num_cut: Of those, the ones larger than an image.
        num_beside: Accepted polygons that lie beside the raster.
        num_in_other_split: Images left out because they overlap one of another split: what is learnt from
            may not be what is tested on.
    """

    stems: Tuple[str, ...]
    num_objects: int
    num_cut: int
    num_beside: int
    num_in_other_split: int


def write_training_sample(
    raster: PixelSource,
    objects: Sequence[LabelledObject],
    source: ImageSource,
    options: SampleOptions,
    *,
    progress: Callable[[float], object] = lambda fraction: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> SampleReport:
    """Writes images around the accepted objects, each with the masks of the phrases that it shows.

    A phrase's mask in an image is the union of all its objects there, those of `is_accepted` False included,
    cut at the image's edge and where the raster has no data; pixels without data are black. Exporting a place
    again replaces its images' answers to these phrases and keeps those to others. May run in any thread.

    Raises:
        ExportError: There is nothing to write, or the folder cannot be read or written.
        ExportCancelledError: `is_cancelled` said so; images that were finished stay, each of them whole.
    """
    try:
        resolution_map = options.resolution_map or min(raster.pixel_grid.pixel_size_map)
        grid = raster.grid_for(raster.extent_map, resolution_map)
        return _Sample(raster, objects, source, options, grid).write(progress, is_cancelled)
    except OSError as error:
        text = tr("{folder} could not be written ({reason}); choose a folder that is writable and has space.")
        raise ExportError(text.format(folder=options.folder, reason=error.strerror or error)) from error
    except DamagedFileError as error:
        text = tr("{path} is damaged; repair or delete it, or choose another folder.")
        raise ExportError(text.format(path=error.path)) from error
    except LayerError as error:
        raise ExportError(str(error)) from error
    except ReadCancelledError as error:
        raise ExportCancelledError(_cancelled()) from error


class _Sample:
    """One export under way.

    Args:
        raster: The pixels.
        objects: The polygons.
        source: Who the raster is.
        options: Where and how.
        grid: All pixels of the raster at the resolution asked for.
    """

    def __init__(
        self,
        raster: PixelSource,
        objects: Sequence[LabelledObject],
        source: ImageSource,
        options: SampleOptions,
        grid: RasterGrid,
    ) -> None:
        self._raster, self._objects, self._source, self._options = raster, objects, source, options
        self._grid = grid
        self._folder = SampleFolder(options.folder)
        self._existing = self._folder.grids_of(source, raster.crs_wkt)
        self._split_of = {
            stem: split for split, stems in self._folder.stems_by_split().items() for stem in stems
        }
        self._boxes = [_box_of(labelled, grid) for labelled in objects]
        self._bounds_N4 = np.array([box.whole_pixels() for box in self._boxes], np.float64).reshape(-1, 4)
        self._anchors_N2 = np.array([box.anchor_pix for box in self._boxes], np.float64).reshape(-1, 2)

    def write(self, progress: Callable[[float], object], is_cancelled: Callable[[], bool]) -> SampleReport:
        """Writes image after image; see `write_training_sample`."""
        accepted = {index for index, labelled in enumerate(self._objects) if labelled.is_accepted}
        inside = {index for index in accepted if _is_inside(self._boxes[index].anchor_pix, self._grid)}
        if not inside:
            text = tr("No accepted polygon lies on the layer; choose the one they were found on.")
            raise ExportError(text)
        places = self._places([self._boxes[index] for index in sorted(inside)])
        written: Dict[str, List[int]] = {}
        num_in_other_split = 0
        for number, (stem, grid) in enumerate(places.items()):
            if is_cancelled():
                raise ExportCancelledError(_cancelled())
            if self._overlaps_another_split(stem, grid):
                num_in_other_split += 1
            else:
                shown = self._write_image(stem, grid, is_cancelled)
                written.update({stem: shown} if shown else {})
            progress((number + 1) / len(places))
        shown_anywhere = {index for shown in written.values() for index in shown}
        return SampleReport(
            stems=tuple(written),
            num_objects=len(shown_anywhere),
            num_cut=sum(self._boxes[index].is_larger_than(self._options.side_px) for index in shown_anywhere),
            num_beside=len(accepted - inside),
            num_in_other_split=num_in_other_split,
        )

    def _places(self, boxes: Sequence[ObjectBox]) -> Dict[str, RasterGrid]:
        """The images that show the objects, by their stems."""
        side_px = self._options.side_px
        known = [(stem, grid) for stem, grid in self._existing.items() if self._is_alike(grid)]
        chips = []
        for index, (_, grid) in enumerate(known):
            left, top = self._grid.to_pix(grid.to_map((0, 0)))
            chips.append(Chip(float(left), float(top), index))
        frame_px = self._grid.width_px, self._grid.height_px
        places = {}
        for chip in planned_chips(boxes, chips, side_px=side_px, frame_px=frame_px):
            if chip.existing is None:
                window = WindowPx(int(chip.left_pix), int(chip.top_pix), side_px, side_px)
                grid = self._grid.subgrid(window)
                places[self._source.stem_at(grid.map_from_pix)] = grid
            else:
                stem, grid = known[chip.existing]
                places[stem] = grid
        return places

    def _is_alike(self, grid: RasterGrid) -> bool:
        """Whether an image has the side and the resolution that are asked for."""
        a, b, _, d, e, _ = grid.map_from_pix
        ours = self._grid.map_from_pix
        is_same_step = np.allclose((a, b, d, e), (ours[0], ours[1], ours[3], ours[4]), rtol=1e-6, atol=0)
        return bool(is_same_step) and (grid.width_px, grid.height_px) == (self._options.side_px,) * 2

    def _overlaps_another_split(self, stem: str, grid: RasterGrid) -> bool:
        for other, other_grid in self._existing.items():
            split = self._split_of.get(other, self._options.split)
            if other != stem and split != self._options.split and other_grid.intersects(*grid.bounds_map):
                return True
        return False

    def _write_image(self, stem: str, grid: RasterGrid, is_cancelled: Callable[[], bool]) -> List[int]:
        """Writes one image; the accepted objects that it shows, none where it has no data there."""
        image_HWC, valid_HW = self._raster.read(grid, is_cancelled=is_cancelled)
        shown = self._shown_in(grid, valid_HW)
        phrases = [
            self._phrase_in(grid, text, valid_HW)
            for text in dict.fromkeys(self._objects[index].phrase for index in shown)
        ]
        phrases = [phrase for phrase in phrases if phrase.mask_HW.any()]
        if not phrases:
            return []
        png = png_of(np.where(valid_HW[..., None], image_HWC, 0))
        self._folder.write(stem, png, phrases, grid=grid, source=self._source, split=self._options.split)
        texts = {phrase.text for phrase in phrases}
        return [index for index in shown if self._objects[index].phrase in texts]

    def _shown_in(self, grid: RasterGrid, valid_HW: npt.NDArray[np.bool_]) -> List[int]:
        """The accepted objects whose anchors lie in the image, on data."""
        cols, rows = np.floor(self._anchors_N2 - self._grid.to_pix(grid.to_map((0, 0)))).astype(np.int64).T
        height, width = valid_HW.shape
        is_inside = (cols >= 0) & (cols < width) & (rows >= 0) & (rows < height)
        candidates = [int(index) for index in np.flatnonzero(is_inside)]
        on_data = [index for index in candidates if valid_HW[rows[index], cols[index]]]
        return [index for index in on_data if self._objects[index].is_accepted]

    def _touching(self, grid: RasterGrid) -> List[LabelledObject]:
        """The objects whose bounding boxes reach into the image."""
        low = self._grid.to_pix(grid.to_map((0, 0)))
        high = low + np.array((grid.width_px, grid.height_px))
        is_near = (self._bounds_N4[:, :2] < high).all(axis=1) & (self._bounds_N4[:, 2:] > low).all(axis=1)
        return [self._objects[int(index)] for index in np.flatnonzero(is_near)]

    def _phrase_in(self, grid: RasterGrid, text: str, valid_HW: npt.NDArray[np.bool_]) -> LabelledPhrase:
        """What a phrase means in an image: all its objects there, with the prompts that made them."""
        mask_HW = np.zeros_like(valid_HW)
        weighted, weights = 0.0, 0
        objects = [labelled for labelled in self._touching(grid) if labelled.phrase == text]
        for labelled in objects:
            polygons_pix = [[grid.to_pix(ring) for ring in rings] for rings in labelled.polygons_map]
            own_HW = polygon_mask(polygons_pix, valid_HW.shape) & valid_HW
            mask_HW |= own_HW
            area_px = int(np.count_nonzero(own_HW))
            iou = 1.0 if labelled.predicted_iou is None else labelled.predicted_iou
            weighted, weights = weighted + area_px * iou, weights + area_px
        points = [point for labelled in objects for point in _points_in(labelled, grid)]
        boxes = [_prompt_box_in(labelled, grid) for labelled in objects]
        return LabelledPhrase(
            text,
            mask_HW,
            predicted_iou=weighted / weights if weights else 1.0,
            point_coords=tuple((x, y) for x, y, _ in points),
            point_labels=tuple(label for _, _, label in points),
            prompt_boxes=tuple(box for box in boxes if box is not None),
        )


def png_of(image_HWC: npt.NDArray[np.uint8]) -> bytes:
    """The image as a PNG file.

    Args:
        image_HWC: RGB.
    """
    height, width, _ = image_HWC.shape
    pixels = np.ascontiguousarray(image_HWC, np.uint8).tobytes()
    image = QImage(pixels, width, height, 3 * width, QImage.Format.Format_RGB888)
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    if not image.save(buffer, "PNG"):
        raise OSError(tr("the image could not be encoded"))
    return bytes(buffer.data())


def _box_of(labelled: LabelledObject, grid: RasterGrid) -> ObjectBox:
    corners_pix = grid.to_pix(np.concatenate([ring for rings in labelled.polygons_map for ring in rings]))
    left, top = (float(value) for value in corners_pix.min(axis=0))
    right, bottom = (float(value) for value in corners_pix.max(axis=0))
    x, y = (float(value) for value in grid.to_pix(labelled.anchor_map))
    return ObjectBox(left, top, right, bottom, (x, y))


def _points_in(labelled: LabelledObject, grid: RasterGrid) -> List[Tuple[float, float, int]]:
    """X and y in the image's pixels, and the label, of the clicks that lie in it."""
    points = []
    for click in labelled.clicks:
        x, y = _rounded(grid.to_pix((click.x_map, click.y_map)))
        if _is_inside((x, y), grid):
            points.append((x, y, int(click.is_positive)))
    return points


def _prompt_box_in(labelled: LabelledObject, grid: RasterGrid) -> Optional[Tuple[float, ...]]:
    """x, y, width and height of the object's box, cut at the image's edge; None where none is left."""
    if labelled.box_map is None:
        return None
    corners_pix = np.clip(grid.to_pix(labelled.box_map), 0, (grid.width_px, grid.height_px))
    low, high = corners_pix.min(axis=0), corners_pix.max(axis=0)
    return (*_rounded(low), *_rounded(high - low)) if (low < high).all() else None


def _rounded(place_pix: npt.NDArray[np.floating]) -> Tuple[float, ...]:
    """To a thousandth of a pixel."""
    return tuple(round(float(value), 3) for value in place_pix)


def _is_inside(point_pix: Tuple[float, float], grid: RasterGrid) -> bool:
    return 0 <= point_pix[0] < grid.width_px and 0 <= point_pix[1] < grid.height_px


def _cancelled() -> str:
    return str(tr("The export was cancelled; the images that were finished are kept."))
