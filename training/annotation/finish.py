"""Accepted masks become a RISORS folder: squares of one size, their annotations, and splits by image."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from tqdm import tqdm

from geophrase.engine.errors import CancelledError
from geophrase.training.annotation.candidates import BoxXyxy, Candidate
from geophrase.training.annotation.crops import Crop, Extent, place_crops
from geophrase.training.annotation.encodings import read_project_image
from geophrase.training.annotation.journal import Decisions, read_journal
from geophrase.training.annotation.project import PROVENANCE_FILE_NAME, AnnotationError, Project, ProjectImage
from geophrase.training.annotation.wording import needs_whole_image
from geophrase.training.data.risors import (
    SPLITS,
    Phrase,
    split_of,
    write_provenance,
    write_sample,
    write_split,
)

SIZE_PX = 800
"""Side of every image. Source: paper, Section 3.1.1, step 3."""

_KIND = "class"
"""What a phrase of the original RISORS, which has no kinds, is read as."""

_MIN_SIZE_PX = 32
_SOURCE = "annotation project"
_COPIED_SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class FinishConfig:
    """How a data set is cut and divided.

    Attributes:
        size_px: Side of every image.
        shares: Shares of source images for validation and test; None takes the split that each image's boxes
            came with.
        is_every_phrase_kept: Keep phrases such as "the largest ship" for an image that had to be cut, where
            they may not be true any more.
    """

    size_px: int = SIZE_PX
    shares: tuple[float, float] | None = None
    is_every_phrase_kept: bool = False

    def __post_init__(self) -> None:
        """Refuses what can't be done.

        Raises:
            AnnotationError: A size or a share is impossible.
        """
        if self.size_px < _MIN_SIZE_PX:
            message = f"Images of {self.size_px} pixels are too small; give at least {_MIN_SIZE_PX}."
            raise AnnotationError(message)
        if self.shares is not None and (min(self.shares) < 0 or sum(self.shares) >= 1):
            raise AnnotationError("The shares of validation and test must leave something for training.")

    def split(self, image: ProjectImage) -> str:
        """The split of an image and of all squares that are cut from it."""
        if self.shares is None:
            return image.boxed.split
        val_fraction, test_fraction = self.shares
        return split_of(image.key, val_fraction=val_fraction, test_fraction=test_fraction)


@dataclass(frozen=True)
class FinishReport:
    """What became of a project's instances.

    Attributes:
        images: Images written, by split.
        instances: Instances written, by split.
        pending: Instances without a decision.
        dropped: Instances that a person dropped.
        cut_phrases: Accepted instances left out since their image was cut and their phrase may speak of it
            all.
        cut_masks: Instances larger than the square, whose masks were cut.
    """

    images: dict[str, int]
    instances: dict[str, int]
    pending: int
    dropped: int
    cut_phrases: int
    cut_masks: int

    def by_split(self) -> dict[str, dict[str, int]]:
        """Counts as `provenance.json` holds them."""
        return {split: {"images": self.images[split], "phrases": self.instances[split]} for split in SPLITS}


@dataclass(frozen=True)
class AcceptedInstance:
    """A box whose mask a person accepted.

    Attributes:
        text: The phrase.
        name: The class.
        box_xyxy: The original box.
        candidate: The mask.
        points_xy: Every point that guided it.
        point_labels: 1 or 0 for each.
    """

    text: str
    name: str
    box_xyxy: BoxXyxy
    candidate: Candidate
    points_xy: tuple[tuple[float, float], ...] = ()
    point_labels: tuple[int, ...] = ()

    def extent(self, size_px: int) -> Extent:
        """What must stay whole: mask, box and points; in this order as many as a square holds."""
        rows, columns = (np.flatnonzero(self.candidate.mask().any(axis=axis)) for axis in (1, 0))
        extent = Extent(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
        x0, y0, x1, y1 = self.box_xyxy
        wider = extent.union(Extent(int(x0), int(y0), int(np.ceil(x1)), int(np.ceil(y1))))
        extent = wider if wider.fits(size_px) else extent
        for x, y in self.points_xy:
            wider = extent.union(Extent(int(x), int(y), int(np.ceil(x)), int(np.ceil(y))))
            extent = wider if wider.fits(size_px) else extent
        return extent

    def phrase(self, crop: Crop) -> Phrase:
        """The annotation in a square, which keeps the original box, the points and the predicted IoU."""
        mask_HW = crop.mask(self.candidate.mask())
        moved = [crop.point_xy(point) for point in self.points_xy]
        kept = [(point, label) for point, label in zip(moved, self.point_labels, strict=True) if point]
        return replace(
            Phrase.from_mask(self.text, mask_HW, kind=_KIND, name=self.name),
            bbox_xywh=crop.box_xywh(self.box_xyxy),
            point_coords=tuple(point for point, _ in kept),
            point_labels=tuple(label for _, label in kept),
            predicted_iou=self.candidate.predicted_iou,
        )


def finish(project: Project, to_dir: Path, config: FinishConfig) -> FinishReport:
    """Writes the RISORS folder of what was accepted so far; writing it again brings it up to date.

    The lists of the splits are written last, so a folder that was left half-way reads as not prepared.

    Raises:
        AnnotationError: The folder holds another data set, nothing was accepted, or an image changed.
        RisorsError: An image is missing or can't be read.
        CancelledError: Ctrl-C; run the command again.
    """
    before = _earlier_stems(project, to_dir)
    decisions = read_journal(project.journal_path)
    if not any(decision.action == "accept" for decision in decisions.stack):
        raise AnnotationError(
            f"{project.folder} has no accepted mask yet; decide with `geophrase-train annotate review`."
        )
    for stale in (to_dir / "splits").glob("*.txt"):
        stale.unlink()
    write_provenance(to_dir, _provenance(project, config))
    stems: dict[str, list[str]] = {split: [] for split in SPLITS}
    counts: Counter[str] = Counter()
    try:
        for image in tqdm(project.images, desc="finish", unit="image", dynamic_ncols=True):
            split = config.split(image)
            for stem, num_instances in _write_image(project, image, decisions, config, to_dir, counts):
                stems[split].append(stem)
                counts[split] += num_instances
    except KeyboardInterrupt:
        raise CancelledError(f"stopped before {to_dir} was whole; run the command again") from None
    for stem in before - {stem for some in stems.values() for stem in some}:
        _remove_sample(to_dir, stem)
    for split, names in stems.items():
        write_split(to_dir, split, names)
    report = FinishReport(
        images={split: len(names) for split, names in stems.items()},
        instances={split: counts[split] for split in SPLITS},
        pending=counts["pending"],
        dropped=counts["dropped"],
        cut_phrases=counts["cut_phrases"],
        cut_masks=counts["cut_masks"],
    )
    write_provenance(to_dir, {**_provenance(project, config), "splits": report.by_split()})
    return report


def _write_image(
    project: Project,
    image: ProjectImage,
    decisions: Decisions,
    config: FinishConfig,
    to_dir: Path,
    counts: Counter[str],
) -> list[tuple[str, int]]:
    """The stem of each square that an image gave, with its number of instances."""
    accepted = _accepted(project, image, decisions, counts)
    if max(image.size_yx) > config.size_px and not config.is_every_phrase_kept:
        kept = [each for each in accepted if not needs_whole_image(each.text)]
        counts["cut_phrases"] += len(accepted) - len(kept)
        accepted = kept
    if not accepted:
        return []
    extents = [each.extent(config.size_px) for each in accepted]
    counts["cut_masks"] += sum(not extent.fits(config.size_px) for extent in extents)
    crops = place_crops(extents, image.size_yx, config.size_px)
    path, image_HWC = image.boxed.path, read_project_image(image)
    written = []
    for number, (crop, members) in enumerate(crops, start=1):
        stem = image.key if len(crops) == 1 else f"{image.key}+{number}"
        phrases = [phrase for member in members if (phrase := accepted[member].phrase(crop)).area_px]
        if not phrases:  # of one huge ring, the square in its middle
            continue
        is_copied = image.size_yx == (config.size_px,) * 2 and path.suffix.lower() in _COPIED_SUFFIXES
        write_sample(to_dir, stem, path if is_copied else crop.image(image_HWC), phrases)
        written.append((stem, len(phrases)))
    return written


def _accepted(
    project: Project, image: ProjectImage, decisions: Decisions, counts: Counter[str]
) -> list[AcceptedInstance]:
    accepted = []
    offered = None
    for number, box in enumerate(image.boxed.boxes):
        state = decisions.state_of(f"{image.key}#{number + 1}")
        if state.status != "accepted" or state.mask is None:
            counts[state.status] += 1
            continue
        candidates = state.candidates
        if not candidates:
            offered = offered or project.read_proposals(image)
            if offered is None:
                raise AnnotationError(
                    f"{project.folder} lacks the masks of {image.key}; run `annotate propose` again."
                )
            candidates = offered[number]
        last = state.rounds[-1] if state.rounds else None
        accepted.append(
            AcceptedInstance(
                text=box.text,
                name=box.name,
                box_xyxy=box.bbox_xyxy,
                candidate=candidates[state.mask],
                points_xy=last.points_xy if last else (),
                point_labels=last.point_labels if last else (),
            )
        )
    return accepted


def _earlier_stems(project: Project, to_dir: Path) -> set[str]:
    """What an earlier run wrote there, listed or not.

    Raises:
        AnnotationError: The folder holds something else.
    """
    if not to_dir.exists() or not any(to_dir.iterdir()):
        return set()
    try:
        provenance = json.loads((to_dir / PROVENANCE_FILE_NAME).read_text(encoding="utf-8"))
        is_ours = provenance["source"] == _SOURCE and provenance["boxes"] == project.facts.boxes
    except (OSError, ValueError, KeyError, TypeError):
        is_ours = False
    if not is_ours:
        raise AnnotationError(f"{to_dir} holds something else; give a new or empty folder.")
    return {path.stem for path in (to_dir / "annotations").glob("*.json")}


def _remove_sample(to_dir: Path, stem: str) -> None:
    (to_dir / "annotations" / f"{stem}.json").unlink(missing_ok=True)
    for suffix in _COPIED_SUFFIXES:
        (to_dir / "images" / f"{stem}{suffix}").unlink(missing_ok=True)


def _provenance(project: Project, config: FinishConfig) -> dict[str, object]:
    return {
        "source": _SOURCE,
        "boxes": project.facts.boxes,
        "boxes_file": Path(project.facts.boxes_file).name,
        "licence": project.facts.origin.get("licence", "that of the images"),
        "origin": project.facts.origin,
        "model": project.facts.model,
        "weights_sha256": project.facts.weights,
        **asdict(config),
    }
