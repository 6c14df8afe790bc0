"""What the set-up page must know before it can offer anything; looking takes a few seconds."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Optional, Tuple

from .clean_environ import clean_environ
from .install import due_steps
from .location import engine_command, plugin_folder
from .package_tool import is_pip_configured
from .plan import InstallPlan
from .proxy import ProxySettings
from .python_search import find_uv
from .state import STATE_FILE, InstallState, read_state
from .torch_build import TorchBuild, TorchChoice, choose_torch, find_gpu


@dataclass(frozen=True)
class Survey:
    """This computer and the environment in one folder.

    Attributes:
        folder: The environment's folder.
        choice: The builds of PyTorch that fit.
        uv: uv's path, "" where venv and pip are to be used.
        state: What is finished.
        has_traces: Whether an installation was ever begun there.
        is_installed: Whether an engine can be started.
        due: Titles of the steps that are due with the build that is installed, or else with the proposed one.
    """

    folder: Path
    choice: TorchChoice
    uv: str
    state: InstallState
    has_traces: bool
    is_installed: bool
    due: Tuple[str, ...]

    @property
    def engine(self) -> str:
        """The installed engine's version, "" where there is none."""
        return self.state.result("check").get("engine", "")

    def build(self, is_cuda: bool) -> TorchBuild:
        """The build for the user's choice between GPU and CPU."""
        return self.choice.cuda if is_cuda and self.choice.cuda else self.choice.cpu


def survey(folder: Path) -> Survey:
    """Looks at the computer and at the environment's folder; blocks, so never on QGIS's main thread."""
    environ = clean_environ()
    choice = choose_torch(find_gpu(environ))
    uv = "" if is_pip_configured(environ) else find_uv(environ)
    state = read_state(folder)
    installed_cuda = state.result("torch").get("cuda", "None") != "None"
    build = choice.cuda if choice.cuda and (installed_cuda or "torch" not in state.steps) else choice.cpu
    plan = InstallPlan(folder, plugin_folder(), build, uv=uv, environ=environ)
    due = tuple(step.title for step in due_steps(plan, state))
    has_traces = (folder / STATE_FILE).exists()
    return Survey(folder, choice, uv, state, has_traces, engine_command("", folder) is not None, due)


def make_plan(
    found: Survey,
    *,
    is_cuda: bool,
    wheels: Optional[Path] = None,
    proxy: Optional[ProxySettings] = None,
) -> InstallPlan:
    """The plan for what the user chose on the page."""
    plan = InstallPlan(found.folder, plugin_folder(), found.build(is_cuda), wheels=wheels, uv=found.uv)
    return dataclasses.replace(plan, proxy=proxy) if proxy else plan
