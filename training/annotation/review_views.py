"""What the review page is told, as plain values for JSON."""

from __future__ import annotations

from typing import Any

import numpy as np

from geophrase.training.annotation.candidates import Candidate
from geophrase.training.annotation.session import AnnotationSession
from geophrase.training.data.instances import Instance


def progress_view(session: AnnotationSession) -> dict[str, Any]:
    """How many instances are pending, accepted and dropped."""
    return {"counts": session.counts}


def project_view(session: AnnotationSession) -> dict[str, Any]:
    """What the page shows of the whole; one letter for each instance: p, a or d."""
    project = session.project
    return {
        "name": project.folder.resolve().name,
        "model": project.facts.model,
        "num_images": len(project.images),
        "statuses": "".join(status[0] for status in session.statuses),
        "first": session.next_pending(0),
        **progress_view(session),
    }


def instance_view(session: AnnotationSession, number: int) -> dict[str, Any]:
    """An instance with its image's size, box, points so far and masks on offer.

    Raises:
        AnnotationError: There is no such instance, or its image can't be used.
        RisorsError: Its image is missing or can't be read.
    """
    state, candidates = session.state(number)
    instance = session.project.instances[number]
    image = session.project.images[instance.image_index]
    box = image.boxed.boxes[instance.box_index]
    last = state.rounds[-1] if state.rounds else None
    return {
        "number": number,
        "id": instance.id,
        "text": box.text,
        "name": box.name,
        "box": box.bbox_xyxy,
        "image": instance.image_index,
        "file": image.boxed.path.name,
        "width": image.boxed.width_px,
        "height": image.boxed.height_px,
        "status": state.status,
        "mask": state.mask,
        "round": len(state.rounds),
        "points": last.points_xy if last else (),
        "labels": last.point_labels if last else (),
        "candidates": [_candidate_view(each) for each in candidates],
    }


def _candidate_view(candidate: Candidate) -> dict[str, Any]:
    """Figures, and the mask in its bounding box: lengths of runs along rows, the first one outside."""
    view: dict[str, Any] = {
        "iou": candidate.predicted_iou,
        "stability": candidate.stability,
        "area": candidate.area_px,
        "window": (0, 0, 0, 0),
        "runs": (),
    }
    instance = Instance.from_rle("", candidate.mask_rle)
    if instance is not None:
        flat = np.concatenate([[0], instance.patch_HW.ravel(), [2]]).astype(np.int8)
        changes = np.flatnonzero(np.diff(flat))
        view["window"] = instance.bbox_xywh
        view["runs"] = np.diff(changes, prepend=0).tolist()
    return view
