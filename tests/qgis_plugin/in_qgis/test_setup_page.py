"""The set-up page with real tasks and a real pip that has no network: every step but the downloads."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest


@pytest.fixture
def settings_of(qgis_app, tmp_path):
    """Settings with the environment in the test's own folder."""
    from geophrase.qgis_plugin.core.settings import PluginSettings, save_settings

    save_settings(PluginSettings(environment_folder=str(tmp_path / "engine")))
    yield tmp_path / "engine"
    save_settings(PluginSettings())


@pytest.fixture
def installation(qgis_app):
    from geophrase.qgis_plugin.core.environment.background_installation import EngineInstallation

    stops = []
    installation = EngineInstallation(stop_engine=stops.append)
    installation.stops = stops
    yield installation
    installation.stop()


@pytest.fixture
def page(installation, settings_of):
    from qgis.PyQt import sip

    from geophrase.qgis_plugin.gui.setup_page import SetupPage

    page = SetupPage(installation)
    page.show()
    wait_for(lambda: page.form.install.isEnabled())
    yield page
    if not sip.isdeleted(page):
        sip.delete(page)


def wait_for(condition, limit_s=60):
    """Lets QGIS work until something is so."""
    from qgis.PyQt.QtCore import QCoreApplication

    end = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < end, "it never became so"
        QCoreApplication.processEvents()
        time.sleep(0.01)


def pretend_installed(folder):
    """Records every step as finished, with the fingerprints that this checkout has."""
    from geophrase.qgis_plugin.core.environment.location import environment_python, plugin_folder
    from geophrase.qgis_plugin.core.environment.plan import InstallPlan
    from geophrase.qgis_plugin.core.environment.state import (
        FinishedStep,
        InstallState,
        fingerprint,
        write_state,
    )
    from geophrase.qgis_plugin.core.environment.steps import install_steps
    from geophrase.qgis_plugin.core.environment.survey import survey

    found = survey(folder)
    plan = InstallPlan(folder, plugin_folder(), found.choice.proposed, uv=found.uv)
    results = {"check": {"engine": "0.1.0", "device": "Running on the CPU."}, "torch": {"cuda": "None"}}
    steps = {
        step.name: FinishedStep(fingerprint(step.inputs(plan)), results.get(step.name, {}))
        for step in install_steps(plan)
    }
    python = environment_python(folder)
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    write_state(folder, InstallState(steps))


def test_says_what_will_be_installed_before_anything_is(page, settings_of):
    form = page.form

    assert "No engine is installed yet" in form.status.text()
    assert "Nothing is downloaded before" in form.status.text()
    assert form.install.text() == "Install"
    assert "GB from the Python Package Index" in form.size.text()
    assert form.reason.text()
    assert form.folder.filePath() == str(settings_of)
    assert not form.cancel.isEnabled()
    assert not form.uninstall.isEnabled()
    assert not settings_of.exists()


def test_an_offline_installation_names_the_wheel_and_can_be_retried(page, settings_of, tmp_path):
    (tmp_path / "wheels").mkdir()
    page.form.wheels.setFilePath(str(tmp_path / "wheels"))
    changes = []
    page._installation.ended.connect(changes.append)

    page.form.install.click()
    assert not page.form.install.isEnabled()
    assert page.form.cancel.isEnabled()
    assert not page.form.progress_box.isHidden()
    wait_for(lambda: changes and page.form.install.isEnabled())

    text = page.form.status.text()
    assert "“Preparing the installation of packages” failed" in text
    assert "no setuptools" in text
    assert str(tmp_path / "wheels") in text
    assert str(settings_of / "install.log") in text
    assert page.form.install.text() == "Retry"
    assert (
        "No matching distribution" in page.form.log.toPlainText() + (settings_of / "install.log").read_text()
    )
    assert (settings_of / "venv" / "bin" / "python").exists()
    assert page._installation.stops == [settings_of]

    page.form.install.click()
    wait_for(lambda: len(changes) == 2 and page.form.install.isEnabled())
    assert "-m venv" not in page.form.log.toPlainText(), "the environment is kept"

    page.remove()
    wait_for(lambda: len(changes) == 3 and page.form.install.isEnabled())
    assert not settings_of.exists()
    assert page.form.install.text() == "Install"


def test_goes_on_without_its_page_and_a_new_page_shows_it(page, installation, tmp_path):
    from qgis.PyQt import sip

    from geophrase.qgis_plugin.gui.setup_page import SetupPage

    (tmp_path / "wheels").mkdir()
    page.form.wheels.setFilePath(str(tmp_path / "wheels"))
    outcomes = []
    installation.ended.connect(outcomes.append)
    page.form.install.click()
    wait_for(lambda: any("venv" in line for line in installation.lines))

    sip.delete(page)
    other = SetupPage(installation)

    assert not other.form.progress_box.isHidden()
    assert "venv" in other.form.log.toPlainText()
    assert not other.form.install.isEnabled()
    other.form.cancel.click()
    wait_for(lambda: outcomes)
    assert outcomes[0].is_cancelled
    wait_for(lambda: other.form.install.isEnabled())
    assert "Cancelled" in other.form.status.text()
    other.deleteLater()


