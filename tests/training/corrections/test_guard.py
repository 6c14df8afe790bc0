"""The verdict: what got worse is refused with both figures, noise is not."""

from __future__ import annotations

import numpy as np
import pytest

from geophrase.training.corrections.exam import build_exam
from geophrase.training.corrections.guard import (
    ABSENT,
    OTHER,
    Answer,
    GuardConfig,
    answers_of,
    judge,
)
from geophrase.training.corrections.rehearsal import Rehearsal, RehearsalConfig
from geophrase.training.corrections.wording import is_akin
from geophrase.training.data.risors import read_image, read_split


def answers(*, ious, alarms=(0.0,) * 20, other=(0.4,) * 6):
    rows = [Answer(number, "class", iou) for number, iou in enumerate(ious)]
    rows += [Answer(number % 5, ABSENT, alarm) for number, alarm in enumerate(alarms)]
    return rows + [Answer(number, OTHER, iou) for number, iou in enumerate(other)]


BEFORE = answers(ious=[0.2, 0.3, 0.1])


def test_what_got_better_is_accepted_with_its_figures():
    verdict = judge(BEFORE, answers(ious=[0.5, 0.6, 0.4], other=[0.39] * 6), GuardConfig())
    assert verdict.complaints == ()
    figures = verdict.figures()
    assert figures["corrections"] == pytest.approx({"phrases": 3, "before": 0.2, "after": 0.5})
    assert figures["false alarms"]["after"] == 0.0
    assert figures[OTHER]["after"] == pytest.approx(0.39)
    assert "+0.300" in verdict.as_table()


@pytest.mark.parametrize("ious", [[0.2, 0.3, 0.1], [0.2, 0.2, 0.1], [0.0, 0.0, 0.59], [0.7, 0.1, 0.0]])
def test_what_got_not_clearly_better_is_refused_with_both_figures(ious):
    (complaint,) = judge(BEFORE, answers(ious=ious), GuardConfig()).complaints
    assert complaint == f"mIoU on the corrections went from 0.200 to {np.mean(ious):.3f}"


def test_more_false_alarms_are_refused_beyond_the_noise():
    better = [0.5, 0.6, 0.4]
    spread = [1.0, 1.0, 1.0, 1.0, 1.0] + [0.0] * 15  # one more in each of five images
    (complaint,) = judge(BEFORE, answers(ious=better, alarms=spread), GuardConfig()).complaints
    assert complaint == "false alarms went from 0.000 to 0.250"
    single = [1.0] + [0.0] * 19  # one more in one image: as large as its standard error, half of what may be
    assert judge(BEFORE, answers(ious=better, alarms=single), GuardConfig()).complaints == ()


def test_a_model_that_forgot_the_rest_is_refused():
    verdict = judge(BEFORE, answers(ious=[0.5, 0.6, 0.4], other=[0.1] * 6), GuardConfig())
    assert verdict.complaints == ("mIoU of other classes went from 0.400 to 0.100",)


def test_noise_is_the_standard_error_over_images():
    verdict = judge(BEFORE, answers(ious=[0.5, 0.3, 0.1]), GuardConfig())
    assert verdict.rows[0].noise == pytest.approx(np.std([0.3, 0.0, 0.0], ddof=1) / 3**0.5)


def test_what_nothing_shows_can_not_be_judged():
    rest = answers(ious=[])
    assert judge(rest, rest, GuardConfig()).complaints == (
        "nothing that was held back shows what was corrected",
    )


class Painter:
    """Answers "ponds" with what is blue, "roofs" with what is white, and anything else with nothing."""

    has_text = True

    def encode(self, image_HWC):
        self.image_HWC = image_HWC.astype(int)
        return self

    def ask(self, prompts):
        self.texts = prompts.texts
        return self

    def present_masks(self, hw_px):
        red_HW, blue_HW = self.image_HWC[..., 0], self.image_HWC[..., 2]
        found = {"ponds": blue_HW - red_HW > 90, "roofs": red_HW > 200}
        return [found.get(text, np.zeros(hw_px, bool)) for text in self.texts]


def test_the_exam_knows_the_truth_of_what_it_asks(export, tmp_path):
    held_out = read_split(export(2), "train")
    few = RehearsalConfig(num_exam_scenes=2, scene_px=128)
    exam = build_exam(tmp_path / "exam", held_out, Rehearsal(Painter(), frozenset({"pond"}), few))
    assert len(exam.images) == 4
    by_kind = {}
    for answer in exam.before:
        by_kind.setdefault(answer.kind, []).append(answer.value)
    assert by_kind["class"] == [1.0, 1.0]  # Painter knows ponds, and nothing but ponds
    assert set(by_kind[OTHER]) == {0.0}
    assert set(by_kind[ABSENT]) == {0.0}
    scenes = exam.images[2:]
    assert not any(
        is_akin("pond", phrase.name) for image in scenes for phrase in image.phrases if phrase.name
    )
    assert exam.answers(Painter()) == exam.before


def test_a_wrong_mask_is_answered_with_its_iou(export):
    (image, *_) = read_split(export(1, is_wrong=True), "train")
    (answer,) = answers_of(Painter(), [image])
    pixels_HWC = read_image(image.path).astype(int)
    found_HW, mask_HW = pixels_HWC[..., 2] - pixels_HWC[..., 0] > 90, image.phrases[0].mask() > 0
    assert answer.value == pytest.approx((mask_HW & found_HW).sum() / (mask_HW | found_HW).sum())
    assert answer.value < 0.3
