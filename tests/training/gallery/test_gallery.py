"""The gallery of a model made by hand, whose right answers are known, on a raster that is drawn here."""

from __future__ import annotations

import io
import json
from argparse import ArgumentParser
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.transform import from_origin

from geophrase.engine.pipeline.tile_plan import region_of
from geophrase.engine.raster.source import RasterSource
from geophrase.tests.fakes.colour_model import ColourModel
from geophrase.training.errors import TrainingError
from geophrase.training.gallery import command
from geophrase.training.gallery.gallery import make_gallery
from geophrase.training.gallery.page import pictures_in
from geophrase.training.gallery.pictures import MAX_BYTES, jpeg_of
from geophrase.training.gallery.questions import OWN_QUESTIONS, Question, Scene, View, read_questions
from geophrase.training.gallery.verdicts import OWN_VERDICTS, blank_verdicts, read_verdicts

LEFT, TOP = 500_000.0, 5_000_000.0
WEIGHTS = ("c010" * 16)[:12]
QUESTIONS = (
    Question("red", "class", "Two squares."),
    Question("blue", "class", "One | of them."),
    Question("unicorns", "absent", "There are none."),
)
SCENE = Scene("town.tif", "A town", "Drawn here.", True, (View("all", "All of it", QUESTIONS),))
WEST = View("west", "Its west", QUESTIONS[:1], extent_map=(LEFT, TOP - 96, LEFT + 48, TOP))


@pytest.fixture(scope="module")
def scenes(tmp_path_factory):
    """A folder with a green raster of 96 x 96 m: red squares west and east, a blue one in the south."""
    folder = tmp_path_factory.mktemp("scenes")
    image_HWC = np.zeros((96, 96, 3), np.uint8)
    image_HWC[:] = (0, 255, 0)
    image_HWC[10:30, 10:30] = image_HWC[10:30, 60:80] = (255, 0, 0)
    image_HWC[70:90, 40:60] = (0, 0, 255)
    profile = {
        "driver": "GTiff",
        "width": 96,
        "height": 96,
        "count": 3,
        "dtype": "uint8",
        "crs": "EPSG:32632",
        "transform": from_origin(LEFT, TOP, 1, 1),
    }
    with rasterio.open(folder / "town.tif", "w", **profile) as dataset:
        dataset.write(image_HWC.transpose(2, 0, 1))
    return folder


@pytest.fixture
def make(scenes, tmp_path):
    """Make a gallery of one scene; its text."""

    def made(scene=SCENE, *, verdicts=None, model=None) -> str:
        path = tmp_path / "verdicts.json"
        path.write_text(json.dumps(verdicts or {}))
        page = tmp_path / "docs" / "gallery.md"
        make_gallery([scene], scenes, page, model=model or ColourModel(), verdicts=path)
        return page.read_text(encoding="utf-8")

    return made


def _row(text: str, phrase: str) -> str:
    return next(line for line in text.splitlines() if f"“{phrase}”" in line)


def test_a_row_says_what_the_model_found(make):
    text = make()
    assert "2 polygons, score .99, objectness .95" in _row(text, "red")
    assert "1 polygon, score .99, objectness .95" in _row(text, "blue")
    assert "| nothing, objectness .05 |" in _row(text, "unicorns")
    assert "One \\| of them." in _row(text, "blue")  # a bar that begins no cell


def test_a_view_is_encoded_once_for_all_its_phrases(make):
    alone, together = ColourModel(), ColourModel()
    make(replace(SCENE, views=(replace(SCENE.views[0], questions=QUESTIONS[:1]),)), model=alone)
    make(model=together)
    assert together.num_encoded == alone.num_encoded > 0


def test_only_the_extent_is_asked_about(make):
    text = make(replace(SCENE, views=(WEST,)))
    assert "1 polygon," in _row(text, "red")


def test_the_picture_shows_the_answer_where_it_is(make, tmp_path):
    make()
    picture = np.asarray(Image.open(tmp_path / "docs/gallery/all_1.jpg")).astype(int)
    scale = picture.shape[0] / 96
    red, blue, green = (picture[int(y * scale), int(x * scale)] for x, y in ((20, 20), (50, 80), (90, 90)))
    assert red[2] > 60  # the red of the scene has no blue, the answer's colour has
    assert blue[0] < 80
    assert green[2] < 110
    edge = picture[int(20 * scale), int(10 * scale) - 4 : int(10 * scale) + 5]
    assert (np.abs(edge - (255, 0, 170)).sum(axis=1) < 120).any()


