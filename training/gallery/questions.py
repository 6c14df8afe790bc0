"""What the gallery asks where: a list written by somebody who looked at each scene first."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geophrase.protocol.grid import Bounds
from geophrase.training.data.risors import KINDS
from geophrase.training.errors import TrainingError

OWN_QUESTIONS = Path(__file__).with_name("questions.json")
"""What this repository's gallery asks."""

_NAME = re.compile(r"[a-z0-9_]+")


@dataclass(frozen=True)
class Question:
    """A phrase as a person types it, and what is there to be found.

    Attributes:
        phrase: What is asked.
        kind: One of `risors.KINDS`.
        truth: What is to be seen in the picture: one sentence.
    """

    phrase: str
    kind: str
    truth: str

    def __post_init__(self) -> None:
        """Refuse an unknown kind.

        Raises:
            ValueError: It is none of them.
        """
        if self.kind not in KINDS:
            raise ValueError(f"the kind of “{self.phrase}” is one of {', '.join(KINDS)}, not “{self.kind}”")


@dataclass(frozen=True)
class View:
    """A part of a scene at a resolution, and what is asked of it.

    Attributes:
        name: Stem of its pictures' names and key of its verdicts: small letters, digits and underscores.
        title: What the page calls it.
        questions: In the order of the page, no phrase twice.
        extent_map: xmin, ymin, xmax, ymax in the raster's CRS; None for the whole raster.
        resolution_m: Pixel side to work at; None for the raster's own.
        one_window: Whether the model sees it as a single image instead of tiles.
    """

    name: str
    title: str
    questions: tuple[Question, ...]
    extent_map: Bounds | None = None
    resolution_m: float | None = None
    one_window: bool = False

    def __post_init__(self) -> None:
        """Refuse what couldn't be a file's name, and a phrase that is asked twice.

        Raises:
            ValueError: One of both.
        """
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"“{self.name}” names pictures: use small letters, digits and underscores")
        if twice := _repeated([question.phrase for question in self.questions]):
            raise ValueError(f"“{twice}” is asked twice of {self.name}")


@dataclass(frozen=True)
class Scene:
    """A raster, and what may be shown of it.

    Attributes:
        file: Its name in the folder of scenes.
        title: What the page calls it.
        credit: Source and licence, as the licence wants them named.
        is_image_shown: Whether its pixels may be published; otherwise answers are drawn on a plain ground.
        views: At least one.
    """

    file: str
    title: str
    credit: str
    is_image_shown: bool
    views: tuple[View, ...]


def read_questions(path: Path) -> list[Scene]:
    """Read a list of scenes, their views and questions.

    Args:
        path: JSON: a list of scenes, whose keys and those of what they hold are the attributes above.

    Raises:
        TrainingError: It can't be read, or what it holds makes no sense.
    """
    try:
        scenes = [_scene(fields) for fields in json.loads(path.read_text(encoding="utf-8"))]
        if twice := _repeated([view.name for scene in scenes for view in scene.views]):
            raise ValueError(f"two views are called “{twice}”")
    except (OSError, ValueError, TypeError, KeyError) as error:
        reason = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
        raise TrainingError(f"The questions in {path} can't be used ({reason}); correct the file.") from error
    return scenes


def _scene(fields: dict[str, Any]) -> Scene:
    return Scene(**{**fields, "views": tuple(_view(view) for view in fields["views"])})


def _view(fields: dict[str, Any]) -> View:
    extent = fields.get("extent_map")
    if extent is not None:
        xmin, ymin, xmax, ymax = map(float, extent)
        extent = (xmin, ymin, xmax, ymax)
    questions = tuple(Question(**question) for question in fields["questions"])
    return View(**{**fields, "questions": questions, "extent_map": extent})


def _repeated(names: Sequence[str]) -> str:
    """The first name that is there twice; empty if there is none."""
    return next((name for name, count in Counter(names).items() if count > 1), "")
