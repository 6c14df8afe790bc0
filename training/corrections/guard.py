"""The guard: a fine-tuned model replaces nothing when it got worse on what it has not seen.

It asks both models the same: the phrases of the corrections that were held back, phrases of other classes,
and phrases that nothing in an image fits.

Shape letters: N phrases, I images, H height, W width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from geophrase.training.data.risors import Phrase, RisorsImage, read_image
from geophrase.training.evaluation.metrics import intersection_and_union
from geophrase.training.evaluation.segmenter import Prompts, Segmenter

ABSENT = "absent"
OTHER = "other classes"
"""Kind of the exam's phrases of classes that no correction is about."""

_CORRECTIONS, _FALSE_ALARMS = "corrections", "false alarms"


@dataclass(frozen=True)
class GuardConfig:
    """What the guard asks for and what it lets pass.

    Attributes:
        min_gain: By how much the mean IoU on the corrections must rise at least, and by more than a standard
            error.
        max_more_false_alarms: By how much the share of absent phrases that are answered with a mask may rise.
        max_fall: By how much the mean IoU of other classes may fall.
        num_standard_errors: Within so many of them more false alarms or a fall are noise.
    """

    min_gain: float = 0.01
    max_more_false_alarms: float = 0.03
    max_fall: float = 0.02
    num_standard_errors: float = 2.0

    def allowed(self, change: float, noise: float) -> float:
        """The change that is let pass: the given one or the noise, whichever is more."""
        return max(change, self.num_standard_errors * float(np.nan_to_num(noise)))


@dataclass(frozen=True)
class Answer:
    """How one phrase was answered.

    Attributes:
        image: Number of the image.
        kind: Kind of the phrase.
        value: IoU with the reference; for an absent phrase 1 for a false alarm and 0 for none.
    """

    image: int
    kind: str
    value: float


@dataclass(frozen=True)
class Row:
    """One line of the table: means over the phrases of a kind.

    Attributes:
        name: What was asked.
        num_phrases: How many phrases.
        before: Of the starting model.
        after: Of the fine-tuned one.
        noise: Standard error of the change over images; nan for a single one.
    """

    name: str
    num_phrases: int
    before: float
    after: float
    noise: float


@dataclass(frozen=True)
class Verdict:
    """What the guard says.

    Attributes:
        rows: Figures before and after.
        complaints: What got worse, each part of a sentence with both figures; none for a model to install.
    """

    rows: tuple[Row, ...]
    complaints: tuple[str, ...]

    def as_table(self) -> str:
        """The figures for people."""
        lines = [f"{'':24}{'phrases':>8}{'before':>9}{'after':>9}{'change':>9}"]
        for row in self.rows:
            figures = f"{row.before:>9.3f}{row.after:>9.3f}{row.after - row.before:>+9.3f}"
            noise = "" if np.isnan(row.noise) else f" ± {row.noise:.3f}"
            lines.append(f"{row.name:24}{row.num_phrases:>8}{figures}{noise}")
        return "\n".join(lines)

    def figures(self) -> dict[str, dict[str, float]]:
        """The figures for a model card: row -> phrases, before, after."""
        return {
            row.name: {"phrases": row.num_phrases, "before": row.before, "after": row.after}
            for row in self.rows
        }


def answers_of(segmenter: Segmenter, exam: Sequence[RisorsImage]) -> list[Answer]:
    """How a model answers every phrase of the exam, whole images at native resolution.

    Raises:
        RisorsError: An image cannot be read.
    """
    answers = []
    for number, image in enumerate(tqdm(exam, desc="judging", unit="image", disable=None, leave=False)):
        if not image.phrases:
            continue
        image_HWC = read_image(image.path)
        asked = Prompts(texts=[phrase.text for phrase in image.phrases])
        masks = segmenter.encode(image_HWC).ask(asked).present_masks((image.height_px, image.width_px))
        for phrase, mask_HW in zip(image.phrases, masks, strict=True):
            kind = ABSENT if phrase.is_absent else phrase.kind
            answers.append(Answer(number, kind, _value(phrase, mask_HW)))
    return answers


def _value(phrase: Phrase, mask_HW: npt.NDArray[np.bool_]) -> float:
    if phrase.is_absent:
        return float(mask_HW.any())
    intersection_px, union_px = intersection_and_union(mask_HW, phrase.mask() > 0)
    return intersection_px / union_px


def judge(before: Sequence[Answer], after: Sequence[Answer], config: GuardConfig) -> Verdict:
    """Compares the answers of two models to the same exam, phrase by phrase.

    The corrections must have become clearly better; false alarms may rise and other classes fall within the
    noise, or as little as the configuration says.
    """
    kinds = list(dict.fromkeys(answer.kind for answer in before if answer.kind not in (ABSENT, OTHER)))
    corrections = _row(_CORRECTIONS, before, after, kinds)
    other = _row(OTHER, before, after, [OTHER])
    alarms = _row(_FALSE_ALARMS, before, after, [ABSENT])
    by_kind = [_row(f"  {kind}", before, after, [kind]) for kind in kinds if len(kinds) > 1]
    complaints = []
    if corrections is None:
        complaints.append("nothing that was held back shows what was corrected")
    elif corrections.after - corrections.before <= max(config.min_gain, np.nan_to_num(corrections.noise)):
        complaints.append(f"mIoU on the corrections went {_from_to(corrections)}")
    if other is not None and other.before - other.after > config.allowed(config.max_fall, other.noise):
        complaints.append(f"mIoU of other classes went {_from_to(other)}")
    allowed = config.allowed(config.max_more_false_alarms, alarms.noise if alarms else 0.0)
    if alarms is not None and alarms.after - alarms.before > allowed:
        complaints.append(f"false alarms went {_from_to(alarms)}")
    rows = [row for row in (corrections, *by_kind, other, alarms) if row is not None]
    return Verdict(tuple(rows), tuple(complaints))


def _row(name: str, before: Sequence[Answer], after: Sequence[Answer], kinds: Sequence[str]) -> Row | None:
    pairs = [(one, other) for one, other in zip(before, after, strict=True) if one.kind in kinds]
    if not pairs:
        return None
    before_N, after_N = (np.array([pair[side].value for pair in pairs]) for side in (0, 1))
    image_N = np.array([one.image for one, _ in pairs])
    change_I = np.array([(after_N - before_N)[image_N == image].mean() for image in np.unique(image_N)])
    noise = change_I.std(ddof=1) / len(change_I) ** 0.5 if len(change_I) > 1 else np.nan
    return Row(name, len(pairs), float(before_N.mean()), float(after_N.mean()), float(noise))


def _from_to(row: Row) -> str:
    return f"from {row.before:.3f} to {row.after:.3f}"
