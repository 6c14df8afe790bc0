"""Whole exports: made in the main thread from what the user chose, run in a worker thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Callable, List

from qgis.core import (
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransformContext,
    QgsFeature,
    QgsFields,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)

from ..raster.layer_raster import LayerRaster, layer_raster
from ..raster.local_file import absolute_source
from .attributes import export_fields
from .labelled import labelled_objects
from .new_file import NewFile, write_new_file
from .outline import OutlineOptions
from .prepare import PreparedFeatures, prepared_features
from .sample_folder import ImageSource
from .scope import LayerFeatures, Scope
from .training_sample import SampleOptions, SampleReport, write_training_sample

Progress = Callable[[float], object]
IsCancelled = Callable[[], bool]


@dataclass(frozen=True)
class PolygonExport:
    """Features of a layer with outlines as asked for.

    Attributes:
        features: Which.
        options: Their outlines.
        fields: Their attributes.
        crs: Of the layer.
        context: The project's.
    """

    features: LayerFeatures
    options: OutlineOptions
    fields: QgsFields
    crs: QgsCoordinateReferenceSystem
    context: QgsCoordinateTransformContext

    @classmethod
    def of(cls, layer: QgsVectorLayer, scope: Scope, options: OutlineOptions) -> PolygonExport:
        """Call it in the main thread."""
        context = QgsProject.instance().transformContext()
        features = LayerFeatures.of(layer, scope)
        return cls(features, options, export_fields(layer.fields()), layer.crs(), context)

    def prepared(self, progress: Progress, is_cancelled: IsCancelled) -> PreparedFeatures:
        """The features, ready to be added to a layer in the main thread.

        Raises:
            ExportCancelledError: `is_cancelled` said so.
        """
        return prepared_features(
            self.features.read(),
            self.options,
            fields=self.fields,
            crs=self.crs,
            context=self.context,
            progress=progress,
            is_cancelled=is_cancelled,
        )

    def to_file(self, target: NewFile, progress: Progress, is_cancelled: IsCancelled) -> PreparedFeatures:
        """What was written to a new file.

        Raises:
            ExportError: See `write_new_file`.
        """
        prepared = self.prepared(progress, is_cancelled)
        write_new_file(target, prepared, is_cancelled=is_cancelled)
        return prepared


@dataclass(frozen=True)
class TrainingExport:
    """Features of a layer as training data.

    Attributes:
        features: The accepted ones.
        crs: Of their layer.
        raster: What images are cut from.
        source: Who that is.
        context: The project's.
        options: Where and how.
        phrase: What all the features answer; "" takes each one's query.
        with_others: Whether the other features of the same queries are right, too.
    """

    features: LayerFeatures
    crs: QgsCoordinateReferenceSystem
    raster: LayerRaster
    source: ImageSource
    context: QgsCoordinateTransformContext
    options: SampleOptions
    phrase: str = ""
    with_others: bool = True

    @classmethod
    def of(
        cls,
        layer: QgsVectorLayer,
        scope: Scope,
        raster: QgsRasterLayer,
        options: SampleOptions,
        *,
        phrase: str = "",
        with_others: bool = True,
    ) -> TrainingExport:
        """Call it in the main thread.

        Raises:
            LayerError: The raster can't be drawn.
        """
        return cls(
            features=LayerFeatures.of(layer, scope),
            crs=layer.crs(),
            raster=layer_raster(raster),
            source=ImageSource(name=str(raster.name()), key=absolute_source(raster)),
            context=QgsProject.instance().transformContext(),
            options=options,
            phrase=phrase,
            with_others=with_others,
        )

    def run(self, progress: Progress, is_cancelled: IsCancelled) -> SampleReport:
        """What was written.

        Raises:
            ExportError: See `write_training_sample`.
        """
        accepted = self.features.read()
        objects = []
        for features, is_accepted in ((accepted, True), (self._others(accepted), False)):
            objects += labelled_objects(
                features,
                crs=self.crs,
                raster_crs=self.raster.crs,
                context=self.context,
                phrase=self.phrase,
                is_accepted=is_accepted,
            )
        return write_training_sample(
            self.raster, objects, self.source, self.options, progress=progress, is_cancelled=is_cancelled
        )

    def _others(self, accepted: List[QgsFeature]) -> List[QgsFeature]:
        return self.features.others(accepted) if self.with_others else []
