"""Segment by points and boxes, in real Processing with a scripted engine that draws known shapes."""

from __future__ import annotations

import math
import threading
import time

import pytest
from osgeo import gdal
from processing_layers import (
    LONLAT,
    UTM,
    Told,
    features_in,
    layer_of,
)
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingFeatureSourceDefinition,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)
from rasters import ROTATED, numbered, write_raster

pytest_plugins = ["processing_fixtures"]

ALGORITHM = "geophrase:segmentbyprompts"
LEFT, TOP = 500_000.0, 5_540_000.0
RADIUS_PX = 24


def at(x: float, y: float) -> QgsGeometry:
    """A point so many metres right of and below the corner of the rasters here."""
    return QgsGeometry.fromPointXY(QgsPointXY(LEFT + x, TOP - y))


def shape_of(*corners: tuple[float, float]) -> QgsGeometry:
    """A polygon, in metres right of and below the corner."""
    return QgsGeometry.fromPolygonXY([[QgsPointXY(LEFT + x, TOP - y) for x, y in corners]])


@pytest.fixture
def plain(tmp_path) -> str:
    """A raster of 4000 x 3000 pixels of 1 m, which has several crops."""
    path = str(tmp_path / "plain.tif")
    options = ["SPARSE_OK=TRUE", "TILED=YES"]
    dataset = gdal.GetDriverByName("GTiff").Create(path, 4000, 3000, 3, gdal.GDT_Byte, options)
    dataset.SetGeoTransform((LEFT, 1, 0, TOP, 0, -1))
    dataset.SetProjection(QgsCoordinateReferenceSystem(UTM).toWkt())
    del dataset
    return path


@pytest.fixture
def run(processing, provider, project, tmp_path):
    """Runs the algorithm; gives the features of its output."""

    def run_it(raster, feedback=None, **parameters):
        for name in ("POINTS", "BOXES"):
            if isinstance(parameters.get(name), QgsVectorLayer):
                project.addMapLayer(parameters[name])
                parameters[name] = parameters[name].id()
        output = str(tmp_path / "found.gpkg")
        given = {"INPUT": raster, "OUTPUT": output, **parameters}
        processing.run(ALGORITHM, given, feedback=feedback or Told())
        return features_in(output)

    return run_it


def _prompts(engine) -> list[dict[str, dict]]:
    """The prompts of every request, by their types."""
    messages = [entry["message"] for entry in engine.requests("predict")]
    return [{prompt["type"]: prompt for prompt in message["prompts"]} for message in messages]


def _windows(engine) -> list[tuple[int, int, int]]:
    """Column, row and width of every window that was opened."""
    windows = [entry["message"]["window"] for entry in engine.requests("open_session")]
    return [(window["col"], window["row"], window["width"]) for window in windows]


def test_every_point_is_an_object_where_it_lies(run, town):
    places = [(50, 60), (200, 210.5), (333.25, 380)]
    points = layer_of("Point", [[at(*place)] for place in places], crs=LONLAT)

    features = run(town, POINTS=points)

    assert [feature["prompt_fid"] for feature in features] == [1, 2, 3]
    assert {feature["prompt"] for feature in features} == {"points"}
    for feature, (x, y) in zip(features, places, strict=True):
        centre = feature.geometry().centroid().asPoint()
        assert (centre.x(), centre.y()) == pytest.approx((LEFT + x, TOP - y), abs=0.01)
        assert feature.geometry().area() == pytest.approx(math.pi * RADIUS_PX**2, rel=0.01)
        assert feature["area_m2"] == pytest.approx(feature.geometry().area())
        assert (feature["model"], feature["source"], feature["object"]) == ("scripted", town, None)


def test_objects_near_each_other_share_an_image_and_others_do_not_change_it(run, plain, engine):
    near, beside, far = at(700, 700), at(600, 650), at(3500, 2500)

    assert len(run(plain, POINTS=layer_of("Point", [[near], [far], [beside]]))) == 3
    together = _windows(engine)
    run(plain, POINTS=layer_of("Point", [[near]]))
    alone = _windows(engine)[len(together) :]

    assert len(together) == 2
    assert alone == together[:1]
    assert len(engine.requests("close_session")) == 3
    col, row, width = together[0]
    assert col + width / 4 <= 700 <= col + width * 3 / 4
    assert row + width / 4 <= 700 <= row + width * 3 / 4


def test_the_object_field_gathers_points_and_the_label_field_says_which_are_beside_it(run, town, engine):
    rows = [(at(100, 100), "a", 1), (at(300, 300), "b", 1), (at(120, 100), "a", 1), (at(110, 100), "a", 0)]
    points = layer_of("Point", rows, fields=[("tree", "string"), ("on", "integer")])

    features = run(town, POINTS=points, POINT_OBJECT="tree", POINT_LABEL="on")

    asked = _prompts(engine)
    assert [prompts["points"]["labels"] for prompts in asked] == [[1, 1, 0], [1]]
    assert asked[0]["points"]["points_pix"] == [
        pytest.approx(place, abs=1e-6) for place in [(100, 100), (120, 100), (110, 100)]
    ]
    assert [(feature["object"], feature["prompt_fid"]) for feature in features] == [("a", 1), ("b", 2)]
    assert not features[0].geometry().contains(at(110, 100))
    assert features[0].geometry().contains(at(95, 100))


