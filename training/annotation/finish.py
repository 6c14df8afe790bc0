"""Accepted masks become a RISORS folder: squares of one size, their annotations, and splits by image."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from geophrase.engine.errors import CancelledError
from geophrase.training.annotation.accepted import accepted_instances
from geophrase.training.annotation.crops import Crop, place_crops
from geophrase.training.annotation.encodings import read_project_image
from geophrase.training.annotation.journal import read_journal
from geophrase.training.annotation.project import (
    PROVENANCE_FILE_NAME,
    AnnotationError,
    Project,
    ProjectImage,
)
from geophrase.training.data.phrase_scope import needs_whole_image
from geophrase.training.data.risors import (
    SPLITS,
    SampleFacts,
    split_of,
    write_provenance,
    write_sample,
    write_split,
)

SIZE_PX = 800
"""Side of every image. Source: paper, Section 3.1.1, step 3."""

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


def finish(project: Project, to_dir: Path, config: FinishConfig) -> FinishReport:
    """Writes the RISORS folder of what was accepted so far; writing it again brings it up to date.

    The lists of the splits are written last, so a folder that was left half-way reads as not prepared.

    Raises:
        AnnotationError: The folder holds another data set, nothing was accepted, or an image changed.
        RisorsError: An image is missing or can't be read.
        CancelledError: Ctrl-C; run the command again.
    """
    before = _earlier_stems(project, to_dir)
    finishing = _Finishing(project, to_dir, config)
    for stale in (to_dir / "splits").glob("*.txt"):
        stale.unlink()
    provenance = _provenance(project, config)
    write_provenance(to_dir, provenance)
    try:
        for image in tqdm(project.images, desc="finish", unit="image", disable=None, dynamic_ncols=True):
            finishing.write(image)
    except KeyboardInterrupt:
        raise CancelledError(f"stopped before {to_dir} was whole; run the command again") from None
    for stem in before.difference(*finishing.stems.values()):
        _remove_sample(to_dir, stem)
    for split, stems in finishing.stems.items():
        write_split(to_dir, split, stems)
    report = finishing.report()
    write_provenance(to_dir, {**provenance, "splits": report.by_split()})
    return report


class _Finishing:
    """Writes a project's images one by one and counts what becomes of their instances."""

    def __init__(self, project: Project, to_dir: Path, config: FinishConfig) -> None:
        self._project = project
        self._to_dir = to_dir
        self._config = config
        self._decisions = read_journal(project.journal_path)
        self._counts: Counter[str] = Counter()
        self.stems: dict[str, list[str]] = {split: [] for split in SPLITS}
        if not any(decision.action == "accept" for decision in self._decisions.stack):
            raise AnnotationError(
                f"{project.folder} has no accepted mask yet; decide with `geophrase-train annotate review`."
            )

    def write(self, image: ProjectImage) -> None:
        """Writes the squares of an image."""
        accepted, others = accepted_instances(self._project, image, self._decisions)
        self._counts += others
        size_px = self._config.size_px
        if max(image.size_yx) > size_px and not self._config.is_every_phrase_kept:
            kept = [each for each in accepted if not needs_whole_image(each.text)]
            self._counts["cut_phrases"] += len(accepted) - len(kept)
            accepted = kept
        extents = [each.extent(size_px) for each in accepted]
        self._counts["cut_masks"] += sum(not extent.fits(size_px) for extent in extents)
        crops = place_crops(extents, image.size_yx, size_px)
        squares = self._squares(image, [crop for crop, _ in crops])
        split = self._config.split(image)
        for number, ((crop, members), square) in enumerate(zip(crops, squares, strict=True), start=1):
            phrases = [phrase for member in members if (phrase := accepted[member].phrase(crop)).area_px]
            if phrases:  # none in the middle of one huge ring
                stem = image.key if len(crops) == 1 else f"{image.key}+{number}"
                facts = SampleFacts(cut_from=(image.key, crop.left, crop.top))
                write_sample(self._to_dir, stem, square, phrases, facts=facts)
                self.stems[split].append(stem)
                self._counts[split] += len(phrases)

    def _squares(self, image: ProjectImage, crops: Sequence[Crop]) -> Iterator[NDArray[np.uint8] | Path]:
        """The pixels of each square; the image's own file where that is one."""
        if not crops:
            return
        path, image_HWC = image.boxed.path, read_project_image(image)
        is_square_itself = image.size_yx == (self._config.size_px,) * 2
        for crop in crops:
            is_copied = is_square_itself and path.suffix.lower() in _COPIED_SUFFIXES
            yield path if is_copied else crop.image(image_HWC)

    def report(self) -> FinishReport:
        """What became of all instances so far."""
        return FinishReport(
            images={split: len(stems) for split, stems in self.stems.items()},
            instances={split: self._counts[split] for split in SPLITS},
            pending=self._counts["pending"],
            dropped=self._counts["dropped"],
            cut_phrases=self._counts["cut_phrases"],
            cut_masks=self._counts["cut_masks"],
        )


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
