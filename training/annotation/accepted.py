"""What a person accepted, and how it lies in a square that is cut from its image."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np

from geophrase.training.annotation.candidates import BoxXyxy, Candidate
from geophrase.training.annotation.crops import Crop, Extent
from geophrase.training.annotation.journal import Decisions
from geophrase.training.annotation.project import AnnotationError, Project, ProjectImage
from geophrase.training.data.risors import Phrase

_KIND = "class"
"""What a phrase of the original RISORS, which has no kinds, is read as."""


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


def accepted_instances(
    project: Project, image: ProjectImage, decisions: Decisions
) -> tuple[list[AcceptedInstance], Counter[str]]:
    """An image's accepted instances, and how many others are pending and dropped.

    Raises:
        AnnotationError: The masks that were accepted are missing.
    """
    accepted: list[AcceptedInstance] = []
    others: Counter[str] = Counter()
    proposals = None
    for number, box in enumerate(image.boxed.boxes):
        state = decisions.state_of(f"{image.key}#{number + 1}")
        if state.mask is None:
            others[state.status] += 1
            continue
        candidates = state.candidates
        if not candidates:
            proposals = proposals or project.read_proposals(image)
            if proposals is None:
                message = f"{project.folder} lacks the masks of {image.key}; run `annotate propose` again."
                raise AnnotationError(message)
            candidates = proposals[number]
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
    return accepted, others
