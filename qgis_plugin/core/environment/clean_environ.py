"""The environment variables of our processes: the user's own, without those that QGIS sets for itself."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Dict, Mapping, Optional

# What QGIS's launchers set for QGIS's own Python, GDAL, PROJ and Qt, and what a shell set for another Python.
_FOREIGN_PREFIXES = ("PYTHON", "GDAL_", "OGR_", "PROJ_", "OSGEO4W_", "QGIS_", "QT_", "CONDA_", "DYLD_")
_FOREIGN_NAMES = {
    "VIRTUAL_ENV",
    "LD_LIBRARY_PATH",  # AppImages set it to libraries of their own
    "LD_PRELOAD",
    "__PYVENV_LAUNCHER__",
    # These would send the packages elsewhere than into the environment.
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_USER",
    "PIP_ROOT",
    "PIP_REQUIRE_VIRTUALENV",
    "PIP_DRY_RUN",
}


def clean_environ(
    environ: Optional[Mapping[str, str]] = None,
    *,
    qgis_root: Optional[str] = None,
    system: Optional[str] = None,
) -> Dict[str, str]:
    """The environment for a process of ours.

    Args:
        environ: The variables to start from; QGIS's own where none are given.
        qgis_root: The folder of QGIS's installation where it brings its own libraries (Windows, macOS);
            variables that point into it are left out, and so are its parts of PATH. Found out where not
            given.
        system: `platform.system()`.
    """
    system = system or platform.system()
    root = qgis_installation(sys.executable, system) if qgis_root is None else qgis_root
    separator = ";" if system == "Windows" else ":"
    kept = {}
    for name, value in (os.environ if environ is None else environ).items():
        if name.upper() in _FOREIGN_NAMES or name.upper().startswith(_FOREIGN_PREFIXES):
            continue
        if name.upper() == "PATH":
            parts = [part for part in value.split(separator) if not is_inside(part, root, system)]
            kept[name] = separator.join(parts)
        elif not is_inside(value, root, system):
            kept[name] = value
    return {**kept, "PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}


def qgis_installation(executable: str, system: str) -> str:
    """The folder that QGIS brings its own Python and libraries in; "" where it uses the system's."""
    if system == "Windows":
        parts = PureWindowsPath(executable).parents
        # OSGeo4W/bin/qgis-bin.exe or OSGeo4W/apps/Python312/python.exe
        root = next((path.parent for path in parts if path.name.lower() in ("bin", "apps")), None)
        return str(_outermost(root, executable)) if root else ""
    if system == "Darwin":
        bundle = next((path for path in PurePosixPath(executable).parents if path.suffix == ".app"), None)
        return str(bundle) if bundle else ""
    return ""


def _outermost(root: PureWindowsPath, executable: str) -> PureWindowsPath:
    """Gives OSGeo4W for OSGeo4W/apps/qgis/bin/qgis.exe as well."""
    apps = next((path for path in PureWindowsPath(executable).parents if path.name.lower() == "apps"), None)
    return apps.parent if apps else root


def is_inside(value: str, root: str, system: str) -> bool:
    """Tells whether a path lies in the folder `root`; nothing lies in the folder ""."""
    if not root or not value:
        return False
    flavour = PureWindowsPath if system == "Windows" else PurePosixPath
    try:
        flavour(value).relative_to(flavour(root))
    except ValueError:
        return False
    return True


def with_folder(environ: Mapping[str, str], folder: Path) -> Dict[str, str]:
    """The environment with all caches and temporary files of an installation in `folder`.

    A system's own temporary folder is often too small for PyTorch, and a retry finds what was downloaded.
    """
    temporary = str(folder / "tmp")
    return {
        **environ,
        "PIP_CACHE_DIR": str(folder / "pip"),
        "UV_CACHE_DIR": str(folder / "uv"),
        "TMPDIR": temporary,
        "TEMP": temporary,
        "TMP": temporary,
        "PIP_NO_INPUT": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "SAM2_BUILD_CUDA": "0",  # only sam2's Python code is used, and few users have a CUDA compiler
    }
