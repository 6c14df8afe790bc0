#!/usr/bin/env python3
"""Links this checkout into a QGIS profile, so that QGIS loads it as the plugin `geophrase`.

tools/link_plugin.py [--profile default] [--plugins FOLDER] [--remove]
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
NAME = "geophrase"
VERSIONS = ("QGIS4", "QGIS3")


def profiles_folders(environ: Mapping[str, str], system: str, home: Path) -> list[Path]:
    """Where QGIS 4 and QGIS 3 keep their profiles."""
    if system == "Windows":
        base = Path(environ.get("APPDATA") or home / "AppData" / "Roaming")
    elif system == "Darwin":
        base = home / "Library" / "Application Support"
    else:
        base = Path(environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    return [base / "QGIS" / version / "profiles" for version in VERSIONS]


def plugins_folders(profile: str, environ: Mapping[str, str], system: str, home: Path) -> list[Path]:
    """The plugin folders of the profile, for every QGIS that has one; QGIS 3's where none has."""
    folders = profiles_folders(environ, system, home)
    present = [folder / profile for folder in folders if (folder / profile).is_dir()]
    return [folder / "python" / "plugins" for folder in present or [folders[-1] / profile]]


def link(plugins: Path) -> Path:
    """Links the checkout into a plugin folder, in place of an older link but never of a real folder.

    Raises:
        FileExistsError: A real folder of the plugin's name is there.
    """
    plugins.mkdir(parents=True, exist_ok=True)
    target = plugins / NAME
    if target.exists() and target.resolve() == REPOSITORY:
        return target
    unlink(plugins)
    if target.exists():
        raise FileExistsError(f"{target} is an installed plugin: remove it in QGIS's plugin manager first.")
    if platform.system() == "Windows":  # a junction needs no administrator
        subprocess.run(["cmd", "/c", "mklink", "/J", str(target), str(REPOSITORY)], check=True)
    else:
        target.symlink_to(REPOSITORY, target_is_directory=True)
    return target


def unlink(plugins: Path) -> None:
    """Removes an earlier link, and only a link."""
    target = plugins / NAME
    if target.is_symlink():
        target.unlink()
    elif platform.system() == "Windows" and target.exists() and target.resolve() != target.absolute():
        target.rmdir()  # removes the junction, not what it leads to


def main(arguments: Sequence[str] | None = None) -> int:
    """Reads the options and links."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profile", default="default", help="QGIS profile")
    parser.add_argument("--plugins", type=Path, help="another plugin folder than a profile's")
    parser.add_argument("--remove", action="store_true", help="remove the link again")
    options = parser.parse_args(arguments)
    folders = plugins_folders(options.profile, os.environ, platform.system(), Path.home())
    for plugins in [options.plugins] if options.plugins else folders:
        try:
            if options.remove:
                unlink(plugins)
            else:
                print(f"{link(plugins)} -> {REPOSITORY}")
        except FileExistsError as error:
            print(error, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
