"""Where the engine's private environment lies, and the command that starts the engine in it."""

from __future__ import annotations

import os
import platform
import shlex
import shutil
from pathlib import Path
from typing import List, Mapping, Optional

from .state import read_state

ENGINE_MODULE = "geophrase.engine.cli.main"
LAST_STEP = "check"


def environment_folder(setting: str) -> Path:
    """The private environment's folder: the one in the settings, or the default one.

    The default does not name a version, so that an upgrade of the plugin keeps what did not change.
    """
    if setting.strip():
        return Path(setting.strip()).expanduser()
    return user_data_folder(os.environ, platform.system()) / "geophrase" / "engine"


def user_data_folder(environ: Mapping[str, str], system: str) -> Path:
    """Where a user's programs keep data, as Qt's GenericDataLocation says it."""
    home = Path.home()
    if system == "Windows":
        return Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    if system == "Darwin":
        return home / "Library" / "Application Support"
    return Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share")


def user_cache_folder(environ: Mapping[str, str], system: str) -> Path:
    """GeoPhrase's cache of encodings and hashes, where the engine keeps it by default."""
    home = Path.home()
    if system == "Windows":
        return Path(environ.get("LOCALAPPDATA") or home / "AppData" / "Local") / "geophrase" / "Cache"
    if system == "Darwin":
        return home / "Library" / "Caches" / "geophrase"
    return Path(environ.get("XDG_CACHE_HOME") or home / ".cache") / "geophrase"


def plugin_folder() -> Path:
    """The plugin's own folder, which is also the source that the engine is installed from."""
    return Path(__file__).resolve().parents[3]


def environment_python(folder: Path) -> Path:
    """The interpreter of the environment in `folder`, whether it exists or not."""
    if platform.system() == "Windows":
        return folder / "venv" / "Scripts" / "python.exe"
    return folder / "venv" / "bin" / "python"


def engine_command(settings_command: str, folder: Path) -> Optional[List[str]]:
    """The first words of every `geophrase` command; None where no engine is installed.

    Args:
        settings_command: An engine that is already installed: the `geophrase` program, the folder of an
            environment that has it, or a whole command line. Empty for the private environment.
        folder: The private environment's folder, see `environment_folder`.
    """
    if settings_command.strip():
        return _installed_command(settings_command.strip())
    python = environment_python(folder)
    if LAST_STEP not in read_state(folder).steps or not python.exists():
        return None
    return private_command(folder)


def private_command(folder: Path) -> List[str]:
    """The private engine's command; isolated (-I), so that nothing of QGIS's Python reaches it."""
    return [str(environment_python(folder)), "-I", "-m", ENGINE_MODULE]


def _installed_command(command: str) -> Optional[List[str]]:
    path = Path(command).expanduser()
    if path.is_dir():
        names = ("Scripts/geophrase.exe", "bin/geophrase", "geophrase.exe", "geophrase")
        return next(([str(path / name)] for name in names if (path / name).is_file()), None)
    if path.is_file():
        return [str(path)]
    words = _split(command)
    return words if words and shutil.which(words[0]) else None


def _split(command: str) -> List[str]:
    try:
        words = shlex.split(command, posix=platform.system() != "Windows")
    except ValueError:  # a quotation mark without its partner
        return []
    return [word.strip('"') for word in words]
