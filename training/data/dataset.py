"""RISORS folders as samples and batches for training.

Letters of the shapes: B images, K phrases of one image, Q phrases of the batch, C colours, H rows, W columns.
"""

from __future__ import annotations

import copy
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import Dataset

from geophrase.training.data.arrangement import CutOuts, arrange, draw_cut_outs
from geophrase.training.data.augment import (
    AugmentConfig,
    ImageHWC,
    View,
    black_boxes,
    mosaic,
    paste_instances,
    photometric,
    random_view,
    view_instances,
    whole_view,
)
from geophrase.training.data.cover import in_stretches
from geophrase.training.data.image_cache import ImageCache
from geophrase.training.data.instances import Instance, MaskHW, union_mask
from geophrase.training.data.object_cache import ObjectCache
from geophrase.training.data.phrase_scope import names_colour
from geophrase.training.data.phrases import PhraseSampler, SamplerConfig, Utterance
from geophrase.training.data.risors import (
    Phrase,
    RisorsImage,
    read_split,
    stable_fraction,
)
from geophrase.training.data.stored_phrases import draw_stored
from geophrase.training.data.typed_phrases import TypedImage, draw_typed, tagged, typed_for_training

MIN_SHOWN_PX = 24
_WHOLE_KINDS = frozenset({"class", "synonym"})


@dataclass(frozen=True)
class Query:
    """One phrase of a sample with its mask at the sample's size.

    Attributes:
        text: The phrase.
        kind: One of `risors.KINDS`.
        name: Key of the class, or keys with a plus between.
        mask_HW: What it means.
        referents_RHW: All objects that its noun names, and the landmarks that it tells them by; None where
            the view's objects aren't known.
        is_landmark_known: False where it may tell them by something that isn't among the landmarks.
    """

    text: str
    kind: str
    name: str
    mask_HW: MaskHW
    referents_RHW: npt.NDArray[np.uint8] | None = None
    is_landmark_known: bool = True

    @property
    def is_absent(self) -> bool:
        """Whether the view shows nothing of what the phrase means."""
        return self.kind == "absent"


@dataclass(frozen=True)
class Sample:
    """One view of an image and the phrases asked of it."""

    image_HWC: ImageHWC
    queries: tuple[Query, ...]
    image_id: int


@dataclass(frozen=True)
class Batch:
    """What a training step takes.

    Attributes:
        images_BCHW: uint8.
        texts: Q phrases.
        image_index_Q: int64, the image each phrase is asked of.
        masks_QHW: uint8 zeros and ones.
        kinds: Q kinds.
        is_absent_Q: bool.
        names: Q class keys.
        referents_QRHW: uint8 zeros and ones, all objects that the nouns name and the landmarks.
        has_referents_QR: bool, False where they aren't known.
    """

    images_BCHW: torch.Tensor
    texts: list[str]
    image_index_Q: torch.Tensor
    masks_QHW: torch.Tensor
    kinds: list[str]
    is_absent_Q: torch.Tensor
    names: list[str]
    referents_QRHW: torch.Tensor
    has_referents_QR: torch.Tensor

    def to(self, device: torch.device | str) -> Batch:
        """The same batch with its tensors on a device."""
        return self._map(lambda tensor: tensor.to(device, non_blocking=True))

    def pin_memory(self) -> Batch:
        """The same batch in page-locked memory; the loader calls this when asked to pin."""
        return self._map(torch.Tensor.pin_memory)

    def _map(self, change: Callable[[torch.Tensor], torch.Tensor]) -> Batch:
        values = ((field.name, getattr(self, field.name)) for field in fields(self))
        changed: dict[str, Any] = {k: change(v) for k, v in values if isinstance(v, torch.Tensor)}
        return replace(self, **changed)


def collate(samples: Sequence[Sample]) -> Batch:
    """Stack samples; every phrase keeps the number of its image."""
    queries = [query for sample in samples for query in sample.queries]
    owners = [number for number, sample in enumerate(samples) for _ in sample.queries]
    images_BHWC = np.stack([sample.image_HWC for sample in samples])
    unknown_RHW = np.zeros((2, *queries[0].mask_HW.shape), np.uint8)
    known = [query.referents_RHW for query in queries]
    return Batch(
        images_BCHW=torch.from_numpy(np.ascontiguousarray(images_BHWC.transpose(0, 3, 1, 2))),
        texts=[query.text for query in queries],
        image_index_Q=torch.tensor(owners, dtype=torch.int64),
        masks_QHW=torch.from_numpy(np.stack([query.mask_HW for query in queries])),
        kinds=[query.kind for query in queries],
        is_absent_Q=torch.tensor([query.is_absent for query in queries], dtype=torch.bool),
        names=[query.name for query in queries],
        referents_QRHW=torch.from_numpy(np.stack([unknown_RHW if one is None else one for one in known])),
        has_referents_QR=torch.tensor(
            [
                (one.referents_RHW is not None, one.referents_RHW is not None and one.is_landmark_known)
                for one in queries
            ]
        ),
    )


