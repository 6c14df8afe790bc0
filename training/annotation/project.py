"""An annotation project: a folder that holds boxes, the masks proposed for them and a person's decisions.

`project.json` says with which model it was begun, `boxes.jsonl` what is to be annotated, and
`proposals/<image>.json` has the masks of each image; `journal.jsonl` is `journal.py`'s. Every file but the
journal appears whole or not at all, so that a command that was stopped goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import filelock

from geophrase.engine.atomic_file import write_text_atomically
from geophrase.training.annotation.candidates import NUM_CANDIDATES, BoxXyxy, Candidate
from geophrase.training.data.sources.boxed import BOXES_FILE_NAME, BoxedImage, read_boxes, write_boxes
from geophrase.training.errors import TrainingError

PROJECT_FILE_NAME = "project.json"
JOURNAL_FILE_NAME = "journal.jsonl"
PROVENANCE_FILE_NAME = "provenance.json"
_FORMAT = 1
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


class AnnotationError(TrainingError):
    """A project that can't be used, or a decision that can't be taken; the message is for people."""


@dataclass(frozen=True)
class ProjectFacts:
    """What a project was begun with.

    Attributes:
        model: Name of the model that proposes.
        weights: SHA-256 of its weights.
        boxes: SHA-256 of what is annotated: file names, sizes, phrases and boxes.
        boxes_file: Where the boxes came from.
        origin: What `provenance.json` beside them says of their source and licence.
        format: Version of the folder's layout.
    """

    model: str
    weights: str
    boxes: str
    boxes_file: str
    origin: dict[str, Any] = field(default_factory=dict)
    format: int = _FORMAT


@dataclass(frozen=True)
class ProjectImage:
    """An image under the name that it has in the project.

    Attributes:
        key: The file's stem without unusual characters, numbered where two files share it.
        boxed: The image and its boxes.
    """

    key: str
    boxed: BoxedImage

    @property
    def size_yx(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.boxed.height_px, self.boxed.width_px


@dataclass(frozen=True)
class InstanceRef:
    """One box with its phrase.

    Attributes:
        id: `<image key>#<number from 1>`, what decisions name.
        image_index: Which image of the project.
        box_index: Which of the image's boxes.
    """

    id: str
    image_index: int
    box_index: int


class Project:
    """An open project folder.

    Args:
        folder: The folder.
        facts: What it was begun with.
        images: What is annotated, in order.
    """

    def __init__(self, folder: Path, facts: ProjectFacts, images: Sequence[BoxedImage]) -> None:
        self.folder = folder
        self.facts = facts
        self.images = tuple(_with_keys(images))

    @classmethod
    def begin(cls, folder: Path, boxes_path: Path, *, model: str, weights: str) -> Project:
        """Makes a project, or opens the one that the same boxes and model made before.

        Raises:
            AnnotationError: The folder holds a project of other boxes or of another model, or an image is
                missing.
            RisorsError: The boxes file is missing or damaged.
        """
        images = list(read_boxes(boxes_path))
        _require_images(images, boxes_path)
        origin = _origin(boxes_path if boxes_path.is_dir() else boxes_path.parent)
        facts = ProjectFacts(model, weights, fingerprint(images), str(boxes_path.resolve()), origin)
        if (folder / PROJECT_FILE_NAME).is_file():
            project = cls.open(folder)
            _require_same(project.facts, facts, folder)
            return project
        write_boxes(folder / BOXES_FILE_NAME, images)
        write_text_atomically(folder / PROJECT_FILE_NAME, json.dumps(asdict(facts), indent=1))
        return cls(folder, facts, images)

    @classmethod
    def open(cls, folder: Path) -> Project:
        """Opens a project.

        Raises:
            AnnotationError: The folder is no project, or one of a later version.
            RisorsError: Its boxes are damaged.
        """
        path = folder / PROJECT_FILE_NAME
        try:
            facts = ProjectFacts(**json.loads(path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            raise AnnotationError(
                f"{folder} is no annotation project; begin one with `geophrase-train annotate propose`."
            ) from None
        except (ValueError, TypeError) as error:
            raise AnnotationError(f"{path} can't be read ({error}); begin the project again.") from error
        if facts.format != _FORMAT:
            raise AnnotationError(f"{folder} is a project of another version; open it with that version.")
        return cls(folder, facts, list(read_boxes(folder)))

    @property
    def journal_path(self) -> Path:
        """Where the decisions are."""
        return self.folder / JOURNAL_FILE_NAME

    @cached_property
    def instances(self) -> tuple[InstanceRef, ...]:
        """Every box of every image, in order."""
        return tuple(
            InstanceRef(f"{image.key}#{box_index + 1}", image_index, box_index)
            for image_index, image in enumerate(self.images)
            for box_index in range(len(image.boxed.boxes))
        )

    @cached_property
    def number_of(self) -> dict[str, int]:
        """Index among :attr:`instances` by id."""
        return {instance.id: number for number, instance in enumerate(self.instances)}

    def box_of(self, instance: InstanceRef) -> BoxXyxy:
        """The instance's box, left, top, right and bottom in pixels."""
        return self.images[instance.image_index].boxed.boxes[instance.box_index].bbox_xyxy

    def has_proposals(self, image: ProjectImage) -> bool:
        """Whether masks were proposed for an image."""
        return self._proposals_path(image).is_file()

    def write_proposals(
        self, image: ProjectImage, candidates: Sequence[Sequence[Candidate]], *, encoder: str
    ) -> None:
        """Keeps the masks of an image's boxes."""
        rows = [
            {"instance": f"{image.key}#{number}", "candidates": [each.to_json() for each in offered]}
            for number, offered in enumerate(candidates, start=1)
        ]
        write_text_atomically(self._proposals_path(image), json.dumps({"model": encoder, "instances": rows}))

    def read_proposals(self, image: ProjectImage) -> list[tuple[Candidate, ...]] | None:
        """The masks of an image's boxes, or None where none were proposed yet.

        Raises:
            AnnotationError: The file is damaged.
        """
        path = self._proposals_path(image)
        try:
            rows = json.loads(path.read_text(encoding="utf-8"))["instances"]
            offered = [tuple(Candidate.from_json(each) for each in row["candidates"]) for row in rows]
        except FileNotFoundError:
            return None
        except (KeyError, TypeError, ValueError) as error:
            raise AnnotationError(f"{path} is damaged ({error!r}); delete it and propose again.") from error
        if [len(each) for each in offered] != [NUM_CANDIDATES] * len(image.boxed.boxes):
            raise AnnotationError(f"{path} belongs to other boxes; delete it and propose again.")
        return offered

    @contextmanager
    def locked(self, work: str) -> Iterator[None]:
        """Keeps other processes from the same work on this project.

        Args:
            work: What is done, as a file name.

        Raises:
            AnnotationError: Another process does it.
        """
        lock = filelock.FileLock(self.folder / f".{work}.lock")
        try:
            lock.acquire(timeout=0)
        except filelock.Timeout:
            raise AnnotationError(
                f"{self.folder} is open in another process; end that one first (its page or command)."
            ) from None
        try:
            yield
        finally:
            lock.release()

    def _proposals_path(self, image: ProjectImage) -> Path:
        return self.folder / "proposals" / f"{image.key}.json"


