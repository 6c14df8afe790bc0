"""Finds uv and a Python that the engine's environment can be made with; never QGIS's own without need."""

from __future__ import annotations

import json
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List, Mapping, Optional, Tuple

from ..translation import tr
from .command import output_of
from .failure import InstallError

MINIMUM = (3, 10)
# The versions that every package has wheels for, best first; newer ones are taken where nothing else is here.
PREFERRED_MINORS = (12, 11, 13, 10, 14)
UV_PYTHON = "3.12"
_ANSWER_S = 30
_FACTS = (
    "import importlib.util as u, json, struct, sys;"
    "print(json.dumps({'version': list(sys.version_info[:3]), 'bits': 8 * struct.calcsize('P'),"
    " 'executable': sys.executable, 'has_venv': all(map(u.find_spec, ('venv', 'ensurepip')))}))"
)


@dataclass(frozen=True)
class PythonFacts:
    """What a Python says of itself.

    Attributes:
        executable: Its own path.
        version: Such as (3, 12, 4).
        bits: 32 or 64.
        has_venv: Whether it can make environments (Debian keeps that in a package of its own).
    """

    executable: str
    version: Tuple[int, ...]
    bits: int
    has_venv: bool

    @property
    def spoken_version(self) -> str:
        """Such as "3.12.4"."""
        return ".".join(map(str, self.version))

    @property
    def is_suitable(self) -> bool:
        """Whether the engine runs on it."""
        return self.version[:2] >= MINIMUM and self.bits == 64


def find_uv(environ: Mapping[str, str]) -> str:
    """The path of uv, also where desktop programs don't see the shell's PATH; "" where there is none."""
    name = "uv.exe" if platform.system() == "Windows" else "uv"
    home = Path.home()
    places = (home / ".local/bin", home / ".cargo/bin", Path("/opt/homebrew/bin"), Path("/usr/local/bin"))
    found = shutil.which("uv", path=environ.get("PATH", ""))
    return found or next((str(place / name) for place in places if (place / name).is_file()), "")


def ask_python(argv: List[str], environ: Mapping[str, str]) -> Optional[PythonFacts]:
    """Starts a Python and has it tell its facts; None where it isn't one or doesn't start."""
    answer = output_of([*argv, "-I", "-c", _FACTS], environ, limit_s=_ANSWER_S)
    try:
        facts = json.loads(answer.splitlines()[-1])
        return PythonFacts(facts["executable"], tuple(facts["version"]), facts["bits"], facts["has_venv"])
    except (ValueError, KeyError, IndexError, TypeError):
        return None


def find_python(environ: Mapping[str, str], *, uv: str = "", chosen: str = "") -> PythonFacts:
    """The Python to make the environment with.

    Args:
        environ: A clean environment, whose PATH no longer leads into QGIS.
        uv: The path of uv, which knows more Pythons than PATH has; "" where there is none.
        chosen: A path that the user gave; nothing else is then looked at.

    Raises:
        InstallError: None is here; says which to install.
    """
    if chosen:
        facts = ask_python([chosen], environ)
        if facts is None or not facts.is_suitable:
            raise InstallError(
                tr("{path} is no 64-bit Python 3.10 or newer.").format(path=chosen),
                tr("Choose another Python, or leave the choice empty."),
            )
        return facts
    lacking_venv: Optional[PythonFacts] = None
    for argv in candidates(environ, uv):
        facts = ask_python(argv, environ)
        if facts is None or not facts.is_suitable:
            continue
        if facts.has_venv or uv:  # uv makes environments by itself
            return facts
        lacking_venv = lacking_venv or facts
    raise _no_python(lacking_venv)


def candidates(environ: Mapping[str, str], uv: str) -> Iterator[List[str]]:
    """Commands that may start a suitable Python, best first."""
    if uv:
        yield from ([path] for path in [_uv_python(uv, environ)] if path)
    system = platform.system()
    if system == "Windows":
        yield from (
            [launcher, f"-3.{minor}"] for launcher in _which("py", environ) for minor in PREFERRED_MINORS
        )
    names = [f"python3.{minor}" for minor in PREFERRED_MINORS] + ["python3", "python"]
    yield from ([path] for name in names for path in _which(name, environ))
    yield from ([str(path)] for path in _usual_places(system) if path.is_file())
    if system == "Windows":
        # The last resort: QGIS's Python makes the environment and stays as it is (sys.executable is QGIS).
        yield [str(Path(sys.base_prefix) / "python.exe")]


def _uv_python(uv: str, environ: Mapping[str, str]) -> str:
    """The Python that uv would take; "" where it has none yet."""
    command = [uv, "python", "find", "--no-python-downloads", f">={MINIMUM[0]}.{MINIMUM[1]},<3.15"]
    return output_of(command, environ, limit_s=_ANSWER_S).strip()


def _which(name: str, environ: Mapping[str, str]) -> List[str]:
    path = shutil.which(name, path=environ.get("PATH", ""))
    # Windows has stubs of these names that open its shop instead of starting Python.
    return [path] if path and "windowsapps" not in path.lower() else []


def _usual_places(system: str) -> Iterator[Path]:
    """Where Pythons lie that a desktop program's PATH does not name."""
    for minor in PREFERRED_MINORS:
        if system == "Darwin":
            yield Path(f"/opt/homebrew/bin/python3.{minor}")
            yield Path(f"/usr/local/bin/python3.{minor}")
            yield Path(f"/Library/Frameworks/Python.framework/Versions/3.{minor}/bin/python3.{minor}")
        elif system == "Windows":
            yield Path.home() / f"AppData/Local/Programs/Python/Python3{minor}/python.exe"
            yield Path(f"C:/Program Files/Python3{minor}/python.exe")
        else:
            yield Path(f"/usr/bin/python3.{minor}")


def _no_python(lacking_venv: Optional[PythonFacts]) -> InstallError:
    if lacking_venv is not None:
        return InstallError(
            tr("{path} can't make environments, for its venv module is missing.").format(
                path=lacking_venv.executable
            ),
            tr("Install it (on Debian: sudo apt install python3-venv) or install uv, then press Retry."),
        )
    return InstallError(
        tr("No Python 3.10 or newer was found on this computer."),
        tr("Install uv (docs.astral.sh/uv) or Python {version} (python.org), then press Retry.").format(
            version=UV_PYTHON
        ),
    )
