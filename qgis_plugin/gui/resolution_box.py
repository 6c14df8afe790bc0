"""The dock's choice of the pixel side to work at."""

from __future__ import annotations

from typing import Optional

from qgis.core import QgsCoordinateTransform, QgsCsException, QgsProject, QgsRasterLayer, QgsUnitTypes
from qgis.gui import QgsMapCanvas
from qgis.PyQt.QtWidgets import QDoubleSpinBox, QHBoxLayout, QSizePolicy, QToolButton, QWidget

from ..core.raster.layer_raster import LayerRaster
from ..core.translation import tr
from .icons import theme_icon

_SIGNIFICANT_DIGITS = 3


class ResolutionBox(QWidget):
    """A file is worked on in its own pixels unless a side in metres is given; a layer that QGIS draws has no
    pixels, so there the side must be given, in the layer's map units.

    Args:
        canvas: Whose scale a drawn layer begins with.
        parent: Qt's.
    """  # noqa: D205 - one sentence that takes two lines

    def __init__(self, canvas: QgsMapCanvas, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._layer: Optional[QgsRasterLayer] = None
        self._side = QDoubleSpinBox()
        self._side.setAccessibleName(tr("Pixel side"))
        self._side.setMinimumWidth(60)
        self._side.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self._from_view = QToolButton()
        self._from_view.setIcon(theme_icon("mActionZoomActual.svg"))
        self._from_view.setToolTip(tr("Take the pixel side of the map as it is shown now"))
        self._from_view.setAccessibleName(tr("Pixel side of the map view"))
        self._from_view.clicked.connect(self._take_view)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._side, 1)
        row.addWidget(self._from_view)

    def show_layer(self, layer: QgsRasterLayer, raster: LayerRaster) -> None:
        """Offers what suits this layer; keeps what was entered when the layer is the same."""
        if layer is self._layer:
            return
        self._layer = layer
        self._from_view.setVisible(not raster.is_file)
        if raster.is_file:
            self._offer_own_pixels(raster)
        else:
            self._offer_drawn(layer)

    @property
    def resolution(self) -> Optional[float]:
        """Metres for a file, None for its own pixels; map units for a layer that QGIS draws."""
        value = float(self._side.value())
        return value if value > self._side.minimum() or not self._side.specialValueText() else None

    @resolution.setter
    def resolution(self, resolution: Optional[float]) -> None:
        self._side.setValue(self._side.minimum() if resolution is None else resolution)

    def _offer_own_pixels(self, raster: LayerRaster) -> None:
        self._side.setDecimals(3)
        self._side.setRange(0.0, 1000.0)
        self._side.setSingleStep(0.1)
        self._side.setSpecialValueText(_own_pixels_text(raster))
        self._side.setSuffix(tr(" m per pixel"))
        self._side.setValue(0.0)
        self._side.setToolTip(
            tr("Work in the raster's own pixels, or coarser for large objects: metres per pixel.")
        )

    def _offer_drawn(self, layer: QgsRasterLayer) -> None:
        unit = QgsUnitTypes.toAbbreviatedString(layer.crs().mapUnits())
        is_degrees = bool(layer.crs().isGeographic())
        self._side.setSpecialValueText("")
        self._side.setDecimals(8 if is_degrees else 3)
        self._side.setRange(1e-8 if is_degrees else 1e-3, 1e6)
        self._side.setSuffix(tr(" {unit} per pixel").format(unit=unit))
        self._side.setToolTip(
            tr(
                "QGIS draws this layer for the engine, at this pixel side in the layer's own units. Smaller "
                "shows more detail and takes longer."
            )
        )
        self._take_view()

    def _take_view(self) -> None:
        if self._layer is None:
            return
        side = rounded(_view_resolution(self._canvas, self._layer))
        self._side.setSingleStep(side / 10)
        self._side.setValue(side)


def rounded(value: float) -> float:
    """The value with as many digits as people read."""
    return float(f"{value:.{_SIGNIFICANT_DIGITS}g}")


def _own_pixels_text(raster: LayerRaster) -> str:
    grid = raster.native_grid
    if grid is None or not raster.crs.isValid():
        return tr("its own pixels")
    unit = QgsUnitTypes.toAbbreviatedString(raster.crs.mapUnits())
    return tr("its own pixels ({side:g} {unit})").format(side=rounded(grid.pixel_size_map[0]), unit=unit)


def _view_resolution(canvas: QgsMapCanvas, layer: QgsRasterLayer) -> float:
    """The side of a screen pixel in the middle of the map, in the layer's units."""
    settings = canvas.mapSettings()
    side_map = float(settings.mapUnitsPerPixel())
    if side_map <= 0 or settings.destinationCrs() == layer.crs():
        return side_map if side_map > 0 else 1.0
    transform = QgsCoordinateTransform(settings.destinationCrs(), layer.crs(), QgsProject.instance())
    centre = settings.visibleExtent().center()
    try:
        here = transform.transform(centre)
        there = transform.transform(centre.x() + side_map, centre.y())
    except QgsCsException:
        return 1.0
    return float(here.distance(there)) or 1.0