@dataclass(frozen=True)
class _Scene:
    """What a sample shows before light and phrases: picture, objects, classes labelled wholly."""

    image_HWC: ImageHWC
    objects: list[Instance]
    classes_labelled: frozenset[str]


class PhraseDataset(Dataset[Sample]):
    """Augmented views of the images of one split, each with fresh phrases.

    What an index gives depends on (seed, epoch, index) alone, never on the worker or on earlier calls.

    Args:
        roots: RISORS folders.
        split: Split of each.
        image_px: Side of the square result.
        queries_per_image: Phrases asked of each image, all different as far as it has so many.
        is_phrase_per_sample: Whether a sample is one stored phrase and its image, instead of an image.
        augment: None gives the whole image squashed and no other change.
        seed: Start of all chance.
        sampler: Shares of the kinds of phrases.
        typed_share: How often an image that people typed phrases for is asked those instead of fresh ones.
        repeats: How often each root's images come in an epoch; once when empty.
    """

    def __init__(
        self,
        roots: Sequence[Path],
        split: str,
        *,
        image_px: int,
        queries_per_image: int,
        augment: AugmentConfig | None,
        seed: int,
        is_phrase_per_sample: bool = False,
        sampler: SamplerConfig | None = None,
        typed_share: float = 0.0,
        repeats: Sequence[int] = (),
    ) -> None:
        times = repeats or (1,) * len(roots)
        if len(times) != len(roots):
            raise ValueError(f"{len(roots)} folders but {len(times)} repeats")
        self._records = [
            record
            for root, count in zip(roots, times, strict=True)
            for record in read_split(Path(root), split) * count
            if record.phrases or record.instances
        ]
        if is_phrase_per_sample:
            self._records = [pair for record in self._records for pair in _pairs(record)]
        self._objects = ObjectCache()
        self._images = ImageCache()
        self._cut_outs = CutOuts(self._records, self._images)
        self._image_px = image_px
        self._queries_per_image = queries_per_image
        self._augment = augment
        self._seed = seed
        self._sampler = sampler
        self._typed = typed_for_training() if typed_share > 0 else {}
        self._typed_share = typed_share
        self._epoch = torch.zeros((), dtype=torch.int64)
        self._epoch.share_memory_()  # type: ignore[no-untyped-call]

    def at_size(self, image_px: int) -> PhraseDataset:
        """The same data at another size; images and decoded objects are shared."""
        other = copy.copy(self)
        other._image_px = image_px
        return other

    def __len__(self) -> int:
        """Number of images or pairs, repeats counted."""
        return len(self._records)

    def set_epoch(self, epoch: int) -> None:
        """Make the next pass draw other views and phrases; reaches workers that are already running."""
        self._epoch.fill_(epoch)

    def __getitem__(self, index: int) -> Sample:
        """One view with `queries_per_image` phrases.

        Raises:
            IndexError: No such image.
            RisorsError: The image file is damaged.
        """
        if not 0 <= index < len(self._records):
            raise IndexError(index)
        rng = random.Random(f"{self._seed}/{int(self._epoch)}/{index}")
        record = self._records[index]
        if not record.instances:
            return self._stored_sample(record, rng)
        typed = self._typed.get(record.path.stem)
        if typed is not None and rng.random() < self._typed_share:
            sample = self._typed_sample(record, typed, rng)
            if sample is not None:
                return sample
        augment = self._augment
        scene = self._mosaic(record, rng) if augment is not None and rng.random() < augment.mosaic else None
        return self._fresh_sample(record, scene or self._scene(record, rng), rng)

    def _scene(self, record: RisorsImage, rng: random.Random) -> _Scene:
        """One view of one image, with objects of another if chance wants it."""
        objects = self._objects.objects(record)
        view = self._view(record, objects, self._image_px, rng)
        image_HWC, seen = view.image(self._images.read(record.path)), view_instances(view, objects)
        if self._augment is not None and rng.random() < self._augment.arrangement:
            image_HWC, seen = self._arrange(image_HWC, seen, record, rng)
        elif self._augment is not None and rng.random() < self._augment.paste:
            image_HWC, seen = self._paste(image_HWC, seen, record, rng)
        return _Scene(image_HWC, seen, record.classes_labelled)

    def _mosaic(self, record: RisorsImage, rng: random.Random) -> _Scene | None:
        """Four views side by side with objects of the classes that all four label; None without any."""
        records = [record, *(rng.choice(self._records) for _ in range(3))]
        labelled = frozenset.intersection(*(each.classes_labelled for each in records))
        is_alike = len({each.is_true_colour for each in records}) == 1
        if not labelled or not is_alike or self._image_px % 2:
            return None
        quarters = []
        for each in records:
            wanted = [one for one in self._objects.objects(each) if one.name in labelled]
            view = self._view(each, wanted, self._image_px // 2, rng)
            quarters.append((view.image(self._images.read(each.path)), view_instances(view, wanted)))
        image_HWC, seen = mosaic(quarters)
        return _Scene(image_HWC, seen, labelled) if seen else None

    def _fresh_sample(self, record: RisorsImage, scene: _Scene, rng: random.Random) -> Sample:
        """A scene with phrases that are drawn from what it shows."""
        image_HWC = self._relit(scene.image_HWC, rng)
        seen, labelled = _without_slivers(scene.objects, scene.classes_labelled)
        if record.is_true_colour:
            seen = [instance.with_colour_of(image_HWC) for instance in seen]
        side_px = self._image_px
        seen = in_stretches(seen, height_px=side_px, width_px=side_px)
        sampler = PhraseSampler(
            seen,
            width_px=side_px,
            height_px=side_px,
            classes_labelled=labelled,
            colour_ok=record.is_true_colour and not _is_gray(image_HWC),
            config=self._sampler,
        )
        utterances = sampler.sample_exactly(rng, self._queries_per_image)
        queries = [_query(utterance, seen, side_px) for utterance in utterances]
        return Sample(self._occluded(image_HWC, record, rng), tuple(queries), record.image_id)

    def _stored_sample(self, record: RisorsImage, rng: random.Random) -> Sample:
        """An image without objects, as in a foreign folder: its own phrases that are true of the view."""
        view, usable = draw_stored(record, self._image_px, self._augment, rng)
        chosen = rng.sample(usable, min(len(usable), self._queries_per_image))
        chosen += rng.choices(usable, k=self._queries_per_image - len(chosen))
        asked = [_stored_query(text, phrase, view.mask(phrase.mask())) for phrase, text in chosen]
        # An object of a pixel or two may vanish where the view shrinks.
        shown = [query for query in asked if query.is_absent or query.mask_HW.any()] or asked
        queries = shown + rng.choices(shown, k=len(asked) - len(shown))
        keeps_colours = any(names_colour(query.text) for query in queries)
        image_HWC = self._relit(view.image(self._images.read(record.path)), rng, keeps_colours=keeps_colours)
        return Sample(self._occluded(image_HWC, record, rng), tuple(queries), record.image_id)

    def _typed_sample(self, record: RisorsImage, typed: TypedImage, rng: random.Random) -> Sample | None:
        """An image with phrases that people typed for it; None where the view shows nothing they mean."""
        objects = tagged(self._objects.objects(record), typed)
        size_yx, count = (record.height_px, record.width_px), self._queries_per_image
        view, phrases = draw_typed(typed, objects, size_yx, self._image_px, self._augment, rng, least=count)
        seen = view_instances(view, objects)
        said = [utterance for phrase in phrases if (utterance := phrase.among(seen)) is not None]
        if not said:
            return None
        asked = rng.sample(said, min(count, len(said)))
        asked += rng.choices(said, k=count - len(asked))
        queries = [_query(utterance, seen, self._image_px) for utterance in asked]
        keeps_colours = any(names_colour(query.text) for query in queries)
        image_HWC = self._relit(view.image(self._images.read(record.path)), rng, keeps_colours=keeps_colours)
        return Sample(self._occluded(image_HWC, record, rng), tuple(queries), record.image_id)

    def _view(
        self, record: RisorsImage, objects: Sequence[Instance], side_px: int, rng: random.Random
    ) -> View:
        if self._augment is None:
            return whole_view(record.width_px, record.height_px, side_px)
        separate = [instance for instance in objects if not instance.is_crowd]
        focus = rng.choice(separate) if separate and rng.random() < 0.8 else None
        size_yx = (record.height_px, record.width_px)
        return random_view(size_yx, side_px, self._augment, rng, focus=focus)

    def _arrange(
        self, image_HWC: ImageHWC, seen: list[Instance], record: RisorsImage, rng: random.Random
    ) -> tuple[ImageHWC, list[Instance]]:
        """Set out objects of classes that this image labels exhaustively."""
        cut_outs = draw_cut_outs(
            self._cut_outs,
            record.classes_labelled,
            self._image_px,
            rng,
            is_true_colour=record.is_true_colour,
        )
        return arrange(image_HWC, seen, cut_outs, rng)

    def _paste(
        self, image_HWC: ImageHWC, seen: list[Instance], record: RisorsImage, rng: random.Random
    ) -> tuple[ImageHWC, list[Instance]]:
        """Paste some objects of another image, of classes that this image labels exhaustively."""
        if any(instance.is_crowd for instance in seen):
            return image_HWC, seen
        donor = rng.choice(self._records)
        wanted = [
            instance
            for instance in self._objects.objects(donor)
            if instance.name in record.classes_labelled and not instance.is_crowd
        ]
        if not wanted or donor.is_true_colour != record.is_true_colour:
            return image_HWC, seen
        view = self._view(donor, wanted, self._image_px, rng)
        donated = view_instances(view, wanted)
        rng.shuffle(donated)
        return paste_instances(image_HWC, seen, view.image(self._images.read(donor.path)), donated[:4], rng)

    def _relit(self, image_HWC: ImageHWC, rng: random.Random, *, keeps_colours: bool = False) -> ImageHWC:
        if self._augment is None:
            return image_HWC
        gentle = replace(self._augment, gray=0.0, swap_infrared=0.0)
        return photometric(image_HWC, gentle if keeps_colours else self._augment, rng)

    def _occluded(self, image_HWC: ImageHWC, record: RisorsImage, rng: random.Random) -> ImageHWC:
        if self._augment is None:
            return image_HWC
        is_fixed = self._augment.are_black_boxes_fixed
        fraction = stable_fraction(_reference_of(record)) if is_fixed else rng.random()
        return black_boxes(image_HWC, rng) if fraction < self._augment.black_boxes else image_HWC


def _query(utterance: Utterance, seen: Sequence[Instance], side_px: int) -> Query:
    chosen = [seen[target] for target in utterance.targets]
    kind, landmarks = (
        [instance for instance in seen if instance.name in names.split("+")]
        for names in (utterance.name, utterance.landmark)
    )
    if utterance.fellows is not None:
        kind = [seen[fellow] for fellow in utterance.fellows]
    mask_HW, *referents = (
        union_mask(each, height_px=side_px, width_px=side_px) for each in (chosen, kind, landmarks)
    )
    return Query(
        utterance.text,
        utterance.kind,
        utterance.name,
        mask_HW,
        np.stack(referents),
        is_landmark_known=utterance.is_landmark_known,
    )


def _stored_query(text: str, phrase: Phrase, mask_HW: MaskHW) -> Query:
    """A phrase of an image without objects; what a class's name means is all of the kind."""
    is_whole = phrase.kind in _WHOLE_KINDS
    referents_RHW = np.stack([mask_HW, np.zeros_like(mask_HW)]) if is_whole else None
    return Query(text, phrase.kind, phrase.name, mask_HW, referents_RHW)


def _pairs(record: RisorsImage) -> list[RisorsImage]:
    """The image once for each of its stored phrases, without the objects that others are made from."""
    return [replace(record, phrases=(phrase,), instances=()) for phrase in record.phrases]


def _reference_of(record: RisorsImage) -> str:
    """What tells a sample from others in every pass: its image and, where it has only one, its phrase."""
    text = record.phrases[0].text if len(record.phrases) == 1 else ""
    return f"{record.path.stem}/{text}"


def _is_gray(image_HWC: ImageHWC) -> bool:
    sparse_HWC = image_HWC[::8, ::8].astype(np.int16)
    return bool(np.ptp(sparse_HWC, axis=2).mean() < 4.0)


def _without_slivers(seen: list[Instance], labelled: frozenset[str]) -> tuple[list[Instance], frozenset[str]]:
    """Drop the classes of which a view shows too little to see; they are then neither named nor absent."""
    shown_px: Counter[str] = Counter()
    for instance in seen:
        shown_px[instance.name] += instance.area_px
    slivers = {name for name, area_px in shown_px.items() if area_px < MIN_SHOWN_PX}
    return [instance for instance in seen if instance.name not in slivers], labelled - slivers
