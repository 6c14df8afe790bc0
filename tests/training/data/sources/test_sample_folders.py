"""RISORS as published, and what the plugin exports, checked, merged and split."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from pycocotools import mask as coco_mask

from geophrase.protocol.grid import RasterGrid
from geophrase.qgis_plugin.core.export.sample_folder import ImageSource, LabelledPhrase, SampleFolder
from geophrase.tests.training.data.sources.original_layouts import box_mask, picture
from geophrase.training.cli import main
from geophrase.training.data.prepare import prepare
from geophrase.training.data.risors import RisorsError, read_split

SIDE_PX = 64
MASK = box_mask(5, 5, 20, 30, shape=(SIDE_PX, SIDE_PX))
TOWN = ImageSource("town.tif", "/imagery/town.tif")


def published_annotation(file_name: str, *, area: int = 600) -> dict[str, Any]:
    """One image's JSON with the fields of the paper's Table 1."""
    rle = coco_mask.encode(np.asfortranarray(MASK))
    row = {
        "id": 71,
        "name": "golffield",
        "description": "The golf field on the left",
        "area": area,
        "bbox": [5, 5, 20, 30],
        "point_coords": [[12.0, 20.0], [50.0, 50.0]],
        "point_labels": [1, 0],
        "segmentation": {"size": [SIDE_PX, SIDE_PX], "counts": rle["counts"].decode("ascii")},
        "predicted_iou": 0.93,
    }
    image = {"image_id": 9, "width": SIDE_PX, "height": SIDE_PX, "file_name": file_name}
    return {"image": image, "annotations": [row]}


def write_image(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture(seed, height_px=SIDE_PX, width_px=SIDE_PX))


def write_published(root: Path, layout: str) -> Path:
    """Three images of three splits."""
    for seed, split in enumerate(("train", "val", "test")):
        stem = f"{seed:05d}"
        images, annotations = {
            "risors": (root / "images", root / "annotations"),
            "sa-1b": (root / split, root / split),
            "folders": (root / split / "images", root / split / "annotations"),
            "kinds first": (root / "images" / split, root / "annotations" / split),
        }[layout]
        write_image(images / f"{stem}.jpg", seed)
        annotations.mkdir(parents=True, exist_ok=True)
        (annotations / f"{stem}.json").write_text(json.dumps(published_annotation(f"{stem}.jpg")))
        if layout == "risors":
            (root / "splits").mkdir(exist_ok=True)
            (root / "splits" / f"{split}.txt").write_text(f"{stem}\n")
    return root


@pytest.mark.parametrize("layout", ["risors", "sa-1b", "folders", "kinds first"])
def test_risors_as_published_is_copied_with_its_splits(layout: str, tmp_path: Path) -> None:
    source = write_published(tmp_path / "RISORS", layout)
    counts = prepare("risors", source, tmp_path / "out")
    assert counts == {"train": (1, 1), "val": (1, 1), "test": (1, 1)}
    (image,) = read_split(tmp_path / "out", "val")
    (phrase,) = image.phrases
    assert image.path.stem == "00001"
    assert np.array_equal(phrase.mask(), MASK)
    assert phrase.point_coords == ((12.0, 20.0), (50.0, 50.0))
    assert (phrase.point_labels, phrase.predicted_iou, phrase.name) == ((1, 0), 0.93, "golffield")
    originals = [path for path in source.rglob("00001.jpg")]
    assert image.path.read_bytes() == originals[0].read_bytes()


def test_names_may_hold_spaces(tmp_path: Path) -> None:
    source = write_published(tmp_path / "RISORS", "risors")
    for path in [*source.rglob("00001.*")]:
        path.rename(path.with_stem("north bank 1"))
    annotation = source / "annotations" / "north bank 1.json"
    annotation.write_text(annotation.read_text().replace("00001.jpg", "north bank 1.jpg"))
    (source / "splits" / "val.txt").write_text("north bank 1\n")
    assert prepare("risors", source, tmp_path / "out")["val"] == (1, 1)
    assert main(["statistics", str(tmp_path / "out")]) == 0


def test_a_wrong_area_is_counted_anew(tmp_path: Path) -> None:
    source = write_published(tmp_path / "RISORS", "risors")
    (source / "annotations" / "00000.json").write_text(json.dumps(published_annotation("00000.jpg", area=0)))
    prepare("risors", source, tmp_path / "out")
    assert read_split(tmp_path / "out", "train")[0].phrases[0].area_px == 600


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"point_labels": [1]}, "points without labels"),
        ({"description": " "}, "empty phrase"),
        ({"kind": "colour"}, "unknown kind 'colour'"),
        ({"bbox": [1, 2, 3]}, "box without four numbers"),
        ({"segmentation": {"size": [64, 60], "counts": ""}}, r"mask of \[64, 60\] in an image of \[64, 64\]"),
        ({"segmentation": {"size": [64, 64], "counts": "04l"}}, "not a RISORS annotation"),
    ],
)
def test_an_annotation_against_the_format_is_named(
    change: dict[str, Any], message: str, tmp_path: Path
) -> None:
    source = write_published(tmp_path / "RISORS", "risors")
    document = published_annotation("00001.jpg")
    document["annotations"][0] |= change
    (source / "annotations" / "00001.json").write_text(json.dumps(document))
    with pytest.raises(RisorsError, match=rf"00001\.json.*{message}"):
        prepare("risors", source, tmp_path / "out")
    assert not (tmp_path / "out" / "splits").exists()


def test_what_is_wrong_with_a_folder_is_one_sentence(tmp_path: Path) -> None:
    source, out = write_published(tmp_path / "RISORS", "risors"), tmp_path / "out"
    annotation = source / "annotations" / "00001.json"
    document = published_annotation("00001.jpg")
    document["image"]["width"] = 60
    annotation.write_text(json.dumps(document))
    with pytest.raises(RisorsError, match="its image is 64 x 64, not 60 x 64"):
        prepare("risors", source, out)
    annotation.write_text("[]")
    with pytest.raises(RisorsError, match="lacks an image record"):
        prepare("risors", source, out)
    annotation.write_text("{")
    with pytest.raises(RisorsError, match=r"00001\.json is damaged"):
        prepare("risors", source, out)
    annotation.unlink()
    with pytest.raises(RisorsError, match=r"lacks the annotations of 1 images .* 00001 among them"):
        prepare("risors", source, out)
    (source / "splits" / "val.txt").write_text("00000\n")
    with pytest.raises(RisorsError, match="lists 00000 in train and val"):
        prepare("risors", source, out)
    (source / "splits" / "val.txt").unlink()
    (source / "images" / "00000.jpg").unlink()
    with pytest.raises(RisorsError, match=r"00000\.json names image '00000.jpg', which .* lacks"):
        prepare("risors", source, out)
    (tmp_path / "empty").mkdir()
    with pytest.raises(RisorsError, match="holds no RISORS samples"):
        prepare("risors", tmp_path / "empty", out)


class Exported:
    """A folder that the plugin's own code wrote."""

    def __init__(self, root: Path, source: ImageSource = TOWN) -> None:
        self.root, self._source = root, source

    def add(
        self,
        left_px: int,
        phrases: dict[str, npt.NDArray[np.uint8]],
        *,
        split: str = "train",
        seed: int | None = None,
    ) -> str:
        """An image of the town that begins at a column; its stem."""
        grid = RasterGrid(SIDE_PX, SIDE_PX, (0.5, 0.0, 1000.0 + 0.5 * left_px, 0.0, -0.5, 5000.0))
        stem = self._source.stem_at(grid.map_from_pix)
        image_HWC = picture(left_px if seed is None else seed, height_px=SIDE_PX, width_px=SIDE_PX)
        png = cv2.imencode(".png", image_HWC)[1].tobytes()
        labelled = [
            LabelledPhrase(text, mask_HW != 0, 0.8, ((10.0, 10.0),), (1,))
            for text, mask_HW in phrases.items()
        ]
        SampleFolder(self.root).write(stem, png, labelled, grid=grid, source=self._source, split=split)
        return stem


