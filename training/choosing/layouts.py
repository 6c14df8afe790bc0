"""Layouts: labelled objects on a small square canvas, without pixels; here those of annotated images.

Letters of the shapes: H, W rows and columns of the grid that the decoder answers on.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geophrase.engine.input_frame import IMAGENET_MEAN, IMAGENET_STD
from geophrase.training.data.augment import AugmentConfig, View, random_view, view_instances, whole_view
from geophrase.training.data.instances import Instance, union_mask
from geophrase.training.data.risors import RisorsImage, read_split
from geophrase.training.data.typed_phrases import (
    TypedImage,
    TypedPhrase,
    tagged,
    true_of_view,
    typed_for_training,
)

GRID_CELLS = 192
"""Side of the decoder's answer to an input of 768 px."""

SIDE_PX = 2 * GRID_CELLS
"""Side of a layout's canvas: objects are finer than the cells that a mask has for them."""

_STORED_PX = 480
_MIN_AREA_PX = 6
MAX_INSTANCES = 150  # hundreds take longest to decode, and nobody tells them apart by words
VIEWS = AugmentConfig(whole_image=0.5, crop_scale=(0.75, 1.5), aspect_jitter=0.15, turn=0.8)


@dataclass(frozen=True)
class Layout:
    """Objects on a canvas of `SIDE_PX`.

    Attributes:
        instances: The objects.
        classes_labelled: Classes of which every object is among them.
        has_colours: Whether their colours are known.
        masks: By class, what a model marked of it on the decoder's grid; None where nobody looked.
        colours_CHW: The colours that it would see there, likewise.
        typed: Phrases that people typed and that are true of it; its objects are tagged.
    """

    instances: tuple[Instance, ...]
    classes_labelled: frozenset[str]
    has_colours: bool = False
    masks: Mapping[str, NDArray[np.bool_]] | None = None
    colours_CHW: NDArray[np.float32] | None = None
    typed: tuple[TypedPhrase, ...] = ()

    @property
    def names(self) -> frozenset[str]:
        """The classes that it shows."""
        return frozenset(instance.name for instance in self.instances)

    def named(self, names: str) -> list[Instance]:
        """The objects of one class, or of several with a plus between."""
        wanted = names.split("+")
        return [instance for instance in self.instances if instance.name in wanted]


def cells_of(instances: Iterable[Instance]) -> NDArray[np.bool_]:
    """The cells that objects cover by half or more, shape (H, W)."""
    mask_HW = union_mask(instances, height_px=SIDE_PX, width_px=SIDE_PX)
    covered_HW = mask_HW[0::2, 0::2] + mask_HW[1::2, 0::2] + mask_HW[0::2, 1::2] + mask_HW[1::2, 1::2]
    is_inside_HW: NDArray[np.bool_] = covered_HW >= 2
    return is_inside_HW


def colours_of(layout: Layout, rng: random.Random) -> NDArray[np.float32]:
    """Colours on the decoder's grid as the model's input has them, seen or painted: (3, H, W)."""
    if layout.colours_CHW is not None:
        return layout.colours_CHW
    canvas_HWC = np.empty((SIDE_PX, SIDE_PX, 3), np.float32)
    canvas_HWC[:] = [rng.random() * 255 for _ in range(3)]
    for instance in layout.instances:
        window_hwC = canvas_HWC[instance.top_px : instance.bottom_px, instance.left_px : instance.right_px]
        window_hwC[instance.patch_HW != 0] = instance.mean_rgb
    normalised_HWC = (canvas_HWC[::2, ::2] / 255 - IMAGENET_MEAN) / IMAGENET_STD
    return np.ascontiguousarray(normalised_HWC.transpose(2, 0, 1), np.float32)


class RecordedLayouts:
    """Layouts of annotated images: their masks are decoded once and kept small.

    Images without objects and those with more than 150 are left out.

    Args:
        roots: RISORS folders.
        split: Split of each.
        has_typed: Whether to add what people typed for the images.
    """

    def __init__(self, roots: Sequence[Path], split: str, *, has_typed: bool = False) -> None:
        records = [record for root in roots for record in read_split(root, split)]
        typed = typed_for_training() if has_typed else {}
        self._layouts = [
            _reduced(record, typed.get(record.path.stem))
            for record in records
            if 0 < len(record.instances) <= MAX_INSTANCES
        ]

    def __len__(self) -> int:
        """Number of images."""
        return len(self._layouts)

    def whole(self, index: int) -> Layout:
        """The whole image squashed to the canvas, as inference does it."""
        return _seen(self._layouts[index], whole_view(_STORED_PX, _STORED_PX, SIDE_PX))

    def view(self, index: int, rng: random.Random) -> Layout:
        """The image or a part of it, turned or not."""
        stored = self._layouts[index]
        separate = [instance for instance in stored.instances if not instance.is_crowd]
        focus = rng.choice(separate) if separate and rng.random() < 0.8 else None
        return _seen(stored, random_view((_STORED_PX, _STORED_PX), SIDE_PX, VIEWS, rng, focus=focus))


def decoded_objects(record: RisorsImage, typed: TypedImage | None) -> list[Instance]:
    """The objects of an image, tagged for the phrases that people typed for it."""
    decoded = [instance for stored in record.instances if (instance := stored.decoded()) is not None]
    return decoded if typed is None else tagged(decoded, typed)


def _reduced(record: RisorsImage, typed: TypedImage | None) -> Layout:
    view = whole_view(record.width_px, record.height_px, _STORED_PX)
    objects = view_instances(view, decoded_objects(record, typed))
    return Layout(tuple(objects), record.classes_labelled, typed=() if typed is None else typed.phrases)


def _seen(stored: Layout, view: View) -> Layout:
    """The objects that are large enough to speak of, and what is typed of them."""
    instances = view_instances(view, stored.instances)
    shown = tuple(instance for instance in instances if instance.area_px >= _MIN_AREA_PX)
    typed = true_of_view(stored.typed, view, (_STORED_PX, _STORED_PX))
    return Layout(shown, stored.classes_labelled, typed=tuple(typed))
