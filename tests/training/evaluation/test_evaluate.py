import json
from argparse import ArgumentParser

import numpy as np
import pytest
import torch

from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.engine.model.weights.save import WeightsMetadata, save_weights
from geophrase.tests.training.evaluation.fake_segmenters import FakeSegmenter, KnowsEverything, answers_of
from geophrase.training.cli import main
from geophrase.training.data.risors import Phrase, read_split, write_sample, write_split
from geophrase.training.evaluation.command import add_evaluate_arguments, run_evaluate
from geophrase.training.evaluation.phrases import score_images, shuffled_phrases
from geophrase.training.evaluation.segmenter import Prompts
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


def tiny_rsam(objectness_bias):
    torch.manual_seed(0)
    rsam = Rsam(smoke().model).eval()
    head = rsam.mask_decoder.pred_obj_score_head.layers[-1]
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.constant_(head.bias, objectness_bias)
    return rsam


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
