"""A gallery made whole: questions asked, pictures written beside the page, the page last."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from geophrase.engine.atomic_file import write_atomically, write_text_atomically
from geophrase.engine.model.weights.hashing import short_hash
from geophrase.engine.pipeline.tile_model import TileModel
from geophrase.training.data.sources.streaming import tell
from geophrase.training.errors import TrainingError
from geophrase.training.gallery.answers import answers_of
from geophrase.training.gallery.page import AnsweredView, Gallery, as_markdown, pictures_in
from geophrase.training.gallery.pictures import Picture, draw_answer, jpeg_of, plain, read_ground
from geophrase.training.gallery.questions import Scene, View
from geophrase.training.gallery.verdicts import read_verdicts


def make_gallery(
    scenes: Sequence[Scene], folder: Path, page: Path, *, model: TileModel[Any], verdicts: Path
) -> Gallery:
    """Ask everything, and write the page with its pictures in a folder of its name beside it.

    Pictures that only the page before showed are removed; nothing else in that folder is touched.

    Args:
        scenes: What to ask where.
        folder: Holds the scenes' files.
        page: The Markdown file.
        model: Answers.
        verdicts: Given by eye; those on other weights are left out.

    Raises:
        TrainingError: A scene or the verdicts are missing.
        EngineError: A scene can't be read, or a view lies outside it.
        OSError: The page or a picture can't be written.
    """
    refuse_missing(scenes, folder)
    weights = short_hash(model.weights_sha256)
    known = read_verdicts(verdicts, weights=weights)
    before = pictures_in(page.read_text(encoding="utf-8")) if page.is_file() else set()
    answered = []
    with tempfile.TemporaryDirectory(prefix="geophrase-gallery-") as cache:
        for scene in scenes:
            views = [_answered(scene, view, folder, page, model, Path(cache)) for view in scene.views]
            answered.append((scene, views))
    gallery = Gallery(model.name, weights, str(model.device), answered, known)
    text = as_markdown(gallery)
    write_text_atomically(page, text)
    for name in before - pictures_in(text):
        if Path(name).parent == Path(page.stem):
            (page.parent / name).unlink(missing_ok=True)
    return gallery


def refuse_missing(scenes: Sequence[Scene], folder: Path) -> None:
    """Return if all scenes are there.

    Raises:
        TrainingError: The folder or one of its files isn't.
    """
    if not folder.is_dir():
        raise TrainingError(f"There is no folder of scenes {folder}; name the one that holds them.")
    for scene in scenes:
        if not (folder / scene.file).is_file():
            raise TrainingError(f"The folder {folder} lacks the scene {scene.file}; put it there.")


def _answered(
    scene: Scene, view: View, folder: Path, page: Path, model: TileModel[Any], cache_dir: Path
) -> AnsweredView:
    raster = folder / scene.file
    ground = read_ground(raster, view.extent_map)
    picture = None
    if scene.is_image_shown:
        picture = _written(page, view.name, ground.image_HWC)
    else:
        ground = plain(ground)
    answers, drawings = [], []
    for number, answer in enumerate(answers_of(raster, view, model, cache_dir=cache_dir), start=1):
        is_drawn = not answer.polygons.empty
        drawing = draw_answer(ground, answer.polygons) if is_drawn else None
        drawings.append(None if drawing is None else _written(page, f"{view.name}_{number}", drawing))
        answers.append(answer)
        tell(f"{view.name}: “{answer.question.phrase}”, {len(answer.polygons)} polygons")
    return AnsweredView(view, answers, picture, drawings)


def _written(page: Path, stem: str, picture_HWC: Picture) -> str:
    """Write a picture; its path from the page's folder."""
    name = f"{page.stem}/{stem}.jpg"
    encoded = jpeg_of(picture_HWC)
    write_atomically(page.parent / name, lambda part: part.write_bytes(encoded))
    return name