def test_the_points_of_a_multipoint_mark_one_object(run, town, engine):
    both = QgsGeometry.fromMultiPointXY([at(100, 100).asPoint(), at(140, 100).asPoint()])

    assert len(run(town, POINTS=layer_of("MultiPoint", [[both]]))) == 1

    assert _prompts(engine)[0]["points"]["labels"] == [1, 1]


def test_a_polygon_stands_for_its_bounding_box(run, town, engine):
    boxes = layer_of("Polygon", [[shape_of((100, 50), (200, 120), (60, 130))]], crs=LONLAT)

    (feature,) = run(town, BOXES=boxes)

    assert _prompts(engine)[0]["box"]["box_pix"] == pytest.approx((60, 50, 200, 130), abs=0.01)
    box = feature.geometry().boundingBox()
    found = box.xMinimum() - LEFT, TOP - box.yMaximum(), box.xMaximum() - LEFT, TOP - box.yMinimum()
    assert found == pytest.approx((60, 50, 200, 130), abs=0.01)
    assert (feature["prompt"], feature["prompt_fid"]) == ("boxes", 1)


def test_on_a_rotated_raster_the_box_is_tight_in_the_image(run, engine, tmp_path):
    path = write_raster(tmp_path / "rotated.tif", numbered(300, 300), transform=ROTATED, epsg=32632)
    corners_pix = [(50, 60), (90, 60), (90, 120), (50, 120)]
    a, b = 0.8, 0.6  # of ROTATED: x = a col + b row, y = b col - a row
    corners = [(a * col + b * row, -(b * col - a * row)) for col, row in corners_pix]

    run(path, BOXES=layer_of("Polygon", [[shape_of(*corners)]]))

    assert _prompts(engine)[0]["box"]["box_pix"] == pytest.approx((50, 60, 90, 120), abs=1e-6)


def test_a_point_and_a_box_of_the_same_object_are_asked_together(run, town, engine):
    points = layer_of("Point", [(at(100, 100), 7, 0)], fields=[("nr", "integer"), ("on", "integer")])
    box = shape_of((80, 80), (140, 80), (140, 140), (80, 140))
    boxes = layer_of("Polygon", [(box, 7)], fields=[("house", "integer")])

    (feature,) = run(
        town, POINTS=points, POINT_OBJECT="nr", POINT_LABEL="on", BOXES=boxes, BOX_OBJECT="house"
    )

    (asked,) = _prompts(engine)
    assert set(asked) == {"points", "box"}
    assert feature["object"] == "7"


def test_a_phrase_comes_from_the_field_or_else_from_the_parameter(run, town, engine):
    rows = [(at(100, 100), "large  tree"), (at(200, 200), None)]
    points = layer_of("Point", rows, fields=[("what", "string")])

    features = run(town, POINTS=points, POINT_QUERY="what", QUERY="house")

    assert [prompts["text"]["text"] for prompts in _prompts(engine)] == ["large tree", "house"]
    assert [feature["query"] for feature in features] == ["large tree", "house"]


def test_what_was_chosen_reaches_the_engine(run, plain, engine):
    run(
        plain,
        POINTS=layer_of("Point", [[at(1500, 1500)]]),
        MODEL="rsam_small",
        BANDS=[2],
        RESOLUTION=2.0,
        THRESHOLD=0.7,
        MIN_AREA=3.0,
        SIMPLIFY=0.5,
    )

    opened = engine.requests("open_session")[0]["message"]
    assert (opened["model"], opened["source"]["bands"], opened["shape_yx"]) == (
        "rsam_small",
        [2],
        [1024, 1024],
    )
    assert opened["window"]["width"] == 2048
    asked = engine.requests("predict")[0]["message"]
    assert (asked["threshold"], asked["min_area_m2"], asked["simplify_m"]) == (0.7, 3.0, 0.5)


def test_a_box_larger_than_an_image_is_shown_coarser(run, plain, engine):
    run(plain, BOXES=layer_of("Polygon", [[shape_of((500, 500), (2000, 500), (2000, 1000))]]))

    assert _windows(engine) == [(500 - 188, 0, 1500 * 5 / 4)]


def test_objects_beside_the_raster_are_told_and_left_out(run, town):
    told = Told()

    features = run(town, told, POINTS=layer_of("Point", [[at(100, 100)], [at(-5, 100)], [at(100, 900)]]))

    assert [feature["prompt_fid"] for feature in features] == [1]
    assert told.warnings == ["Objects left out because they lie beside the raster: 2."]


def test_objects_that_nothing_marks_are_told_and_left_out(run, town):
    rows = [(at(100, 100), 1), (at(200, 200), 0), (QgsGeometry(), 1)]
    told = Told()

    features = run(town, told, POINTS=layer_of("Point", rows, fields=[("on", "integer")]), POINT_LABEL="on")

    assert [feature["prompt_fid"] for feature in features] == [1]
    assert told.warnings == [
        "Features left out because they have no geometry in the raster's coordinates: 1.",
        "Objects left out because they have only points beside them: 1.",
    ]