def splits_of(root: Path) -> dict[str, str]:
    return {image.path.stem: split for split in ("train", "val", "test") for image in read_split(root, split)}


def test_an_export_of_the_plugin_is_read_and_its_places_are_kept(tmp_path: Path) -> None:
    exported = Exported(tmp_path / "mine")
    stems = [exported.add(100 * index, {"a shed": MASK}) for index in range(12)]
    counts = prepare("corrections", exported.root, tmp_path / "out")
    splits = splits_of(tmp_path / "out")
    assert set(splits) == set(stems)
    assert counts["train"][0] >= 6
    assert counts["val"][0] >= 1
    assert counts["test"] == (0, 0)
    for stem in stems:
        document = json.loads((tmp_path / "out" / "annotations" / f"{stem}.json").read_text())
        original = json.loads((exported.root / "annotations" / f"{stem}.json").read_text())
        assert document == original
    again = Exported(tmp_path / "mine")
    again.add(5000, {"a shed": MASK})
    prepare("corrections", exported.root, tmp_path / "more")
    more = splits_of(tmp_path / "more")
    assert {stem: more[stem] for stem in stems} == splits


def test_two_images_suffice_for_a_validation_split_and_one_does_not(tmp_path: Path) -> None:
    exported = Exported(tmp_path / "mine")
    exported.add(0, {"a shed": MASK})
    assert prepare("corrections", exported.root, tmp_path / "one")["train"] == (1, 1)
    exported.add(100, {"a shed": MASK})
    assert prepare("corrections", exported.root, tmp_path / "two")["val"][0] == 1


