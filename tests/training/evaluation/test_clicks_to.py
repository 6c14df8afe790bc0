import numpy as np
import pytest

from geophrase.tests.training.evaluation.fake_segmenters import FakeSegmenter, answers_of
from geophrase.tests.training.evaluation.test_interaction import blobs, click_by_hand
from geophrase.training.data.instances import Instance, encode_rle
from geophrase.training.data.risors import Phrase, read_split, write_sample, write_split
from geophrase.training.evaluation.clicks_to import (
    ClicksToMeasure,
    Target,
    mask_targets,
    object_targets,
    phrase_targets,
)

HW = (12, 15)


def paint(points, labels, start):
    """What the painter answers: every click sets the 5x5 pixels around it, on an earlier mask."""
    mask = start.copy()
    for (x, y), label in zip(points, labels, strict=True):
        row, column = int(y), int(x)
        mask[max(0, row - 2) : row + 3, max(0, column - 2) : column + 3] = bool(label)
    return mask


class Painter(FakeSegmenter):
    """Answers a phrase with the mask that it is the key of, and clicks by painting."""

    def __init__(self, starts=None):
        super().__init__()
        self.starts = starts or {}

    def answer(self, image, prompts):
        masks = []
        for index in range(prompts.num_queries):
            start = np.zeros(HW, bool)
            if prompts.texts is not None:
                start = self.starts[prompts.texts[index]]
            if prompts.points_xy_QNC is not None:
                start = paint(prompts.points_xy_QNC[index], prompts.point_labels_QN[index], start)
            masks.append(start)
        return answers_of(masks, objectness=[1.0] * len(masks))


def curve_by_hand(reference, start, num_clicks):
    """IoU after 0, 1, 2 … clicks, each click chosen by counting distances."""
    mask, clicked, labels, curve = start, [], [], []
    for _ in range(num_clicks + 1):
        curve.append((mask & reference).sum() / (mask | reference).sum())
        place = click_by_hand(mask, reference, clicked)
        if place is not None:
            clicked.append(place[:2])
            labels.append(place[2])
        mask = paint(clicked, labels, start)
    return curve


def encoded_by(segmenter):
    return segmenter.encode(np.zeros((*HW, 3), np.uint8))


@pytest.mark.parametrize(("with_phrase", "ious"), [(True, (60, 75)), (False, (35, 45))])
def test_clicks_to_an_iou_equal_a_simulation_by_hand(with_phrase, ious):
    rng = np.random.default_rng(0)
    references = [blobs(rng, HW) for _ in range(40)]
    starts = {f"phrase {i}": blobs(rng, HW) & blobs(rng, HW) for i in range(len(references))}
    starts["phrase 0"] = references[0]
    texts = list(starts) if with_phrase else [None] * len(references)
    targets = [Target(encode_rle(r), text) for r, text in zip(references, texts, strict=True)]
    measure = ClicksToMeasure(lambda _image: targets, ious, max_clicks=6)
    measure.add(None, encoded_by(Painter(starts)))
    report = measure.report()
    empty = np.zeros(HW, bool)
    curves = [
        curve_by_hand(reference, start if with_phrase else empty, 6)
        for reference, start in zip(references, starts.values(), strict=True)
    ]
    for iou in ious:
        reached = [next((n for n, value in enumerate(curve) if value >= iou / 100), None) for curve in curves]
        assert report[f"failures@{iou}"] == reached.count(None)
        assert report[f"NoC@{iou}"] == pytest.approx(np.mean([6 if n is None else n for n in reached]))
    assert 0 < report[f"failures@{ious[1]}"] < 40  # the example is neither hopeless nor too easy
    assert report["targets"] == 40
    kept = [  # a target that reached the highest IoU is not clicked on any more
        curve[: next((n for n, value in enumerate(curve) if value >= ious[1] / 100), 6) + 1]
        for curve in curves
    ]
    expected = [np.mean([curve[min(n, len(curve) - 1)] for curve in kept]) for n in range(7)]
    assert report["mIoU_after"] == pytest.approx(expected)


def test_a_phrase_that_is_right_at_once_takes_no_click():
    reference = blobs(np.random.default_rng(1), HW)
    measure = ClicksToMeasure(lambda _image: [Target(encode_rle(reference), "it")], (85, 90))
    measure.add(None, encoded_by(Painter({"it": reference})))
    report = measure.report()
    assert report["NoC@85"] == report["NoC@90"] == 0
    assert report["mIoU_after"] == [1.0] * 21


def test_an_iou_of_exactly_the_target_is_reached():
    reference, start = np.zeros(HW, bool), np.zeros(HW, bool)
    reference[:4, :5] = start[:4, :4] = True  # 16 of 20 pixels
    measure = ClicksToMeasure(lambda _image: [Target(encode_rle(reference), "it")], (80,))
    measure.add(None, encoded_by(Painter({"it": start})))
    assert measure.report()["NoC@80"] == 0


def test_nothing_to_click_on_is_none_and_not_zero():
    report = ClicksToMeasure(object_targets, (85,)).report()
    assert report["NoC@85"] is None
    assert report["targets"] == report["failures@85"] == 0


def test_what_is_clicked_on(tmp_path):
    """Phrases of one mask are clicked once and counted as many; crowds are nobody's object."""
    rng = np.random.default_rng(2)
    one, other, nothing = blobs(rng, HW), blobs(rng, HW), np.zeros(HW, bool)
    phrases = [
        Phrase.from_mask("ship", one, kind="class", name="ship"),
        Phrase.from_mask("vessel", one, kind="synonym", name="ship"),
        Phrase.from_mask("bridge", other, kind="class", name="bridge"),
        Phrase.from_mask("penguin", nothing, kind="absent", name="penguin"),
    ]
    instances = [
        Instance.from_mask("ship", one),
        Instance.from_rle("water", encode_rle(other), is_crowd=True),
    ]
    write_sample(tmp_path, "i", np.zeros((*HW, 3), np.uint8), phrases, instances=instances)
    write_split(tmp_path, "test", ["i"])
    (image,) = read_split(tmp_path, "test")
    assert [target.text for target in phrase_targets(image)] == ["ship", "vessel", "bridge"]
    assert [(target.weight, target.text) for target in mask_targets(image)] == [(2, None), (1, None)]
    (only,) = object_targets(image)
    assert (only.mask() == one).all()
    by_phrase = ClicksToMeasure(
        lambda image: [Target(t.mask_rle) for t in phrase_targets(image)], (85,), max_clicks=3
    )
    by_mask = ClicksToMeasure(mask_targets, (85,), max_clicks=3)
    for measure in (by_phrase, by_mask):
        measure.add(image, encoded_by(Painter()))
    once, twice = by_mask.report(), by_phrase.report()
    assert once.pop("mIoU_after") == pytest.approx(twice.pop("mIoU_after"))
    assert once == pytest.approx(twice)
