"""The result layer: what it says of itself, how it is revised, and what it leaves to the user."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from itertools import pairwise

import pytest
from dock_tools import (
    add_raster,
    no_lost_exception,  # noqa: F401 - a fixture
    turn,
    wait_until,
)
from osgeo import gdal, ogr
from qgis.core import (
    NULL,
    QgsGeometry,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProject,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QDateTime, QObject, QSize, Qt
from segment_tools import ORIGIN, batch, found, lower_left, square_wkb, started


@pytest.fixture
def raster(qgis_app, project, tmp_path):
    return add_raster(tmp_path)


@pytest.fixture
def owner(qgis_app):
    """The Qt parent of what a test makes."""
    parent = QObject()
    yield parent
    parent.deleteLater()


@pytest.fixture
def make_result(qgis_app, raster, owner, tmp_path):
    from geophrase.qgis_plugin.core.segment.layer import ResultLayer

    def make(job):
        return ResultLayer(job, raster, folder=tmp_path / "results", parent=owner)

    return make


def fill(app, result, features, job=None, within=None):
    """Makes a whole revision of a result."""
    settled = []
    result.settled.connect(lambda: settled.append(True))
    result.begin_revision(within=within)
    result.add(found(features, job or result.started))
    result.end_revision()
    wait_until(app, lambda: settled)


def test_the_attributes_are_the_engines_schema(qgis_app, make_result):
    from geophrase.qgis_plugin.core.vector.features import SEGMENT_FIELDS

    assert [field.name() for field in SEGMENT_FIELDS()] == [
        "query", "score", "iou_pred", "objectness", "area_m2", "perimeter_m",
        "model", "weights", "source", "created",
    ]  # fmt: skip
    result = make_result(started("ships", "quays"))
    fill(qgis_app, result, batch([(0, 0)], query_index=1))
    (feature,) = result.layer.getFeatures()
    assert feature["query"] == "quays"
    assert (feature["score"], feature["iou_pred"], feature["objectness"]) == (0.5, NULL, 0.75)
    assert (feature["area_m2"], feature["perimeter_m"]) == (1.0, 4.0)
    assert (feature["model"], feature["weights"], feature["source"]) == (
        "rsam_small",
        "5c817ed0",
        "/data/town.tif",
    )
    at = QDateTime.fromString("2026-11-21T16:00:00.250Z", Qt.DateFormat.ISODateWithMs)
    assert feature["created"].toUTC().secsTo(at) == 0  # QGIS 3.22 writes whole seconds
    shape = QgsGeometry()
    shape.fromWkb(square_wkb(*ORIGIN))
    assert feature.geometry().isGeosEqual(shape)


def test_the_run_can_be_repeated_from_the_layer(qgis_app, make_result, tmp_path):
    result = make_result(started("ships", "quays", tile_px=1024))
    run = json.loads(result.layer.customProperty("geophrase/run"))
    assert run == result.started.parameters
    metadata = result.layer.metadata()
    assert json.loads(metadata.history()[-1]) == run
    assert metadata.keywords()["GeoPhrase"] == ["ships", "quays"]
    (path,) = (tmp_path / "results").glob("*.gpkg")
    assert path.name.startswith("ships_quays_")
    dataset = gdal.OpenEx(str(path), gdal.OF_VECTOR)
    # Where engine/vector/run_parameters.py looks:
    assert json.loads(dataset.GetLayerByName("segments").GetMetadataItem("GEOPHRASE_RUN")) == run


def test_the_layer_lies_above_its_raster_in_its_crs(make_result, raster):
    result = make_result(started("ships"))
    assert result.layer.crs() == raster.crs()
    assert QgsProject.instance().layerTreeRoot().layerOrder() == [result.layer, raster]


def test_two_results_differ_in_colour(make_result):
    first, second = make_result(started("ships")), make_result(started("ships"))
    colours = []
    for result in (first, second):
        categories = result.layer.renderer().categories()  # while this list lives, so do its symbols
        colours.append(categories[0].symbol().color().name())
    assert colours[0] != colours[1]


WRITE_AHEAD = b"\x02\x02"


def test_the_file_keeps_its_journal_while_polygons_arrive(qgis_app, make_result):
    """Changed between two slices, it would look empty to who opens it then (sqlite.org/fileformat, 1.3.3)."""
    result = make_result(started("ships"))
    for x in (0, 5, 10):
        fill(qgis_app, result, batch([(x, 0)]))
        path = result.layer.source().split("|")[0]
        with open(path, "rb") as file:
            assert file.read(20)[18:] == WRITE_AHEAD


def test_the_result_is_there_while_the_map_is_drawn(qgis_app, make_result, raster):
    settings = QgsMapSettings()
    settings.setOutputSize(QSize(200, 200))
    settings.setExtent(raster.extent())
    settings.setDestinationCrs(raster.crs())
    for _ in range(40):
        result = make_result(started("ships"))
        settings.setLayers([result.layer])
        drawing = QgsMapRendererParallelJob(settings)
        drawing.start()
        fill(qgis_app, result, batch([(0, 0)], side=20.0))
        assert len(list(result.layer.getFeatures())) == 1
        drawing.waitForFinished()


def test_a_revision_changes_only_what_differs(qgis_app, make_result):
    result = make_result(started("ships"))
    fill(qgis_app, result, batch([(0, 0), (5, 0), (10, 0)]))
    ids = {feature.id() for feature in result.layer.getFeatures()}
    fill(qgis_app, result, batch([(5, 0), (10, 0), (15, 0)]))
    assert lower_left(result.layer) == [(5, 0), (10, 0), (15, 0)]
    assert len(ids & {feature.id() for feature in result.layer.getFeatures()}) == 2
    assert result.num_polygons == 3


def test_a_revision_of_a_part_leaves_the_rest(qgis_app, make_result):
    from qgis.core import QgsRectangle

    result = make_result(started("ships"))
    fill(qgis_app, result, batch([(0, 0), (5, 0), (50, 0)]))
    near = QgsRectangle(ORIGIN[0] - 1, ORIGIN[1] - 1, ORIGIN[0] + 10, ORIGIN[1] + 10)
    fill(qgis_app, result, batch([(2, 0)]), within=near)
    assert lower_left(result.layer) == [(2, 0), (50, 0)]


def test_a_revision_that_is_replaced_before_its_end_removes_nothing(qgis_app, make_result):
    result = make_result(started("ships"))
    fill(qgis_app, result, batch([(0, 0), (5, 0)]))
    result.begin_revision()
    result.begin_revision()
    turn(qgis_app)
    assert lower_left(result.layer) == [(0, 0), (5, 0)]


def test_polygons_told_again_after_a_restart_are_there_once(qgis_app, make_result):
    job = started("ships")
    result = make_result(job)
    result.begin_revision()
    result.add(found(batch([(0, 0), (5, 0)]), job))
    turn(qgis_app)
    fill(qgis_app, result, batch([(0, 0), (5, 0), (10, 0)]))
    assert lower_left(result.layer) == [(0, 0), (5, 0), (10, 0)]


@pytest.mark.parametrize("is_saved", [True, False], ids=["saved", "unsaved"])
def test_what_the_user_changed_outlasts_a_revision(qgis_app, make_result, is_saved):
    result = make_result(started("ships"))
    fill(qgis_app, result, batch([(0, 0), (5, 0), (10, 0)]))
    layer = result.layer
    by_x = {
        feature.geometry().boundingBox().xMinimum() - ORIGIN[0]: feature for feature in layer.getFeatures()
    }
    moved = QgsGeometry()
    moved.fromWkb(square_wkb(ORIGIN[0] + 0.2, ORIGIN[1]))
    layer.startEditing()
    layer.changeGeometry(by_x[0.0].id(), moved)
    layer.deleteFeature(by_x[5.0].id())
    if is_saved:
        assert layer.commitChanges()
    # The changed one is found again as it was and a little larger; the deleted one as it was; one is gone.
    fill(qgis_app, result, batch([(0, 0), (5, 0)]))
    fill(qgis_app, result, batch([(-0.05, 0)], side=1.1))
    fill(qgis_app, result, batch([(0, 0), (5, 0)]))
    assert lower_left(layer) == [pytest.approx((0.2, 0))]
    if not is_saved:
        assert layer.commitChanges(), layer.commitErrors()
        assert lower_left(layer) == [pytest.approx((0.2, 0))]


def test_the_users_polygon_of_another_query_hides_nothing(qgis_app, make_result):
    result = make_result(started("ships", "quays"))
    fill(qgis_app, result, batch([(0, 0)]))
    layer = result.layer
    (feature,) = layer.getFeatures()
    layer.startEditing()
    layer.changeAttributeValue(feature.id(), layer.fields().lookupField("query"), "boats")
    assert layer.commitChanges()
    fill(qgis_app, result, batch([(0, 0.1)]))
    assert sorted(each["query"] for each in layer.getFeatures()) == ["boats", "ships"]


def test_many_polygons_do_not_freeze_qgis(qgis_app, make_result):
    side = 150
    corners = [(3.0 * column, 3.0 * row) for row in range(side) for column in range(side)]
    job = started("ships")
    features = found(batch(corners), job)
    result = make_result(job)
    settled, longest_s = [], 0.0
    result.settled.connect(lambda: settled.append(True))
    result.begin_revision()
    result.add(features)
    result.end_revision()
    while not settled:
        begin = time.perf_counter()
        qgis_app.processEvents()
        longest_s = max(longest_s, time.perf_counter() - begin)
    assert result.layer.featureCount() == side * side
    assert longest_s < 1.0, "a freeze that is felt; slices take 20 to 50 ms on a free machine"


def test_a_crash_of_qgis_loses_nothing_that_was_shown(make_result, repository, tmp_path):
    script = f"""
