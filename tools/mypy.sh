#!/usr/bin/env bash
# mypy sees the repository root as the package `geophrase` through a link, as QGIS and pip do.
set -euo pipefail
bin=$(cd "${1:-.venv/bin}" && pwd)
root=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$root/build/typecheck"
ln -sfn "$root" "$root/build/typecheck/geophrase"
cd "$root/build/typecheck"
MYPYPATH=. "$bin/mypy" --config-file geophrase/pyproject.toml -p geophrase.protocol -p geophrase.engine -p geophrase.qgis_plugin -p geophrase.training
