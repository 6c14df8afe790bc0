"""The queries asked before, and some to begin with."""

from __future__ import annotations

import json
from typing import List

from qgis.core import QgsSettings

from ..settings import GROUP

MAX_REMEMBERED = 50
SUGGESTIONS = (
    "storage tanks",
    "buildings",
    "roofs",
    "trees",
    "cars",
    "ships",
    "airplanes",
    "swimming pools",
    "tennis courts",
    "sports fields",
    "bridges",
    "roads",
    "water",
    "solar panels",
    "the largest building",
    "the storage tank on the left",
)
"""Phrases of the kind that the models were trained on. They are English because the models are."""

_KEY = f"{GROUP}/history"


def remembered_queries() -> List[str]:
    """The query lines of earlier runs, the latest first."""
    try:
        lines = json.loads(str(QgsSettings().value(_KEY, "[]")))
    except ValueError:  # damaged by hand: begin again
        return []
    return [line for line in lines if isinstance(line, str)] if isinstance(lines, list) else []


def remember_query(line: str) -> None:
    """Puts the line first; the same line asked before moves up, and the oldest is forgotten."""
    line = " ".join(line.split())
    if not line:
        return
    lines = [line, *(earlier for earlier in remembered_queries() if earlier.lower() != line.lower())]
    QgsSettings().setValue(_KEY, json.dumps(lines[:MAX_REMEMBERED], ensure_ascii=False))


def forget_queries() -> None:
    """Empties the history."""
    QgsSettings().remove(_KEY)


def completions() -> List[str]:
    """What the query line offers: earlier queries, then suggestions that are not among them."""
    earlier = remembered_queries()
    known = {line.lower() for line in earlier}
    return earlier + [phrase for phrase in SUGGESTIONS if phrase not in known]
