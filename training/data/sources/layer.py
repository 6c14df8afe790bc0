"""A raster and a vector layer whose features have phrases, into RISORS samples or into boxes to annotate.

The pixels are those that the engine shows its model: the same bands, stretch and resolution. A feature is
inside where the centres of pixels are, as GDAL burns it; what the edge of an image cuts keeps its visible
part.
"""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from rasterio.errors import NotGeoreferencedWarning

from geophrase.engine.atomic_file import write_atomically
from geophrase.engine.raster.source import RasterSource, TilePixels
from geophrase.training.data.instances import Instance, union_mask
from geophrase.training.data.risors import SPLITS, Phrase, RisorsError, SampleFacts, write_sample
from geophrase.training.data.sources.boxed import BOXES_FILE_NAME, BoxedImage, BoxPhrase, write_boxes
from geophrase.training.data.sources.chips import Chip, planned_chips
from geophrase.training.data.sources.features import Feature, FeatureTable, read_features
from geophrase.training.data.sources.streaming import converted

MIN_PHRASE_PX = 8
"""A phrase that shows fewer pixels in an image is neither asked nor called absent there."""
ABSENT_PER_IMAGE = 2
MIN_SIZE_PX = 64

_Shown = list[tuple[Feature, Instance]]


@dataclass(frozen=True)
class LayerOptions:
    """What to cut and how.

    Attributes:
        raster: Any raster file that GDAL reads.
        table: The layer.
        size_px: Side of the images.
        resolution_m: Metres per pixel on the ground; None for the raster's own.
        bands: One or three band numbers from 1; None chooses as the engine does.
        is_complete: The layer holds every object that any of its phrases means, so that a phrase is truly
            absent where it has no feature, and every class is labelled exhaustively.
        split: "auto" for areas apart, or the one split that everything goes to.

    Raises:
        RisorsError: The size or the split makes no sense.
    """

    raster: Path
    table: FeatureTable
    size_px: int = 800
    resolution_m: float | None = None
    bands: tuple[int, ...] | None = None
    is_complete: bool = False
    split: str = "auto"

    def __post_init__(self) -> None:
        if self.size_px < MIN_SIZE_PX:
            raise RisorsError(f"Images of {self.size_px} pixels are too small; RISORS has 800.")
        if self.split not in ("auto", *SPLITS):
            raise RisorsError(f"{self.split!r} is no split; choose auto, {', '.join(SPLITS)}.")


def convert_layer(options: LayerOptions, target: Path) -> dict[str, list[str]]:
    """Write a sample for every image that shows a feature, and empty ones of a complete layer; the splits.

    A phrase's mask is the union of its features in the image. With a class column, a complete layer also
    gives the objects themselves, from which training makes phrases of its own.

    Raises:
        RisorsError: The layer can't be used, or shows nothing on the raster.
        EngineError: The raster can't be used.
    """
    splits: dict[str, list[str]] = {split: [] for split in SPLITS}
    with _opened(options) as source:
        features = read_features(options.table, source.grid)
        cutter = _Cutter(source, options, features, target)
        chips = cutter.planned()
        for chip, is_written in converted(chips, lambda chip: (chip, cutter.write(chip)), total=len(chips)):
            splits[chip.split] += [chip.stem] if is_written else []
    if not any(splits.values()):
        raise RisorsError(f"{options.raster} has no data where {options.table.path} has features.")
    return splits


def convert_layer_to_boxes(options: LayerOptions, target: Path) -> list[BoxedImage]:
    """Write the images and a boxes file with a box around the visible part of every feature, to annotate.

    Raises:
        RisorsError: The layer can't be used, or shows nothing on the raster.
        EngineError: The raster can't be used.
    """
    with _opened(options) as source:
        cutter = _Cutter(source, options, read_features(options.table, source.grid), target)
        chips = [chip for chip in cutter.planned() if chip.features]
        images = [image for image in converted(chips, cutter.write_boxed, total=len(chips)) if image]
    write_boxes(target / BOXES_FILE_NAME, images)
    return images


