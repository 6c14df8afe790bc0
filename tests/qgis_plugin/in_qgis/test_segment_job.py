"""The job that the dock and Processing share, against a real engine process."""

from __future__ import annotations

import pytest
from dock_tools import add_raster, jobs, no_lost_exception  # noqa: F401 - a fixture
from qgis.core import QgsCoordinateReferenceSystem, QgsRasterRange
from rasters import in_thread


@pytest.fixture
def service(scripted_engine):
    from geophrase.qgis_plugin.core.engine.service import EngineService

    service = EngineService(lambda: scripted_engine.serve_argv)
    yield service
    service.stop()


@pytest.fixture
def file_layer(qgis_app, project, tmp_path):
    return add_raster(tmp_path)


@pytest.fixture
def drawn_layer(file_layer):
    """A layer whose pixels only QGIS knows: the user declared a value to be no data."""
    file_layer.dataProvider().setUserNoDataValue(1, [QgsRasterRange(250, 250)])
    return file_layer


def run(app, service, layer, *, is_cancelled=lambda: False, **request):
    """The events of a job and its result."""
    from geophrase.qgis_plugin.core.raster.layer_raster import layer_raster
    from geophrase.qgis_plugin.core.segment.job import SegmentRequest, run_segment_job

    raster, events = layer_raster(layer), []
    asked = SegmentRequest(("ships",), **request)
    result = in_thread(
        app,
        lambda: run_segment_job(service, raster, asked, on_event=events.append, is_cancelled=is_cancelled),
    )
    return events, result


def names(events):
    return [type(event).__name__ for event in events]


def test_a_file_goes_as_a_path(qgis_app, service, file_layer, scripted_engine):
    events, result = run(qgis_app, service, file_layer, extent_map=(500000, 5539950, 500050, 5540000))
    assert names(events)[0] == "JobStarted"
    assert names(events)[-1] == "JobResult"
    assert events[-1] is result
    (job,) = jobs(scripted_engine, "segment")
    assert job["source"]["type"] == "file"
    assert job["extent_map"] == [500000, 5539950, 500050, 5540000]
    assert not scripted_engine.requests("begin_upload")


def test_a_file_that_qgis_places_itself_is_named_as_its_user_knows_it(qgis_app, service, file_layer):
    """The engine gets a file that is gone later, such as one that says which CRS the user chose."""
    from geophrase.qgis_plugin.core.segment.job import Outline, run_outline_job

    file_layer.setCrs(QgsCoordinateReferenceSystem("EPSG:32632"))
    events, _ = run(qgis_app, service, file_layer)
    assert events[0].source == events[0].parameters["raster"] == file_layer.source()
    again = []
    in_thread(
        qgis_app,
        lambda: run_outline_job(
            service,
            events[0],
            Outline(threshold=0.6),
            extent_map=None,
            on_event=again.append,
            is_cancelled=lambda: False,
        ),
    )
    assert again[0].source == file_layer.source()


def test_a_layer_that_qgis_draws_is_sent_first(qgis_app, service, drawn_layer, scripted_engine):
    events, result = run(qgis_app, service, drawn_layer, resolution=0.5)
    assert names(events)[:2] == ["Sending", "Sending"]
    assert sum(result.num_polygons) == sum(len(e.features) for e in events if "Partial" in type(e).__name__)
    (begun,) = scripted_engine.requests("begin_upload")
    assert begun["message"]["grid"]["width_px"] == 200
    assert scripted_engine.requests("close_upload"), "the engine may forget it"


def test_a_layer_that_qgis_draws_needs_a_resolution(qgis_app, service, drawn_layer):
    with pytest.raises(ValueError, match="resolution"):
        run(qgis_app, service, drawn_layer)


def test_after_the_engines_death_the_layer_is_sent_again(qgis_app, service, drawn_layer, scripted_engine):
    scripted_engine.script({"on": "run_job", "exit": 9, "after_events": 5, "life": 1})
    events, result = run(qgis_app, service, drawn_layer, resolution=1.0)
    assert scripted_engine.num_starts == 2
    assert len(scripted_engine.requests("begin_upload")) == 2
    last = max(index for index, name in enumerate(names(events)) if name == "JobStarted")
    told = [event for event in events[last:] if "Partial" in type(event).__name__]
    assert sum(len(event.features) for event in told) == sum(result.num_polygons) == 11


def test_cancelling_reaches_the_engine(qgis_app, service, file_layer, scripted_engine):
    from geophrase.qgis_plugin.core.engine.errors import JobCancelled

    scripted_engine.script({"on": "run_job", "hang": True, "after_events": 3})
    with pytest.raises(JobCancelled):
        run(qgis_app, service, file_layer, is_cancelled=lambda: bool(jobs(scripted_engine, "segment")))
    assert scripted_engine.requests("cancel_job")


def test_an_engine_that_starts_slowly_can_be_cancelled(qgis_app, service, drawn_layer, scripted_engine):
    from geophrase.qgis_plugin.core.engine.errors import JobCancelled

    scripted_engine.script(start={"delay_s": 20})
    with pytest.raises(JobCancelled):
        run(
            qgis_app,
            service,
            drawn_layer,
            resolution=1.0,
            is_cancelled=lambda: scripted_engine.num_starts > 0,
        )
    assert not scripted_engine.requests("begin_upload")
