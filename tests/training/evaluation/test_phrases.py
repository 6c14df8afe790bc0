import numpy as np

from geophrase.tests.training.evaluation.conftest import CLASSES
from geophrase.tests.training.evaluation.fake_segmenters import FakeSegmenter, KnowsEverything, answers_of
from geophrase.training.data.risors import read_split
from geophrase.training.evaluation.phrases import score_images, shuffled_phrases
from geophrase.training.evaluation.segmenter import Prompts


class KnowsClasses(KnowsEverything):
    """Understands the class in a phrase of any image."""

    def mask(self, image, prompts, index):
        own = {phrase.name: phrase.text for phrase in self.images[image.number].phrases}
        text = next((own[name] for name in CLASSES if name in prompts.texts[index]), prompts.texts[index])
        return super().mask(image, Prompts(texts=[text]), 0)


class IgnoresText(FakeSegmenter):
    def answer(self, image, prompts):
        return answers_of(np.ones((prompts.num_queries, *image.hw_px), bool))


def test_a_perfect_model_scores_one_and_nothing_on_shuffled_phrases(risors):
    images = read_split(risors, "test")
    for model in (KnowsEverything(images), KnowsClasses(images)):
        right = score_images(model, images).report()
        assert right["mIoU"] == right["oIoU"] == right["P@0.9"] == 1.0
        assert right["phrases"] == 18
        assert right["by_kind"].keys() == {"class", "size"}
        assert right["by_class"].keys() == set(CLASSES)
        assert right["absent"] == {"phrases": 3, "false_alarm_rate": 0.0}
        assert right["objectness_auc"] == 1.0
        shuffled = score_images(model, images, replacements=shuffled_phrases(images)).report()
        assert shuffled["phrases"] == 18
        assert shuffled["mIoU"] == 0.0


def test_a_model_that_ignores_text_has_no_gap_and_raises_false_alarms(risors):
    images = read_split(risors, "test")
    right = score_images(IgnoresText(), images).report()
    shuffled = score_images(IgnoresText(), images, replacements=shuffled_phrases(images)).report()
    assert right["mIoU"] == shuffled["mIoU"] > 0
    assert right["absent"]["false_alarm_rate"] == 1.0


def test_shuffled_phrases_name_another_class_keep_the_kind_and_are_repeatable(risors):
    images = read_split(risors, "test")
    shuffled = shuffled_phrases(images)
    assert shuffled == shuffled_phrases(images)
    assert shuffled != shuffled_phrases(images, seed=1)
    for image in images:
        for phrase, text in zip(image.phrases, shuffled[image.path], strict=True):
            if phrase.is_absent:
                assert text is None
            else:
                assert phrase.name not in text
                assert ("largest" in text) == (phrase.kind == "size")