@contextmanager
def _opened(options: LayerOptions) -> Iterator[RasterSource]:
    """The raster; without the warning of GDAL's burning that pixels have no place on the map."""
    with (
        warnings.catch_warnings(),
        RasterSource.open(options.raster, bands=options.bands, resolution_m=options.resolution_m) as source,
    ):
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        yield source


class _Cutter:
    """Cuts images out of one raster; threads may share it.

    Args:
        source: The raster, open.
        options: How.
        features: In the raster's working grid.
        target: The folder to write to.
    """

    def __init__(
        self, source: RasterSource, options: LayerOptions, features: Sequence[Feature], target: Path
    ) -> None:
        self._source, self._options, self._features, self._target = source, options, features, target
        self._texts = sorted({feature.text for feature in features})
        self._classes = frozenset(feature.name for feature in features) - {""}

    def planned(self) -> list[Chip]:
        """The images to cut."""
        return planned_chips(
            self._source,
            self._features,
            size_px=self._options.size_px,
            split=self._options.split,
            with_empty=self._options.is_complete,
        )

    def write(self, chip: Chip) -> bool:
        """Write the sample; False where there is nothing to learn from."""
        pixels = self._source.read(chip.window)
        shown = _shown(chip, pixels)
        phrases = _present(shown, chip.window.shape_yx) + self._absent(chip)
        if not phrases or not pixels.valid_HW.any():
            return False
        instances, facts = self._objects(shown)
        write_sample(self._target, chip.stem, pixels.image_HWC, phrases, instances=instances, facts=facts)
        return True

    def write_boxed(self, chip: Chip) -> BoxedImage | None:
        """Write the image alone; None where it shows no feature."""
        pixels = self._source.read(chip.window)
        boxes = tuple(_box(feature, instance) for feature, instance in _shown(chip, pixels))
        if not boxes:
            return None
        path = self._target / "images" / f"{chip.stem}.png"
        png = cv2.imencode(".png", np.ascontiguousarray(pixels.image_HWC[..., ::-1]))[1].tobytes()
        write_atomically(path, lambda part: part.write_bytes(png))
        return BoxedImage(path, chip.window.width, chip.window.height, chip.split, boxes)

    def _objects(self, shown: _Shown) -> tuple[list[Instance], SampleFacts]:
        """The objects of a complete layer with classes; phrases made of others might be untrue."""
        if not (self._options.is_complete and self._classes):
            return [], SampleFacts()
        return [instance for feature, instance in shown if feature.name], SampleFacts(self._classes)

    def _absent(self, chip: Chip) -> list[Phrase]:
        """Phrases of a complete layer, none of whose features reaches into the image."""
        near = {feature.text for feature in chip.features}
        absent = [text for text in self._texts if text not in near] if self._options.is_complete else []
        chosen = random.Random(chip.stem).sample(absent, min(ABSENT_PER_IMAGE, len(absent)))
        nothing_HW = np.zeros(chip.window.shape_yx, np.uint8)
        return [Phrase.from_mask(text, nothing_HW, kind="absent") for text in chosen]


def _shown(chip: Chip, pixels: TilePixels) -> _Shown:
    burnt = ((feature, feature.burnt(chip.window, pixels.valid_HW)) for feature in chip.features)
    return [(feature, instance) for feature, instance in burnt if instance is not None]


def _present(shown: _Shown, shape_yx: tuple[int, int]) -> list[Phrase]:
    """Each phrase with the union of its features; its class where they agree on one."""
    by_text: dict[str, _Shown] = {}
    for feature, instance in shown:
        by_text.setdefault(feature.text, []).append((feature, instance))
    phrases = []
    for text, found in by_text.items():
        names = {feature.name for feature, _ in found}
        mask_HW = union_mask((one for _, one in found), height_px=shape_yx[0], width_px=shape_yx[1])
        name = names.pop() if len(names) == 1 else ""
        phrases.append(Phrase.from_mask(text, mask_HW, kind="class", name=name))
    return [phrase for phrase in phrases if phrase.area_px >= MIN_PHRASE_PX]


def _box(feature: Feature, instance: Instance) -> BoxPhrase:
    x, y, width, height = instance.bbox_xywh
    return BoxPhrase(feature.text, feature.name, (x, y, x + width, y + height))
