"""A project survives being stopped anywhere, and is never mixed with another."""

from __future__ import annotations

import csv
import json
import resource

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from geophrase.engine.errors import CancelledError
from geophrase.training.annotation.candidates import Guidance
from geophrase.training.annotation.encodings import EncodingStore
from geophrase.training.annotation.journal import Decision, Journal, read_journal
from geophrase.training.annotation.project import AnnotationError, Project, ProjectImage
from geophrase.training.annotation.propose import propose
from geophrase.training.annotation.sheet import window_around, write_sheet
from geophrase.training.data.risors import RisorsError, read_image
from geophrase.training.data.sources.boxed import BoxedImage, BoxPhrase, read_boxes, write_boxes

from .conftest import opened, write_image


def run_propose(project, model, **options):
    with EncodingStore(project, lambda: model, limit_bytes=10**8) as encodings:
        return propose(project, encodings, **options)


def test_every_box_gets_three_masks_at_its_images_size(project, model):
    assert run_propose(project, model) == 4
    for image in project.images:
        image_HWC = read_image(image.boxed.path)
        embedding = model.encode(image_HWC)
        for offered, box in zip(project.read_proposals(image), image.boxed.boxes, strict=True):
            assert offered == model.candidates(embedding, box.bbox_xyxy)
            assert all(coco_mask.decode(each.mask_rle).shape == image_HWC.shape[:2] for each in offered)


def test_an_image_is_encoded_once_for_all_its_boxes(project, model):
    passes = []
    hook = model.predictor.rsam.image_encoder.register_forward_pre_hook(lambda *_: passes.append(1))
    try:
        run_propose(project, model)
        with opened(project, model) as session:
            session.retry(0, Guidance(0, ((10.0, 10.0),), (1,)))
    finally:
        hook.remove()
    assert len(passes) == 4


def test_images_of_one_name_have_keys_of_their_own(project):
    assert [image.key for image in project.images] == ["a", "b", "a_2", "c_d"]
    assert [instance.id for instance in project.instances][:4] == ["a#1", "a#2", "b#1", "a_2#1"]


def test_a_stopped_run_goes_on_where_it_was(project, model, monkeypatch):
    encode, seen = model.encode, []

    def encode_two(image_HWC):
        if len(seen) == 2:
            raise KeyboardInterrupt
        seen.append(image_HWC.shape)
        return encode(image_HWC)

    monkeypatch.setattr(model, "encode", encode_two)
    with pytest.raises(CancelledError, match="after 2 images"):
        run_propose(project, model)
    done = [project.has_proposals(image) for image in project.images]
    assert done == [True, True, False, False]
    first = (project.folder / "proposals" / "a.json").stat().st_mtime_ns
    monkeypatch.undo()
    again = Project.open(project.folder)
    assert run_propose(again, model) == 2
    assert all(again.has_proposals(image) for image in again.images)
    assert (project.folder / "proposals" / "a.json").stat().st_mtime_ns == first


def test_an_image_that_cannot_be_read_stops_no_other(project, model, capsys):
    project.images[1].boxed.path.write_bytes(b"no image")
    with pytest.raises(AnnotationError, match="1 of 4 images"):
        run_propose(project, model)
    assert "b.png" in capsys.readouterr().err
    assert [project.has_proposals(image) for image in project.images] == [True, False, True, True]
    write_image(project.images[1].boxed.path, (100, 100), seed=9)
    assert run_propose(project, model) == 1


def test_an_image_of_another_size_is_told(project, model, capsys):
    write_image(project.images[1].boxed.path, (100, 101), seed=9)
    with pytest.raises(AnnotationError):
        run_propose(project, model)
    assert "101 x 100 pixels, but its boxes are for 100 x 100" in capsys.readouterr().err


def test_missing_images_are_named_before_any_work(boxes_file, tmp_path):
    (boxes_file.parent / "b.png").unlink()
    with pytest.raises(AnnotationError, match=r"1 of 4 images .*b\.png first"):
        Project.begin(tmp_path / "project", boxes_file, model="m", weights="w")
    assert not (tmp_path / "project").exists()


def test_other_boxes_or_another_model_need_another_folder(project, boxes_file, model):
    predictor = model.predictor
    with pytest.raises(AnnotationError, match="give that model"):
        Project.begin(project.folder, boxes_file, model=predictor.name, weights="f" * 64)
    images = list(read_boxes(boxes_file))
    write_boxes(boxes_file, images[:2])
    with pytest.raises(AnnotationError, match="other boxes"):
        Project.begin(project.folder, boxes_file, model=predictor.name, weights=predictor.weights_sha256)


@pytest.mark.parametrize("content", ["{", "[]", '{"model": 1}', '{"boxes": []}'])
def test_a_damaged_project_is_refused_in_a_sentence(project, content):
    (project.folder / "project.json").write_text(content)
    with pytest.raises(AnnotationError, match=r"project\.json"):
        Project.open(project.folder)


def test_a_folder_that_is_no_project_is_told(tmp_path):
    with pytest.raises(AnnotationError, match="annotate propose"):
        Project.open(tmp_path)
    with pytest.raises(RisorsError):
        Project.begin(tmp_path / "p", tmp_path / "none.jsonl", model="m", weights="w")


def test_damaged_proposals_are_told(project, model):
    run_propose(project, model, has_sheets=False)
    path = project.folder / "proposals" / "a.json"
    document = json.loads(path.read_text())
    document["instances"].pop()
    path.write_text(json.dumps(document))
    with pytest.raises(AnnotationError, match="other boxes"):
        project.read_proposals(project.images[0])
    path.write_text("{")
    with pytest.raises(AnnotationError, match="damaged"):
        project.read_proposals(project.images[0])


