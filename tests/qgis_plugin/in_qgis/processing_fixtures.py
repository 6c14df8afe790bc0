"""The provider in real Processing, with a scripted engine, for test_processing_*.py."""

from __future__ import annotations

import pytest
from qgis.core import QgsApplication
from rasters import NORTH_UP, numbered, write_raster

SIDE_PX = 400


@pytest.fixture(scope="session")
def processing(qgis_app):
    """QGIS's Processing, started."""
    from processing.core.Processing import Processing

    Processing.initialize()
    import processing as started

    return started


@pytest.fixture(scope="module")
def served(qgis_app, tmp_path_factory):
    """A scripted engine and its service, which starts it when it is first needed."""
    from geophrase.qgis_plugin.core.engine.service import EngineService
    from geophrase.tests.fakes.scripted_command import ScriptedCommand

    command = ScriptedCommand(tmp_path_factory.mktemp("engine"))
    service = EngineService(lambda: command.serve_argv)
    yield command, service
    service.stop()


@pytest.fixture
def engine(served):
    """The engine of all tests of the module, without a script and with an empty log."""
    command, _ = served
    command.script()
    command.log.unlink(missing_ok=True)
    return command


@pytest.fixture
def fresh_engine(engine, served):
    """The same, not running yet: for tests that count its lives."""
    served[1].stop()
    yield engine
    served[1].stop()


@pytest.fixture
def provider(processing, served, project):
    """The provider, registered."""
    from geophrase.qgis_plugin.processing.provider import GeoPhraseProvider

    registry = QgsApplication.processingRegistry()
    added = GeoPhraseProvider(served[1])
    assert registry.addProvider(added)
    yield added
    registry.removeProvider(added)


@pytest.fixture
def town(tmp_path) -> str:
    """A raster of 400 x 400 pixels of 1 m in UTM."""
    return write_raster(tmp_path / "town.tif", numbered(SIDE_PX, SIDE_PX), transform=NORTH_UP, epsg=32632)
