"""The steps of an installation, in their order; `install.py` decides which of them are due."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import Callable, Dict, List, Mapping, Protocol, Sequence, Tuple

from ..translation import tr
from .command import CommandResult
from .doctor import doctor_command, read_examination
from .failure import InstallError, meaningful_lines
from .location import LAST_STEP, environment_python, private_command
from .package_tool import PackageTool
from .plan import VENV, InstallPlan
from .python_search import UV_PYTHON, ask_python, find_python
from .source import copy_source, engine_dependencies, requirements_file, source_digest

_PIP_TELLS_PROGRESS = (24, 1)
_TORCH_FACTS = "import torch; print('torch', torch.__version__, 'cuda', torch.version.cuda)"


class StepContext(Protocol):
    """What a step may use while it runs."""

    plan: InstallPlan

    def result(self, step: str) -> Mapping[str, str]:
        """What an earlier step left."""

    def say(self, line: str) -> None:
        """Adds a line to the log."""

    def run(self, argv: Sequence[str]) -> CommandResult:
        """Runs a program and explains its failure; raises InstallError or InstallationCancelled."""

    def try_run(self, argv: Sequence[str]) -> CommandResult:
        """As `run`, but hands a failure back."""


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        name: Its name in the state file.
        title: What the user sees.
        share: Its part of the whole time, for the progress bar.
        needs: The steps that it is due again after.
        inputs: Everything that makes it due again when it changes.
        run: Carries it out and gives what later steps want to know.
        download_mb: What it downloads; 0 where that is little.
    """

    name: str
    title: str
    share: float
    needs: Tuple[str, ...]
    inputs: Callable[[InstallPlan], Dict[str, str]]
    run: Callable[[StepContext], Dict[str, str]]
    download_mb: int = 0


def install_steps(plan: InstallPlan) -> Tuple[Step, ...]:
    """All steps of an installation, in their order."""
    made = ("environment",)
    all_packages = ("torch", "dependencies", "models", "package")
    libraries_mb = 250
    torch_mb = plan.torch.download_mb - libraries_mb
    return (
        Step("python", tr("Looking for Python"), 0.02, (), _python_inputs, _find_python),
        Step(
            "environment",
            tr("Creating the environment"),
            0.05,
            ("python",),
            _environment_inputs,
            _make_environment,
        ),
        Step(
            "tools", tr("Preparing the installation of packages"), 0.03, made, _tools_inputs, _install_tools
        ),
        Step("torch", tr("Installing PyTorch"), 0.5, made, _torch_inputs, _install_torch, torch_mb),
        Step(
            "dependencies",
            tr("Installing the engine's libraries"),
            0.26,
            made,
            _dependencies_inputs,
            _install_dependencies,
            libraries_mb,
        ),
        Step(
            "models", tr("Installing SAM 2 and the text encoder"), 0.05, made, _models_inputs, _install_models
        ),
        Step("package", tr("Installing GeoPhrase's engine"), 0.04, made, _package_inputs, _install_package),
        Step(LAST_STEP, tr("Checking the installation"), 0.05, all_packages, _check_inputs, _check),
    )


def package_tool(plan: InstallPlan, pip_version: str) -> PackageTool:
    """The program that installs packages into the plan's environment."""
    numbers = tuple(int(part) for part in pip_version.split(".")[:2] if part.isdigit())
    return PackageTool(environment_python(plan.folder), plan.uv, plan.wheels, numbers >= _PIP_TELLS_PROGRESS)


def _tool(context: StepContext) -> PackageTool:
    return package_tool(context.plan, context.result("tools").get("pip", ""))


def _text(plan: InstallPlan, *names: str) -> str:
    return "".join(requirements_file(plan.source, name).read_text(encoding="utf-8") for name in names)


def _python_inputs(plan: InstallPlan) -> Dict[str, str]:
    return {"python": plan.python}


def _find_python(context: StepContext) -> Dict[str, str]:
    plan = context.plan
    environ = plan.command_environ()
    try:
        facts = find_python(environ, uv=plan.uv, chosen=plan.python)
    except InstallError:
        if not plan.uv or plan.python or plan.wheels:
            raise
        context.run([plan.uv, "python", "install", UV_PYTHON])
        facts = find_python(environ, uv=plan.uv)
    context.say(f"Python {facts.spoken_version}: {facts.executable}")
    return {"executable": facts.executable, "version": facts.spoken_version}


def _environment_inputs(plan: InstallPlan) -> Dict[str, str]:
    # Another build of PyTorch gets a new environment, for the old one's CUDA libraries would stay behind.
    return {"program": "uv" if plan.uv else "venv", "build": plan.torch.key}


