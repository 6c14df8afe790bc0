"""What the user set once, kept in QGIS's own settings."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Dict, List, Optional

from qgis.core import QgsSettings

from geophrase.protocol.errors import ErrorCode

from .engine.errors import EngineFailure
from .environment.location import engine_command, environment_folder
from .translation import tr

GROUP = "geophrase"
DEVICES = ("auto", "cuda", "mps", "cpu")
"""What `--device` takes, the fastest first."""


@dataclass(frozen=True)
class PluginSettings:
    """The settings of the options page and of the dock's engine box.

    Attributes:
        engine_command: Program or command line of an engine that the user installed; "" for the private one.
        model: Its name; "" for the engine's default.
        device: One of DEVICES.
        keep_alive_s: Seconds without a request after which the model leaves memory; 0 for at once.
        cache_folder: Where image encodings are kept; "" for the user's cache folder.
        environment_folder: Where the private engine is installed; "" for the default place.
    """

    engine_command: str = ""
    model: str = ""
    device: str = DEVICES[0]
    keep_alive_s: int = 600
    cache_folder: str = ""
    environment_folder: str = ""


def load_settings() -> PluginSettings:
    """The settings, with defaults for what is missing or is not what it should be."""
    stored = QgsSettings()
    values: Dict[str, Any] = {}
    for name, default in asdict(PluginSettings()).items():
        value = stored.value(f"{GROUP}/{name}", default)
        values[name] = _as_count(value, default) if isinstance(default, int) else str(value or "")
    if values["device"] not in DEVICES:
        values["device"] = DEVICES[0]
    return PluginSettings(**values)


def save_settings(settings: PluginSettings) -> None:
    """Keeps the settings for this user."""
    stored = QgsSettings()
    for field in fields(settings):
        stored.setValue(f"{GROUP}/{field.name}", getattr(settings, field.name))


def installed_engine(settings: PluginSettings) -> Optional[List[str]]:
    """The first words of every `geophrase` command; None where no engine is installed."""
    return engine_command(settings.engine_command, environment_folder(settings.environment_folder))


def wrong_engine_text(settings: PluginSettings) -> str:
    """What to tell a user whose settings name an engine that isn't there; "" for everybody else."""
    if not settings.engine_command.strip() or installed_engine(settings) is not None:
        return ""
    text = tr("There is no engine at {path}, which the settings name. Correct it there, or set an engine up.")
    return text.format(path=settings.engine_command.strip())


def serve_argv() -> List[str]:
    """The command that serves the engine, as set now.

    Raises:
        EngineFailure: None is installed.
    """
    settings = load_settings()
    command = installed_engine(settings)
    if command is None:
        text = wrong_engine_text(settings) or tr(
            "No engine is installed. Open the GeoPhrase panel and press Set up."
        )
        raise EngineFailure(ErrorCode.INTERNAL, text)
    return [*command, "serve", *_serve_options(settings)]


def _serve_options(settings: PluginSettings) -> List[str]:
    keep_alive_s = max(1, settings.keep_alive_s)  # 0, "at once", is none that the engine takes
    options = ["--device", settings.device, "--keep-alive", str(keep_alive_s)]
    if settings.model:
        options += ["--model", settings.model]
    if settings.cache_folder:
        options += ["--cache", settings.cache_folder]
    return options


def _as_count(value: object, default: int) -> int:
    try:
        number = int(float(str(value)))
    except (ValueError, OverflowError):
        return default
    return number if number >= 0 else default
