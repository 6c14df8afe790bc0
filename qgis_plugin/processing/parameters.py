"""Parameters that several algorithms share, spelled and explained once, and what the user chose for them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Dict, List, Optional, Sequence, Tuple

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsFields,
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingParameterBand,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterDistance,
    QgsProcessingParameterExtent,
    QgsProcessingParameterFeatureSink,
    QgsProcessingParameterNumber,
    QgsProcessingParameterRasterLayer,
    QgsProcessingParameterString,
    QgsUnitTypes,
)

from geophrase.protocol.grid import Bounds
from geophrase.protocol.jobs import Outline

from ..core.raster.layer_raster import LayerRaster
from ..core.translation import tr
from .failure import PreparationError

INPUT = "INPUT"
OUTPUT = "OUTPUT"
MODEL = "MODEL"
BANDS = "BANDS"
RESOLUTION = "RESOLUTION"
EXTENT = "EXTENT"
THRESHOLD = "THRESHOLD"
MIN_AREA = "MIN_AREA"
SIMPLIFY = "SIMPLIFY"

MIN_THRESHOLD = 0.01
MAX_THRESHOLD = 0.99
_DEFAULT_THRESHOLD = 0.5

Parameters = Dict[str, Any]


@dataclass(frozen=True)
class ImageChoice:
    """How the raster is shown to the model.

    Attributes:
        model: Its name; None for that of the settings.
        resolution_m: Metres per working pixel; None for the raster's own.
        bands: 1-based; None leaves the choice to the engine.
    """

    model: Optional[str]
    resolution_m: Optional[float]
    bands: Optional[Tuple[int, ...]]


def raster_parameter(text: str, *, explained: str) -> QgsProcessingParameterDefinition:
    """The raster layer that the algorithm works on."""
    return with_help(QgsProcessingParameterRasterLayer(INPUT, text), explained)


def image_parameters() -> List[QgsProcessingParameterDefinition]:
    """Model, bands and resolution."""
    model = QgsProcessingParameterString(MODEL, tr("Model"), optional=True)
    bands = QgsProcessingParameterBand(
        BANDS, tr("Bands shown as red, green and blue"), None, INPUT, optional=True, allowMultiple=True
    )
    resolution = distance_parameter(RESOLUTION, tr("Working resolution (metres per pixel)"))
    return [
        with_help(
            model,
            tr("Name of the model. Empty: the model of GeoPhrase's settings, which may be a weights file."),
        ),
        advanced(
            with_help(
                bands,
                tr(
                    "Three bands in this order, or one that is shown as grey. Nothing chosen: those that "
                    "the layer shows in QGIS."
                ),
            )
        ),
        advanced(
            with_help(
                resolution,
                tr(
                    "Ground size of the pixels that the model sees. Empty: the raster's own pixels. A "
                    "coarser one is faster and finds large objects better."
                ),
            )
        ),
    ]


def output_title() -> str:
    """What the polygons are called until they have a name of their own."""
    return tr("Segments")


def output_parameter() -> QgsProcessingParameterDefinition:
    """The sink of polygons."""
    return QgsProcessingParameterFeatureSink(
        OUTPUT, output_title(), QgsProcessing.SourceType.TypeVectorPolygon
    )


def extent_parameter() -> QgsProcessingParameterDefinition:
    """The part of the raster to work on."""
    return with_help(
        QgsProcessingParameterExtent(EXTENT, tr("Extent"), optional=True),
        tr("Only this part of the raster, in any coordinate system. Empty: all of it."),
    )


def outline_parameters() -> List[QgsProcessingParameterDefinition]:
    """Threshold, minimum area and simplification."""
    number_type = QgsProcessingParameterNumber.Type.Double
    threshold = QgsProcessingParameterNumber(
        THRESHOLD,
        tr("Threshold (probability)"),
        number_type,
        _DEFAULT_THRESHOLD,
        minValue=MIN_THRESHOLD,
        maxValue=MAX_THRESHOLD,
    )
    min_area = QgsProcessingParameterNumber(
        MIN_AREA, tr("Minimum area (square metres)"), number_type, optional=True, minValue=0.0
    )
    return [
        with_help(
            threshold,
            tr(
                "Probability from which a pixel belongs to an object: lower finds more, higher only the "
                "certain."
            ),
        ),
        with_help(min_area, tr("Polygons smaller than this on the ground are dropped. Empty: all are kept.")),
        with_help(
            distance_parameter(SIMPLIFY, tr("Simplify outlines by (metres)")),
            tr("How far an outline may move to lose vertices. Empty: outlines follow the pixel edges."),
        ),
    ]


def distance_parameter(name: str, text: str) -> QgsProcessingParameterDistance:
    """An optional length on the ground, in metres whatever the layers' units are."""
    parameter = QgsProcessingParameterDistance(name, text, optional=True, minValue=0.0)
    parameter.setDefaultUnit(QgsUnitTypes.DistanceUnit.DistanceMeters)
    return parameter


