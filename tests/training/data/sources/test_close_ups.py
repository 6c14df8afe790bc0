"""Our close-ups: in the lexicon's words, of the split of their image, cut as GDAL and shapely cut them."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
import shapely
from rasterio.features import rasterize

from geophrase.training.data.instances import Instance
from geophrase.training.data.lexicon import LEXICON
from geophrase.training.data.prepare import prepare
from geophrase.training.data.risors import RisorsError, SampleFacts, read_split, write_sample, write_split
from geophrase.training.data.sources import close_ups

FILES = sorted(close_ups._FOLDER.glob("*.json"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_files_hold_outlines_of_the_lexicon_s_classes_within_their_windows(path):
    for labels in json.loads(path.read_text()):
        left, top, right, bottom = labels["window"]
        assert 0 <= left < right
        assert 0 <= top < bottom
        assert labels["objects"].keys() <= set(labels["complete"]) <= LEXICON.keys()
        for outlines in labels["objects"].values():
            for outline in outlines:
                polygon = shapely.Polygon(np.reshape(outline, (-1, 2)))
                assert polygon.area >= 4
                assert polygon.intersects(shapely.box(left, top, right, bottom))


IMAGE_HWC = np.full((80, 120, 3), 90, np.uint8)
WINDOW = [20, 10, 100, 70]


def prepared(tmp_path, monkeypatch, labels: dict[str, Any], *own: Instance, facts: SampleFacts | None = None):
    """A validation image with one close-up."""
    folder, source = tmp_path / "labels", tmp_path / "source"
    folder.mkdir()
    (folder / "one.json").write_text(json.dumps([{"window": WINDOW, **labels}]))
    monkeypatch.setattr(close_ups, "_FOLDER", folder)
    write_sample(source, "one", IMAGE_HWC, [], instances=own, facts=facts)
    write_sample(source, "two", IMAGE_HWC, [], instances=own, facts=facts)
    write_split(source, "train", ["two"])
    write_split(source, "val", ["one"])
    return source


def written(tmp_path, monkeypatch, labels: dict[str, Any], *own: Instance, facts: SampleFacts | None = None):
    source = prepared(tmp_path, monkeypatch, labels, *own, facts=facts)
    assert prepare("close-ups", source, tmp_path / "out")["val"][0] == 1
    (sample,) = read_split(tmp_path / "out", "val")
    assert read_split(tmp_path / "out", "train") == []
    return sample


def box(left, top, right, bottom):
    return [left, top, right, top, right, bottom, left, bottom]


def own(name, left, top, right, bottom, *, is_crowd=False):
    mask_HW = np.zeros(IMAGE_HWC.shape[:2], np.uint8)
    mask_HW[top:bottom, left:right] = 1
    instance = Instance.from_mask(name, mask_HW, is_crowd=is_crowd)
    assert instance is not None
    return instance


def test_an_outline_becomes_the_pixels_that_gdal_burns(tmp_path, monkeypatch):
    car = [30.2, 20.6, 50.9, 14.1, 53.0, 20.2, 33.1, 27.7]
    sample = written(tmp_path, monkeypatch, {"complete": ["vehicle"], "objects": {"vehicle": [car]}})
    assert (sample.width_px, sample.height_px) == (80, 60)
    whole_HW = rasterize([shapely.Polygon(np.reshape(car, (-1, 2)))], IMAGE_HWC.shape[:2])
    found = sample.instances[0].decoded()
    canvas_HW = np.zeros((60, 80), np.uint8)
    found.paint(canvas_HW)
    np.testing.assert_array_equal(canvas_HW, whole_HW[10:70, 20:100])
    assert sample.classes_labelled == {"vehicle"}


def test_what_is_outside_the_window_is_left_out(tmp_path, monkeypatch):
    labels = {"complete": ["tree"], "objects": {"tree": [box(0, 0, 8, 8), box(90, 60, 110, 80)]}}
    sample = written(tmp_path, monkeypatch, labels)
    assert [one.bbox_xywh for one in sample.instances] == [(70, 50, 10, 10)]


def test_other_labels_of_the_image_are_taken_over_and_replaced_where_drawn(tmp_path, monkeypatch):
    labels = {"complete": ["vehicle"], "objects": {"vehicle": [box(30, 20, 40, 25)]}}
    facts = SampleFacts(frozenset({"vehicle", "tennis_court", "grass", "water"}))
    sample = written(
        tmp_path, monkeypatch, labels,
        own("vehicle", 60, 40, 70, 45), own("tennis_court", 90, 20, 110, 40), own("bridge", 0, 0, 9, 9),
        own("grass", 0, 0, 21, 14, is_crowd=True),
        facts=facts,
    )  # fmt: skip
    assert {(one.name, one.bbox_xywh) for one in sample.instances} == {
        ("vehicle", (10, 10, 10, 5)),
        ("tennis_court", (70, 10, 10, 20)),
    }
    # Four pixels of grass at the corner are neither shown nor denied; water is absent, as in the whole image.
    assert sample.classes_labelled == {"vehicle", "tennis_court", "water"}


def test_houses_count_among_the_buildings(tmp_path, monkeypatch):
    labels = {
        "complete": ["building", "house"],
        "objects": {"house": [box(30, 20, 40, 30)], "building": [box(60, 20, 90, 50)]},
    }
    sample = written(tmp_path, monkeypatch, labels, own("building", 0, 0, 120, 80, is_crowd=True))
    found = {one.name: one for one in sample.instances}
    assert found.keys() == {"house", "building"}
    assert (found["house"].area_px, found["house"].is_crowd) == (100, False)
    assert (found["building"].area_px, found["building"].is_crowd) == (1000, True)


def test_parts_of_one_image_stay_together(tmp_path, monkeypatch):
    source = prepared(tmp_path, monkeypatch, {"complete": ["vehicle"], "objects": {}})
    prepare("close-ups", source, tmp_path / "out")
    record = json.loads((tmp_path / "out" / "annotations" / "one_close_1.json").read_text())["image"]
    assert record["place"]["source"] == "one"
    assert (record["width"], record["height"]) == (80, 60)


def test_folders_without_close_ups_are_one_sentence(tmp_path, monkeypatch):
    source = prepared(tmp_path, monkeypatch, {"complete": [], "objects": {}})
    (tmp_path / "labels" / "one.json").rename(tmp_path / "labels" / "other.json")
    with pytest.raises(RisorsError, match=r"No close-up is of an image in .*source; give folders"):
        prepare("close-ups", source, tmp_path / "out")


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ((0, 0, 120, 80), ((30, 20, 20, 10), 1.0)),
        ((40, 25, 120, 80), ((0, 0, 10, 5), 0.25)),
        ((0, 0, 35, 24), ((30, 20, 5, 4), 0.1)),
        ((50, 0, 120, 80), None),
        ((0, 30, 120, 80), None),
    ],
)
def test_an_object_is_cut_by_a_window(window, expected):
    part = own("vehicle", 30, 20, 50, 30).inside(*window)
    assert (part and (part.bbox_xywh, part.visible_fraction)) == expected
