"""Polygonise probabilities, in real Processing with a scripted engine."""

from __future__ import annotations

from pathlib import Path

import pytest
from osgeo import gdal
from processing_layers import LONLAT, UTM, Told, features_in, layer_of, scripted_shapes, shapes_of
from qgis.core import (
    QgsGeometry,
    QgsPointXY,
    QgsProcessingException,
    QgsRasterLayer,
    QgsSingleBandPseudoColorRenderer,
    QgsVectorLayer,
)
from rasters import numbered, write_raster

pytest_plugins = ["processing_fixtures"]

ALGORITHM = "geophrase:polygonise"


@pytest.fixture
def run(processing, provider, tmp_path):
    """Runs the algorithm; gives the path of its output."""

    def run_it(raster, feedback=None, **parameters):
        output = str(tmp_path / "outlines.gpkg")
        given = {"INPUT": raster, "OUTPUT": output, **parameters}
        processing.run(ALGORITHM, given, feedback=feedback or Told())
        return output

    return run_it


def test_the_polygons_carry_the_label_and_lie_in_the_raster_s_crs(run, town, engine):
    layer = QgsVectorLayer(run(town, BAND=2, LABEL="water", THRESHOLD=0.7), "outlines")

    assert layer.crs().authid() == UTM
    assert shapes_of(layer.getFeatures()) == scripted_shapes(["water"], threshold=0.7)
    asked = engine.requests("run_job")[0]["message"]
    assert {name: asked[name] for name in ("type", "path", "band", "query", "scale", "extent_map")} == {
        "type": "polygonise",
        "path": town,
        "band": 2,
        "query": "water",
        "scale": None,
        "extent_map": None,
    }


def test_a_relative_path_is_made_absolute_for_the_engine(run, town, engine, monkeypatch):
    monkeypatch.chdir(Path(town).parent)

    run("town.tif")

    assert engine.requests("run_job")[0]["message"]["path"] == town


def test_a_file_without_georeference_is_outlined_where_qgis_shows_it(run, engine, project, tmp_path):
    values_BHW = numbered(40, 30)
    path = write_raster(tmp_path / "scan.tif", values_BHW)
    layer = QgsRasterLayer(path, "scan")
    project.addMapLayer(layer)
    placed: list[gdal.Dataset] = []

    class Listening(Told):
        def setProgress(self, progress):  # while the engine is at it
            placed.append(gdal.Open(engine.requests("run_job")[0]["message"]["path"]))
            super().setProgress(progress)

    output = run(layer.id(), Listening(), LABEL="ink")

    read_HW, transform = placed[0].GetRasterBand(1).ReadAsArray(), placed[0].GetGeoTransform()
    for col, row in [(3, 2), (37, 4), (20, 27)]:
        x_map, y_map = gdal.ApplyGeoTransform(transform, col + 0.5, row + 0.5)
        assert layer.dataProvider().sample(QgsPointXY(x_map, y_map), 1) == (read_HW[row, col], True)
    assert {feature["source"] for feature in features_in(output)} == {path}


def test_what_was_chosen_reaches_the_engine(run, town, engine):
    corners = [QgsPointXY(500_100, 5_539_700), QgsPointXY(500_200, 5_539_700), QgsPointXY(500_200, 5_539_800)]
    area = layer_of("Polygon", [[QgsGeometry.fromPolygonXY([corners])]], crs=LONLAT)

    run(town, SCALE=100.0, MIN_AREA=4.0, SIMPLIFY=0.5, EXTENT=area)

    asked = engine.requests("run_job")[0]["message"]
    assert asked["scale"] == 100.0
    assert asked["outline"] == {"threshold": 0.5, "min_area_m2": 4.0, "simplify_m": 0.5}
    assert asked["extent_map"] == pytest.approx([500_100, 5_539_700, 500_200, 5_539_800], abs=1.0)


def test_how_the_layer_is_coloured_does_not_matter(run, town, engine, project):
    layer = QgsRasterLayer(town, "heat")
    layer.setRenderer(QgsSingleBandPseudoColorRenderer(layer.dataProvider(), 1))
    project.addMapLayer(layer)

    run(layer.id())

    assert engine.requests("run_job")[0]["message"]["path"] == town


def test_a_layer_that_is_no_file_is_refused(run, project, engine):
    layer = QgsRasterLayer("type=xyz&url=http://127.0.0.1:9/{z}/{x}/{y}.png&zmax=18", "tiles", "wms")
    project.addMapLayer(layer)
    told = Told()

    with pytest.raises(QgsProcessingException):
        run(layer.id(), told)

    assert "The layer tiles is no raster file. Save it as one, then polygonise that." in told.errors
    assert engine.requests("run_job") == []


def test_a_cancelled_run_keeps_what_was_found(run, town, engine):
    engine.script({"on": "run_job", "after_events": 5, "hang": True})

    kept = shapes_of(features_in(run(town, Told(cancel_at_progress=50))))

    assert kept
    assert set(kept) < set(scripted_shapes([""]))
    assert engine.requests("cancel_job")
