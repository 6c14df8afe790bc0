from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from geophrase.training.data.instances import Instance, decode_rle, encode_rle, union_mask
from geophrase.training.data.risors import (
    Phrase,
    RisorsError,
    SampleFacts,
    read_gray,
    read_image,
    read_split,
    split_of,
    write_sample,
    write_split,
)
from geophrase.training.data.sources.layout import image_size_yx

SPLITS_FOREVER = ["train", "train", "train", "train", "train", "val", "train", "val"]


def write_folder(root: Path, num_images: int = 3) -> list[str]:
    random = np.random.default_rng(1)
    stems = [f"scene_{number}" for number in range(num_images)]
    for stem in stems:
        image_HWC = random.integers(0, 255, (40, 60, 3), np.uint8)
        mask_HW = np.zeros((40, 60), np.uint8)
        mask_HW[5:20, 10:30] = 1
        phrases = [
            Phrase.from_mask("the pool", mask_HW, kind="class", name="swimming_pool"),
            Phrase.from_mask("ships", np.zeros_like(mask_HW), kind="absent", name="ship"),
        ]
        instance = Instance.from_mask("swimming_pool", mask_HW)
        assert instance is not None
        facts = SampleFacts(frozenset({"swimming_pool", "ship"}), is_true_colour=False)
        write_sample(root, stem, image_HWC, phrases, instances=[instance], facts=facts)
    write_split(root, "train", stems)
    return stems


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1), st.floats(0.0, 1.0))
def test_rle_is_cocos_own(height_px: int, width_px: int, seed: int, density: float) -> None:
    mask_HW = (np.random.default_rng(seed).random((height_px, width_px)) < density).astype(np.uint8)
    rle = encode_rle(mask_HW)
    reference = coco_mask.encode(np.asfortranarray(mask_HW))
    assert rle["counts"] == reference["counts"].decode()
    assert np.array_equal(decode_rle(json.loads(json.dumps(rle))), mask_HW)
    instance = Instance.from_rle("ship", rle)
    if instance is None:
        assert not mask_HW.any()
    else:
        assert instance.area_px == coco_mask.area(reference)
        assert list(instance.bbox_xywh) == coco_mask.toBbox(reference).tolist()
        assert np.array_equal(union_mask([instance], height_px=height_px, width_px=width_px), mask_HW)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    stems = write_folder(tmp_path)
    images = read_split(tmp_path, "train")
    assert [image.path.stem for image in images] == stems
    first = images[0]
    assert (first.width_px, first.height_px) == (60, 40)
    assert read_image(first.path).shape == (40, 60, 3)
    pool, ships = first.phrases
    assert (pool.text, pool.kind, pool.area_px, pool.bbox_xywh) == ("the pool", "class", 300, (10, 5, 20, 15))
    assert not pool.is_absent
    assert ships.is_absent
    assert not ships.mask().any()
    assert first.instances[0].name == "swimming_pool"
    assert first.classes_labelled == {"swimming_pool", "ship"}
    assert not first.is_true_colour


def test_annotations_are_what_other_readers_of_sa1b_expect(tmp_path: Path) -> None:
    write_folder(tmp_path, 1)
    document = json.loads((tmp_path / "annotations" / "scene_0.json").read_text())
    assert {"image_id", "width", "height", "file_name"} <= document["image"].keys()
    expected = {"id", "name", "description", "area", "bbox", "point_coords", "point_labels", "segmentation"}
    for annotation in document["annotations"]:
        assert expected <= annotation.keys()
        assert coco_mask.area(annotation["segmentation"]) == annotation["area"]


def test_a_foreign_file_without_our_fields_is_read(tmp_path: Path) -> None:
    write_folder(tmp_path, 1)
    path = tmp_path / "annotations" / "scene_0.json"
    document = json.loads(path.read_text())
    for key in ("classes_labelled", "is_true_colour", "is_approximate"):
        del document["image"][key]
    document["annotations"] = document["annotations"][:2]
    for annotation in document["annotations"]:
        del annotation["kind"]
    path.write_text(json.dumps(document))
    image = read_split(tmp_path, "train")[0]
    assert [phrase.kind for phrase in image.phrases] == ["class", "absent"]
    assert image.instances == ()
    assert image.is_true_colour


