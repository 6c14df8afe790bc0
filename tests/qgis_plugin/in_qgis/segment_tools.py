"""Results without an engine, for tests of the layer that they are in."""

from __future__ import annotations

import struct

import numpy as np

from geophrase.protocol.features import FeatureBatch
from geophrase.protocol.jobs import JobStarted

ORIGIN = (500_000.0, 5_539_900.0)


def started(*queries, result_id="r1", **parameters):
    """The first event of a job in EPSG:25832."""
    return JobStarted(
        result_id=result_id,
        queries=queries or ("ships",),
        crs_wkt="set",
        model="rsam_small",
        weights="5c817ed0",
        source="/data/town.tif",
        created="2026-11-21T16:00:00.250Z",
        parameters={"command": "segment", "queries": list(queries), "threshold": 0.5, **parameters},
    )


def square_wkb(x, y, side=1.0):
    ring = [(x, y), (x + side, y), (x + side, y + side), (x, y + side), (x, y)]
    points = struct.pack("<10d", *(value for point in ring for value in point))
    return struct.pack("<BIII", 1, 3, 1, 5) + points


def batch(corners, *, query_index=0, side=1.0):
    """Squares with these lower left corners, in metres from ORIGIN."""
    count = len(corners)
    return FeatureBatch.of(
        [square_wkb(ORIGIN[0] + x, ORIGIN[1] + y, side) for x, y in corners],
        query_index=np.full(count, query_index),
        score=np.linspace(0.5, 0.9, count),
        iou_pred=[float("nan")] * count,
        objectness=[0.75] * count,
        area_m2=[side * side] * count,
        perimeter_m=[4 * side] * count,
    )


def found(features, job):
    """The batch as the task hands it on."""
    from geophrase.qgis_plugin.core.segment.layer_writer import Found
    from geophrase.qgis_plugin.core.vector.features import SEGMENT_FIELDS, features_of, keys_of

    made = features_of(features, job, SEGMENT_FIELDS())
    return [Found(key, feature) for key, feature in zip(keys_of(features), made, strict=True)]


def lower_left(layer):
    """The squares in a layer, in metres from ORIGIN."""
    boxes = [feature.geometry().boundingBox() for feature in layer.getFeatures()]
    return sorted((box.xMinimum() - ORIGIN[0], box.yMinimum() - ORIGIN[1]) for box in boxes)