def test_two_processes_cannot_decide_at_once(project):
    with (
        project.locked("decide"),
        pytest.raises(AnnotationError, match="another process"),
        Project.open(project.folder).locked("decide"),
    ):
        pass


def test_the_table_lists_every_instance_with_the_models_figures(project, model):
    run_propose(project, model)
    rows = list(csv.DictReader((project.folder / "instances.csv").read_text().splitlines()))
    assert [row["instance"] for row in rows] == [instance.id for instance in project.instances]
    offered = project.read_proposals(project.images[2])[1]
    row = next(row for row in rows if row["instance"] == "a_2#2")
    assert float(row["predicted_iou_3"]) == offered[2].predicted_iou
    assert int(row["area_px_1"]) == offered[0].area_px
    assert row["description"] == "the ship number 1 of more/a.png"


def test_the_sheet_shows_each_box_and_mask(project, model):
    run_propose(project, model)
    with (
        Image.open(project.folder / "sheets" / "a.jpg") as sheet,
        Image.open(project.folder / "sheets" / "a_2.jpg") as longer,
    ):
        assert sheet.width == longer.width > 3 * 288
        assert longer.height * 2 == sheet.height * 3  # rows of three boxes and of two
        pixels = np.asarray(sheet.convert("RGB"), int)
    is_box = (np.abs(pixels - (120, 200, 255)).max(axis=-1) < 60).sum()
    assert is_box > 1000


def test_many_boxes_are_spread_over_sheets(tmp_path, model):
    """A JPEG has at most 65,535 rows of pixels, and a picture to look at far fewer."""
    image_HWC = write_image(tmp_path / "a.png", (64, 64), seed=1)
    box = BoxPhrase("the shed", "shed", (5.0, 5.0, 30.0, 30.0))
    offered = model.candidates(model.encode(image_HWC), box.bbox_xyxy)
    image = ProjectImage("a", BoxedImage(tmp_path / "a.png", 64, 64, "train", (box,) * 45))
    write_sheet(tmp_path / "sheets" / "a.jpg", image, image_HWC, [offered] * 45)
    heights = {}
    for path in (tmp_path / "sheets").iterdir():
        with Image.open(path) as sheet:
            heights[path.name] = sheet.height
    row_px = heights["a (3).jpg"] / 5
    assert heights == {"a.jpg": 20 * row_px, "a (2).jpg": 20 * row_px, "a (3).jpg": 5 * row_px}


def test_a_window_holds_box_and_masks_within_the_image(project, model):
    image = project.images[0]
    run_propose(project, model, has_sheets=False)
    for offered, box in zip(project.read_proposals(image), image.boxed.boxes, strict=True):
        left, top, right, bottom = window_around(box.bbox_xyxy, offered, image.size_yx)
        assert 0 <= left <= box.bbox_xyxy[0] < box.bbox_xyxy[2] <= right <= 120
        assert 0 <= top <= box.bbox_xyxy[1] < box.bbox_xyxy[3] <= bottom <= 90
        for candidate in offered:
            assert coco_mask.decode(candidate.mask_rle)[top:bottom, left:right].sum() == candidate.area_px


def test_a_line_cut_off_by_a_crash_is_left_out_and_written_over(tmp_path):
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        journal.append(Decision("a#1", "accept", mask=1))
        journal.append(Decision("a#2", "drop"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    assert read_journal(path).state_of("a#2").status == "pending"
    with Journal(path) as journal:
        assert journal.decisions.state_of("a#1").mask == 1
        journal.append(Decision("a#2", "accept", mask=0))
    decisions = read_journal(path)
    assert [decision.instance for decision in decisions.stack] == ["a#1", "a#2"]
    assert decisions.state_of("a#2").mask == 0


def test_undo_takes_back_the_last_that_stands_even_after_reopening(tmp_path):
    path = tmp_path / "journal.jsonl"
    with Journal(path) as journal:
        journal.append(Decision("a#1", "accept", mask=1))
        journal.append(Decision("a#2", "accept", mask=2))
        journal.append(Decision("a#1", "drop"))
        assert journal.undo() == Decision("a#1", "drop")
    with Journal(path) as journal:
        assert journal.decisions.state_of("a#1").mask == 1
        assert journal.undo().instance == "a#2"
        assert journal.undo().instance == "a#1"
        assert journal.undo() is None
    assert read_journal(path).stack == []
    assert len(path.read_text().splitlines()) == 6  # nothing is ever taken out


@pytest.mark.parametrize(
    "line",
    [
        "{}",
        "nonsense",
        '{"instance": "a#1", "action": "accept"}',
        '{"instance": "a#1", "action": "accept", "mask": 3}',
        '"x"',
    ],
)
def test_a_damaged_line_in_the_middle_is_told(tmp_path, line):
    path = tmp_path / "journal.jsonl"
    path.write_text(f'{line}\n{{"instance": "a#1", "action": "drop"}}\n')
    with pytest.raises(AnnotationError, match=r"journal\.jsonl"):
        read_journal(path)


def test_a_decision_that_the_disk_refuses_changes_nothing(project, model):
    """A limit in the middle of the line is a disk that becomes full there."""
    with opened(project, model) as session:
        session.drop(0)
        size_bytes = project.journal_path.stat().st_size
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes + 10, hard))
        try:
            with pytest.raises(OSError, match="large"):
                session.drop(1)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert project.journal_path.stat().st_size == size_bytes
        assert session.counts == {"pending": 6, "accepted": 0, "dropped": 1}
        session.drop(2)
    decisions = read_journal(project.journal_path)
    assert [decisions.state_of(each.id).status for each in project.instances[:3]] == [
        "dropped",
        "pending",
        "dropped",
    ]
