import numpy as np
import pytest

from geophrase.tests.training.evaluation.fake_segmenters import FindsNothing, KnowsEverything
from geophrase.training.data.risors import RisorsError, SampleFacts, read_split, write_sample, write_split
from geophrase.training.evaluation.evaluation import EvaluationConfig, evaluate
from geophrase.training.evaluation.measure import images_to_score
from geophrase.training.evaluation.resolution import NATIVE, Resolution

CONFIG = EvaluationConfig(resolutions=(NATIVE, Resolution(480)), num_points=2, clicks_to=(85, 90))
PRECISIONS = ("P@0.5", "P@0.6", "P@0.7", "P@0.8", "P@0.9")


def all_scores(report):
    """Every row of measures in a report but those of shuffled phrases."""
    for part in (report, report["at"]["480"]):
        yield part["right"]
        yield from part["right"]["by_kind"].values()
        yield from part["right"]["by_class"].values()
        yield from part["points"].values()
        yield from part["points_central"].values()


def test_a_perfect_segmenter_has_one_everywhere(risors):
    images = read_split(risors, "test")
    report = evaluate(KnowsEverything(images), images, CONFIG)
    rows = list(all_scores(report))
    assert len(rows) == 2 * (1 + 2 + 3 + 3 + 3)
    assert {row[name] for row in rows for name in ("oIoU", "mIoU", *PRECISIONS)} == {1.0}
    assert report["shuffled"]["mIoU"] == 0.0
    assert report["right"]["absent"] == {"phrases": 3, "false_alarm_rate": 0.0}
    clicks = report["clicks_to"]
    assert {name: row["NoC@90"] for name, row in clicks.items()} == {"phrase": 0, "clicks": 1, "objects": 1}
    assert {row["failures@85"] for row in clicks.values()} == {0}
    assert clicks["clicks"]["mIoU_after"] == [0.0] + [1.0] * 20
    assert report["calibration"]["iou"]["ece"] == 0.0
    assert report["calibration"]["objectness"]["auc"] == 1.0
    assert report["calibration"]["objectness"]["at_false_alarm_rate"]["0.05"]["found"] == 1.0


def test_an_empty_segmenter_has_zero_everywhere(risors):
    images = read_split(risors, "test")
    report = evaluate(FindsNothing(images), images, CONFIG)
    assert {row[name] for row in all_scores(report) for name in ("oIoU", "mIoU", *PRECISIONS)} == {0.0}
    for row in report["clicks_to"].values():
        assert row["NoC@85"] == row["NoC@90"] == 20
        assert row["failures@85"] == row["targets"] > 0
        assert row["mIoU_after"] == [0.0] * 21
    assert report["calibration"]["iou"]["ece"] == 0.0  # it says that its masks are bad
    assert report["calibration"]["objectness"]["auc"] == 0.5  # and that everything is there


def test_every_image_is_encoded_once_for_everything(risors):
    images = read_split(risors, "test")

    class Counts(KnowsEverything):
        num_encoded = 0

        def encode(self, image_HWC):
            self.num_encoded += 1
            return super().encode(image_HWC)

    segmenter = Counts(images)
    evaluate(segmenter, images, CONFIG)
    assert segmenter.num_encoded == len(images)


def test_what_is_not_asked_for_is_left_out(risors):
    images = read_split(risors, "test")
    config = EvaluationConfig(is_shuffled=False)
    assert evaluate(KnowsEverything(images), images, config).keys() == {"right", "calibration"}


def test_a_segmenter_without_text_is_never_asked_with_one(risors):
    images = read_split(risors, "test")
    segmenter = KnowsEverything(images)
    segmenter.has_text = False
    report = evaluate(segmenter, images, CONFIG)
    assert report.keys() == {"clicks_to"}
    assert report["clicks_to"].keys() == {"clicks", "objects"}
    assert {prompts.texts for prompts in segmenter.asked} == {None}


@pytest.mark.parametrize(
    "setting",
    [
        {"resolutions": ()},
        {"num_points": -1},
        {"max_clicks": 0},
        {"clicks_to": (85, 101)},
        {"false_alarm_rates": (1.0,)},
    ],
)
def test_configurations_that_cannot_be_measured_are_refused(setting):
    with pytest.raises(ValueError, match=r"\."):
        EvaluationConfig(**setting)


def test_folders_are_scored_together_but_not_with_estimated_masks(risors, tmp_path):
    assert [image.path.stem for image in images_to_score([risors, risors], "test")] == ["i0", "i1", "i2"] * 2
    estimated = SampleFacts(is_approximate=True)
    write_sample(tmp_path, "a", np.zeros((8, 8, 3), np.uint8), [], facts=estimated)
    write_split(tmp_path, "test", ["a"])
    with pytest.raises(RisorsError, match="estimated"):
        images_to_score([risors, tmp_path], "test")