def _make_environment(context: StepContext) -> Dict[str, str]:
    plan, python = context.plan, context.result("python")["executable"]
    folder = plan.folder / VENV
    if folder.exists():
        shutil.rmtree(folder)
    if plan.uv:
        # pip goes in too, for the doctor's advice names it; without a network there is none to be had.
        seed: List[str] = [] if plan.wheels else ["--seed"]
        context.run([plan.uv, "venv", *seed, "--python", python, str(folder)])
    else:
        context.run([python, "-m", "venv", str(folder)])
    facts = ask_python([str(environment_python(plan.folder))], plan.command_environ())
    if facts is None:
        raise InstallError(
            tr("The environment's Python does not start."),
            tr("Allow {folder} in your antivirus program, then press Retry.").format(folder=plan.folder),
        )
    return {"version": facts.spoken_version}


def _tools_inputs(plan: InstallPlan) -> Dict[str, str]:
    return {"requirements": _text(plan, "build.txt")}


def _install_tools(context: StepContext) -> Dict[str, str]:
    plan = context.plan
    newest = ["--upgrade", "pip"] if not plan.uv and plan.wheels is None else []
    requirements = requirements_file(plan.source, "build.txt")
    context.run(package_tool(plan, "").install(*newest, "-r", str(requirements)))
    if plan.uv:
        return {}
    said = context.run([str(environment_python(plan.folder)), "-m", "pip", "--version"]).lines
    return {"pip": said[-1].split()[1]}


def _torch_inputs(plan: InstallPlan) -> Dict[str, str]:
    return {"requirements": _text(plan, *plan.torch.requirements)}


def _install_torch(context: StepContext) -> Dict[str, str]:
    """Installs PyTorch from the first index that has it and makes sure that it is the build asked for."""
    plan, tool = context.plan, _tool(context)
    *first, last = (str(requirements_file(plan.source, name)) for name in plan.torch.requirements)
    for path in first:
        if context.try_run(tool.install("-r", path)).code == 0:
            break
        context.say("That failed; trying the package index alone, whose build can take several GB more.")
    else:
        context.run(tool.install("-r", last))
    said = context.run([str(environment_python(plan.folder)), "-I", "-c", _TORCH_FACTS]).lines[-1].split()
    if plan.torch.is_cuda and said[-1] == "None":
        context.run(tool.uninstall("torch"))  # or a retry would find it and be content
        raise InstallError(
            tr("Only a CPU build of PyTorch could be had, so the GPU would stay unused."),
            tr("Check that the address in requirements/{name} can be reached, or choose the CPU.").format(
                name=plan.torch.requirements[0]
            ),
        )
    if plan.torch.key == "cpu" and said[-1] != "None":
        context.say(
            "The CPU build was out of reach: this is the CUDA build, which works but takes several GB."
        )
    return {"version": said[1], "cuda": said[-1]}


def _dependencies_inputs(plan: InstallPlan) -> Dict[str, str]:
    return {"requirements": "\n".join(engine_dependencies(plan.source))}


def _install_dependencies(context: StepContext) -> Dict[str, str]:
    # hydra and iopath come as sources, which the tools installed before build.
    requirements = engine_dependencies(context.plan.source)
    context.run(_tool(context).install("--no-build-isolation", *requirements))
    return {}


def _models_inputs(plan: InstallPlan) -> Dict[str, str]:
    return {"requirements": _text(plan, "without_dependencies.txt")}


def _install_models(context: StepContext) -> Dict[str, str]:
    path = requirements_file(context.plan.source, "without_dependencies.txt")
    context.run(_tool(context).install("--no-deps", "--no-build-isolation", "-r", str(path)))
    return {}


def _package_inputs(plan: InstallPlan) -> Dict[str, str]:
    return {"source": source_digest(plan.source)}


def _install_package(context: StepContext) -> Dict[str, str]:
    copy = context.plan.downloads / "source"
    copy_source(context.plan.source, copy)
    context.run(_tool(context).reinstall("--no-deps", "--no-build-isolation", str(copy)))
    shutil.rmtree(copy, ignore_errors=True)
    return {}


def _check_inputs(plan: InstallPlan) -> Dict[str, str]:
    return {}


def _check(context: StepContext) -> Dict[str, str]:
    """Has the engine's doctor look at the whole; one failed check fails the installation."""
    result = context.try_run(doctor_command(private_command(context.plan.folder)))
    examination = read_examination(result.lines)
    failed = next((check for check in examination.checks if check.status == "fail"), None)
    if failed is not None:
        raise InstallError(
            tr("The engine is installed but its check of “{name}” failed: {detail}.").format(
                name=failed.name, detail=failed.detail
            ),
            failed.remedy or tr("Press Retry, or report it with the log."),
            meaningful_lines(examination.as_text().splitlines()),
        )
    return {"engine": examination.detail("geophrase"), "device": examination.detail("device")}
