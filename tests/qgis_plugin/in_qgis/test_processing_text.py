"""Segment by text, in real Processing with a scripted engine: what is asked, what comes out, how it ends."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from osgeo import osr
from processing_layers import (
    LONLAT,
    UTM,
    Told,
    features_in,
    layer_of,
    scripted_shapes,
    shapes_of,
    wait_for,
)
from qgis.core import (
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsGeometry,
    QgsPointXY,
    QgsProcessingAlgRunnerTask,
    QgsProcessingContext,
    QgsProcessingException,
    QgsProcessingOutputLayerDefinition,
    QgsProject,
    QgsRasterLayer,
    QgsSingleBandPseudoColorRenderer,
    QgsVectorLayer,
)
from rasters import numbered, write_raster
from tile_server import TileServer

from geophrase.qgis_plugin.core.segment.layer import RUN_PROPERTY

pytest_plugins = ["processing_fixtures"]

ALGORITHM = "geophrase:segmentbytext"
QUERIES = ("roofs", "storage tanks")


@pytest.fixture
def run(processing, provider, tmp_path):
    """Runs the algorithm; gives the path of its output."""

    def run_it(raster, feedback=None, **parameters):
        output = str(tmp_path / "found.gpkg")
        given = {"INPUT": raster, "QUERIES": "; ".join(QUERIES), "OUTPUT": output, **parameters}
        processing.run(ALGORITHM, given, feedback=feedback or Told())
        return output

    return run_it


def _request(engine, number: int = -1) -> dict:
    return engine.requests("run_job")[number]["message"]


def test_the_output_has_the_schema_and_lies_where_the_engine_found_it(run, town):
    output = run(town)

    layer = QgsVectorLayer(output, "found")
    assert [field.name() for field in layer.fields()] == (
        "fid query score iou_pred objectness area_m2 perimeter_m model weights source created".split()
    )
    assert layer.crs().authid() == UTM
    assert shapes_of(layer.getFeatures()) == scripted_shapes(QUERIES)
    feature = next(layer.getFeatures())
    assert 0.5 <= feature["score"] < 1
    assert feature["area_m2"] == pytest.approx(feature.geometry().area())
    assert (feature["model"], feature["created"].date().year()) == ("scripted", 2026)


def test_the_run_is_kept_in_the_geopackage_as_the_engine_keeps_it(run, town):
    from osgeo import ogr

    dataset = ogr.Open(run(town))

    assert json.loads(dataset.GetLayer(0).GetMetadataItem("GEOPHRASE_RUN"))["queries"] == list(QUERIES)


@pytest.mark.parametrize("suffix", ["geojson", "shp", "fgb"])
def test_any_format_takes_the_polygons(run, town, tmp_path, suffix):
    output = str(tmp_path / f"found.{suffix}")

    run(town, OUTPUT=output, QUERIES="roofs")

    assert shapes_of(features_in(output)) == scripted_shapes(["roofs"])


def test_lines_and_semicolons_are_categories_of_one_job(run, town, engine):
    run(town, QUERIES="roofs\n\nlarge  trees; roofs ;")

    assert len(engine.requests("run_job")) == 1
    assert [query["text"] for query in _request(engine)["queries"]] == ["roofs", "large trees"]


def test_what_was_chosen_reaches_the_engine(run, town, engine):
    run(
        town,
        MODEL="rsam_small",
        BANDS=[3, 2, 1],
        RESOLUTION=2.5,
        THRESHOLD=0.6,
        MIN_AREA=12.5,
        SIMPLIFY=1.5,
        ONE_IMAGE=True,
    )

    asked = _request(engine)
    assert asked["source"] == {"type": "file", "path": town, "bands": [3, 2, 1], "resolution_m": 2.5}
    assert asked["outline"] == {"threshold": 0.6, "min_area_m2": 12.5, "simplify_m": 1.5}
    assert (asked["model"], asked["is_one_window"], asked["extent_map"]) == ("rsam_small", True, None)


def test_nothing_chosen_leaves_it_to_the_engine(run, town, engine):
    run(town)

    asked = _request(engine)
    assert asked["source"] == {"type": "file", "path": town, "bands": [1, 2, 3], "resolution_m": None}
    assert asked["outline"] == {"threshold": 0.5, "min_area_m2": None, "simplify_m": None}
    assert (asked["model"], asked["is_one_window"]) == (None, False)


def test_an_extent_of_another_coordinate_system_is_transformed(run, town, engine):
    run(town, EXTENT="9.001,9.003,50.009,50.010 [EPSG:4326]")

    lonlat, utm = osr.SpatialReference(), osr.SpatialReference()
    lonlat.ImportFromEPSG(4326)
    utm.ImportFromEPSG(32632)
    lonlat.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    to_utm = osr.CoordinateTransformation(lonlat, utm)
    corners = [to_utm.TransformPoint(x, y)[:2] for x in (9.001, 9.003) for y in (50.009, 50.010)]
    (xmin, ymin), (xmax, ymax) = np.min(corners, axis=0), np.max(corners, axis=0)
    assert _request(engine)["extent_map"] == pytest.approx([xmin, ymin, xmax, ymax], abs=0.01)


def test_the_extent_of_a_layer_in_another_coordinate_system(run, town, engine):
    square = QgsGeometry.fromPolygonXY(
        [[QgsPointXY(500_100, 5_539_700), QgsPointXY(500_200, 5_539_700), QgsPointXY(500_200, 5_539_800)]]
    )
    layer = layer_of("Polygon", [[square]], crs=LONLAT)
    QgsProject.instance().addMapLayer(layer)

    run(town, EXTENT=layer.id())

    expected = [500_100, 5_539_700, 500_200, 5_539_800]
    assert _request(engine)["extent_map"] == pytest.approx(expected, abs=1.0)


def test_a_layer_that_qgis_draws_is_sent_in_metres_on_the_ground(run, engine, tmp_path):
    # Pixels of 1e-5 degrees at 60 degrees north: 1.11 m by 0.56 m.
    transform = (10.0, 1e-5, 0.0, 60.0, 0.0, -1e-5)
    path = write_raster(tmp_path / "heat.tif", numbered(100, 80)[:1], transform=transform, epsg=4326)
    layer = QgsRasterLayer(path, "heat")
    layer.setRenderer(QgsSingleBandPseudoColorRenderer(layer.dataProvider(), 1))
    layer.renderer().setShader(_shader())
    QgsProject.instance().addMapLayer(layer)

    output = run(layer.id(), RESOLUTION=2.0)

    grid = engine.requests("begin_upload")[0]["message"]["grid"]
    height_m, width_m = 111_412.0, 55_800.0  # of a degree at 60 degrees north, to four digits
    expected = 2.0 / math.sqrt(height_m * width_m)
    assert grid["map_from_pix"][0] == pytest.approx(expected, rel=1e-3)
    box = QgsVectorLayer(output, "found").extent()
    assert 10.0 < box.xMinimum() < box.xMaximum() < 10.001
    assert 59.9992 < box.yMinimum() < box.yMaximum() < 60.0


def test_a_layer_in_the_coordinates_of_a_site_is_sent_in_its_own_units(run, engine, tmp_path):
    """No ellipsoid belongs to such a system, so nothing can be measured on one."""
    transform = (100.0, 1.0, 0.0, 900.0, 0.0, -1.0)
    path = write_raster(tmp_path / "site.tif", numbered(100, 80)[:1], transform=transform)
    layer = QgsRasterLayer(path, "site")
    layer.setRenderer(QgsSingleBandPseudoColorRenderer(layer.dataProvider(), 1))
    layer.renderer().setShader(_shader())
    layer.setCrs(QgsCoordinateReferenceSystem.fromWkt('LOCAL_CS["site",UNIT["foot",0.3048]]'))
    QgsProject.instance().addMapLayer(layer)

    run(layer.id(), RESOLUTION=0.6096)

    grid = engine.requests("begin_upload")[0]["message"]["grid"]
    assert grid["map_from_pix"][0] == pytest.approx(2.0)


def _shader():
    from qgis.core import QgsColorRampShader, QgsRasterShader
    from qgis.PyQt.QtGui import QColor

    ramp = QgsColorRampShader(0, 255)
    ramp.setColorRampItemList(
        [
            QgsColorRampShader.ColorRampItem(0, QColor(0, 0, 255)),
            QgsColorRampShader.ColorRampItem(255, QColor(255, 0, 0)),
        ]
    )
    shader = QgsRasterShader()
    shader.setRasterShaderFunction(ramp)
    return shader


def test_tiles_from_the_web_need_a_resolution(run, project):
    uri = "type=xyz&url=http://127.0.0.1:9/{z}/{x}/{y}.png&zmin=0&zmax=18"
    layer = QgsRasterLayer(uri, "tiles", "wms")
    project.addMapLayer(layer)

    with pytest.raises(QgsProcessingException, match="Give a working resolution"):
        run(layer.id())


@pytest.fixture
def tiles():
    server = TileServer()
    yield server
    server.close()


EXTENT_OF_TILES = (1_000_000.0, 6_000_000.0, 1_000_500.0, 6_000_400.0)


def test_tiles_from_the_web_are_sent_while_the_main_thread_waits(run, tiles, project, engine):
    """As in a batch, a script or qgis_process, which run algorithms in the main thread."""
    layer = QgsRasterLayer(tiles.xyz, "tiles", "wms")
    project.addMapLayer(layer)
    xmin, ymin, xmax, ymax = EXTENT_OF_TILES

    output = run(layer.id(), RESOLUTION=1.0, EXTENT=f"{xmin},{xmax},{ymin},{ymax} [EPSG:3857]")

    assert tiles.asked
    assert engine.requests("put_upload")
    (begun,) = engine.requests("begin_upload")
    grid = begun["message"]["grid"]
    # A metre on the ground at 47.4 degrees north is 1 / cos(latitude) = 1.478 units of Web Mercator.
    assert grid["map_from_pix"][0] == pytest.approx(1.478, rel=0.003)
    box = QgsVectorLayer(output, "found").extent()
    assert xmin - 2 < box.xMinimum() < box.xMaximum() < xmax + 2
    assert ymin - 2 < box.yMinimum() < box.yMaximum() < ymax + 2


def test_tiles_from_the_web_in_the_background(processing, provider, tiles, project, qgis_app, engine):
    layer = QgsRasterLayer(tiles.xyz, "tiles", "wms")
    project.addMapLayer(layer)
    xmin, ymin, xmax, ymax = EXTENT_OF_TILES
    parameters = {"INPUT": layer.id(), "QUERIES": "roofs", "RESOLUTION": 1.0, "OUTPUT": "memory:"}
    parameters["EXTENT"] = f"{xmin},{xmax},{ymin},{ymax} [EPSG:3857]"

    assert _run_in_background(parameters, project, qgis_app, Told())[0]

    assert tiles.asked
    assert engine.requests("put_upload")


def test_after_an_engine_death_every_polygon_is_there_once(run, town, fresh_engine):
    fresh_engine.script({"on": "run_job", "life": 1, "after_events": 5, "exit": 9})
    told = Told()

    output = run(town, told)

    assert shapes_of(features_in(output)) == scripted_shapes(QUERIES)
    assert fresh_engine.num_starts == 2
    assert "started again" in told.warnings[0]


def test_notices_are_warnings_and_counts_are_told(run, town, engine):
    engine.script({"on": "run_job", "after_events": 2, "notice": "The memory was short."})
    told = Told()

    run(town, told)

    assert told.warnings == ["The memory was short."]
    num_roofs = sum(query == "roofs" for query, _ in scripted_shapes(QUERIES))
    assert f"Polygons of roofs: {num_roofs}" in told.infos
    assert told.progress == sorted(told.progress)
    assert told.progress[-1] == 100


def test_a_failure_says_the_engine_s_sentence_and_keeps_what_was_found(run, town, engine, tmp_path):
    failure = {"code": "raster_unreadable", "message": "The disk failed; copy the raster and try again."}
    engine.script({"on": "run_job", "after_events": 5, "fail": failure})

    with pytest.raises(QgsProcessingException, match="The disk failed; copy the raster"):
        run(town)

    kept = shapes_of(features_in(str(tmp_path / "found.gpkg")))
    assert 0 < len(kept) < len(scripted_shapes(QUERIES))
    assert set(kept) < set(scripted_shapes(QUERIES))


def test_a_cancelled_run_keeps_what_was_found(run, town, engine):
    engine.script({"on": "run_job", "after_events": 5, "hang": True})
    told = Told(cancel_at_progress=50)

    output = run(town, told)

    kept = shapes_of(features_in(output))
    assert kept
    assert set(kept) < set(scripted_shapes(QUERIES))
    assert f"Cancelled. Polygons found so far, which are kept: {len(kept)}." in told.infos
    assert engine.requests("cancel_job")


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"QUERIES": " ; \n"}, "There is no query."),
        ({"BANDS": [1, 2]}, "2 bands are chosen."),
        ({"THRESHOLD": 1.5}, "Incorrect parameter value for THRESHOLD"),
        ({"QUERIES": "x" * 501}, "A phrase has 501 characters."),
    ],
)
def test_wrong_parameters_are_refused_before_the_engine_starts(provider, town, engine, parameters, sentence):
    algorithm = QgsApplication.processingRegistry().createAlgorithmById(ALGORITHM)
    given = {"INPUT": town, "QUERIES": "roofs", "OUTPUT": "memory:", **parameters}

    is_valid, message = algorithm.checkParameterValues(given, QgsProcessingContext())

    assert not is_valid
    assert sentence in message
    assert engine.num_starts == 0


def test_an_output_that_cannot_be_written_is_told_before_the_search(run, town, engine):
    with pytest.raises(QgsProcessingException, match="/nowhere/at/all"):
        run(town, OUTPUT="/nowhere/at/all/found.gpkg")

    assert engine.requests("run_job") == []


def test_in_the_background_the_result_is_loaded_and_styled_by_query(
    processing, provider, town, qgis_app, project
):
    from processing.gui.Postprocessing import handleAlgorithmResults

    told = Told()
    parameters = {"INPUT": town, "QUERIES": "; ".join(QUERIES)}
    parameters["OUTPUT"] = QgsProcessingOutputLayerDefinition("memory:", project)

    is_done, algorithm, context = _run_in_background(parameters, project, qgis_app, told)
    handleAlgorithmResults(algorithm, context, told)

    assert is_done
    (layer,) = (layer for layer in project.mapLayers().values() if isinstance(layer, QgsVectorLayer))
    assert layer.name() == "roofs; storage tanks"
    assert [category.value() for category in layer.renderer().categories()][:2] == list(QUERIES)
    assert json.loads(layer.customProperty(RUN_PROPERTY))["queries"] == list(QUERIES)
    assert shapes_of(layer.getFeatures()) == scripted_shapes(QUERIES)


def _run_in_background(parameters, project, app, told):
    """Runs the algorithm as the toolbox does: whether it succeeded, the algorithm and its context."""
    algorithm = QgsApplication.processingRegistry().createAlgorithmById(ALGORITHM)
    context = QgsProcessingContext()
    context.setProject(project)
    task = QgsProcessingAlgRunnerTask(algorithm, parameters, context, told)
    ended = []
    task.executed.connect(lambda is_done, results: ended.append(is_done))
    QgsApplication.taskManager().addTask(task)
    wait_for(app, lambda: ended)
    return ended[0], algorithm, context
