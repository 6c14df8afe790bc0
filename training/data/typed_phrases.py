"""Phrases that people typed while looking at the pictures, beside the grammar's.

A folder's own phrases come from the grammar; these don't. A file of them holds no imagery and no masks, only
which of a data set's objects each phrase means. Those of validation and test images are asked instead of the
grammar's, those of training images are learned from.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from geophrase.training.data.augment import AugmentConfig, View, random_view, whole_view
from geophrase.training.data.instances import Instance, union_mask
from geophrase.training.data.phrase_scope import is_true_in_crops
from geophrase.training.data.phrases import Utterance
from geophrase.training.data.risors import KINDS, Phrase, RisorsError, RisorsImage, StoredInstance
from geophrase.training.data.symmetry import Symmetry, turn_text

OWN = "own"
TYPED, TYPED_BY_OTHERS = "typed", "typed-by-others"
_FOLDER = Path(__file__).resolve().parent / "typed"
_FILES = {TYPED: _FOLDER / "nwpu_vhr10.json", TYPED_BY_OTHERS: _FOLDER / "nwpu_vhr10_by_others.json"}
_LEAST_IOU = 0.5  # of boxes: a ship's may be off by a pixel of eight
_TOLD_BY_OTHERS = ("relation", "absent")  # kinds that may speak of something that nobody labelled

Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class TypedPhrase:
    """One phrase as typed.

    Attributes:
        text: As typed, slips included.
        kind: One of `risors.KINDS`.
        targets: The objects meant, by their ids in the source; none when the image has no such thing.
        noun: The objects that its noun names with the sort ("propeller planes"), but without colour, size,
            place, number or relation; None for all of the targets' classes.
        landmarks: Classes that it tells them by, as far as they are labelled.
    """

    text: str
    kind: str
    targets: tuple[str, ...]
    noun: tuple[str, ...] | None = None
    landmarks: tuple[str, ...] = ()

    def among(self, instances: Sequence[Instance]) -> Utterance | None:
        """What it means among objects that `tagged` has tagged; None where none of those meant is left."""
        by_tag = {instance.tag: index for index, instance in enumerate(instances) if instance.tag}
        targets = tuple(by_tag[tag] for tag in self.targets if tag in by_tag)
        if self.targets and not targets:
            return None
        fellows = None
        if self.noun is not None:
            fellows = tuple(by_tag[tag] for tag in self.noun if tag in by_tag)
        return Utterance(
            self.text,
            self.kind,
            "+".join(sorted({instances[index].name for index in targets or fellows or ()})),
            targets,
            landmark="+".join(self.landmarks),
            is_landmark_known=bool(self.landmarks) or self.kind not in _TOLD_BY_OTHERS,
            fellows=fellows,
        )


@dataclass(frozen=True)
class TypedImage:
    """What was typed for one image.

    Attributes:
        stem: Name of the prepared image's file without suffix.
        boxes: The image's objects by id: x, y, width and height in pixels.
        phrases: In the order they were typed.
    """

    stem: str
    boxes: Mapping[str, Box]
    phrases: tuple[TypedPhrase, ...]


def ask_instead(images: Sequence[RisorsImage], source: str) -> list[RisorsImage]:
    """The images with the phrases of a source: their own, those that come with the program, or a file's.

    Args:
        images: Of one split.
        source: `OWN`, `TYPED`, `TYPED_BY_OTHERS`, or the path of a file like those in `typed/`.

    Returns:
        All images for `OWN`, otherwise those that somebody typed for.

    Raises:
        RisorsError: A file is damaged or was typed for other data, or has no phrase for any of the images.
    """
    if source == OWN:
        return list(images)
    typed = read_typed([_FILES.get(source) or Path(source)])
    found = [with_phrases(image, typed[image.path.stem]) for image in images if image.path.stem in typed]
    if not found:
        raise RisorsError(f"Nobody typed phrases for these images ({source}): evaluate on the folder's own.")
    return found


def typed_for_training() -> dict[str, TypedImage]:
    """The phrases for training images that come with the program, by the stem of the prepared image."""
    return read_typed(sorted(_FOLDER.glob("*_train.json")))


def read_typed(paths: Iterable[Path]) -> dict[str, TypedImage]:
    """What files of typed phrases hold, by the stem of the prepared image.

    Raises:
        RisorsError: A file is missing or not of this form; the sentence names it.
    """
    found: dict[str, TypedImage] = {}
    for path in paths:
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            images = [_parse(row, str(document["stem_prefix"])) for row in document["images"]]
        except OSError as error:
            raise RisorsError(f"{path} cannot be read ({error.strerror}); give typed or a file.") from error
        except (KeyError, TypeError, ValueError) as error:
            raise RisorsError(f"{path} is no file of typed phrases ({error}); mend or replace it.") from error
        found.update({image.stem: image for image in images})
    return found


def with_phrases(image: RisorsImage, typed: TypedImage) -> RisorsImage:
    """An image with the typed phrases in place of its own, each with the union of its objects as mask.

    Raises:
        RisorsError: An object of the file is not among the image's.
    """
    by_id = dict(zip(typed.boxes, _found(image.instances, typed), strict=True))
    return replace(image, phrases=tuple(_phrase(image, one, by_id) for one in typed.phrases))


def tagged(instances: Sequence[Instance], typed: TypedImage) -> list[Instance]:
    """The objects of an image, those that the typed phrases speak of tagged with their ids.

    Raises:
        RisorsError: An object of the file is not among them.
    """
    found = zip(typed.boxes, _found(instances, typed), strict=True)
    tag_of = {id(instance): key for key, instance in found}
    return [replace(one, tag=tag_of.get(id(one), "")) for one in instances]


def draw_typed(
    typed: TypedImage,
    instances: Sequence[Instance],
    size_yx: tuple[int, int],
    side_px: int,
    augment: AugmentConfig | None,
    rng: random.Random,
    *,
    least: int,
) -> tuple[View, list[TypedPhrase]]:
    """A view of an image and the typed phrases that are true of it, as they then read.

    A part of the image is shown for a phrase that is true in any part, and where that leaves enough of them.

    Args:
        typed: What was typed for the image.
        instances: Its tagged objects.
        size_yx: Its height and width in pixels.
        side_px: Side of the result.
        augment: Chances of crops and turns; None for the whole image.
        rng: The only source of chance.
        least: How many phrases are enough; fewer only where the whole image, unturned, has no more.
    """
    whole = whole_view(size_yx[1], size_yx[0], side_px)
    if augment is not None:
        first = rng.choice(typed.phrases)
        focus = next((one for one in instances if one.tag and one.tag in first.targets), None)
        view = random_view(size_yx, side_px, augment, rng, focus=focus)
        for shown in (view, replace(whole, symmetry=view.symmetry)):
            phrases = true_of_view(typed.phrases, shown, size_yx)
            seen = {one.tag for one in instances if one.tag and shown.instance(one) is not None}
            phrases = [one for one in phrases if not one.targets or seen & {*one.targets}]
            if len(phrases) >= least:
                return shown, phrases
    return whole, list(typed.phrases)


def true_of_view(phrases: Sequence[TypedPhrase], view: View, size_yx: tuple[int, int]) -> list[TypedPhrase]:
    """The phrases that are true of a view of an image, their directions turned along with it."""
    edges = view.left, view.top, view.width, view.height
    if edges != (0, 0, size_yx[1], size_yx[0]):
        phrases = [phrase for phrase in phrases if is_true_in_crops(phrase.text)]
    if view.symmetry is Symmetry.IDENTITY:
        return list(phrases)
    turned = [(phrase, turn_text(phrase.text, view.symmetry)) for phrase in phrases]
    return [replace(phrase, text=text) for phrase, text in turned if text is not None]


_Object = TypeVar("_Object", Instance, StoredInstance)


def _found(instances: Sequence[_Object], typed: TypedImage) -> list[_Object]:
    """The object at each of the boxes."""
    found = []
    for box in typed.boxes.values():
        best = max(instances, key=lambda instance: _box_iou(instance.bbox_xywh, box), default=None)
        if best is None or _box_iou(best.bbox_xywh, box) < _LEAST_IOU:
            raise RisorsError(
                f"{typed.stem} has no object where the typed phrases name one: is it of other data?"
            )
        found.append(best)
    return found


def _phrase(image: RisorsImage, typed: TypedPhrase, by_id: Mapping[str, StoredInstance]) -> Phrase:
    meant = [by_id[key] for key in typed.targets]
    decoded = [instance for stored in meant if (instance := stored.decoded()) is not None]
    mask_HW = union_mask(decoded, height_px=image.height_px, width_px=image.width_px)
    name = "+".join(sorted({stored.name for stored in meant}))
    return Phrase.from_mask(typed.text, mask_HW, kind=typed.kind, name=name)


def _parse(row: Mapping[str, Any], stem_prefix: str) -> TypedImage:
    boxes = {str(key): _box(numbers) for key, numbers in row["objects"].items()}
    phrases = tuple(
        TypedPhrase(
            str(one["text"]),
            str(one["kind"]),
            tuple(str(key) for key in one["targets"]),
            None if one.get("noun") is None else tuple(str(key) for key in one["noun"]),
            tuple(str(name) for name in one.get("landmarks", ())),
        )
        for one in row["phrases"]
    )
    for phrase in phrases:
        if phrase.kind not in KINDS or (phrase.kind == "absent") != (not phrase.targets):
            raise ValueError(f"{phrase.text!r} has the kind {phrase.kind!r}")
        if not {*phrase.targets, *(phrase.noun or ())} <= boxes.keys():
            raise ValueError(f"{phrase.text!r} names an object that is not listed")
    return TypedImage(stem_prefix + str(row["stem"]), boxes, phrases)


def _box(numbers: Sequence[float]) -> Box:
    x, y, width, height = (float(number) for number in numbers)
    return x, y, width, height


def _box_iou(first: Box, second: Box) -> float:
    width = min(first[0] + first[2], second[0] + second[2]) - max(first[0], second[0])
    height = min(first[1] + first[3], second[1] + second[3]) - max(first[1], second[1])
    shared = max(width, 0.0) * max(height, 0.0)
    return shared / max(first[2] * first[3] + second[2] * second[3] - shared, 1e-9)
