"""Model and device, and what the engine is doing."""

from __future__ import annotations

from html import escape
from typing import Optional

from qgis.PyQt.QtCore import Qt, pyqtSignal
from qgis.PyQt.QtWidgets import QComboBox, QFormLayout, QHBoxLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from geophrase.protocol.messages import DeviceStatus, Health, Hello, ModelStatus

from ..core.engine_status import EngineState, EngineStatus
from ..core.settings import DEVICES
from ..core.translation import tr
from .labels import wrapped_label

_DOT_PX = 10
_COLOURS = {
    EngineState.READY: "#2e9e4f",
    EngineState.STARTING: "#e0a100",
    EngineState.FAILED: "#c62828",
    EngineState.MISSING: "#c62828",
    EngineState.STOPPED: "#888888",
}


class _OpenedCombo(QComboBox):
    """A list that tells when somebody looks into it."""

    opened = pyqtSignal()

    def showPopup(self) -> None:  # noqa: N802 - Qt's name
        """Opens the list."""
        self.opened.emit()
        super().showPopup()


class EngineBox(QWidget):
    """The choices of model and device, above one line that says how the engine is."""

    model_chosen = pyqtSignal(str)
    """Its name; "" for the engine's default."""
    device_chosen = pyqtSignal(str)
    """One of DEVICES."""
    models_opened = pyqtSignal()
    """The user looks at the list of models, which may have become longer since it was asked for."""
    retry_requested = pyqtSignal()
    """The user wants a failed engine to be started again."""
    set_up_requested = pyqtSignal()

    def __init__(self, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._models = _combo(tr("Model"))
        self._devices = _combo(tr("Device"))
        for name, title in device_titles().items():
            self._devices.addItem(title, name)
        self._dot, self._reason = QLabel(), wrapped_label()
        self._state = wrapped_label(text_format=Qt.TextFormat.RichText)
        self._state.linkActivated.connect(self._on_link)
        self._known_models: tuple[ModelStatus, ...] = ()
        self._chosen_model, self._default_model = "", ""
        self._arrange()
        self._models.opened.connect(self.models_opened)
        self._models.activated.connect(lambda _index: self.model_chosen.emit(self.model))
        self._devices.activated.connect(lambda _index: self.device_chosen.emit(self.device))
        self.show_status(EngineStatus(EngineState.STOPPED))

    @property
    def model(self) -> str:
        """The chosen model's name; "" for the engine's default."""
        return str(self._models.currentData() or "")

    @property
    def device(self) -> str:
        """The chosen device."""
        return str(self._devices.currentData())

    def show_choice(self, model: str, device: str) -> None:
        """Shows what the settings say."""
        self._chosen_model = model
        self._devices.setCurrentIndex(max(0, self._devices.findData(device)))
        self._fill_models()

    def show_status(self, status: EngineStatus) -> None:
        """Shows how the engine is."""
        self._dot.setStyleSheet(
            f"background: {_COLOURS[status.state]}; border-radius: {_DOT_PX // 2}px; margin: 0"
        )
        self._state.setText(_state_text(status))
        device = status.health.device if status.health else None
        self._reason.setText(device.reason if device else status.problem)
        self._reason.setVisible(bool(self._reason.text()) and _is_worth_saying(status))
        self._state.setToolTip(_details(status))
        if status.hello is not None and status.hello.models != self._known_models:
            self._known_models = status.hello.models
            self._default_model = status.hello.default_model
            self._fill_models()

    def set_choosable(self, is_choosable: bool) -> None:
        """Model and device stay as they are while a run goes on."""
        self._models.setEnabled(is_choosable)
        self._devices.setEnabled(is_choosable)

    def _fill_models(self) -> None:
        """Lists the models, those that can be used at once first; a list that is open grows with it."""
        is_open = self._models.view().isVisible()
        self._models.clear()
        if not self._known_models:
            self._models.addItem(self._chosen_model or tr("Default"), self._chosen_model)
            return
        known = sorted(filter(_is_to_be_had, self._known_models), key=lambda model: not model.is_here)
        for model in known:
            self._models.addItem(_model_title(model), model.name)
            index = self._models.count() - 1
            self._models.setItemData(index, _model_details(model), Qt.ItemDataRole.ToolTipRole)
        index = self._models.findData(self._chosen_model or self._default_model)
        if index < 0:
            self._models.addItem(self._chosen_model, self._chosen_model)
            index = self._models.count() - 1
        self._models.setCurrentIndex(index)
        if is_open:
            self._models.hidePopup()
            QComboBox.showPopup(self._models)  # without asking for the models once more

    def _on_link(self, link: str) -> None:
        (self.set_up_requested if link == "setup" else self.retry_requested).emit()

    def _arrange(self) -> None:
        self._dot.setFixedSize(_DOT_PX, _DOT_PX)
        remark = self._reason.font()
        remark.setPointSizeF(remark.pointSizeF() * 0.9)
        self._reason.setFont(remark)
        line = QHBoxLayout()
        line.addWidget(self._dot, 0, Qt.AlignmentFlag.AlignVCenter)
        line.addWidget(self._state, 1)
        form = QFormLayout()
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)
        form.addRow(tr("Model"), self._models)
        form.addRow(tr("Device"), self._devices)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(form)
        column.addLayout(line)
        column.addWidget(self._reason)


