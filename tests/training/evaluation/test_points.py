import numpy as np
import pytest

from geophrase.tests.training.evaluation.fake_segmenters import FakeSegmenter, answers_of
from geophrase.tests.training.evaluation.test_interaction import blobs
from geophrase.training.data.risors import Phrase, read_split, write_sample, write_split
from geophrase.training.evaluation.points import PointsMeasure
from geophrase.training.evaluation.resolution import NATIVE, Resolution
from geophrase.training.evaluation.segmenter import Prompts

HW = (24, 32)


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    root = tmp_path_factory.mktemp("points")
    rng = np.random.default_rng(0)
    phrases = [Phrase.from_mask(f"phrase {i}", blobs(rng, HW), kind="class", name="c") for i in range(20)]
    phrases.append(Phrase.from_mask("nothing", np.zeros(HW, bool), kind="absent", name="d"))
    write_sample(root, "i", np.zeros((*HW, 3), np.uint8), phrases)
    write_split(root, "test", ["i"])
    return read_split(root, "test")[0]


class RightsPixels(FakeSegmenter):
    """Answers a phrase with everything, and then rights the pixels that were clicked."""

    def answer(self, image, prompts):
        masks = np.ones((prompts.num_queries, *image.hw_px), bool)
        if prompts.points_xy_QNC is not None:
            for index, (points, labels) in enumerate(
                zip(prompts.points_xy_QNC, prompts.point_labels_QN, strict=True)
            ):
                x, y = points.astype(int).T
                masks[index, y, x] = labels.astype(bool)
        return answers_of(masks)


def measured(image, **settings):
    segmenter = RightsPixels()
    measure = PointsMeasure(2, **settings)
    measure.add(image, segmenter.encode(np.zeros((*HW, 3), np.uint8)))
    return measure.report(), segmenter.asked


@pytest.mark.parametrize("choice", ["random", "central"])
def test_each_point_rights_one_pixel_of_each_present_phrase(image, choice):
    report, asked = measured(image, choice=choice)
    areas = np.array([phrase.area_px for phrase in image.phrases if not phrase.is_absent])
    for number in range(3):  # every phrase's mask is everything less the pixels clicked, all negative
        expected = areas / (HW[0] * HW[1] - number)
        scores = report["native"][str(number)]
        assert scores["phrases"] == 20
        assert scores["mIoU"] == pytest.approx(expected.mean())
        assert scores["P@0.5"] == pytest.approx((expected >= 0.5).mean())
    assert sum(prompts.num_queries for prompts in asked) == 3 * 20
    assert all("nothing" not in prompts.texts for prompts in asked)


def test_no_points_are_the_phrases_own_scores_at_every_resolution(image):
    report, _ = measured(image, resolutions=(NATIVE, Resolution(48)))
    encoded = RightsPixels().encode(np.zeros((*HW, 3), np.uint8))
    (mask,) = encoded.ask(Prompts(texts=["it"])).present_masks((48, 48))
    references = [Resolution(48).reference(p.mask()) for p in image.phrases if not p.is_absent]
    ious = [(mask & reference).sum() / (mask | reference).sum() for reference in references]
    assert report["48"]["0"]["mIoU"] == pytest.approx(np.mean(ious))
    assert report["native"]["1"]["mIoU"] != report["48"]["1"]["mIoU"]


def test_random_points_depend_on_the_seed_alone(image):
    def points(**settings):
        _, asked = measured(image, **settings)
        return np.concatenate([p.points_xy_QNC[:, -1] for p in asked if p.points_xy_QNC is not None])

    assert (points(seed=1) == points(seed=1)).all()
    assert (points(seed=1) != points(seed=2)).any()