def test_splits_that_hold_something_back_are_kept(tmp_path: Path) -> None:
    exported = Exported(tmp_path / "mine")
    expected = {
        exported.add(100 * index, {"a shed": MASK}, split=split): split
        for index, split in enumerate(("train", "train", "train", "val", "test"))
    }
    prepare("corrections", exported.root, tmp_path / "out")
    assert splits_of(tmp_path / "out") == expected


def test_images_that_overlap_share_a_split(tmp_path: Path) -> None:
    exported = Exported(tmp_path / "mine")
    for place in range(10):
        exported.add(1000 * place, {"a shed": MASK})
        exported.add(1000 * place + 60, {"a shed": MASK})
        exported.add(1000 * place + 120, {"a shed": MASK})
    beside = exported.add(1000 * 3 + 120 + 64, {"a shed": MASK}, split="test")
    prepare("corrections", exported.root, tmp_path / "out")
    splits = splits_of(tmp_path / "out")
    by_place: dict[int, set[str]] = {}
    for stem, split in splits.items():
        if stem != beside:
            record = json.loads((tmp_path / "out" / "annotations" / f"{stem}.json").read_text())["image"]
            by_place.setdefault(int(record["place"]["map_from_pix"][2] - 1000) // 500, set()).add(split)
    assert len(by_place) == 10
    assert all(len(found) == 1 for found in by_place.values())
    assert splits[beside] == "test"
    assert set(splits.values()) == {"train", "val", "test"}


def test_folders_are_merged_phrase_by_phrase(tmp_path: Path) -> None:
    mine, yours = Exported(tmp_path / "mine"), Exported(tmp_path / "yours")
    other = box_mask(30, 30, 10, 10, shape=(SIDE_PX, SIDE_PX))
    shared = mine.add(0, {"a shed": MASK, "the pond": MASK})
    yours.add(0, {"a shed": other, "cars": other}, split="val")
    only_mine, only_yours = mine.add(500, {"a shed": MASK}), yours.add(900, {"cars": other})
    changed = mine.add(2000, {"a shed": MASK}, seed=1)
    assert yours.add(2000, {"a shed": other}, seed=2) == changed
    arguments = ["prepare", "--source", "corrections", "--to", str(tmp_path / "out")]
    assert main([*arguments, "--from", str(mine.root), str(yours.root)]) == 0
    splits = splits_of(tmp_path / "out")
    newcomer = f"{changed}_{_sha8(yours.root / 'images' / f'{changed}.png')}"
    assert set(splits) == {shared, only_mine, only_yours, changed, newcomer}
    assert splits[shared] == "val"
    images = {i.path.stem: i for split in ("train", "val") for i in read_split(tmp_path / "out", split)}
    answers = {phrase.text: phrase.mask() for phrase in images[shared].phrases}
    assert set(answers) == {"a shed", "the pond", "cars"}
    assert np.array_equal(answers["a shed"], other)
    assert np.array_equal(answers["the pond"], MASK)
    assert np.array_equal(images[newcomer].phrases[0].mask(), other)
    assert np.array_equal(images[changed].phrases[0].mask(), MASK)


def _sha8(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:8]


@pytest.mark.parametrize(
    ("folders", "source", "message"),
    [
        (["mine", "out"], "corrections", "can't be read and written at once"),
        (["mine", "other"], "nwpu", "read from one folder, not 2"),
        (["nowhere"], "corrections", "is not a folder"),
        ([], "risors", "Give the original folder"),
    ],
)
def test_folders_that_make_no_sense_are_refused(
    folders: Sequence[str], source: str, message: str, tmp_path: Path
) -> None:
    for name in ("mine", "other", "out"):
        Exported(tmp_path / name).add(0, {"a shed": MASK})
    with pytest.raises(RisorsError, match=message):
        prepare(source, [tmp_path / name for name in folders], tmp_path / "out")
    assert (tmp_path / "out" / "splits" / "train.txt").exists()


def test_data_of_another_origin_is_never_overwritten(tmp_path: Path) -> None:
    mine, export = Exported(tmp_path / "mine"), Exported(tmp_path / "export")
    mine.add(0, {"a shed": MASK})
    export.add(100, {"a shed": MASK})
    with pytest.raises(RisorsError, match="export holds other data; give a new folder"):
        prepare("corrections", mine.root, export.root)
    assert (export.root / "splits" / "train.txt").exists()
    prepare("corrections", mine.root, tmp_path / "out")
    with pytest.raises(RisorsError, match="out holds data of corrections"):
        prepare("risors", mine.root, tmp_path / "out")
    assert prepare("corrections", mine.root, tmp_path / "out")["train"] == (1, 1)