def test_unloading_in_the_middle_leaves_no_task_and_no_process(page, installation, settings_of, tmp_path):
    from qgis.core import QgsApplication

    (tmp_path / "wheels").mkdir()
    page.form.wheels.setFilePath(str(tmp_path / "wheels"))
    outcomes = []
    installation.ended.connect(outcomes.append)
    page.form.install.click()
    wait_for(lambda: any(" -m venv " in line or " venv " in line for line in installation.lines))

    installation.stop()

    running = subprocess.run(["pgrep", "-f", str(settings_of)], capture_output=True, text=True).stdout
    assert running == ""
    wait_for(lambda: QgsApplication.taskManager().countActiveTasks() == 0)
    assert outcomes == []


def test_shows_an_installed_engine_and_the_update_that_is_due(installation, settings_of):
    from geophrase.qgis_plugin.core.environment.state import FinishedStep, read_state, write_state
    from geophrase.qgis_plugin.gui.setup_page import SetupPage

    pretend_installed(settings_of)
    page = SetupPage(installation)
    wait_for(lambda: page.form.install.isEnabled())

    assert "engine 0.1.0 is installed and up to date. Running on the CPU." in page.form.status.text()
    assert page.form.uninstall.isEnabled()
    write_state(
        settings_of, read_state(settings_of).with_step("package", FinishedStep("of an older version"))
    )
    page.look()
    wait_for(lambda: page.form.install.isEnabled())
    assert (
        "an update is due: Installing GeoPhrase's engine, Checking the installation"
        in page.form.status.text()
    )
    assert page.form.install.text() == "Update"
    page.deleteLater()


def test_uses_an_engine_that_is_installed_elsewhere(page, tmp_path):
    from geophrase.qgis_plugin.core.settings import load_settings

    program = tmp_path / "geophrase"
    report = (
        '{"healthy": true, "checks": [{"name": "device", "status": "ok", "detail": "A GPU", "remedy": ""}]}'
    )
    program.write_text(f"#!/bin/sh\necho '{report}'\n")
    program.chmod(0o755)
    page.form.is_existing.setChecked(True)
    page.form.command.setFilePath(str(tmp_path / "nothing"))
    page.form.use.click()
    assert "There is no engine at" in page.form.status.text()
    assert load_settings().engine_command == ""

    changes = []
    page.engine_changed.connect(lambda: changes.append(True))
    page.form.command.setFilePath(str(program))
    page.form.use.click()

    assert load_settings().engine_command == str(program)
    assert changes == [True]
    dialog = page.ask_doctor()
    wait_for(lambda: "A GPU" in dialog.text)


def test_takes_qgis_proxy_with_its_exceptions_and_hides_its_password(qgis_app):
    from qgis.core import QgsNetworkAccessManager, QgsSettings

    from geophrase.qgis_plugin.core.environment.qgis_proxy import qgis_proxy

    settings = QgsSettings()
    values = {
        "proxyEnabled": True,
        "proxyType": "HttpProxy",
        "proxyHost": "proxy.example",
        "proxyPort": 3128,
        "proxyUser": "ann",
        "proxyPassword": "p@ss word",
        "noProxyUrls": ["https://intranet.example/files"],
    }
    for name, value in values.items():
        settings.setValue(f"proxy/{name}", value)
    try:
        QgsNetworkAccessManager.instance().setupDefaultProxyAndCache()
        proxy = qgis_proxy()
        settings.setValue("proxy/proxyEnabled", False)
        QgsNetworkAccessManager.instance().setupDefaultProxyAndCache()
        without = qgis_proxy()
    finally:
        settings.remove("proxy")
        QgsNetworkAccessManager.instance().setupDefaultProxyAndCache()

    variables = proxy.variables()
    assert variables["HTTPS_PROXY"] == "http://ann:p%40ss%20word@proxy.example:3128"
    assert "intranet.example" in variables["NO_PROXY"].split(",")
    assert "p@ss" not in repr(proxy)
    assert without.variables() == {}


def test_the_default_folder_lies_where_qt_puts_user_data(qgis_app):
    from qgis.PyQt.QtCore import QStandardPaths

    from geophrase.qgis_plugin.core.environment.location import environment_folder

    place = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.GenericDataLocation)

    assert environment_folder("") == Path(place) / "geophrase" / "engine"