def fingerprint(images: Iterable[BoxedImage]) -> str:
    """SHA-256 of what is annotated; where the files lie doesn't count."""
    digest = hashlib.sha256()
    for image in images:
        boxes = [[box.text, box.name, list(box.bbox_xyxy)] for box in image.boxes]
        row: list[Any] = [image.path.name, image.width_px, image.height_px, boxes]
        digest.update(json.dumps(row).encode())
    return digest.hexdigest()


def _origin(folder: Path) -> dict[str, Any]:
    """What is known of the boxes' source; nothing where there is no readable `provenance.json`."""
    try:
        document = json.loads((folder / PROVENANCE_FILE_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _with_keys(images: Iterable[BoxedImage]) -> Iterator[ProjectImage]:
    """Names each image; lower case decides what is the same name, as some file systems do."""
    taken: set[str] = set()
    for image in images:
        stem = _UNSAFE.sub("_", image.path.stem).strip(".") or "image"
        key, number = stem, 1
        while key.lower() in taken:
            number += 1
            key = f"{stem}_{number}"
        taken.add(key.lower())
        yield ProjectImage(key, image)


def _require_images(images: Sequence[BoxedImage], boxes_path: Path) -> None:
    if not images:
        raise AnnotationError(f"{boxes_path} names no image; give a boxes file with at least one.")
    missing = [image.path for image in images if not image.path.is_file()]
    if missing:
        raise AnnotationError(
            f"{len(missing)} of {len(images)} images of {boxes_path} are missing, {missing[0]} first; "
            "put them there, or prepare the boxes again."
        )


def _require_same(kept: ProjectFacts, given: ProjectFacts, folder: Path) -> None:
    if kept.boxes != given.boxes:
        raise AnnotationError(
            f"{folder} was begun with other boxes ({kept.boxes_file}); give those, or another folder."
        )
    if (kept.model, kept.weights) != (given.model, given.weights):
        raise AnnotationError(
            f"{folder} was begun with {kept.model} ({kept.weights[:12]}), not {given.model} "
            f"({given.weights[:12]}); give that model, or another folder."
        )
