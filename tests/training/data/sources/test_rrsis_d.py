"""RRSIS-D's own layout, written here, into RISORS; and the pickle that is never run."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as coco_mask

from geophrase.tests.training.data.sources.original_layouts import box_mask, reference, write_rrsis_d
from geophrase.training.data.prepare import prepare
from geophrase.training.data.risors import RisorsError, read_image, read_split
from geophrase.training.data.sources.coco_rle import rle_of
from geophrase.training.data.sources.layout import image_size_yx
from geophrase.training.data.sources.refer_pickle import read_references

MASKS = {
    1: box_mask(5, 5, 20, 30),
    2: box_mask(0, 0, 80, 60) - box_mask(10, 10, 60, 40),
    3: box_mask(79, 59, 1, 1),
    4: box_mask(0, 0, 0, 0),
}
REFERENCES = [
    reference(1, "train", "The golf field on the left"),
    reference(2, "val", "A golf field around the Pond"),
    reference(3, "test", "The expressway toll station on the lower right", category=1),
    reference(4, "test", "A tiny golf field"),
]


@pytest.fixture
def rrsis_d(tmp_path: Path) -> Path:
    return write_rrsis_d(tmp_path / "RRSIS-D", REFERENCES, MASKS)


def test_masks_phrases_and_splits_are_the_published_ones(
    rrsis_d: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    counts = prepare("rrsis-d", rrsis_d, tmp_path / "out")
    assert counts == {"train": (1, 1), "val": (1, 1), "test": (1, 1)}
    names = {1: "golf_field", 2: "golf_field", 3: "expressway_toll_station"}
    for row in REFERENCES[:3]:
        (image,) = read_split(tmp_path / "out", row["split"])
        (phrase,) = image.phrases
        number = row["image_id"]
        assert (phrase.text, phrase.name) == (row["sentences"][0]["raw"], names[number])
        assert np.array_equal(phrase.mask(), MASKS[number])
        assert phrase.area_px == MASKS[number].sum()
        x, y, width, height = cv2.boundingRect(MASKS[number])
        assert phrase.bbox_xywh == (x, y, width, height)
        original = rrsis_d / "images" / "rrsisd" / "JPEGImages" / f"{number:05d}.jpg"
        assert image.path.read_bytes() == original.read_bytes()
    told = capsys.readouterr().err
    assert "1 phrases of RRSIS-D have an empty mask" in told
    assert "test: 1 phrases, but RRSIS-D was published with 3481" in told


def test_several_references_of_an_image_become_its_phrases(tmp_path: Path) -> None:
    second = reference(2, "train", "The other one") | {"image_id": 1}
    third = reference(1, "train", "Both words") | {"split": "train"}
    folder = write_rrsis_d(tmp_path / "data", [REFERENCES[0], second, third], MASKS)
    prepare("rrsis-d", folder, tmp_path / "out")
    (image,) = read_split(tmp_path / "out", "train")
    assert [phrase.text for phrase in image.phrases] == [
        "The golf field on the left",
        "The other one",
        "Both words",
    ]
    assert np.array_equal(image.phrases[1].mask(), MASKS[2])


@pytest.mark.parametrize("form", ["compressed", "uncompressed", "polygons", "another size"])
def test_every_form_of_a_mask_is_what_pycocotools_makes_of_it(form: str) -> None:
    mask_HW = MASKS[2]
    polygons = [[10.0, 10.0, 40.5, 10.0, 40.5, 30.2], [50, 40, 60, 40, 60, 50, 50, 50]]
    segmentation: Any = coco_mask.encode(np.asfortranarray(mask_HW))
    expected_HW = mask_HW
    if form == "uncompressed":
        runs = np.flatnonzero(np.diff(mask_HW.ravel(order="F"), prepend=0, append=mask_HW[-1, -1] ^ 1))
        segmentation = {"size": [60, 80], "counts": np.diff(runs, prepend=0).tolist()}
    elif form == "polygons":
        segmentation = polygons
        expected_HW = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(polygons, 60, 80)))
    elif form == "another size":
        segmentation = coco_mask.encode(np.asfortranarray(mask_HW.repeat(2, axis=0).repeat(2, axis=1)))
    rle = rle_of(segmentation, height_px=60, width_px=80)
    assert np.array_equal(coco_mask.decode(rle), expected_HW)
    json.dumps(rle)


def test_rings_that_enclose_nothing_are_no_part_of_a_mask() -> None:
    ring = [10.0, 10.0, 40.5, 10.0, 40.5, 30.2]
    with_others = rle_of([[1, 2, 3, 4], ring, []], height_px=60, width_px=80)
    assert with_others == rle_of([ring], height_px=60, width_px=80)
    assert not coco_mask.decode(rle_of([[1, 2, 3]], height_px=60, width_px=80)).any()


@pytest.mark.parametrize(
    "segmentation",
    [
        None,
        "runs",
        {"size": [60, 80]},
        {"size": [60, 80], "counts": [5, 100_000]},
        {"size": [60, 80], "counts": [-5, 10]},
        {"size": [-60, 80], "counts": [5]},
        {"size": [2_000_000_000, 80], "counts": "abc"},
        [{"size": [2, 2], "counts": [4]}, {"size": [3, 3], "counts": [9]}],
        ["abcdef"],
    ],
)
def test_what_is_no_mask_is_a_value_error_and_takes_no_memory(segmentation: Any) -> None:
    with pytest.raises(ValueError, match=r"mask|RLE"):
        rle_of(segmentation, height_px=60, width_px=80)


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_the_size_in_the_header_is_the_size_of_the_decoded_image(orientation: int, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / "turned.jpg"
    Image.fromarray(np.zeros((60, 80, 3), np.uint8)).save(path, exif=exif)
    assert image_size_yx(path) == read_image(path).shape[:2]


def test_a_damaged_mask_is_named(rrsis_d: Path, tmp_path: Path) -> None:
    path = rrsis_d / "rrsisd" / "instances.json"
    document = json.loads(path.read_text())
    document["annotations"][1]["segmentation"] = [{"size": [60, 80], "counts": "04l"}]
    path.write_text(json.dumps(document))
    with pytest.raises(RisorsError, match=r"object 2 in instances\.json is damaged"):
        prepare("rrsis-d", rrsis_d, tmp_path / "out")


def test_what_is_wrong_with_a_folder_is_one_sentence(rrsis_d: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (rrsis_d / "images" / "rrsisd" / "JPEGImages" / "00002.jpg").unlink()
    with pytest.raises(RisorsError, match=r"JPEGImages lacks 1 of 4 images, 00002\.jpg among them"):
        prepare("rrsis-d", rrsis_d, out)
    references = rrsis_d / "rrsisd" / "refs(unc).p"
    references.write_bytes(pickle.dumps([reference(9, "train", "a dam")]))
    with pytest.raises(RisorsError, match=r"names object 9 of image 9, which instances\.json lacks"):
        prepare("rrsis-d", rrsis_d, out)
    both = [REFERENCES[0], reference(2, "test", "a dam") | {"image_id": 1}]
    references.write_bytes(pickle.dumps(both))
    with pytest.raises(RisorsError, match=r"puts 00001\.jpg into test and train"):
        prepare("rrsis-d", rrsis_d, out)
    (rrsis_d / "rrsisd" / "instances.json").unlink()
    with pytest.raises(RisorsError, match=r"instances\.json is missing"):
        prepare("rrsis-d", rrsis_d, out)
    references.unlink()
    with pytest.raises(RisorsError, match=r"refs\(unc\)\.p is missing"):
        prepare("rrsis-d", rrsis_d, out)
    assert not (out / "splits").exists()


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_numpy_numbers_in_the_pickle_are_read(protocol: int, tmp_path: Path) -> None:
    row = reference(1, "testA", "a dam") | {"ann_id": np.int64(2**40), "category_id": np.dtype(">i4").type(3)}
    row |= {"image_id": np.float64(7.0)}
    path = tmp_path / "refs.p"
    path.write_bytes(pickle.dumps([row], protocol=protocol))
    (read,) = read_references(path)
    assert (read.annotation_id, read.category_id, read.image_id, read.split) == (2**40, 3, 7, "test")


class _Malicious:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch {self._path}",)


def test_a_pickle_that_asks_to_run_code_is_refused_unrun(tmp_path: Path) -> None:
    path, witness = tmp_path / "refs.p", tmp_path / "witness"
    path.write_bytes(pickle.dumps([reference(1, "train", "a dam"), _Malicious(witness)]))
    with pytest.raises(RisorsError, match=r"can't be read safely \(it asks for (posix|nt)\.system\)"):
        read_references(path)
    assert not witness.exists()
    for foreign in (np.array([1, None], object), np.zeros(3), np.complex128(1j), complex(1, 2), Path("x")):
        path.write_bytes(pickle.dumps([foreign]))
        with pytest.raises(RisorsError, match="safely"):
            read_references(path)


@pytest.mark.parametrize(
    "content", [b"", b"\x80\x04]", b"no pickle", pickle.dumps({"refs": 1}), pickle.dumps([1])]
)
def test_a_damaged_pickle_is_one_sentence(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "refs.p"
    path.write_bytes(content)
    with pytest.raises(RisorsError, match=r"refs\.p"):
        read_references(path)


@given(st.data())
def test_whatever_bytes_change_the_answer_is_references_or_one_sentence(data: st.DataObject) -> None:
    content = bytearray(pickle.dumps([reference(1, "train", "a dam") | {"ann_id": np.int64(5)}]))
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "refs.p"
        path.write_bytes(content)
        with suppress(RisorsError):
            assert len(read_references(path)) <= 1


def test_an_interrupted_conversion_is_not_readable_and_runs_again(tmp_path: Path) -> None:
    references = [reference(number, "train", "a dam") for number in range(1, 601)]
    folder = write_rrsis_d(tmp_path / "data", references, {number: MASKS[1] for number in range(1, 601)})
    out = tmp_path / "out"
    command = [sys.executable, "-m", "geophrase.training.cli", "prepare", "--source", "rrsis-d"]
    process = subprocess.Popen(
        [*command, "--from", str(folder), "--to", str(out)], stderr=subprocess.PIPE, text=True
    )
    deadline_s = time.monotonic() + 60
    while not any(out.rglob("annotations/*.json")) and time.monotonic() < deadline_s:
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert "cancelled before" in told
    num_written = len(list(out.rglob("annotations/*.json")))
    assert 0 < num_written < 600
    with pytest.raises(RisorsError, match="has no split 'train'"):
        read_split(out, "train")
    assert not list(out.rglob("*.part"))
    assert prepare("rrsis-d", folder, out)["train"] == (600, 600)
    assert sorted(path.name for path in out.iterdir()) == [
        "annotations",
        "images",
        "provenance.json",
        "splits",
    ]
    assert read_image(read_split(out, "train")[0].path).shape == (60, 80, 3)
