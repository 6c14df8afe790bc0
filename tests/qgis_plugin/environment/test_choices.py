"""What is chosen before anything is installed: Python, the build of PyTorch, variables, the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from geophrase.qgis_plugin.core.environment.clean_environ import clean_environ, qgis_installation
from geophrase.qgis_plugin.core.environment.failure import InstallError, explain
from geophrase.qgis_plugin.core.environment.location import engine_command, environment_folder
from geophrase.qgis_plugin.core.environment.package_tool import PackageTool, is_pip_configured
from geophrase.qgis_plugin.core.environment.python_search import ask_python, candidates, find_python, find_uv
from geophrase.qgis_plugin.core.environment.torch_build import Gpu, choose_torch, find_gpu, platform_obstacle


def write_program(path: Path, *lines: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(["#!/bin/sh", *lines]) + "\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize(
    ("gpu", "system", "machine", "key", "obstacle"),
    [
        (None, "Linux", "x86_64", "cpu", "No NVIDIA GPU"),
        (Gpu("RTX 4080", 580, 8.9), "Linux", "x86_64", "cu130", ""),
        (Gpu("RTX 4080", 551, 8.9), "Windows", "AMD64", "cu126", ""),
        (Gpu("GTX 1080", 580, 6.1), "Linux", "x86_64", "cu126", ""),
        (Gpu("RTX 5090", 570, 12.0), "Windows", "AMD64", "cpu", "needs driver 580"),
        (Gpu("RTX 2060", 470, 7.5), "Linux", "x86_64", "cpu", "needs driver 528"),
        (Gpu("Tesla K80", 470, 3.7), "Linux", "x86_64", "cpu", "too old"),
        (Gpu("GH200", 580, 9.0), "Linux", "aarch64", "cpu", "no CUDA build"),
        (None, "Darwin", "arm64", "default", "no CUDA on macOS"),
    ],
)
def test_the_build_fits_gpu_driver_and_system(
    gpu: Gpu | None, system: str, machine: str, key: str, obstacle: str
) -> None:
    choice = choose_torch(gpu, system=system, machine=machine)

    assert choice.proposed.key == key
    assert obstacle in choice.cuda_obstacle
    assert bool(choice.cuda) != bool(choice.cuda_obstacle)
    if gpu is not None and choice.cuda is not None:
        assert gpu.name in choice.cuda.reason


def test_every_build_names_requirements_that_are_here(repository: Path) -> None:
    gpus = (None, Gpu("new", 600, 9.0), Gpu("old", 530, 6.0))
    names = set()
    for system in ("Linux", "Windows", "Darwin"):
        for gpu in gpus:
            choice = choose_torch(gpu, system=system, machine="x86_64")
            names.update(choice.cpu.requirements, choice.cuda.requirements if choice.cuda else ())

    assert names == {path.name for path in (repository / "requirements").glob("torch*.txt")}


def test_asks_nvidia_smi_for_the_best_gpu(tmp_path: Path) -> None:
    write_program(
        tmp_path / "nvidia-smi", 'echo "Quadro P400, 551.23, 6.1"', 'echo "NVIDIA RTX A2000, 551.23, 8.6"'
    )

    assert find_gpu({"PATH": f"{tmp_path}:/bin:/usr/bin"}) == Gpu("NVIDIA RTX A2000", 551, 8.6)


def test_an_old_nvidia_smi_does_not_know_the_capability(tmp_path: Path) -> None:
    refusal = 'case "$*" in *compute_cap*) echo "Field is not valid"; exit 2;; esac'
    write_program(tmp_path / "nvidia-smi", refusal, 'echo "Quadro P400, 470.14"')

    assert find_gpu({"PATH": f"{tmp_path}:/bin:/usr/bin"}) == Gpu("Quadro P400", 470, 0.0)


def test_a_broken_nvidia_smi_is_no_gpu(tmp_path: Path) -> None:
    write_program(tmp_path / "nvidia-smi", 'echo "NVIDIA-SMI has failed"', "exit 9")

    assert find_gpu({"PATH": f"{tmp_path}:/bin:/usr/bin"}) is None


@pytest.mark.parametrize(
    ("system", "machine", "is_possible"),
    [
        ("Linux", "x86_64", True),
        ("Windows", "AMD64", True),
        ("Darwin", "arm64", True),
        ("Darwin", "x86_64", False),
        ("Linux", "armv7l", False),
    ],
)
def test_says_where_no_pytorch_exists(system: str, machine: str, is_possible: bool) -> None:
    assert (platform_obstacle(system, machine) == "") is is_possible


def test_windows_variables_lose_qgis_and_keep_the_users() -> None:
    environ = {
        "Path": r"C:\OSGeo4W\bin;C:\Windows\System32;C:\OSGeo4W\apps\qgis\bin",
        "PYTHONHOME": r"C:\OSGeo4W\apps\Python312",
        "SSL_CERT_FILE": r"C:\OSGeo4W\bin\curl-ca-bundle.crt",
        "GDAL_DATA": r"C:\OSGeo4W\share\gdal",
        "LOCALAPPDATA": r"C:\Users\ann\AppData\Local",
        "HTTPS_PROXY": "http://proxy:3128",
        "PIP_INDEX_URL": "https://index.corp/simple",
        "PIP_USER": "1",
    }
    root = qgis_installation(r"C:\OSGeo4W\bin\qgis-bin.exe", "Windows")

    kept = clean_environ(environ, qgis_root=root, system="Windows")

    assert root == r"C:\OSGeo4W"
    assert kept.pop("PYTHONUTF8") == "1"
    assert kept.pop("PYTHONUNBUFFERED") == "1"
    assert kept == {
        "Path": r"C:\Windows\System32",
        "LOCALAPPDATA": environ["LOCALAPPDATA"],
        "HTTPS_PROXY": environ["HTTPS_PROXY"],
        "PIP_INDEX_URL": environ["PIP_INDEX_URL"],
    }


@pytest.mark.parametrize(
    ("executable", "system", "root"),
    [
        (r"C:\Program Files\QGIS 3.40.1\bin\qgis-ltr-bin.exe", "Windows", r"C:\Program Files\QGIS 3.40.1"),
        (r"C:\OSGeo4W\apps\Python312\python3.exe", "Windows", r"C:\OSGeo4W"),
        (r"C:\OSGeo4W\apps\qgis\bin\qgis.exe", "Windows", r"C:\OSGeo4W"),
        ("/Applications/QGIS.app/Contents/MacOS/QGIS", "Darwin", "/Applications/QGIS.app"),
        ("/usr/bin/python3", "Linux", ""),
    ],
)
def test_knows_where_qgis_brings_its_own_libraries(executable: str, system: str, root: str) -> None:
    assert qgis_installation(executable, system) == root


def test_a_python_that_qgis_points_elsewhere_works_in_the_clean_environment(tmp_path: Path) -> None:
    environ = {**os.environ, "PYTHONHOME": str(tmp_path), "PYTHONPATH": str(tmp_path)}

    done = subprocess.run(
        [sys.executable, "-c", "import json"], env=environ, capture_output=True, check=False
    )
    assert done.returncode != 0, "this is what QGIS does to it"
    subprocess.run([sys.executable, "-c", "import json"], env=clean_environ(environ), check=True)


def test_asks_a_python_what_it_is() -> None:
    facts = ask_python([sys.executable], clean_environ())

    assert facts is not None
    assert facts.version == sys.version_info[:3]
    assert facts.is_suitable


@pytest.mark.parametrize("said", ["", "hello", '{"version": [3, 12, 1]}'])
def test_what_is_no_python_is_passed_over(tmp_path: Path, said: str) -> None:
    program = write_program(tmp_path / "python3", f"echo '{said}'")

    assert ask_python([str(program)], {}) is None
    assert ask_python([str(tmp_path / "absent")], {}) is None


def test_an_older_python_is_passed_over_for_a_newer_one(tmp_path: Path) -> None:
    old = {"version": [3, 9, 2], "bits": 64, "executable": "/old", "has_venv": True}
    write_program(tmp_path / "python3.12", f"echo '{json.dumps(old)}'")
    new = {**old, "version": [3, 11, 4], "executable": "/new"}
    write_program(tmp_path / "python3.11", f"echo '{json.dumps(new)}'")

    assert find_python({"PATH": str(tmp_path)}).executable == "/new"


def test_uv_knows_a_python_first(tmp_path: Path) -> None:
    uv = write_program(tmp_path / "uv", "echo /from/uv/python3.12")

    assert find_uv({"PATH": str(tmp_path)}) == str(uv)
    assert next(candidates({"PATH": ""}, str(uv))) == ["/from/uv/python3.12"]


def test_a_chosen_python_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InstallError, match=r"no 64-bit Python 3\.10"):
        find_python({}, chosen=str(tmp_path / "python"))


def test_pip_settings_keep_uv_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert is_pip_configured({"PIP_INDEX_URL": "https://index.corp/simple"})
    before = is_pip_configured({})
    (tmp_path / ".config" / "pip").mkdir(parents=True)
    (tmp_path / ".config" / "pip" / "pip.conf").write_text(
        "[global]\nindex-url = https://index.corp/simple\n"
    )

    assert is_pip_configured({})
    assert not before or Path("/etc/pip.conf").exists() or Path("/etc/xdg/pip/pip.conf").exists()


def test_a_folder_of_wheels_closes_the_index() -> None:
    tool = PackageTool(Path("/venv/bin/python"), wheels=Path("/wheels"))

    assert tool.install("x")[-4:] == ["--no-index", "--find-links", "/wheels", "x"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ["ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device"],
            "disk is full",
        ),
        (["OSError: [WinError 5] Access is denied: 'torch_cpu.dll'"], "could not be written"),
        (
            ["[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: unable to get local issuer"],
            "certificate",
        ),
        (
            ["error: Failed to fetch: `https://pypi.org/simple/x/`", "dns error: failed to lookup"],
            "be reached",
        ),
        (
            ["ERROR: Could not install: [WinError 206] The filename or extension is too long"],
            "longer than Windows",
        ),
        (["ERROR: Missing dependencies for SOCKS support."], "SOCKS"),
        (["NewConnectionError", "ERROR: No matching distribution found for torch==2.13.0"], "be reached"),
        (["ERROR: No matching distribution found for torch==2.13.0"], "no torch==2.13.0"),
        (["something else"], "could not be installed"),
    ],
)
def test_says_what_happened_in_the_users_words(lines: list[str], message: str) -> None:
    error = explain(lines, python="3.12.1")

    assert message in error.message
    assert error.advice
    assert error.lines[-1] == lines[-1]


def test_shows_errors_and_not_progress() -> None:
    lines = ["Collecting torch", *(f"Progress {n} of 99" for n in range(99)), "", "ERROR: a", "  because b"]

    assert explain(lines).lines == ("ERROR: a", "  because b")


def test_an_installed_engine_may_be_a_program_a_folder_or_a_command(tmp_path: Path) -> None:
    program = write_program(tmp_path / "other env" / "bin" / "geophrase")

    assert engine_command(str(program), tmp_path) == [str(program)]
    assert engine_command(str(tmp_path / "other env"), tmp_path) == [str(program)]
    assert engine_command(f"'{sys.executable}' -m geophrase.engine.cli.main", tmp_path) == [
        sys.executable,
        "-m",
        "geophrase.engine.cli.main",
    ]
    assert engine_command(str(tmp_path / "absent"), tmp_path) is None
    assert engine_command("an 'unclosed quotation", tmp_path) is None
    assert engine_command("", tmp_path) is None


def test_the_folder_in_the_settings_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))

    assert environment_folder(" ~/engine ") == tmp_path / "engine"
    assert "geophrase" in environment_folder("").parts
