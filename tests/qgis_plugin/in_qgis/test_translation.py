"""The plugin speaks the language that QGIS is set to, and QGIS's own text is left alone."""

from __future__ import annotations

import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest
from dock_tools import (
    loaded_plugin,
    no_lost_exception,  # noqa: F401 - a fixture
)
from qgis.core import QgsApplication, QgsSettings
from qgis.PyQt.QtCore import QTranslator
from qgis.PyQt.QtWidgets import QAbstractButton

GERMAN = "qgis_plugin/i18n/geophrase_de.ts"


@pytest.fixture
def speak(qgis_app):
    """Sets QGIS's language as its options do, until the end of the test."""
    settings = QgsSettings()

    def set_locale(locale):
        settings.setValue("locale/userLocale", locale)

    yield set_locale
    settings.setValue("locale/userLocale", "en")


def button_texts(widget):
    return {button.text() for button in widget.findChildren(QAbstractButton)}


def algorithm_name():
    return QgsApplication.processingRegistry().algorithmById("geophrase:segmentbytext").displayName()


@pytest.mark.parametrize("locale", ["de", "de_AT", "de-CH"])
def test_german_is_shown_in_german_and_gone_after_unloading(iface, speak, locale):
    from geophrase.qgis_plugin.core.translation import tr

    speak(locale)
    with loaded_plugin(iface) as plugin:
        assert {"Suchen", "Abbrechen"} <= button_texts(plugin.dock)
        assert not {"Find", "Cancel"} & button_texts(plugin.dock)
        assert algorithm_name() == "Nach Text segmentieren"
    assert tr("Find") == "Find"

    speak("en")
    with loaded_plugin(iface) as plugin:
        assert {"Find", "Cancel"} <= button_texts(plugin.dock)


def test_the_panel_is_as_narrow_in_german_as_in_english(iface, speak):
    """The limit is that of test_dock; texts that wrap don't count, labels and buttons do."""
    speak("de")
    with loaded_plugin(iface) as plugin:
        plugin.dock.page.label_box.setCollapsed(False)
        assert plugin.dock.page.widget().minimumSizeHint().width() < 270


@pytest.mark.parametrize("locale", ["en", "en_GB", "tlh", "", "C", "../de"])
def test_other_languages_are_shown_in_english(iface, speak, locale):
    speak(locale)
    with loaded_plugin(iface) as plugin:
        assert {"Find", "Cancel"} <= button_texts(plugin.dock)
        assert algorithm_name() == "Segment by text"


def test_the_texts_of_qgis_are_not_touched(iface, speak):
    before = QgsApplication.translate("GeoPhrase", "Find")
    speak("de")
    with loaded_plugin(iface):
        assert QgsApplication.translate("GeoPhrase", "Find") == before == "Find"


def test_every_german_text_is_read_as_qt_reads_it(qgis_app, repository, tmp_path):
    """Qt's own compiler and translator are the reference."""
    from geophrase.qgis_plugin.core.translation import tr, use_language

    lrelease = shutil.which("lrelease")
    if lrelease is None:
        pytest.skip("Qt's lrelease is not installed (Debian: qttools5-dev-tools)")
    compiled = str(tmp_path / "de.qm")
    subprocess.run([lrelease, str(repository / GERMAN), "-qm", compiled], capture_output=True, check=True)
    translator = QTranslator()
    assert translator.load(compiled)
    sources = [element.text for element in ElementTree.parse(repository / GERMAN).iter("source")]

    use_language("de")
    QgsApplication.installTranslator(translator)
    try:
        read = {source: tr(source) for source in sources}
        expected = {source: QgsApplication.translate("GeoPhrase", source) for source in sources}
    finally:
        QgsApplication.removeTranslator(translator)
        use_language("en")
    assert read == expected
    assert len({source for source in read if read[source] != source}) > 400


def test_drafts_and_vanished_texts_are_not_shown(qgis_app, tmp_path, monkeypatch):
    from geophrase.qgis_plugin.core import translation

    messages = "".join(
        f"<message><source>{name}</source><translation{state}>x &lt;b&gt;\n{name}</translation></message>"
        for name, state in {"a": "", "b": ' type="unfinished"', "c": ' type="vanished"'}.items()
    )
    text = f'<!DOCTYPE TS><TS version="2.1"><context><name>GeoPhrase</name>{messages}</context></TS>'
    (tmp_path / "geophrase_xx.ts").write_text(text, encoding="utf-8")
    monkeypatch.setattr(translation, "FOLDER", tmp_path)

    translation.use_language("xx")
    try:
        assert [translation.tr(name) for name in "abc"] == ["x <b>\na", "b", "c"]
    finally:
        translation.use_language("en")
