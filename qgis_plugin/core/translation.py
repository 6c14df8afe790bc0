"""User text in the user's language.

The translations are Qt Linguist's own files, ``i18n/geophrase_<locale>.ts``: translators know them, Linguist,
Weblate and Transifex open them, and they are read here as they are, so nothing binary is built or kept. They
are not given to Qt as a `QTranslator`: Qt asks every translator for every text of QGIS, in any thread and
under a lock of its own, so one written in Python would slow QGIS down and could hang it. All text of the
plugin goes through `tr`, so a table does. ``tools/translations.py`` keeps the files up to date.
"""

from __future__ import annotations

from pathlib import Path
from typing import Dict

CONTEXT = "GeoPhrase"
"""The one translation context of the plugin."""
FOLDER = Path(__file__).resolve().parent.parent / "i18n"

_translations: Dict[str, str] = {}


def tr(text: str) -> str:
    """The text in QGIS's language, or as it is where there is no translation.

    Numbers and names go in afterwards: ``tr("{count} polygons").format(count=3)``.
    """
    return _translations.get(text, text)


def use_language(locale: str) -> None:
    """Lets `tr` answer in this language, such as "de" or "de_AT"; in English where it is not known."""
    global _translations
    name = locale.replace("-", "_")
    paths = [FOLDER / f"geophrase_{known}.ts" for known in (name, name.partition("_")[0])]
    _translations = next((_read(path) for path in paths if path.is_file()), {})


def _read(path: Path) -> Dict[str, str]:
    """The finished translations of a Linguist file by their English source."""
    from qgis.PyQt.QtCore import QXmlStreamReader  # here, for parts of the plugin are tested outside QGIS

    reader = QXmlStreamReader(path.read_text(encoding="utf-8"))
    found: Dict[str, str] = {}
    source = ""
    while not reader.atEnd():
        reader.readNext()
        if not reader.isStartElement():
            continue
        if reader.name() == "source":
            source = reader.readElementText()
        elif reader.name() == "translation" and not reader.attributes().hasAttribute("type"):
            found[source] = reader.readElementText()
    return found
