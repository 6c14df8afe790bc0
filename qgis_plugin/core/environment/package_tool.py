"""The program that installs packages: uv where it may be used, else the environment's own pip."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import List, Mapping, Optional

# uv doesn't read pip's settings, so an organisation's own index would be passed by.
_PIP_VARIABLES = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_FIND_LINKS", "PIP_CONFIG_FILE", "PIP_CERT")
_PIP_FILES = (
    "/etc/pip.conf",
    "/etc/xdg/pip/pip.conf",
    "~/.config/pip/pip.conf",
    "~/.pip/pip.conf",
    "~/Library/Application Support/pip/pip.conf",
    "%APPDATA%/pip/pip.ini",
    "%PROGRAMDATA%/pip/pip.ini",
)


def is_pip_configured(environ: Mapping[str, str]) -> bool:
    """Tells whether pip was told where to get packages, which only pip itself heeds."""
    if any(environ.get(name) for name in _PIP_VARIABLES):
        return True
    return any(Path(os.path.expandvars(name)).expanduser().is_file() for name in _PIP_FILES)


@dataclass(frozen=True)
class PackageTool:
    """Builds the commands.

    Attributes:
        python: The environment's interpreter.
        uv: uv's path, "" for pip.
        wheels: A folder that holds everything; no index is then asked.
        tells_progress: Whether this pip can tell how much is downloaded (24.1 and newer).
    """

    python: Path
    uv: str = ""
    wheels: Optional[Path] = None
    tells_progress: bool = False

    def install(self, *arguments: str) -> List[str]:
        """The command that installs what the arguments say; they may be what both programs understand."""
        if self.uv:
            # Best match is how pip chooses between indexes.
            command = [self.uv, "pip", "install", "--python", str(self.python)]
            command += ["--index-strategy", "unsafe-best-match"]
        else:
            progress = "raw" if self.tells_progress else "off"
            command = [str(self.python), "-m", "pip", "install", "--progress-bar", progress, "--retries", "2"]
        if self.wheels is not None:
            command += ["--no-index", "--find-links", str(self.wheels)]
        return [*command, *arguments]

    def reinstall(self, *arguments: str) -> List[str]:
        """As `install`, also where the same version is there already."""
        return self.install("--reinstall" if self.uv else "--force-reinstall", *arguments)

    def uninstall(self, package: str) -> List[str]:
        """The command that removes a package."""
        if self.uv:
            return [self.uv, "pip", "uninstall", "--python", str(self.python), package]
        return [str(self.python), "-m", "pip", "uninstall", "--yes", package]
