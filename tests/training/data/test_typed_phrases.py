import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from geophrase.tests.training.evaluation.fake_segmenters import FakeSegmenter, answers_of
from geophrase.training.data import typed_phrases
from geophrase.training.data.augment import AugmentConfig, View
from geophrase.training.data.dataset import PhraseDataset
from geophrase.training.data.instances import Instance
from geophrase.training.data.risors import KINDS, RisorsError, read_split, split_of, write_sample, write_split
from geophrase.training.data.sources import close_ups
from geophrase.training.data.sources.coco_rle import rle_of
from geophrase.training.data.symmetry import Symmetry
from geophrase.training.data.typed_phrases import (
    OWN,
    TYPED,
    ask_instead,
    read_typed,
    tagged,
    true_of_view,
)
from geophrase.training.evaluation.phrases import score_images

NWPU = Path(typed_phrases.__file__).parent / "typed" / "nwpu_vhr10.json"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One image of two squares of 20 and 10 pixels."""
    root = tmp_path_factory.mktemp("squares")
    masks = [np.zeros((40, 60), bool) for _ in range(2)]
    masks[0][0:20, 0:20] = True
    masks[1][30:40, 50:60] = True
    instances = [Instance.from_mask("ship", mask) for mask in masks]
    write_sample(root, "set_a", np.zeros((40, 60, 3), np.uint8), [], instances=instances)
    write_split(root, "test", ["set_a"])
    return root


def write_typed(path, *phrases, objects=None):
    boxes = objects or {"7": [0, 0, 20, 20], "9": [50, 30, 10, 10]}
    rows = [{"text": text, "kind": kind, "targets": targets} for text, kind, targets in phrases]
    image = {"stem": "a", "objects": boxes, "phrases": rows}
    path.write_text(json.dumps({"stem_prefix": "set_", "images": [image]}))
    return str(path)


class LeftHalf(FakeSegmenter):
    """Answers everything with the left half of the image, 30 by 40 pixels, but nothing about "whales"."""

    def answer(self, image, prompts):
        masks = []
        for text in prompts.texts:
            mask = np.zeros(image.hw_px, bool)
            mask[:, :30] = "whales" not in text
            masks.append(mask)
        return answers_of(masks)


def test_typed_phrases_are_scored_like_stored_ones(folder, tmp_path):
    source = write_typed(
        tmp_path / "t.json",
        ("big ship", "size", [7]),
        ("shps", "class", [7, 9]),
        ("the one in the lower right", "place", [9]),
        ("whales", "absent", []),
        ("penguins", "absent", []),
    )
    report = score_images(LeftHalf(), ask_instead(read_split(folder, "test"), source)).report()
    # 400 of 1200 pixels; 400 of 1200 + 100; none of 1200 + 100
    assert report["mIoU"] == pytest.approx((400 / 1200 + 400 / 1300 + 0) / 3, abs=1e-3)
    assert report["by_kind"]["size"]["mIoU"] == pytest.approx(1 / 3, abs=1e-3)
    assert report["by_kind"]["place"]["mIoU"] == 0
    assert report["absent"] == {**report["absent"], "phrases": 2, "false_alarm_rate": 0.5}


def test_objects_are_found_by_their_boxes_whatever_their_order(folder, tmp_path):
    source = write_typed(
        tmp_path / "t.json", ("ship", "place", ["9"]), objects={"9": [49, 30, 11, 10], "7": [0, 0, 20, 20]}
    )
    (image,) = ask_instead(read_split(folder, "test"), source)
    assert image.phrases[0].area_px == 100
    assert image.phrases[0].name == "ship"


def test_own_phrases_stay_and_images_that_nobody_typed_for_are_left_out(folder):
    assert ask_instead(read_split(folder, "test"), OWN) == read_split(folder, "test")
    with pytest.raises(RisorsError, match="Nobody typed"):
        ask_instead(read_split(folder, "test"), TYPED)


@pytest.mark.parametrize(
    ("phrase", "said"),
    [
        (("ship", "nonsense", [7]), "has the kind 'nonsense'"),
        (("ship", "absent", [7]), "has the kind 'absent'"),
        (("ship", "class", []), "has the kind 'class'"),
        (("ship", "class", [8]), "not listed"),
    ],
)
def test_damaged_files_are_refused_by_name(tmp_path, phrase, said):
    source = write_typed(tmp_path / "damaged.json", phrase)
    with pytest.raises(RisorsError, match=rf"damaged\.json.*{said}"):
        read_typed([Path(source)])


def test_other_files_are_refused(folder, tmp_path):
    (tmp_path / "list.json").write_text("[]")
    images = read_split(folder, "test")
    with pytest.raises(RisorsError, match="no file of typed phrases"):
        ask_instead(images, str(tmp_path / "list.json"))
    with pytest.raises(RisorsError, match="cannot be read"):
        ask_instead(images, str(tmp_path / "missing.json"))
    source = write_typed(tmp_path / "t.json", ("ship", "class", [7]), objects={"7": [30, 0, 9, 9]})
    with pytest.raises(RisorsError, match="of other data"):
        ask_instead(images, source)


@pytest.mark.parametrize("name", ["nwpu_vhr10", "nwpu_vhr10_by_others"])
def test_what_people_typed_is_many_phrases_of_every_kind(name):
    typed = read_typed([NWPU.with_stem(name)])
    by_split = {"val": Counter(), "test": Counter()}
    for stem, image in typed.items():
        by_split[split_of(stem.removeprefix("nwpu_"))].update(phrase.kind for phrase in image.phrases)
        texts = [phrase.text.lower() for phrase in image.phrases]
        assert len(set(texts)) == len(texts), stem
        assert all(text == text.strip() and text for text in texts)
    assert by_split["val"].total() >= 120
    assert by_split["test"].total() >= 260
    for kinds in by_split.values():
        assert set(kinds) == set(KINDS)
        assert 0.15 < kinds["absent"] / kinds.total() < 0.3


def test_what_people_typed_for_close_ups_is_of_windows_of_training_images():
    windows = Path(close_ups.__file__).parent / "close_ups"
    typed = read_typed([NWPU.with_name("close_ups_train.json")])
    assert len(typed) > 350
    assert sum(len(image.phrases) for image in typed.values()) > 4000
    for stem, image in typed.items():
        parent, number = stem.split("_close_")
        assert not parent.startswith("nwpu") or split_of(parent.removeprefix("nwpu_")) == "train"
        left, top, right, bottom = json.loads((windows / f"{parent}.json").read_text())[int(number) - 1][
            "window"
        ]
        for x, y, width, height in image.boxes.values():
            assert 0 <= x < x + width <= right - left
            assert 0 <= y < y + height <= bottom - top


def test_what_people_typed_means_objects_of_the_source(shared_data):
    document = json.loads((shared_data / "nwpu_vhr10" / "annotations" / "instances_train.json").read_text())
    images = {row["id"]: row for row in document["images"]}
    annotations = {str(row["id"]): row for row in document["annotations"]}
    for stem, image in read_typed(sorted(NWPU.parent.glob("nwpu_*.json"))).items():
        for key, box in image.boxes.items():
            annotation = annotations[key]
            record = images[annotation["image_id"]]
            assert Path(record["file_name"]).stem == stem.removeprefix("nwpu_")
            rle = rle_of(annotation["segmentation"], height_px=record["height"], width_px=record["width"])
            assert Instance.from_rle("", rle).bbox_xywh == box


def test_what_people_typed_for_training_images_says_what_the_noun_names():
    trained = read_typed(sorted(NWPU.parent.glob("*_train.json")))
    splits = Counter(split_of(stem.removeprefix("nwpu_")) for stem in trained if "_close_" not in stem)
    assert splits == {"train": 411}
    phrases = [phrase for image in trained.values() for phrase in image.phrases]
    kinds = Counter(phrase.kind for phrase in phrases)
    assert set(kinds) == set(KINDS)
    assert len(phrases) > 9000
    for phrase in phrases:
        assert phrase.kind != "absent" or phrase.noun is not None, phrase
        assert phrase.noun is None or set(phrase.targets) <= set(phrase.noun), phrase
    assert sum(phrase.kind == "absent" and phrase.noun == () for phrase in phrases) > 1000
    assert sum(phrase.kind == "absent" and bool(phrase.noun) for phrase in phrases) > 1000


def typed_rows(path, *rows, objects=None):
    boxes = objects or {"7": [0, 0, 20, 20], "9": [50, 30, 10, 10]}
    image = {"stem": "a", "objects": boxes, "phrases": [dict(row) for row in rows]}
    path.write_text(json.dumps({"stem_prefix": "set_", "images": [image]}))
    return read_typed([path])["set_a"]


BIG = {"text": "tug", "kind": "attribute", "targets": [7], "noun": [7]}


@pytest.fixture
def objects(folder):
    (image,) = read_split(folder, "test")
    return [stored.decoded() for stored in image.instances]


def test_typed_phrases_mean_tagged_objects_wherever_they_stand(objects, tmp_path):
    typed = typed_rows(
        tmp_path / "t.json",
        BIG,
        {"text": "ships", "kind": "class", "targets": [7, 9]},
        {"text": "red ship", "kind": "absent", "targets": [], "noun": [7, 9]},
        {"text": "submarines", "kind": "absent", "targets": [], "noun": []},
        {"text": "ship by the quay", "kind": "relation", "targets": [9]},
        {"text": "ship by the road", "kind": "relation", "targets": [9], "landmarks": ["road"]},
    )
    turned = tagged(objects, typed)[::-1]
    tug, ships, red, submarines, by_quay, by_road = (phrase.among(turned) for phrase in typed.phrases)
    assert (tug.targets, tug.fellows, tug.name) == ((1,), (1,), "ship")
    assert (ships.targets, ships.fellows) == ((1, 0), None)
    assert (red.targets, red.fellows, red.name) == ((), (1, 0), "ship")
    assert (submarines.targets, submarines.fellows, submarines.name) == ((), (), "")
    assert (by_quay.landmark, by_quay.is_landmark_known) == ("", False)
    assert (by_road.landmark, by_road.is_landmark_known) == ("road", True)
    assert tug.is_landmark_known
    assert typed.phrases[0].among(turned[:1]) is None  # the other one alone is left


def test_words_of_direction_turn_with_the_view_and_crops_keep_names_alone(tmp_path):
    phrases = typed_rows(
        tmp_path / "t.json",
        {"text": "ship in the upper left", "kind": "place", "targets": [7]},
        {"text": "grey ships", "kind": "attribute", "targets": [7, 9]},
        {"text": "ships in a row", "kind": "relation", "targets": [7, 9]},
    ).phrases
    mirrored = View(0, 0, 60, 40, 32, Symmetry.MIRROR)
    texts = [phrase.text for phrase in true_of_view(phrases, mirrored, (40, 60))]
    assert texts == ["ship in the upper right", "grey ships"]
    part = View(0, 0, 30, 40, 32)
    assert [phrase.text for phrase in true_of_view(phrases, part, (40, 60))] == ["grey ships"]


def test_training_asks_what_people_typed_as_often_as_it_is_told(folder, tmp_path, monkeypatch):
    typed_folder = tmp_path / "typed"
    typed_folder.mkdir()
    typed_rows(
        typed_folder / "t_train.json",
        {**BIG, "text": "the tug at left"},
        {"text": "ships at anchor, left", "kind": "place", "targets": [7]},
        {"text": "canoes", "kind": "absent", "targets": [], "noun": []},
    )
    monkeypatch.setattr(typed_phrases, "_FOLDER", typed_folder)

    def queries(share, augment=None):
        data = PhraseDataset(
            [folder], "test", image_px=64, queries_per_image=3, augment=augment, seed=1, typed_share=share
        )
        drawn = []
        for epoch in range(40):
            data.set_epoch(epoch)
            drawn.append(data[0].queries)
        return drawn

    typed = [{query.text for query in sample} for sample in queries(1.0)]
    assert typed == [{"the tug at left", "ships at anchor, left", "canoes"}] * 40
    by_text = {query.text: query for query in queries(1.0)[0]}
    tug, left, canoes = (by_text[text] for text in ("the tug at left", "ships at anchor, left", "canoes"))
    # 20 of 60 columns and of 40 rows, squashed to 64 x 64; its noun names it alone, "ships" both
    assert tug.mask_HW.sum() == pytest.approx(64 / 3 * 32, rel=0.05)
    assert np.array_equal(tug.referents_RHW[0], tug.mask_HW)
    assert np.array_equal(left.mask_HW, tug.mask_HW)
    assert left.referents_RHW[0].sum() > left.mask_HW.sum()
    assert canoes.is_absent
    assert not canoes.referents_RHW.any()
    turned = {query.text for sample in queries(1.0, AugmentConfig(turn=1.0)) for query in sample}
    assert {"the tug at left", "the tug at right", "the tug at top"} <= turned
    shares = [any(query.text == "canoes" for query in sample) for sample in queries(0.5)]
    assert 8 < sum(shares) < 32
    assert not any(query.text == "canoes" for sample in queries(0.0) for query in sample)