@pytest.mark.parametrize(
    ("row", "sentence"),
    [((at(-50, 100), 1), "lie beside the raster"), ((at(100, 100), 2), "has the label '2'")],
)
def test_marks_that_make_no_sense_are_refused(run, town, row, sentence):
    points = layer_of("Point", [row], fields=[("on", "integer")])

    with pytest.raises(QgsProcessingException, match=sentence):
        run(town, POINTS=points, POINT_LABEL="on")


def test_a_field_that_is_not_there_is_named(run, town):
    points = layer_of("Point", [(at(100, 100), 1)], fields=[("on", "integer")])

    with pytest.raises(QgsProcessingException, match="There is no field tree; the layer has on"):
        run(town, POINTS=points, POINT_OBJECT="tree")


def test_without_a_layer_nothing_is_marked(provider, town):
    algorithm = QgsApplication.processingRegistry().createAlgorithmById(ALGORITHM)

    is_valid, message = algorithm.checkParameterValues(
        {"INPUT": town, "OUTPUT": "memory:"}, QgsProcessingContext()
    )

    assert not is_valid
    assert "Nothing is marked." in message


def test_only_selected_points_are_used_where_that_is_asked(run, town, project):
    points = layer_of("Point", [[at(100, 100)], [at(200, 200)]])
    points.selectByIds([2])
    project.addMapLayer(points)
    selected = QgsProcessingFeatureSourceDefinition(points.id(), True)
    boxes = layer_of("Polygon", [[shape_of((300, 300), (320, 300), (320, 320))]])

    features = run(town, BOXES=boxes, POINTS=selected)

    assert sorted((feature["prompt"], feature["prompt_fid"]) for feature in features) == [
        ("boxes", 1),
        ("points", 2),
    ]


def test_after_an_engine_death_every_object_is_there_once(run, plain, fresh_engine):
    fresh_engine.script({"on": "predict", "life": 1, "skip": 2, "exit": 9})
    places = [(700, 700), (720, 700), (740, 700), (3500, 2500)]

    features = run(plain, POINTS=layer_of("Point", [[at(*place)] for place in places]))

    assert [feature["prompt_fid"] for feature in features] == [1, 2, 3, 4]
    assert fresh_engine.num_starts == 2


def test_an_image_without_data_costs_only_its_own_objects(run, plain, engine):
    failure = {"code": "no_data", "message": "There is no data here."}
    engine.script({"on": "open_session", "times": 1, "fail": failure})
    told = Told()

    features = run(plain, told, POINTS=layer_of("Point", [[at(700, 700)], [at(3500, 2500)]]))

    assert [feature["prompt_fid"] for feature in features] == [2]
    assert told.warnings == ["Objects left out because the raster has no data around them: 1."]


def test_a_failure_says_the_engine_s_sentence_and_keeps_what_was_outlined(run, town, fresh_engine, tmp_path):
    failure = {"code": "internal", "message": "The model broke; restart the engine."}
    fresh_engine.script({"on": "predict", "skip": 1, "fail": failure})

    with pytest.raises(QgsProcessingException, match="The model broke; restart the engine"):
        run(town, POINTS=layer_of("Point", [[at(100, 100)], [at(200, 200)]]))

    assert [feature["prompt_fid"] for feature in features_in(str(tmp_path / "found.gpkg"))] == [1]


def test_a_cancelled_run_keeps_what_was_outlined(run, town, engine):
    points = layer_of("Point", [[at(20 * number, 100)] for number in range(1, 11)])

    features = run(town, Told(cancel_at_progress=30), POINTS=points)

    assert len(features) == len(engine.requests("predict")) == 3


def test_cancelling_does_not_wait_for_the_engine_to_start(run, town, fresh_engine):
    fresh_engine.script(start={"delay_s": 20})
    told = Told()
    threading.Timer(0.5, told.cancel).start()
    start_s = time.monotonic()

    assert run(town, told, POINTS=layer_of("Point", [[at(100, 100)]])) == []

    assert time.monotonic() - start_s < 10
    assert told.errors == []


def test_a_layer_that_qgis_draws_is_sent_as_pixels(run, town, project, engine):
    layer = QgsRasterLayer(town, "shaded")
    layer.dataProvider().setUserNoDataValue(1, [])
    layer.renderer().setAlphaBand(1)  # which the file does not call transparency: QGIS has to draw it
    project.addMapLayer(layer)

    (feature,) = run(layer.id(), POINTS=layer_of("Point", [[at(100, 100)]]))

    opened = engine.requests("open_session")[0]
    assert opened["message"]["source"]["type"] == "pixels"
    assert opened["arrays"] == {"image_HWC": [1024, 1024, 3], "valid_HW": [1024, 1024]}
    centre = feature.geometry().centroid().asPoint()
    assert (centre.x(), centre.y()) == pytest.approx((LEFT + 100, TOP - 100), abs=0.01)
    assert (feature["source"], len(QgsProject.instance().mapLayers())) == ("shaded", 2)
