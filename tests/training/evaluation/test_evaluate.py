import json
from argparse import ArgumentParser

import numpy as np
import pytest
import torch

from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.engine.model.weights.save import WeightsMetadata, save_weights
from geophrase.training.cli import main
from geophrase.training.data.risors import Phrase, read_split, write_sample, write_split
from geophrase.training.evaluation.command import add_evaluate_arguments, run_evaluate
from geophrase.training.evaluation.phrases import RsamSegmenter, Segmentation, score_images, shuffled_phrases
from geophrase.training.recipes.smoke import smoke

HEIGHT_PX, WIDTH_PX = 60, 80
CLASSES = ("ship", "harbor", "bridge")


@pytest.fixture(scope="module")
def risors(tmp_path_factory):
    """Three images; each class has its own third of each, and one phrase is for something absent."""
    root = tmp_path_factory.mktemp("risors")
    for number in range(3):
        phrases = []
        for third, name in enumerate(np.roll(CLASSES, number)):
            mask = np.zeros((HEIGHT_PX, WIDTH_PX), bool)
            mask[third * 20 : third * 20 + 20, 10 : 40 + 10 * number] = True
            phrases.append(Phrase.from_mask(f"{name} {number}", mask, kind="class", name=str(name)))
            phrases.append(
                Phrase.from_mask(f"the largest {name} {number}", mask, kind="size", name=str(name))
            )
        nothing = np.zeros((HEIGHT_PX, WIDTH_PX), bool)
        phrases.append(Phrase.from_mask("penguins", nothing, kind="absent", name="penguin"))
        write_sample(root, f"i{number}", np.full((HEIGHT_PX, WIDTH_PX, 3), number, np.uint8), phrases)
    write_split(root, "test", ["i0", "i1", "i2"])
    return root


class KnowsEverything:
    """Answers with the reference of the phrase, and empty for a phrase that the image does not have."""

    def __init__(self, images):
        self._images = images

    def segment(self, image_HWC, texts):
        phrases = {phrase.text: phrase for phrase in self._images[int(image_HWC[0, 0, 0])].phrases}
        masks = [
            phrases[text].mask() > 0 if text in phrases else np.zeros(image_HWC.shape[:2], bool)
            for text in texts
        ]
        objectness = np.array([2.0 if mask.any() else -2.0 for mask in masks], np.float32)
        return Segmentation(np.stack(masks), objectness)


class KnowsClasses(KnowsEverything):
    """Understands the class in a phrase of any image."""

    def segment(self, image_HWC, texts):
        own = {phrase.name: phrase.text for phrase in self._images[int(image_HWC[0, 0, 0])].phrases}
        named = [next((own[name] for name in CLASSES if name in text), text) for text in texts]
        return super().segment(image_HWC, named)


class IgnoresText:
    def segment(self, image_HWC, texts):
        full = np.ones((len(texts), *image_HWC.shape[:2]), bool)
        return Segmentation(full, np.ones(len(texts), np.float32))


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
    for image, texts in zip(images, shuffled, strict=True):
        for phrase, text in zip(image.phrases, texts, strict=True):
            if phrase.is_absent:
                assert text is None
            else:
                assert phrase.name not in text
                assert ("largest" in text) == (phrase.kind == "size")


def tiny_rsam(objectness_bias):
    torch.manual_seed(0)
    rsam = Rsam(smoke().model).eval()
    head = rsam.mask_decoder.pred_obj_score_head.layers[-1]
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.constant_(head.bias, objectness_bias)
    return rsam


def test_what_the_model_calls_absent_has_an_empty_mask(risors):
    image = np.random.default_rng(0).integers(0, 255, (HEIGHT_PX, WIDTH_PX, 3), dtype=np.uint8)
    texts = [f"phrase {number}" for number in range(20)]  # more than one decoder pass
    for bias in (3.0, -3.0):
        answer = RsamSegmenter(tiny_rsam(bias), image_px=64, is_bfloat16=False).segment(image, texts)
        assert answer.masks_QHW.shape == (20, HEIGHT_PX, WIDTH_PX)
        assert answer.objectness_Q.tolist() == pytest.approx([bias] * 20)
        assert answer.masks_QHW.any() == (bias > 0)


def test_a_phrase_gets_the_same_mask_alone_and_among_others():
    image = np.random.default_rng(1).integers(0, 255, (HEIGHT_PX, WIDTH_PX, 3), dtype=np.uint8)
    texts = ["ship", "the second largest bridge from the left", "harbor"]
    segmenter = RsamSegmenter(tiny_rsam(3.0), image_px=64, is_bfloat16=False)
    together = segmenter.segment(image, texts)
    alone = [RsamSegmenter(tiny_rsam(3.0), image_px=64, is_bfloat16=False).segment(image, [t]) for t in texts]
    for mask, other in zip(together.masks_QHW, alone, strict=True):
        assert (mask == other.masks_QHW[0]).mean() > 0.999


def run(capsys, *words):
    parser = ArgumentParser()
    add_evaluate_arguments(parser)
    code = run_evaluate(parser.parse_args([*words, "--device", "cpu"]))
    return code, capsys.readouterr().out


def test_the_command_prints_right_beside_shuffled_and_is_repeatable(risors, tmp_path, capsys):
    rsam = tiny_rsam(3.0)
    weights = tmp_path / "tiny.safetensors"
    metadata = WeightsMetadata("smoke", "0", "none", "GPL-3.0-or-later", rsam.config.to_json())
    save_weights(rsam.own_state_dict(), weights, metadata)
    words = ["--weights", str(weights), "--data", str(risors), "--json"]
    code, out = run(capsys, *words)
    report = json.loads(out)
    assert code == 0
    assert report["images"] == 3
    assert report["right"]["phrases"] == report["shuffled"]["phrases"] == 18
    assert {"oIoU", "mIoU", "P@0.5", "P@0.6", "P@0.7", "P@0.8", "P@0.9"} <= report["right"].keys()
    assert run(capsys, *words)[1] == out
    table = run(capsys, *words[:-1])[1]
    assert f"{report['right']['mIoU']:.3f}" in table
    assert "phrases of other classes" in table


def test_a_missing_split_is_one_sentence(risors, capsys):
    assert main(["evaluate", "--data", str(risors), "--split", "val"]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert "no split 'val'" in line


def test_an_image_that_is_damaged_is_one_sentence(tmp_path, capsys):
    mask = np.ones((HEIGHT_PX, WIDTH_PX), bool)
    phrase = Phrase.from_mask("ship", mask, kind="class", name="ship")
    write_sample(tmp_path, "i0", np.zeros((HEIGHT_PX, WIDTH_PX, 3), np.uint8), [phrase])
    write_split(tmp_path, "test", ["i0"])
    (tmp_path / "images" / "i0.png").write_bytes(b"no image")
    rsam = tiny_rsam(3.0)
    weights = tmp_path / "tiny.safetensors"
    metadata = WeightsMetadata("smoke", "0", "none", "GPL-3.0-or-later", rsam.config.to_json())
    save_weights(rsam.own_state_dict(), weights, metadata)
    words = ["evaluate", "--weights", str(weights), "--data", str(tmp_path), "--device", "cpu"]
    assert main(words) == 1
    assert "i0.png" in capsys.readouterr().err.splitlines()[-1]