def test_absence_is_what_the_mask_says_whatever_the_kind(tmp_path: Path) -> None:
    write_folder(tmp_path, 1)
    path = tmp_path / "annotations" / "scene_0.json"
    document = json.loads(path.read_text())
    present, absent = document["annotations"][:2]
    present["kind"], absent["kind"] = "absent", "plural"
    path.write_text(json.dumps(document))
    phrases = read_split(tmp_path, "train")[0].phrases
    assert [(phrase.kind, phrase.is_absent) for phrase in phrases] == [("class", False), ("absent", True)]


def damage_json(root: Path) -> None:
    path = root / "annotations" / "scene_1.json"
    path.write_text(path.read_text()[:100])


def drop_field(root: Path) -> None:
    path = root / "annotations" / "scene_1.json"
    path.write_text(path.read_text().replace('"segmentation"', '"segments"'))


def change_size(root: Path) -> None:
    path = root / "annotations" / "scene_1.json"
    path.write_text(path.read_text().replace('"width": 60', '"width": 61'))


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (damage_json, "not valid JSON"),
        (drop_field, "segmentation"),
        (change_size, "mask size"),
        (lambda root: (root / "annotations" / "scene_1.json").unlink(), "scene_1.json is missing"),
        (lambda root: (root / "images" / "scene_1.png").unlink(), "scene_1.png is missing"),
        (lambda root: (root / "splits" / "train.txt").unlink(), "no split 'train'"),
        (lambda root: (root / "splits" / "train.txt").write_text("scene_1\nscene_1\n"), "twice"),
        (lambda root: (root / "splits" / "train.txt").write_bytes(b"sch\xf6n\n"), "no text in UTF-8"),
    ],
)
def test_a_partial_folder_is_refused_in_a_sentence(tmp_path: Path, damage: object, words: str) -> None:
    write_folder(tmp_path)
    damage(tmp_path)  # type: ignore[operator]
    with pytest.raises(RisorsError, match=words):
        read_split(tmp_path, "train")


def test_names_may_hold_spaces_and_any_letters(tmp_path: Path) -> None:
    """A list that a Windows editor saved begins with a byte-order mark."""
    root, stem = tmp_path / "Größe mit Leer", "my image ü"
    write_sample(root, stem, np.full((8, 9, 3), 7, np.uint8), [])
    (root / "splits").mkdir()
    (root / "splits" / "train.txt").write_bytes(f"{stem}\r\n".encode("utf-8-sig"))
    (image,) = read_split(root, "train")
    assert image.path.stem == stem
    assert read_image(image.path).shape == (8, 9, 3)


def png_header(width_px: int, height_px: int) -> bytes:
    """A PNG that says it is as large as that, and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width_px, height_px, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header)
    return start + chunk(b"IDAT", zlib.compress(bytes(64))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("content", [b"", b"no picture", png_header(60_000, 60_000)])
def test_what_is_no_usable_image_is_refused_in_a_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(content)
    for read in (read_image, read_gray, image_size_yx):
        with pytest.raises(RisorsError, match="image that can be read"):
            read(path)
    with pytest.raises(RisorsError, match="image that can be read"):
        read_image(tmp_path)


def test_a_mask_of_another_size_is_the_callers_mistake(tmp_path: Path) -> None:
    phrase = Phrase.from_mask("ship", np.ones((10, 10), np.uint8), kind="class")
    with pytest.raises(ValueError, match="mask size"):
        write_sample(tmp_path, "a", np.zeros((10, 11, 3), np.uint8), [phrase])
    assert not list(tmp_path.rglob("*.json"))


def test_writing_leaves_no_partial_files(tmp_path: Path) -> None:
    write_folder(tmp_path)
    assert not list(tmp_path.rglob("*.part"))


def test_splits_are_stable_and_near_their_shares() -> None:
    assert [split_of(f"{number:03d}") for number in range(1, 9)] == SPLITS_FOREVER
    counts = [
        [split_of(f"x{number}") for number in range(4000)].count(split) for split in ("train", "val", "test")
    ]
    assert counts == pytest.approx([3000, 400, 600], rel=0.1)