import os, sys
sys.path[:0] = [{str(repository / "tests/qgis_plugin/in_qgis")!r}, {str(repository / "build/plugins")!r}]
from pathlib import Path
from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QObject
app = QgsApplication([], True, {str(tmp_path / "profile")!r}); app.initQgis()
from dock_tools import add_raster, wait_until
from segment_tools import batch, found, started
from geophrase.qgis_plugin.core.segment.layer import ResultLayer
folder = Path({str(tmp_path)!r})
owner, job = QObject(), started("ships")
result = ResultLayer(job, add_raster(folder, "lost"), folder=folder / "lost", parent=owner)
result.begin_revision()
result.add(found(batch([(3.0 * at, 0.0) for at in range(1000)]), job))
wait_until(app, lambda: result.layer.featureCount() == 1000)
os.kill(os.getpid(), 9)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == -9, done.stderr
    (path,) = (tmp_path / "lost").glob("*.gpkg")
    layer = QgsVectorLayer(f"{path}|layername=segments", "lost", "ogr")
    assert layer.featureCount() == 1000


def test_a_result_that_cannot_be_kept_is_explained(raster, owner, tmp_path):
    from geophrase.qgis_plugin.core.segment.layer import ResultLayer
    from geophrase.qgis_plugin.core.segment.result_file import ResultError

    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    with pytest.raises(ResultError, match="can't be written"):
        ResultLayer(started("ships"), raster, folder=blocked, parent=owner)


