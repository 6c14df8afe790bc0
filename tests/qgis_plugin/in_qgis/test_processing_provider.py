"""The provider as Processing sees it: listed, explained, chained in models, run in batches."""

from __future__ import annotations

import pytest
from processing_layers import BOUNDS_MAP, UTM, Told, features_in, scripted_shapes, shapes_of, wait_for
from qgis.core import (
    QgsApplication,
    QgsProcessingContext,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsVectorLayer,
)
from rasters import numbered, write_raster

pytest_plugins = ["processing_fixtures"]

IDS = {
    "geophrase:segmentbytext",
    "geophrase:segmentbyprompts",
    "geophrase:polygonise",
    "geophrase:exporttrainingdata",
}


def test_the_ids_are_stable_and_nothing_starts_the_engine(provider, fresh_engine):
    assert {algorithm.id() for algorithm in provider.algorithms()} == IDS
    assert not provider.icon().isNull()
    assert fresh_engine.num_starts == 0


@pytest.mark.parametrize("name", sorted(IDS))
def test_every_parameter_is_explained(provider, name):
    algorithm = QgsApplication.processingRegistry().createAlgorithmById(name)
    help_lines = algorithm.shortHelpString().splitlines()

    assert help_lines[0] == algorithm.shortDescription()
    for parameter in algorithm.parameterDefinitions():
        if parameter.type() != "sink":
            assert parameter.help().endswith(".")
            assert f"{parameter.description()}: {parameter.help()}" in help_lines
    assert {"segment", "polygonise", "training"} & set(algorithm.tags())


@pytest.mark.parametrize("name", sorted(IDS))
def test_the_dialog_can_be_shown(processing, provider, iface, name):
    """Every widget is made, which trips over parameters that Processing doesn't know how to show."""
    from processing.gui.AlgorithmDialog import AlgorithmDialog

    algorithm = QgsApplication.processingRegistry().createAlgorithmById(name)
    dialog = AlgorithmDialog(algorithm, False, iface.mainWindow())

    shown = dialog.mainWidget().wrappers
    assert set(shown) >= {
        parameter.name() for parameter in algorithm.parameterDefinitions() if not parameter.isDestination()
    }
    dialog.close()
    dialog.deleteLater()


def test_in_a_model_the_polygons_go_on_to_a_native_algorithm(processing, provider, town, tmp_path):
    model = _model_of_centroids()
    output = str(tmp_path / "centres.gpkg")

    results, is_done = model.run(
        {"raster": town, "queries": "roofs; storage tanks", "centres:centres": output},
        QgsProcessingContext(),
        Told(),
    )

    assert is_done, results
    centres = QgsVectorLayer(results["centres:centres"])
    assert centres.crs().authid() == UTM
    found = sorted(
        (feature["query"], round(point.x(), 4), round(point.y(), 4))
        for feature in centres.getFeatures()
        for point in [feature.geometry().asPoint()]
    )
    expected = sorted(
        (query, round((xmin + xmax) / 2, 4), round((ymin + ymax) / 2, 4))
        for query, (xmin, ymin, xmax, ymax) in scripted_shapes(["roofs", "storage tanks"])
    )
    assert found == [pytest.approx(row) for row in expected]


def test_a_model_can_be_saved_and_opened_again(processing, provider, tmp_path):
    path = str(tmp_path / "roofs.model3")
    _model_of_centroids().toFile(path)
    opened = QgsProcessingModelAlgorithm()

    assert opened.fromFile(path)
    assert opened.childAlgorithm("found").algorithmId() == "geophrase:segmentbytext"
    assert opened.canExecute() == (True, "")


def _model_of_centroids() -> QgsProcessingModelAlgorithm:
    """Raster and queries -> segmentbytext -> native:centroids -> "centres"."""
    model = QgsProcessingModelAlgorithm("roofs", "tests")
    raster, queries = QgsProcessingParameterRasterLayer("raster"), QgsProcessingParameterString("queries")
    model.addModelParameter(raster, QgsProcessingModelParameter("raster"))
    model.addModelParameter(queries, QgsProcessingModelParameter("queries"))

    source = QgsProcessingModelChildParameterSource
    found = QgsProcessingModelChildAlgorithm("geophrase:segmentbytext")
    found.setChildId("found")
    found.addParameterSources("INPUT", [source.fromModelParameter("raster")])
    found.addParameterSources("QUERIES", [source.fromModelParameter("queries")])
    model.addChildAlgorithm(found)

    centres = QgsProcessingModelChildAlgorithm("native:centroids")
    centres.setChildId("centres")
    centres.addParameterSources("INPUT", [source.fromChildOutput("found", "OUTPUT")])
    output = QgsProcessingModelOutput("centres")
    output.setChildId("centres")
    output.setChildOutputName("OUTPUT")
    centres.setModelOutputs({"centres": output})
    model.addChildAlgorithm(centres)
    return model


def test_a_batch_runs_over_two_rasters(processing, provider, town, iface, qgis_app, tmp_path):
    from processing.gui.BatchAlgorithmDialog import BatchAlgorithmDialog

    other = write_raster(
        tmp_path / "other.tif", numbered(200, 100), transform=(600_000, 2, 0, 5_000_000, 0, -2), epsg=32633
    )
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("geophrase:segmentbytext")
    dialog = BatchAlgorithmDialog(algorithm, iface.mainWindow())
    panel = dialog.mainWidget()
    panel.checkLoadLayersOnCompletion.setChecked(False)
    panel.addRow(2 - panel.batchRowCount())
    outputs = [str(tmp_path / name) for name in ("first.gpkg", "second.gpkg")]
    rows = zip((town, other), ("roofs", "trees"), outputs, strict=True)
    for row, (raster, queries, output) in enumerate(rows):
        for name, value in (("INPUT", raster), ("QUERIES", queries)):
            wrapper = panel.wrappers[row][panel.parameter_to_column[name]]
            wrapper.setParameterValue(value, QgsProcessingContext())
        panel.tblParameters.cellWidget(row + 1, panel.parameter_to_column["OUTPUT"]).setValue(output)

    dialog.runAlgorithm()

    assert shapes_of(features_in(outputs[0])) == scripted_shapes(["roofs"], BOUNDS_MAP)
    other_bounds = (600_000, 4_999_800, 600_400, 5_000_000)
    assert shapes_of(features_in(outputs[1])) == scripted_shapes(["trees"], other_bounds)
    assert QgsVectorLayer(outputs[1]).crs().authid() == "EPSG:32633"
    dialog.close()
    dialog.deleteLater()
    wait_for(qgis_app, lambda: QgsApplication.taskManager().count() == 0)  # the batch's own progress task
