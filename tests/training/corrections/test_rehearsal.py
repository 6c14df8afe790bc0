"""What is trained on: corrections as objects, and the starting model's answers to everything else."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from geophrase.engine.model.weights.load import locate_weights
from geophrase.engine.model.weights.save import WeightsMetadata, save_weights
from geophrase.training.corrections.candidate import averaged_weights
from geophrase.training.corrections.rehearsal import (
    Rehearsal,
    RehearsalConfig,
    corrected_classes,
)
from geophrase.training.data.dataset import PhraseDataset
from geophrase.training.data.instances import Instance
from geophrase.training.data.risors import Phrase, SampleFacts, read_split, write_sample, write_split

FEW = RehearsalConfig(num_scenes=2, scene_px=64, classes_per_image=60)


class Starting:
    """Finds airplanes in the upper half of everything, and nothing else."""

    has_text = True

    def encode(self, image_HWC):
        return self

    def ask(self, prompts):
        self.texts = prompts.texts
        return self

    def present_masks(self, hw_px):
        upper_HW = np.zeros(hw_px, bool)
        upper_HW[: hw_px[0] // 2] = True
        return [upper_HW if text == "airplanes" else np.zeros(hw_px, bool) for text in self.texts]


def rehearsal(images):
    return Rehearsal(Starting(), corrected_classes(images), FEW)


def test_a_correction_is_an_object_beside_what_the_starting_model_says(export, tmp_path):
    (image,) = read_split(export(1), "train")
    rehearsal([image]).write_corrections(tmp_path / "out", [image])
    (written,) = read_split(tmp_path / "out", "train")

    objects = {each.name: each.decoded() for each in written.instances}
    assert objects.keys() == {"pond", "airplane"}
    assert objects["pond"].area_px == image.phrases[0].area_px
    assert objects["airplane"].bbox_xywh == (0, 0, 64, 32)
    assert "ship" in written.classes_labelled  # asked for and not found: absent
    assert "lake" not in written.classes_labelled  # may be what the analyst calls a pond


def test_every_phrase_that_is_trained_on_has_the_mask_that_it_should(export, tmp_path):
    (image,) = read_split(export(1), "train")
    rehearsal([image]).write_corrections(tmp_path / "out", [image])
    dataset = PhraseDataset(
        [tmp_path / "out"], "train", image_px=64, queries_per_image=40, augment=None, seed=0
    )
    queries = [query for index in range(len(dataset)) for query in dataset[index].queries]
    ponds = [query for query in queries if query.name == "pond"]
    assert ponds
    assert all(np.array_equal(query.mask_HW, image.phrases[0].mask()) for query in ponds)
    others = [query for query in queries if query.name not in ("pond", "airplane") and "+" not in query.name]
    assert others
    assert not any(query.mask_HW.any() for query in others)


def test_a_phrase_of_place_is_asked_of_the_whole_image_alone(export, tmp_path):
    (image,) = read_split(export(1), "train")
    placed = Phrase.from_mask("the pond north of the roof", image.phrases[0].mask(), kind="class")
    rehearsal([replace(image, phrases=(placed,))]).write_corrections(
        tmp_path / "out", [replace(image, phrases=(placed,))]
    )
    (written,) = read_split(tmp_path / "out", "train")
    assert written.instances == ()
    assert [phrase.text for phrase in written.phrases] == ["the pond north of the roof"]


def test_labelled_objects_stay_and_their_own_phrases_are_asked_too(tmp_path):
    image_HWC, mask_HW = np.full((64, 64, 3), 120, np.uint8), np.zeros((64, 64), np.uint8)
    mask_HW[8:24, 8:24] = 1
    roof = Instance.from_mask("building", mask_HW)
    phrase = Phrase.from_mask("Wellblechdächer", mask_HW, kind="class", name="building")
    facts = SampleFacts(frozenset({"building", "road"}))
    write_sample(tmp_path / "in", "a", image_HWC, [phrase], instances=[roof], facts=facts)
    write_split(tmp_path / "in", "train", ["a"])

    images = read_split(tmp_path / "in", "train")
    rehearsal(images).write_corrections(tmp_path / "out", images)

    objects, whole = read_split(tmp_path / "out", "train")
    assert {each.name for each in objects.instances} == {"building", "airplane"}
    assert {"building", "road"} <= objects.classes_labelled
    assert [each.text for each in whole.phrases] == ["Wellblechdächer"]


@pytest.mark.parametrize("corrected", [{"building"}, {"airplane"}])
def test_scenes_rehearse_all_classes_but_the_corrected_ones(tmp_path, corrected):
    asked_of = Rehearsal(Starting(), frozenset(corrected), FEW)
    asked_of.write_scenes(tmp_path)
    for image in read_split(tmp_path, "train"):
        asked = image.classes_labelled
        assert asked == set(asked_of.others)
        assert {each.name for each in image.instances} == {"airplane"} & asked
        if not image.instances:
            assert {phrase.name for phrase in image.phrases} == asked
            assert all(phrase.is_absent for phrase in image.phrases)


def test_what_is_corrected_is_known_by_phrase_object_and_label(export, tmp_path):
    (image,) = read_split(export(1), "train")
    labelled = replace(image, classes_labelled=frozenset({"road"}))
    assert corrected_classes([image]) == {"pond"}
    assert corrected_classes([labelled]) == {"pond", "road"}
    assert "lake" not in rehearsal([image]).others


def test_the_mean_of_two_models_lies_where_it_should(tmp_path):
    metadata = WeightsMetadata("rsam_small", "1", "", "CC0-1.0")
    start = {"w": torch.tensor([0.0, 4.0]), "steps": torch.tensor(1)}
    tuned = {"w": torch.tensor([8.0, 0.0]), "steps": torch.tensor(9)}
    files = []
    for name, tensors in (("start", start), ("tuned", tuned)):
        save_weights(tensors, tmp_path / f"{name}.safetensors", metadata)
        files.append(locate_weights(tmp_path / f"{name}.safetensors"))
    mean = averaged_weights(*files, tuned_share=0.25)
    assert mean["w"].tolist() == [2.0, 3.0]
    assert mean["steps"].item() == 9
