"""The data set that comes out: masks on their pixels, boxes, points and splits as they should be."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from geophrase.engine.errors import CancelledError
from geophrase.training.annotation.candidates import Candidate, Guidance
from geophrase.training.annotation.crops import Crop, Extent, place_crops
from geophrase.training.annotation.finish import FinishConfig, finish
from geophrase.training.annotation.journal import Decision, Journal
from geophrase.training.annotation.project import AnnotationError, Project
from geophrase.training.cli import main
from geophrase.training.data.instances import encode_rle
from geophrase.training.data.risors import SPLITS, RisorsError, read_image, read_split, write_sample
from geophrase.training.data.sources.boxed import BoxedImage, BoxPhrase, write_boxes
from geophrase.training.data.sources.places import Place, overlapping

from .conftest import write_image

SIZE_PX = 100
LARGE_YX = (260, 300)


def ellipse(size_yx, box_xyxy):
    y, x = np.mgrid[: size_yx[0], : size_yx[1]] + 0.5
    x0, y0, x1, y1 = box_xyxy
    return ((2 * x - x0 - x1) / (x1 - x0)) ** 2 + ((2 * y - y0 - y1) / (y1 - y0)) ** 2 <= 1


def make_project(folder: Path, images: list[tuple[str, tuple[int, int], str, list]]) -> Project:
    """A project whose proposals are an ellipse in the box, a smaller one, and nothing."""
    origin = folder / "origin"
    origin.mkdir(parents=True)
    boxed = []
    for number, (name, size_yx, split, boxes) in enumerate(images):
        write_image(origin / name, size_yx, seed=number)
        phrases = tuple(BoxPhrase(text, "ship", tuple(map(float, box))) for text, box in boxes)
        boxed.append(BoxedImage(origin / name, size_yx[1], size_yx[0], split, phrases))
    write_boxes(origin / "boxes.jsonl", boxed)
    (origin / "provenance.json").write_text(json.dumps({"title": "Harbours", "licence": "CC-BY-4.0"}))
    project = Project.begin(folder / "project", origin / "boxes.jsonl", model="m", weights="w")
    for image in project.images:
        offered = []
        for box in image.boxed.boxes:
            x0, y0, x1, y1 = box.bbox_xyxy
            inner = (x0 + 3, y0 + 3, x1 - 3, y1 - 3)
            masks = [ellipse(image.size_yx, box.bbox_xyxy), ellipse(image.size_yx, inner)]
            masks.append(np.zeros(image.size_yx, bool))
            offered.append(
                [
                    Candidate(encode_rle(mask), int(mask.sum()), 0.9 - k / 10, 0.8)
                    for k, mask in enumerate(masks)
                ]
            )
        project.write_proposals(image, offered, encoder="test")
    return project


def accept_all(project: Project, *, besides: dict[str, Decision | None] | None = None) -> None:
    with Journal(project.journal_path) as journal:
        for instance in project.instances:
            decision = (besides or {}).get(instance.id, Decision(instance.id, "accept", mask=0))
            if decision is not None:
                journal.append(decision)


@pytest.fixture
def project(tmp_path):
    images = [
        ("small.png", (70, 90), "train", [("ship", (10, 5, 40, 30)), ("a red ship", (50.5, 30, 80, 66))]),
        ("exact.png", (SIZE_PX, SIZE_PX), "val", [("ship", (0, 0, 50, 40))]),
        (
            "large.png",
            LARGE_YX,
            "test",
            [
                ("ship", (5, 5, 40, 50)),
                ("white ship", (240, 200, 300, 260)),
                ("ship", (60, 20, 90, 80)),
                ("the largest ship", (150, 100, 240, 190)),
                ("ship", (100, 100, 230, 140)),
            ],
        ),
        ("flat.png", (40, 250), "train", [("ship", (200, 5, 240, 35))]),
        ("unseen.png", (60, 60), "train", [("ship", (5, 5, 40, 50))]),
    ]
    return make_project(tmp_path, images)


def read_all(root: Path):
    return {image.path.stem: (split, image) for split in SPLITS for image in read_split(root, split)}


def source_of(project: Project, stem: str):
    return next(image for image in project.images if image.key == stem.split("+")[0])


def test_masks_lie_on_the_pixels_that_they_lay_on(project, tmp_path):
    """Noise tells every pixel apart, so the pixels under a mask are the same only without a shift."""
    accept_all(project)
    report = finish(project, tmp_path / "risors", FinishConfig(size_px=SIZE_PX))
    compared = 0
    for stem, (_, image) in read_all(tmp_path / "risors").items():
        source = source_of(project, stem)
        source_HWC = read_image(source.boxed.path)
        image_HWC = read_image(image.path)
        assert image_HWC.shape == (SIZE_PX, SIZE_PX, 3)
        for phrase in image.phrases:
            numbers = [
                number
                for number, box in enumerate(source.boxed.boxes)
                if box.text == phrase.text
                and np.array_equal(
                    source_HWC[ellipse(source.size_yx, box.bbox_xyxy)], image_HWC[phrase.mask() > 0]
                )
            ]
            compared += len(numbers) == 1
            is_larger = phrase.bbox_xywh[2] >= SIZE_PX
            assert len(numbers) == (0 if is_larger else 1), (stem, phrase.text)
    assert compared == 8
    assert report.cut_masks == 1
    assert report.cut_phrases == 1


def test_padding_is_black_and_to_the_right_and_below(project, tmp_path):
    accept_all(project)
    finish(project, tmp_path / "risors", FinishConfig(size_px=SIZE_PX))
    image_HWC = read_image(tmp_path / "risors" / "images" / "small.png")
    np.testing.assert_array_equal(image_HWC[:70, :90], read_image(project.images[0].boxed.path))
    assert not image_HWC[70:].any()
    assert not image_HWC[:, 90:].any()


def test_an_image_of_the_right_size_is_copied_byte_for_byte(project, tmp_path):
    accept_all(project)
    finish(project, tmp_path / "risors", FinishConfig(size_px=SIZE_PX))
    copied = (tmp_path / "risors" / "images" / "exact.png").read_bytes()
    assert copied == project.images[1].boxed.path.read_bytes()


def test_annotations_keep_the_original_box_the_points_and_the_models_iou(project, tmp_path):
    size_yx = project.images[2].size_yx
    mask_HW = ellipse(size_yx, (242, 205, 290, 255))
    offered = tuple(Candidate(encode_rle(mask_HW), int(mask_HW.sum()), 0.25 * k, 0.5) for k in (1, 2, 3))
    points = ((250.0, 230.0), (210.0, 251.0))
    retry = Decision("large#2", "retry", guidance=Guidance(1, points, (1, 0)), candidates=offered)
    accept_all(project, besides={"large#2": None})
    with Journal(project.journal_path) as journal:
        journal.append(retry)
        journal.append(Decision("large#2", "accept", mask=2))
    finish(project, tmp_path / "risors", FinishConfig(size_px=SIZE_PX))
    found = [
        (stem, row)
        for stem in read_all(tmp_path / "risors")
        for row in json.loads((tmp_path / "risors" / "annotations" / f"{stem}.json").read_text())[
            "annotations"
        ]
        if row["description"] == "white ship"
    ]
    [(stem, row)] = found
    image_HWC = read_image(tmp_path / "risors" / "images" / f"{stem}.png")
    source_HWC = read_image(project.images[2].boxed.path)
    (x, y), (other_x, other_y) = row["point_coords"]
    for (px, py), (sx, sy) in zip([(x, y), (other_x, other_y)], points, strict=True):
        np.testing.assert_array_equal(image_HWC[int(py), int(px)], source_HWC[int(sy), int(sx)])
    left, top, width, height = row["bbox"]
    np.testing.assert_array_equal(
        image_HWC[int(top) : int(top + height), int(left) : int(left + width)], source_HWC[200:260, 240:300]
    )
    assert row["point_labels"] == [1, 0]
    assert row["predicted_iou"] == 0.75
    assert row["area"] == mask_HW.sum() == coco_mask.area(row["segmentation"])


def test_files_are_what_readers_of_sa1b_expect(project, tmp_path):
    accept_all(project)
    finish(project, tmp_path / "risors", FinishConfig(size_px=SIZE_PX))
    paths = sorted((tmp_path / "risors" / "annotations").glob("*.json"))
    assert paths
    for path in paths:
        document = json.loads(path.read_text())
        assert {"image_id", "width", "height", "file_name"} <= document["image"].keys()
        assert (tmp_path / "risors" / "images" / document["image"]["file_name"]).is_file()
        for row in document["annotations"]:
            table_1 = {"id", "name", "description", "area", "bbox", "point_coords", "point_labels"}
            assert table_1 | {"segmentation", "predicted_iou"} <= row.keys()
            mask_HW = coco_mask.decode(row["segmentation"])
            assert mask_HW.shape == (document["image"]["height"], document["image"]["width"])
            assert row["area"] == mask_HW.sum() > 0
    assert len(read_split(tmp_path / "risors", "test")) >= 2


def test_squares_of_one_image_stay_in_its_split(project, tmp_path):
    accept_all(project)
    finish(project, tmp_path / "own", FinishConfig(size_px=SIZE_PX))
    for stem, (split, _) in read_all(tmp_path / "own").items():
        assert split == source_of(project, stem).boxed.split
    assert sum(stem.startswith("large+") for stem in read_all(tmp_path / "own")) >= 3
    for val in (0.1, 0.4, 0.7):
        root = tmp_path / f"hashed_{val}"
        finish(project, root, FinishConfig(size_px=SIZE_PX, shares=(val, 0.29)))
        splits = {stem: split for stem, (split, _) in read_all(root).items()}
        assert len({split for stem, split in splits.items() if stem.startswith("large")}) == 1


def test_squares_that_overlap_stay_together_when_data_sets_are_merged(project, tmp_path):
    accept_all(project)
    root = tmp_path / "own"
    finish(project, root, FinishConfig(size_px=SIZE_PX))
    places = []
    for stem, (split, _) in read_all(root).items():
        record = json.loads((root / "annotations" / f"{stem}.json").read_text())["image"]
        places.append(Place.of_record(stem, record, split))
        assert places[-1].grid is not None
    groups = [{place.stem for place in group} for group in overlapping(places)]
    assert any(len(group) > 1 for group in groups)
    for group in groups:
        assert len({stem.split("+")[0] for stem in group}) == 1


def test_what_was_not_accepted_is_left_out_and_counted(project, tmp_path):
    besides = {"small#1": Decision("small#1", "drop"), "unseen#1": None, "exact#1": None}
    accept_all(project, besides=besides)
    report = finish(project, tmp_path / "risors", FinishConfig(size_px=SIZE_PX))
    assert (report.dropped, report.pending) == (1, 2)
    found = read_all(tmp_path / "risors")
    assert "unseen" not in found
    assert [phrase.text for phrase in found["small"][1].phrases] == ["a red ship"]
    assert report.images == {"train": 2, "val": 0, "test": report.images["test"]}


def test_phrases_that_a_cut_may_make_untrue_are_kept_only_when_asked(project, tmp_path):
    accept_all(project)
    for is_kept in (False, True):
        root = tmp_path / str(is_kept)
        finish(project, root, FinishConfig(size_px=SIZE_PX, is_every_phrase_kept=is_kept))
        texts = [phrase.text for _, image in read_all(root).values() for phrase in image.phrases]
        assert ("the largest ship" in texts) is is_kept


def test_the_licence_and_the_model_go_along(project, tmp_path):
    accept_all(project)
    finish(project, tmp_path / "risors", FinishConfig(size_px=SIZE_PX))
    provenance = json.loads((tmp_path / "risors" / "provenance.json").read_text())
    assert provenance["licence"] == "CC-BY-4.0"
    assert provenance["origin"]["title"] == "Harbours"
    assert (provenance["model"], provenance["boxes_file"]) == ("m", "boxes.jsonl")


def test_finishing_again_brings_the_folder_up_to_date(project, tmp_path):
    accept_all(project)
    root = tmp_path / "risors"
    finish(project, root, FinishConfig(size_px=SIZE_PX))
    with Journal(project.journal_path) as journal:
        journal.append(Decision("exact#1", "drop"))
    report = finish(project, root, FinishConfig(size_px=SIZE_PX))
    assert report.images["val"] == 0
    assert not (root / "annotations" / "exact.json").exists()
    assert not (root / "images" / "exact.png").exists()
    assert json.loads((root / "provenance.json").read_text())["splits"]["val"] == {"images": 0, "phrases": 0}


def test_a_run_that_was_stopped_reads_as_not_prepared_and_goes_through_again(project, tmp_path, monkeypatch):
    accept_all(project)
    root, written = tmp_path / "risors", []

    def write_two(to_dir, stem, image, phrases, **facts):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(stem)
        write_sample(to_dir, stem, image, phrases, **facts)

    monkeypatch.setattr("geophrase.training.annotation.finish.write_sample", write_two)
    with pytest.raises(CancelledError):
        finish(project, root, FinishConfig(size_px=SIZE_PX))
    with pytest.raises(RisorsError, match="no split"):
        read_split(root, "train")
    monkeypatch.undo()
    finish(project, root, FinishConfig(size_px=SIZE_PX))
    assert set(written) < set(read_all(root))


def test_a_folder_of_something_else_is_left_alone(project, tmp_path):
    accept_all(project)
    root = tmp_path / "mine"
    (root / "splits").mkdir(parents=True)
    (root / "splits" / "train.txt").write_text("mine\n")
    with pytest.raises(AnnotationError, match="something else"):
        finish(project, root, FinishConfig())
    assert (root / "splits" / "train.txt").read_text() == "mine\n"


def test_nothing_accepted_is_told_before_anything_is_written(project, tmp_path, capsys):
    words = ["annotate", "finish", "--project", str(project.folder), "--to", str(tmp_path / "risors")]
    assert main(words) == 1
    assert "no accepted mask yet" in capsys.readouterr().err
    assert not (tmp_path / "risors").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["--val-fraction", "0.2"],
        ["--val-fraction", "0.6", "--test-fraction", "0.5"],
        ["--val-fraction", "-0.1", "--test-fraction", "0.5"],
        ["--size-px", "8"],
    ],
)
def test_impossible_settings_are_told(project, tmp_path, words, capsys):
    accept_all(project)
    common = ["annotate", "finish", "--project", str(project.folder), "--to", str(tmp_path / "risors")]
    assert main([*common, *words]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "risors").exists()


def test_the_command_says_what_came_out(project, tmp_path, capsys):
    accept_all(project)
    words = ["annotate", "finish", "--project", str(project.folder), "--to", str(tmp_path / "risors")]
    assert main([*words, "--size-px", str(SIZE_PX)]) == 0
    said = capsys.readouterr().out
    assert "train: 3 images, 4 instances" in said
    assert "1 whose image was cut" in said
    assert "1 masks larger than an image were cut" in said


extents = st.builds(
    lambda x, y, w, h: Extent(min(x, 299), min(y, 259), min(x + w, 300), min(y + h, 260)),
    st.integers(0, 299),
    st.integers(0, 259),
    st.integers(1, 160),
    st.integers(1, 160),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(extents, min_size=1, max_size=12), st.sampled_from([64, 100, 280, 400]))
def test_every_object_is_whole_in_one_square(objects, size_px):
    placed = place_crops(objects, LARGE_YX, size_px)
    assert sorted(index for _, members in placed for index in members) == list(range(len(objects)))
    for crop, members in placed:
        assert 0 <= crop.left <= max(0, LARGE_YX[1] - size_px)
        assert 0 <= crop.top <= max(0, LARGE_YX[0] - size_px)
        for index in members:
            if objects[index].fits(size_px):
                assert crop.holds(objects[index])
            else:
                x, y = objects[index].centre_xy
                assert crop.left <= x <= crop.left + size_px
                assert crop.top <= y <= crop.top + size_px


def test_objects_that_fit_together_share_a_square():
    together = [Extent(10, 10, 40, 40), Extent(60, 50, 90, 95), Extent(200, 200, 220, 220)]
    placed = place_crops(together, LARGE_YX, SIZE_PX)
    assert [members for _, members in placed] == [[0, 1], [2]]
    assert placed[1][0] == Crop(160, 160, SIZE_PX)  # centred where the image allows
