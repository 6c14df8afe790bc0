"""GeoPhrase's page in QGIS's options."""

from __future__ import annotations

from typing import Callable, Optional

from qgis.gui import QgsFileWidget, QgsOptionsPageWidget, QgsOptionsWidgetFactory
from qgis.PyQt.QtWidgets import (
    QComboBox,
    QFormLayout,
    QGroupBox,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from ..core.segment.history import forget_queries
from ..core.settings import PluginSettings, load_settings, save_settings
from ..core.translation import tr
from .engine_box import device_titles
from .icons import own_icon

PAGE_NAME = "geophraseOptions"
_MINUTE_S = 60
_LONGEST_KEEP_ALIVE_MIN = 24 * 60


class OptionsPage(QgsOptionsPageWidget):
    """Edits the settings; they are kept when the dialog is accepted.

    Args:
        on_applied: Called when other settings are kept than before.
        on_set_up: Called to show the page that installs the private engine.
        parent: Qt's.
    """

    def __init__(
        self,
        on_applied: Callable[[], None],
        on_set_up: Callable[[], object],
        parent: Optional[QWidget] = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName(PAGE_NAME)
        self._on_applied = on_applied
        self._before = load_settings()
        self.engine = _file_widget(QgsFileWidget.StorageMode.GetFile, tr("the private environment"))
        self.environment = _file_widget(QgsFileWidget.StorageMode.GetDirectory, tr("the default folder"))
        self.cache = _file_widget(QgsFileWidget.StorageMode.GetDirectory, tr("the user's cache folder"))
        self.model = QLineEdit()
        self.model.setPlaceholderText(tr("the engine's default"))
        self.device = QComboBox()
        for name, title in device_titles().items():
            self.device.addItem(title, name)
        self.keep_alive = QSpinBox()
        self.keep_alive.setRange(0, _LONGEST_KEEP_ALIVE_MIN)
        self.keep_alive.setSuffix(tr(" min"))
        self.keep_alive.setSpecialValueText(tr("at once"))
        self._set_up = QPushButton(tr("Set up…"))
        self._set_up.clicked.connect(lambda _checked: on_set_up())
        self._forget = QPushButton(tr("Forget earlier queries"))
        self._forget.clicked.connect(self._on_forget)
        self._arrange()
        self.show_settings(self._before)

    @property
    def settings(self) -> PluginSettings:
        """What the page says."""
        return PluginSettings(
            engine_command=self.engine.filePath().strip(),
            model=self.model.text().strip(),
            device=str(self.device.currentData()),
            keep_alive_s=self.keep_alive.value() * _MINUTE_S,
            cache_folder=self.cache.filePath().strip(),
            environment_folder=self.environment.filePath().strip(),
        )

    def show_settings(self, settings: PluginSettings) -> None:
        """Fills the page."""
        self.engine.setFilePath(settings.engine_command)
        self.environment.setFilePath(settings.environment_folder)
        self.cache.setFilePath(settings.cache_folder)
        self.model.setText(settings.model)
        self.device.setCurrentIndex(max(0, self.device.findData(settings.device)))
        self.keep_alive.setValue(settings.keep_alive_s // _MINUTE_S)

    def apply(self) -> None:
        """QGIS calls it when the user accepts."""
        after = self.settings
        if after != self._before:
            save_settings(after)
            self._on_applied()
            self._before = after

    def _on_forget(self) -> None:
        forget_queries()
        self._forget.setEnabled(False)

    def _arrange(self) -> None:
        self.engine.setToolTip(
            tr("An engine that is installed already: the geophrase program, or its environment's folder.")
        )
        self.keep_alive.setToolTip(tr("How long the model stays in memory after the last request."))
        engine = QGroupBox(tr("Engine"))
        form = QFormLayout(engine)
        form.addRow(tr("Installed engine"), self.engine)
        form.addRow(tr("Private environment"), self.environment)
        form.addRow("", self._set_up)
        work = QGroupBox(tr("Work"))
        form = QFormLayout(work)
        form.addRow(tr("Model"), self.model)
        form.addRow(tr("Device"), self.device)
        form.addRow(tr("Unload the model after"), self.keep_alive)
        form.addRow(tr("Encodings are kept in"), self.cache)
        form.addRow("", self._forget)
        column = QVBoxLayout(self)
        column.addWidget(engine)
        column.addWidget(work)
        column.addStretch(1)


class OptionsFactory(QgsOptionsWidgetFactory):
    """Makes the page whenever QGIS's options are opened.

    Args:
        on_applied: See OptionsPage.
        on_set_up: See OptionsPage.
    """

    def __init__(
        self,
        on_applied: Callable[[], None],
        on_set_up: Callable[[], object],
    ) -> None:
        super().__init__(tr("GeoPhrase"), own_icon())
        self._on_applied, self._on_set_up = on_applied, on_set_up

    def createWidget(self, parent: Optional[QWidget] = None) -> OptionsPage:  # noqa: N802 - QGIS's name
        """A page that shows the settings as they are kept."""
        return OptionsPage(self._on_applied, self._on_set_up, parent)


def _file_widget(mode: QgsFileWidget.StorageMode, placeholder: str) -> QgsFileWidget:
    widget = QgsFileWidget()
    widget.setStorageMode(mode)
    widget.lineEdit().setPlaceholderText(placeholder)
    return widget
