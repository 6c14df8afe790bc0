"""The gallery as a page: the same answers give the same text, but for one line of seconds at its end."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from geophrase.training.gallery.answers import Answer
from geophrase.training.gallery.questions import Scene, View
from geophrase.training.gallery.verdicts import VERDICTS, Verdict

_NOT_SEEN = "not looked at yet"
_WIDTH_PX = 320
_SPECIAL = re.compile(r"([\\`*_\[\]|#])")

_INTRODUCTION = """\
# Gallery

What `{model}` (weights `{weights}`) answers on imagery that it was not trained on, successes and failures
alike. The phrases were written before the model was asked; what there is to see was written apart from
its answers. The verdicts were given by eye while looking at these very answers; this project's own, and what
there is to see, are those of AI agents that looked at the pictures. Every phrase went the way of
`geophrase segment` with its defaults, but for what a heading says.

This page is made by `geophrase-train gallery --scenes DIR --to docs/gallery.md` from
`training/gallery/questions.json` and `training/gallery/verdicts.json`: don't edit it.

*Score* is the mean probability inside the polygons. *Objectness* is the highest probability, in any tile,
that there is something to find. Up to .5 the answer is nothing; where it is nothing above that, the model was
sure of something, but of no pixel."""


@dataclass(frozen=True)
class AnsweredView:
    """A view with everything the page shows of it.

    Attributes:
        view: What was asked.
        answers: In the order of its questions.
        picture: Path of its picture from the page's folder; None where its pixels may not be shown.
        drawings: Path of each answer's picture; None for an answer without polygons.
    """

    view: View
    answers: Sequence[Answer]
    picture: str | None
    drawings: Sequence[str | None]


@dataclass(frozen=True)
class Gallery:
    """All answers of a model.

    Attributes:
        model: Its name.
        weights: Short hash of its weights.
        device: Where it ran.
        scenes: Each with its views, in the order of the page.
        verdicts: By view and phrase; some or all may be missing.
    """

    model: str
    weights: str
    device: str
    scenes: Sequence[tuple[Scene, Sequence[AnsweredView]]]
    verdicts: Mapping[tuple[str, str], Verdict]

    @property
    def views(self) -> list[AnsweredView]:
        """Of all scenes."""
        return [view for _, views in self.scenes for view in views]

    def missing(self) -> dict[str, list[str]]:
        """The phrases without a verdict, by view."""
        asked = {
            answered.view.name: [
                question.phrase
                for question in answered.view.questions
                if (answered.view.name, question.phrase) not in self.verdicts
            ]
            for answered in self.views
        }
        return {view: phrases for view, phrases in asked.items() if phrases}


def as_markdown(gallery: Gallery) -> str:
    """The whole page."""
    parts = [_INTRODUCTION.format(model=gallery.model, weights=gallery.weights), _tally(gallery)]
    for scene, views in gallery.scenes:
        parts += [f"## {_text(scene.title)}", _text(scene.credit)]
        for answered in views:
            parts += _view(answered, gallery.verdicts)
    return "\n\n".join([*parts, _seconds(gallery)]) + "\n"


def pictures_in(page: str) -> set[str]:
    """The paths of the pictures that a page shows."""
    return set(re.findall(r'<img src="([^"]+)"', page))


def _tally(gallery: Gallery) -> str:
    counts = Counter(verdict.verdict for verdict in _asked_verdicts(gallery))
    num_missing = sum(map(len, gallery.missing().values()))
    words = [f"{counts[word]} {word}" for word in VERDICTS if counts[word]]
    words += [f"{num_missing} {_NOT_SEEN}"] if num_missing else []
    num_asked = sum(len(answered.answers) for answered in gallery.views)
    return f"**Of {num_asked} phrases: {', '.join(words)}.**"


def _asked_verdicts(gallery: Gallery) -> Iterator[Verdict]:
    for answered in gallery.views:
        for answer in answered.answers:
            verdict = gallery.verdicts.get((answered.view.name, answer.question.phrase))
            if verdict is not None:
                yield verdict


def _view(answered: AnsweredView, verdicts: Mapping[tuple[str, str], Verdict]) -> Iterator[str]:
    view = answered.view
    yield f"### {_text(view.title)}"
    if answered.picture is not None:
        yield _image(answered.picture, view.title)
    rows = ["| asked | to be seen | answered | verdict |", "|---|---|---|---|"]
    for answer, drawing in zip(answered.answers, answered.drawings, strict=True):
        phrase = answer.question.phrase
        verdict = verdicts.get((view.name, phrase))
        cells = (
            f"“{_text(phrase)}” ({answer.question.kind})",
            _text(answer.question.truth),
            _answered(answer, drawing),
            f"*{_NOT_SEEN}*" if verdict is None else f"**{verdict.verdict}**: {_text(verdict.why)}",
        )
        rows.append(f"| {' | '.join(cells)} |")
    yield "\n".join(rows)


def _answered(answer: Answer, drawing: str | None) -> str:
    objectness = "no data" if answer.objectness is None else f"objectness {_probability(answer.objectness)}"
    if drawing is None or answer.score is None:
        return f"nothing, {objectness}"
    number = len(answer.polygons)
    counted = f"{number} polygon{'s' if number != 1 else ''}"
    figures = f"{counted}, score {_probability(answer.score)}, {objectness}"
    return f"{_image(drawing, answer.question.phrase)}<br>{figures}"


def _seconds(gallery: Gallery) -> str:
    times = []
    for answered in gallery.views:
        first, *further = (answer.seconds for answer in answered.answers)
        mean = f" / {sum(further) / len(further):.2f}" if further else ""
        times.append(f"{answered.view.name} {first:.2f}{mean}")
    listed = _text("; ".join(times))
    return f"Seconds for the first phrase / each further one, on {gallery.device}: {listed}."


def _probability(value: float) -> str:
    """Two digits; a sure thing and an impossible one are still not certain."""
    return f"{min(max(value, 0.01), 0.99):.2f}".removeprefix("0")


def _image(path: str, description: str) -> str:
    return f'<img src="{path}" width="{_WIDTH_PX}" alt="{html.escape(description)}">'


def _text(text: str) -> str:
    """Text that Markdown shows as it is, in a table too."""
    return _SPECIAL.sub(r"\\\1", html.escape(text, quote=False))
