"""Runs an installation and keeps what it said; importable in a process of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from geophrase.qgis_plugin.core.environment.clean_environ import clean_environ
from geophrase.qgis_plugin.core.environment.install import InstallOutcome, install
from geophrase.qgis_plugin.core.environment.plan import InstallListener, InstallPlan
from geophrase.qgis_plugin.core.environment.torch_build import TorchBuild

CPU = TorchBuild("cpu", ("torch-cpu.txt", "torch.txt"), False, "a test", 1, 10)


@dataclasses.dataclass
class Record:
    """An installation's outcome and everything that it said."""

    outcome: InstallOutcome
    lines: list[str]
    progress: list[tuple[float, str]]

    @property
    def commands(self) -> list[str]:
        return [line for line in self.lines if line.startswith("$ ")]


def run_install(plan: InstallPlan, is_cancelled: Callable[[], bool] = lambda: False) -> Record:
    """Installs and keeps all that is said."""
    lines, progress = [], []
    listener = InstallListener(lambda *args: progress.append(args), lines.append, is_cancelled)
    return Record(install(plan, listener), lines, progress)


def bare_environ(home: Path) -> dict[str, str]:
    """The variables without any setting of pip's of whoever runs the tests."""
    kept = {name: value for name, value in clean_environ().items() if not name.startswith(("PIP_", "UV_"))}
    lower = {name for name in kept if name.lower().endswith("_proxy")}
    return {**{name: value for name, value in kept.items() if name not in lower}, "HOME": str(home)}
