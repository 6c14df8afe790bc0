"""Real QGIS for the tests of this folder, which run under the system's Python (see test_in_qgis.py)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

REPOSITORY = Path(__file__).resolve().parents[3]
PROCESSING = "/usr/share/qgis/python/plugins"


def _link_package(folder: Path) -> None:
    """QGIS finds the plugin by its folder's name; here a link gives the checkout that name."""
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "geophrase"
    if not link.is_symlink():
        link.symlink_to(REPOSITORY)
    sys.path.insert(0, str(folder))


_link_package(REPOSITORY / "build" / "plugins")
sys.path.append(PROCESSING)


@pytest.fixture(scope="session")
def repository() -> Path:
    return REPOSITORY


@pytest.fixture(scope="session")
def shared_data() -> Path:
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the shared imagery is not here: {folder}")
    return folder


@pytest.fixture(scope="session")
def qgis_app(tmp_path_factory):
    """The one QGIS application of the run, with a profile of its own and in English on every computer."""
    from qgis.core import QgsApplication
    from qgis.PyQt.QtCore import QCoreApplication, QSettings

    profile = tmp_path_factory.mktemp("profile")
    QCoreApplication.setOrganizationName("GeoPhraseTests")
    QCoreApplication.setOrganizationDomain("tests.invalid")
    QCoreApplication.setApplicationName("GeoPhraseTests")
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(profile))
    # Or tiles come from an earlier run's server that had the same port by chance.
    QSettings().setValue("cache/directory", str(profile / "cache"))
    application = QgsApplication([], True, str(profile))
    application.initQgis()
    QSettings().setValue("locale/overrideFlag", True)
    QSettings().setValue("locale/userLocale", "en")
    yield application
    application.exitQgis()


@pytest.fixture
def project(qgis_app):
    """The project, empty before and after the test."""
    from qgis.core import QgsProject

    QgsProject.instance().clear()
    yield QgsProject.instance()
    QgsProject.instance().clear()


@pytest.fixture
def iface(qgis_app, project):
    """The parts of QGIS's interface that plugins use, made of real widgets, recording what was added."""
    from in_qgis_interface import TestInterface

    interface = TestInterface()
    yield interface
    interface.close()


@pytest.fixture
def scripted_engine(tmp_path):
    """An engine without a model, as a command: its `argv` stands for `geophrase` (tests/fakes)."""
    from geophrase.tests.fakes.scripted_command import ScriptedCommand

    return ScriptedCommand(tmp_path / "scripted_engine")
