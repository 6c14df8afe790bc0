"""How found polygons look: one colour per query, see-through, with a firm outline."""

from __future__ import annotations

from typing import Sequence

from qgis.core import (
    QgsCategorizedSymbolRenderer,
    QgsFillSymbol,
    QgsRendererCategory,
    QgsSymbol,
    QgsVectorLayer,
)

from ..translation import tr

COLOURS = (
    "#e6194b",
    "#4363d8",
    "#f58231",
    "#911eb4",
    "#00a6a6",
    "#ffd32a",
    "#f032e6",
    "#3cb44b",
    "#9a6324",
    "#46f0f0",
    "#800000",
    "#bfef45",
)
"""Far apart from each other, and those first that stand out from vegetation, soil and roofs."""

_FILL_ALPHA = 70
_OUTLINE_MM = 0.36


def style_by_query(layer: QgsVectorLayer, queries: Sequence[str], *, first_colour: int = 0) -> None:
    """Gives every query a category of its own, and one to polygons that answer none of them.

    Args:
        layer: Has the output schema.
        queries: In the order of the legend.
        first_colour: Where to begin among COLOURS, so that results beside each other differ.
    """
    categories = [
        QgsRendererCategory(query, _symbol(first_colour + index), query)
        for index, query in enumerate(queries)
    ]
    categories.append(QgsRendererCategory(None, _symbol(first_colour + len(queries)), tr("other")))
    layer.setRenderer(QgsCategorizedSymbolRenderer("query", categories))
    layer.setDisplayExpression('"query" || \' \' || round("score", 2)')


def _symbol(colour: int) -> QgsSymbol:
    code = COLOURS[colour % len(COLOURS)]
    red, green, blue = (int(code[at : at + 2], 16) for at in (1, 3, 5))
    return QgsFillSymbol.createSimple(
        {
            "color": f"{red},{green},{blue},{_FILL_ALPHA}",
            "outline_color": f"{red},{green},{blue},255",
            "outline_width": str(_OUTLINE_MM),
            "outline_style": "solid",
            "joinstyle": "round",
        }
    )