def _combo(name: str) -> _OpenedCombo:
    combo = _OpenedCombo()
    combo.setAccessibleName(name)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(6)
    combo.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
    return combo


def device_titles() -> dict[str, str]:
    """What people call the devices, by their names in the settings."""
    titles = {
        "auto": tr("Automatic"),
        "cuda": tr("NVIDIA GPU (CUDA)"),
        "mps": tr("Apple GPU (MPS)"),
        "cpu": tr("CPU"),
    }
    return {name: titles[name] for name in DEVICES}


def _state_text(status: EngineStatus) -> str:
    if status.state is EngineState.MISSING:
        return tr('No engine is installed. <a href="setup">Set up…</a>')
    if status.state is EngineState.STARTING:
        return tr("The engine is starting…")
    if status.state is EngineState.FAILED:
        return tr('The engine did not start. <a href="retry">Try again</a>')
    if status.state is EngineState.STOPPED or status.health is None:
        return tr("The engine starts when it is needed.")
    return tr("<b>{device}</b> · {activity}").format(
        device=escape(status.health.device.name), activity=_activity_text(status.health)
    )


def _activity_text(health: Health) -> str:
    if health.num_queued:
        return tr("busy, {count} waiting").format(count=health.num_queued)
    if health.state == "loading":
        return tr("loading the model")
    return tr("busy") if health.state == "busy" else tr("ready")


def _is_worth_saying(status: EngineStatus) -> bool:
    """A GPU at work needs no explanation; anything else does."""
    return status.health is None or status.health.device.kind == "cpu" or status.health.device.is_fallback


def _details(status: EngineStatus) -> str:
    hello: Optional[Hello] = status.hello
    if hello is None or status.health is None:
        return status.problem
    device: DeviceStatus = status.health.device
    text = tr("Engine {version}, {memory:.1f} GB of memory in use.\n{reason}")
    return text.format(version=hello.engine, memory=status.health.memory_bytes / 1e9, reason=device.reason)


def _is_to_be_had(model: ModelStatus) -> bool:
    """Whether there are weights, here or to download; the paper's own models have none yet."""
    return model.is_here or model.size_bytes > 0


def _model_title(model: ModelStatus) -> str:
    title = model.name
    if not model.has_text:
        title = tr("{model} (clicks only)").format(model=title)
    if not model.is_here:
        title = tr("{model} (downloads {size:.0f} MB)").format(model=title, size=model.size_bytes / 1e6)
    return title


def _model_details(model: ModelStatus) -> str:
    licence = tr("Licence of the weights: {licence}").format(licence=model.licence) if model.licence else ""
    return "\n".join(line for line in (model.title, licence) if line)
