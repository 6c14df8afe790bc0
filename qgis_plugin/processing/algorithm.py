"""What GeoPhrase's algorithms share."""

from __future__ import annotations

from typing import List, Tuple

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFields,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingException,
    QgsRasterLayer,
    QgsWkbTypes,
)
from qgis.PyQt.QtGui import QIcon

from ..core.engine.service import EngineService
from ..core.raster.layer_raster import LayerRaster, layer_raster
from ..core.translation import tr
from .failure import failures_told
from .open_sink import OpenSink
from .parameters import INPUT, OUTPUT, Parameters


class GeoPhraseAlgorithm(QgsProcessingAlgorithm):
    """An algorithm that the engine does the work of.

    What QGIS may only touch in the main thread is read in `prepareAlgorithm`; `processAlgorithm` may run in a
    worker.

    Args:
        service: The engine; it is not started before an algorithm runs.

    Attributes:
        service: Likewise.
    """

    def __init__(self, service: EngineService) -> None:
        super().__init__()
        self.service = service

    def createInstance(self) -> GeoPhraseAlgorithm:  # noqa: N802 - QGIS's name
        """Another one of its kind with the same engine."""
        return type(self)(self.service)

    def group(self) -> str:
        """The heading in the toolbox."""
        return tr("Segmentation")

    def groupId(self) -> str:  # noqa: N802 - QGIS's name
        """Its stable name."""
        return "segmentation"

    def icon(self) -> QIcon:
        """The provider's."""
        return self.provider().icon() if self.provider() is not None else super().icon()

    def shortHelpString(self) -> str:  # noqa: N802 - QGIS's name
        """What it does, then a line on every parameter."""
        lines = [self.shortDescription(), *self.remarks(), ""]
        explained = [parameter for parameter in self.parameterDefinitions() if parameter.help()]
        lines += [f"{parameter.description()}: {parameter.help()}" for parameter in explained]
        return "\n".join(lines)

    def remarks(self) -> List[str]:
        """More paragraphs of help, after the short description."""
        return []

    def problem(self, parameters: Parameters, context: QgsProcessingContext) -> str:
        """What is wrong with parameters that are each valid; "" if nothing is."""
        return ""

    def checkParameterValues(  # noqa: N802 - QGIS's name
        self, parameters: Parameters, context: QgsProcessingContext
    ) -> Tuple[bool, str]:
        """QGIS's own checks, then `problem`."""
        is_valid, message = super().checkParameterValues(parameters, context)
        if not is_valid:
            return False, message
        problem = self.problem(parameters, context)
        return not problem, problem

    def opened_sink(
        self,
        parameters: Parameters,
        context: QgsProcessingContext,
        *,
        fields: QgsFields,
        crs: QgsCoordinateReferenceSystem,
    ) -> OpenSink:
        """The sink of OUTPUT, for polygons.

        Raises:
            QgsProcessingException: It can't be made.
        """
        kind = QgsWkbTypes.Type.Polygon
        sink, destination = self.parameterAsSink(parameters, OUTPUT, context, fields, kind, crs)
        if sink is None:
            raise QgsProcessingException(self.invalidSinkError(parameters, OUTPUT))
        error = self.writeFeatureError(sink, parameters, OUTPUT)
        return OpenSink(sink, destination=destination, error=error)

    def prepared_raster(self, parameters: Parameters, context: QgsProcessingContext) -> LayerRaster:
        """The raster of INPUT, ready for the thread that the algorithm runs in; for `prepareAlgorithm`.

        Raises:
            QgsProcessingException: It can't be read.
        """
        layer = self.parameterAsRasterLayer(parameters, INPUT, context)
        if not isinstance(layer, QgsRasterLayer) or not layer.isValid():
            raise QgsProcessingException(self.invalidRasterError(parameters, INPUT))
        with failures_told():
            return layer_raster(layer)