def advanced(parameter: QgsProcessingParameterDefinition) -> QgsProcessingParameterDefinition:
    """The parameter, shown among the advanced ones."""
    parameter.setFlags(parameter.flags() | QgsProcessingParameterDefinition.Flag.FlagAdvanced)
    return parameter


def with_help(parameter: QgsProcessingParameterDefinition, text: str) -> QgsProcessingParameterDefinition:
    """The parameter with what its tooltip, the help panel and `qgis_process help` say of it."""
    parameter.setHelp(text)
    return parameter


def image_choice(
    algorithm: QgsProcessingAlgorithm, parameters: Parameters, context: QgsProcessingContext
) -> ImageChoice:
    """What was chosen of `image_parameters`."""
    bands = algorithm.parameterAsInts(parameters, BANDS, context)
    return ImageChoice(
        model=algorithm.parameterAsString(parameters, MODEL, context).strip() or None,
        resolution_m=positive_or_none(algorithm, parameters, RESOLUTION, context),
        bands=tuple(bands) or None,
    )


def outline_choice(
    algorithm: QgsProcessingAlgorithm, parameters: Parameters, context: QgsProcessingContext
) -> Outline:
    """What was chosen of `outline_parameters`."""
    return Outline(
        threshold=algorithm.parameterAsDouble(parameters, THRESHOLD, context),
        min_area_m2=positive_or_none(algorithm, parameters, MIN_AREA, context),
        simplify_m=positive_or_none(algorithm, parameters, SIMPLIFY, context),
    )


def positive_or_none(
    algorithm: QgsProcessingAlgorithm, parameters: Parameters, name: str, context: QgsProcessingContext
) -> Optional[float]:
    """An optional number; 0, which is what the model designer passes for an empty one, is none as well."""
    value = algorithm.parameterAsDouble(parameters, name, context)
    return value if value > 0 else None


def extent_choice(
    algorithm: QgsProcessingAlgorithm,
    parameters: Parameters,
    context: QgsProcessingContext,
    crs: QgsCoordinateReferenceSystem,
) -> Optional[Bounds]:
    """xmin, ymin, xmax, ymax of EXTENT in a CRS, whatever CRS it was given in; None for all of the raster."""
    extent = algorithm.parameterAsExtent(parameters, EXTENT, context, crs)
    if extent.isNull() or extent.isEmpty():
        return None
    return extent.xMinimum(), extent.yMinimum(), extent.xMaximum(), extent.yMaximum()


def chosen_field(names: Sequence[str], fields: QgsFields) -> str:
    """The field that the user chose; "" for none.

    Args:
        names: From `parameterAsFields`.
        fields: Of the layer; what is typed, in models and commands, need not be among them.

    Raises:
        PreparationError: The layer doesn't have it.
    """
    if not names:
        return ""
    if fields.lookupField(names[0]) < 0:
        text = tr("There is no field {name}; the layer has {fields}.")
        raise PreparationError(text.format(name=names[0], fields=", ".join(fields.names()) or tr("none")))
    return str(fields.field(fields.lookupField(names[0])).name())


def bands_problem(bands: Optional[Tuple[int, ...]]) -> str:
    """What is wrong with the bands chosen; "" if nothing is."""
    if bands is None or len(bands) in (1, 3):
        return ""
    return tr(
        "{count} bands are chosen. Choose three, for red, green and blue, or one that is shown as grey."
    ).format(count=len(bands))


def with_bands(raster: LayerRaster, image: ImageChoice, feedback: QgsProcessingFeedback) -> LayerRaster:
    """The raster with the bands that the user chose; a layer that QGIS draws keeps those that are drawn."""
    if image.bands is None:
        return raster
    if raster.file is None:
        text = tr("The layer {name} is shown to the model as QGIS draws it; the bands chosen are not used.")
        feedback.pushWarning(text.format(name=raster.name))
        return raster
    return replace(raster, file=replace(raster.file, bands=image.bands))