def test_pixels_that_may_not_be_shown_are_not(make, tmp_path):
    text = make(replace(SCENE, is_image_shown=False))
    assert pictures_in(text) == {"gallery/all_1.jpg", "gallery/all_2.jpg"}
    picture = np.asarray(Image.open(tmp_path / "docs/gallery/all_2.jpg")).astype(int)
    away_from_blue = picture[: picture.shape[0] // 2]
    assert np.ptp(away_from_blue) < 6


def test_the_same_weights_make_the_same_page(make, tmp_path):
    first, pictures = make(), _pictures(tmp_path)
    second = make()
    differing = [line for line in first.splitlines() if line not in second.splitlines()]
    assert all(line.startswith("Seconds for the first phrase") for line in differing)
    assert _pictures(tmp_path) == pictures


def _pictures(tmp_path: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (tmp_path / "docs/gallery").iterdir()}


def test_a_verdict_counts_for_its_weights_alone(make):
    others = {"verdict": "wrong", "why": "Others' answer."}
    own = {"verdict": "mostly", "why": "An edge is off."}
    text = make(
        verdicts={
            "sha256:" + "0" * 12: {"all": {"red": others, "blue": others}},
            f"sha256:{WEIGHTS}": {"all": {"blue": own}},
        }
    )
    assert "*not looked at yet*" in _row(text, "red")
    assert "**mostly**: An edge is off." in _row(text, "blue")
    assert "Others' answer" not in text
    assert "**Of 3 phrases: 1 mostly, 2 not looked at yet.**" in text


def test_pictures_of_the_page_before_are_removed_and_nothing_else(make, tmp_path):
    make()
    own = tmp_path / "docs/gallery/holiday.jpg"
    own.write_bytes(b"mine")
    text = make(replace(SCENE, views=(WEST,)))
    assert pictures_in(text) == {"gallery/west.jpg", "gallery/west_1.jpg"}
    assert set(_pictures(tmp_path)) == {"west.jpg", "west_1.jpg", "holiday.jpg"}


@pytest.mark.parametrize("is_folder_there", [True, False])
def test_a_missing_scene_is_one_sentence_and_costs_nothing(make, tmp_path, is_folder_there):
    model = ColourModel()
    folder = tmp_path / "nowhere"
    if is_folder_there:
        folder.mkdir()
    with pytest.raises(TrainingError, match="nowhere"):
        make_gallery([SCENE], folder, tmp_path / "gallery.md", model=model, verdicts=OWN_VERDICTS)
    assert model.num_encoded == 0
    assert not (tmp_path / "gallery.md").exists()


def test_a_detailed_picture_becomes_small_and_stays_itself():
    rng = np.random.default_rng(0)
    rough = Image.fromarray(rng.integers(0, 255, (60, 60, 3), np.uint8)).resize((440, 440))
    picture = np.asarray(rough)
    encoded = jpeg_of(picture)
    assert len(encoded) <= MAX_BYTES
    error = np.asarray(Image.open(io.BytesIO(encoded))).astype(float) - picture
    assert np.abs(error).mean() < 20


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": "sort"}, "not “sort”"),
        ({"phrase": "blue"}, "asked twice"),
        ({"colour": "red"}, "colour"),
        ({"kind": None}, "None"),
    ],
)
def test_questions_that_make_no_sense_are_refused(tmp_path, change, reason):
    asked = [{"phrase": phrase, "kind": "class", "truth": "."} for phrase in ("red", "blue")]
    asked[0] |= change
    scene = {"file": "town.tif", "title": "", "credit": "", "is_image_shown": True}
    path = tmp_path / "questions.json"
    path.write_text(json.dumps([{**scene, "views": [{"name": "all", "title": "", "questions": asked}]}]))
    with pytest.raises(TrainingError, match=reason):
        read_questions(path)


@pytest.mark.parametrize("text", ["[{}]", "[1]", "no json", '[{"views": []}]'])
def test_a_file_that_is_no_list_of_scenes_is_refused(tmp_path, text):
    path = tmp_path / "questions.json"
    path.write_text(text)
    with pytest.raises(TrainingError, match=r"questions\.json can't be used"):
        read_questions(path)


def test_blank_verdicts_are_read_back_once_they_are_filled_in(tmp_path):
    path = tmp_path / "verdicts.json"
    path.write_text(blank_verdicts(WEIGHTS, {"all": ["red"]}))
    with pytest.raises(TrainingError, match="a verdict is one of right, mostly"):
        read_verdicts(path, weights=WEIGHTS)
    path.write_text(path.read_text().replace('"verdict": ""', '"verdict": "right"'))
    assert read_verdicts(path, weights=WEIGHTS)["all", "red"].verdict == "right"


def test_the_command_says_what_a_person_still_has_to_look_at(scenes, tmp_path, monkeypatch, capsys):
    questions = tmp_path / "questions.json"
    asked = [{"phrase": "red", "kind": "class", "truth": "Two squares."}]
    scene = {"file": "town.tif", "title": "A town", "credit": "", "is_image_shown": True}
    questions.write_text(json.dumps([{**scene, "views": [{"name": "a", "title": "", "questions": asked}]}]))
    monkeypatch.setattr(command, "load_predictor", lambda name, device: ColourModel())
    parser = ArgumentParser()
    command.add_gallery_arguments(parser)
    page, unseen = tmp_path / "gallery.md", tmp_path / "unseen.json"
    words = ["--scenes", scenes, "--to", page, "--questions", questions, "--unseen", unseen]
    assert command.run_gallery(parser.parse_args([str(word) for word in words])) == 0
    output = capsys.readouterr()
    assert output.out == f"{page}\n"
    assert f"without a verdict on {WEIGHTS}: 1." in output.err
    assert json.loads(unseen.read_text()) == {f"sha256:{WEIGHTS}": {"a": {"red": {"verdict": "", "why": ""}}}}


def test_our_own_verdicts_are_of_answers_to_our_own_questions():
    asked = {
        (view.name, question.phrase)
        for scene in read_questions(OWN_QUESTIONS)
        for view in scene.views
        for question in view.questions
    }
    for weights in json.loads(OWN_VERDICTS.read_text(encoding="utf-8")):
        found = read_verdicts(OWN_VERDICTS, weights=weights.removeprefix("sha256:"))
        assert found
        assert set(found) <= asked


@pytest.mark.data
def test_our_own_questions_are_about_all_scenes_and_inside_them(shared_data):
    scenes = read_questions(OWN_QUESTIONS)
    assert {scene.file for scene in scenes} == {path.name for path in (shared_data / "scenes").glob("*.tif")}
    for scene in scenes:
        with RasterSource.open(shared_data / "scenes" / scene.file) as source:
            for view in scene.views:
                assert source.has_data(region_of(source.grid, view.extent_map))
