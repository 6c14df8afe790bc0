#!/usr/bin/env bash
# A Python that sees the system's QGIS and has pytest, for the tests that run inside QGIS.
# Installs Debian's QGIS where that is allowed; where it isn't, says what will be skipped and succeeds.
set -euo pipefail
: "${QGIS_PYTHON:=/usr/bin/python3}" "${QGIS_VENV:=build/qgis-env}"
packages=(qgis python3-qgis qgis-providers python3-venv xvfb xauth)

has_qgis() { "$QGIS_PYTHON" -c 'import qgis.gui' 2>/dev/null && command -v qgis >/dev/null && command -v xvfb-run >/dev/null; }
skip() { printf '\n== QGIS is not here (%s): the tests that run inside QGIS will be skipped.\n\n' "$*" >&2; exit 0; }

"$QGIS_VENV/bin/python" -c 'import qgis.gui, pytest, pytest_timeout' 2>/dev/null && exit 0
if ! has_qgis; then
    command -v apt-get >/dev/null || skip "this is no Debian; install QGIS yourself to run them"
    if [ "$(id -u)" = 0 ]; then as_root=(); elif sudo -n true 2>/dev/null; then as_root=(sudo -n); else
        skip "installing it takes root: apt-get install ${packages[*]}"; fi
    printf '\n== installing QGIS for its tests\n'
    { "${as_root[@]}" apt-get update -q && DEBIAN_FRONTEND=noninteractive "${as_root[@]}" \
        apt-get install -qy --no-install-recommends "${packages[@]}" >/dev/null; } || skip "apt-get failed, see above"
    has_qgis || skip "the packages were installed, but its Python bindings can't be imported"
fi
"$QGIS_PYTHON" -m venv --system-site-packages "$QGIS_VENV" || skip "python3-venv is missing"
"$QGIS_VENV/bin/python" -m pip --disable-pip-version-check install -q "pytest>=8" "pytest-timeout>=2.3"
