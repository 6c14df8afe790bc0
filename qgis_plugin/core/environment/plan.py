"""What is to be installed, where, from what and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, Mapping, Optional

from .clean_environ import clean_environ, with_folder
from .proxy import ProxySettings
from .torch_build import TorchBuild

DOWNLOADS = "downloads"
PYTHONS = "python"
VENV = "venv"
LOG_FILE = "install.log"


@dataclass(frozen=True)
class InstallPlan:
    """An installation.

    Attributes:
        folder: The environment's folder; see `location.environment_folder`.
        source: The plugin's folder, which is the engine's source.
        torch: The build of PyTorch.
        wheels: A folder with all packages where there is no network.
        proxy: QGIS's proxy.
        python: Path of the Python to use; "" to look for one.
        uv: Path of uv; "" for venv and pip.
        environ: The clean variables that every program starts with.
    """

    folder: Path
    source: Path
    torch: TorchBuild
    wheels: Optional[Path] = None
    proxy: ProxySettings = field(default_factory=ProxySettings)
    python: str = ""
    uv: str = ""
    environ: Mapping[str, str] = field(default_factory=clean_environ, repr=False)

    @property
    def summary(self) -> str:
        """For the log, without credentials."""
        program = "uv" if self.uv else "pip"
        return f"{self.folder}, torch {self.torch.key}, {program}, wheels {self.wheels}, {self.proxy}"

    @property
    def downloads(self) -> Path:
        """What was downloaded but is not needed once everything is installed."""
        return self.folder / DOWNLOADS

    def command_environ(self) -> Dict[str, str]:
        """All variables of the programs that the installation runs."""
        return {
            **with_folder(self.environ, self.downloads),
            "UV_PYTHON_INSTALL_DIR": str(self.folder / PYTHONS),
            **self.proxy.variables(),
        }


@dataclass(frozen=True)
class InstallListener:
    """How an installation talks to whoever started it, from the thread it runs in.

    Attributes:
        progress: Gets the fraction done, 0 to 1, and what is being done.
        line: Gets each line of the log, without passwords.
        is_cancelled: Asked some ten times a second.
        engine_withdrawn: Called when the engine is no longer offered and before its files change: whoever
            runs it ends it now.
    """

    progress: Callable[[float, str], None]
    line: Callable[[str], None]
    is_cancelled: Callable[[], bool]
    engine_withdrawn: Callable[[], None] = lambda: None
