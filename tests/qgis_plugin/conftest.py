"""The files in in_qgis/ belong to QGIS's own Python: test_in_qgis.py runs them there."""

from __future__ import annotations

collect_ignore = ["in_qgis"]
