import time

import numpy as np
import pytest
import torch

from geophrase.tests.training.evaluation.fake_segmenters import FakeImage, FakeSegmenter, answers_of
from geophrase.training.data.risors import Phrase, read_split, write_sample, write_split
from geophrase.training.evaluation.latency import device_name, measure_latency

ENCODE_S, NEW_TEXT_S, DECODE_S = 0.02, 0.01, 0.005


class Sleeper(FakeSegmenter):
    def __init__(self, has_text):
        super().__init__()
        self.has_text = has_text
        self.known = set()

    def encode(self, image_HWC):
        time.sleep(ENCODE_S)
        return FakeImage(image_HWC.shape[:2], 0, self.answer, self.asked)

    def answer(self, image, prompts):
        for text in prompts.texts or ():
            if text not in self.known:
                time.sleep(NEW_TEXT_S)
            self.known.add(text)
        time.sleep(DECODE_S)
        return answers_of(np.zeros((1, *image.hw_px), bool))


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    root = tmp_path_factory.mktemp("latency")
    mask = np.ones((20, 30), bool)
    for number in range(3):
        phrase = Phrase.from_mask("ship", mask, kind="class", name="ship")
        write_sample(root, f"i{number}", np.zeros((20, 30, 3), np.uint8), [phrase])
    write_split(root, "test", ["i0", "i1", "i2"])
    return read_split(root, "test")


def test_each_step_is_timed_with_every_phrase_new(images):
    segmenter = Sleeper(has_text=True)
    report = measure_latency(
        segmenter, images, device=torch.device("cpu"), forget_texts=segmenter.known.clear
    )
    at_least_ms = {
        "encode_ms": ENCODE_S,
        "first_query_ms": ENCODE_S + NEW_TEXT_S + DECODE_S,
        "further_query_ms": NEW_TEXT_S + DECODE_S,
        "click_ms": DECODE_S,
    }
    for name, seconds in at_least_ms.items():
        assert 1000 * seconds <= report[name]["p50"] <= report[name]["p95"]
    assert report["click_ms"]["p50"] < report["further_query_ms"]["p50"] < report["first_query_ms"]["p50"]
    assert report["images"] == 3
    assert report["device"] == device_name(torch.device("cpu"))


def test_a_model_without_text_is_asked_with_points_alone(images):
    segmenter = Sleeper(has_text=False)
    report = measure_latency(segmenter, images, device=torch.device("cpu"))
    assert {prompts.texts for prompts in segmenter.asked} == {None}
    assert report["further_query_ms"]["p50"] >= 1000 * DECODE_S


def test_without_images_there_are_no_times():
    report = measure_latency(Sleeper(has_text=True), [], device=torch.device("cpu"))
    assert report["images"] == 0
    assert "encode_ms" not in report
