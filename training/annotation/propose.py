"""Three masks for every box of a project, image by image, so that a run that was stopped goes on."""

from __future__ import annotations

import csv
import io
import sys

from tqdm import tqdm

from geophrase.engine.atomic_file import write_text_atomically
from geophrase.engine.errors import CancelledError
from geophrase.training.annotation.encodings import EncodingStore, read_project_image
from geophrase.training.annotation.project import AnnotationError, Project
from geophrase.training.annotation.sheet import write_sheet
from geophrase.training.data.risors import RisorsError

TABLE_NAME = "instances.csv"


def propose(project: Project, encodings: EncodingStore, *, has_sheets: bool = True) -> int:
    """Proposes masks for the images that have none yet, and lists all in `instances.csv`.

    An image that can't be read is named on stderr and left for the next run.

    Returns:
        The number of images that masks were made for.

    Raises:
        CancelledError: Ctrl-C; what was proposed stays.
        AnnotationError: Some images can't be read; all others are done.
    """
    waiting = [index for index, image in enumerate(project.images) if not project.has_proposals(image)]
    failures: list[str] = []
    num_done = 0
    try:
        with tqdm(waiting, desc="propose", unit="image", disable=None, dynamic_ncols=True) as bar:
            for image_index in bar:
                try:
                    propose_image(project, encodings, image_index, has_sheet=has_sheets)
                except (RisorsError, AnnotationError) as error:
                    failures.append(str(error))
                    tqdm.write(str(error), file=sys.stderr)
                num_done += 1
    except KeyboardInterrupt:
        raise CancelledError(
            f"stopped after {num_done} images; the same command goes on from there"
        ) from None
    write_table(project)
    if failures:
        raise AnnotationError(
            f"{len(failures)} of {len(project.images)} images could not be used, all others are done; put "
            "them right and run the command again."
        )
    return len(waiting)


def propose_image(project: Project, encodings: EncodingStore, image_index: int, *, has_sheet: bool) -> None:
    """Proposes masks for one image and keeps them.

    Raises:
        RisorsError: The image is missing or can't be read.
        AnnotationError: It has another size than its boxes say.
    """
    image = project.images[image_index]
    embedding = encodings.get(image_index)
    offered = [encodings.model.candidates(embedding, box.bbox_xyxy) for box in image.boxed.boxes]
    if has_sheet:
        path = project.folder / "sheets" / f"{image.key}.jpg"
        write_sheet(path, image, read_project_image(image), offered)
    project.write_proposals(image, offered, encoder=encodings.model.predictor.identity)


def write_table(project: Project) -> None:
    """Writes `instances.csv`: every instance with its phrase and what the model thinks of its masks.

    The columns `action`, `mask` and `points` are empty: filled in, the table is a file of decisions.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    figures = [f"{name}_{k}" for k in (1, 2, 3) for name in ("predicted_iou", "stability", "area_px")]
    rows.writerow(["instance", "action", "mask", "points", "name", "description", *figures, "image"])
    for image in project.images:
        offered = project.read_proposals(image)
        for number, box in enumerate(image.boxed.boxes):
            values: list[object] = [""] * len(figures)
            if offered is not None:
                values = [
                    value
                    for each in offered[number]
                    for value in (each.predicted_iou, each.stability, each.area_px)
                ]
            row = [f"{image.key}#{number + 1}", "", "", "", box.name, box.text]
            rows.writerow([*row, *values, str(image.boxed.path)])
    write_text_atomically(project.folder / TABLE_NAME, text.getvalue())