def test_polygons_that_do_not_fit_on_the_disk_are_explained(qgis_app, make_result):
    resource = pytest.importorskip("resource", reason="the system limits no file's size")
    result, told = make_result(started("ships")), []
    result.failed.connect(told.append)
    result.begin_revision()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, limits[1]))
    try:
        result.add(found(batch([(x, 0) for x in range(2000)]), result.started))
        wait_until(qgis_app, lambda: told)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "can't be written (OGR error" in told[0], "the system's reason is named"


def test_a_discarded_result_leaves_no_file(qgis_app, make_result, raster, tmp_path):
    result = make_result(started("ships"))
    result.discard()
    turn(qgis_app)
    assert not list((tmp_path / "results").iterdir())
    assert list(QgsProject.instance().mapLayers().values()) == [raster]


def test_the_outline_becomes_part_of_the_run(make_result, tmp_path):
    from geophrase.protocol.jobs import Outline

    result = make_result(started("ships", tile_px=512))
    result.set_outline(Outline(threshold=0.75, min_area_m2=3.0))
    run = json.loads(result.layer.customProperty("geophrase/run"))
    assert (run["threshold"], run["min_area_m2"], run["tile_px"]) == (0.75, 3.0, 512)
    (path,) = (tmp_path / "results").glob("*.gpkg")
    source = ogr.Open(str(path))
    assert json.loads(source.GetLayerByName("segments").GetMetadataItem("GEOPHRASE_RUN")) == run


def test_the_area_slider_has_even_steps():
    from geophrase.qgis_plugin.core.segment.area_scale import MAX_AREA_STEP, area_of_step, step_of_area

    areas = [area_of_step(step) for step in range(1, MAX_AREA_STEP + 1)]
    assert area_of_step(0) is None
    assert (areas[0], areas[-1]) == (pytest.approx(0.1), pytest.approx(1e5))
    ratios = [after / before for before, after in pairwise(areas)]
    assert 1.3 < min(ratios) <= max(ratios) < 1.7
    assert [step_of_area(area) for area in areas] == list(range(1, MAX_AREA_STEP + 1))
    assert step_of_area(None) == step_of_area(0.0) == 0
    assert step_of_area(1e9) == MAX_AREA_STEP
