"""The objects that two masks show, and what tells each from its fellows: places, colours, ranks, gaps.

All coordinates are fractions of the image, x right, y down.

Shape letters: O objects, K objects of the kind, L landmarks, F descriptors, C colours, H rows, W columns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

FloatArray = NDArray[np.float32]

_MIN_OBJECT_CELLS = 3
_JOINING_GAP = 0.75  # in the median of the objects' longer sides: neighbours are one gathering
_CUTS = (0.2, 1 / 3, 0.4, 0.5, 0.6, 2 / 3, 0.8)
_CUT_SOFTNESS = 0.04
_NUM_RANKS = 4
_SMALLEST_AREA = 1e-6


@dataclass(frozen=True)
class SceneObjects:
    """Objects of the kind that a phrase names, and landmarks that it tells them by.

    Attributes:
        boxes_xyxy_O4: Left, top, right, bottom.
        centres_xy_O2: Centres of mass.
        areas_O: Shares of the image.
        is_landmark_O: True for landmarks, which come last and are never chosen.
        colours_O3: Mean red, green and blue, less ImageNet's mean, over its standard deviation; not a number
            where unknown.
        landmark_gaps_O: From each object of the kind to the nearest landmark, from edge to edge; 0 for
            landmarks, and where there are none.
    """

    boxes_xyxy_O4: FloatArray
    centres_xy_O2: FloatArray
    areas_O: FloatArray
    is_landmark_O: NDArray[np.bool_]
    colours_O3: FloatArray
    landmark_gaps_O: FloatArray

    def __len__(self) -> int:
        return len(self.areas_O)

    @classmethod
    def joined(
        cls,
        kind: SceneObjects,
        landmarks: SceneObjects,
        *,
        kind_labels_HW: NDArray[np.int32],
        landmark_labels_HW: NDArray[np.int32],
    ) -> SceneObjects:
        """Puts the objects of two masks in one list, those of the kind first.

        Args:
            kind: Objects of `objects_of_mask`.
            landmarks: Likewise.
            kind_labels_HW: The cells of the former, as `objects_of_mask` numbers them.
            landmark_labels_HW: The cells of the latter.
        """
        gaps_K = np.zeros(len(kind), np.float32)
        if len(kind) and len(landmarks):
            gaps_K = _gaps_to_mask(kind_labels_HW, len(kind), landmark_labels_HW > 0)
        return cls(
            np.concatenate([kind.boxes_xyxy_O4, landmarks.boxes_xyxy_O4]),
            np.concatenate([kind.centres_xy_O2, landmarks.centres_xy_O2]),
            np.concatenate([kind.areas_O, landmarks.areas_O]),
            np.concatenate([np.zeros(len(kind), bool), np.ones(len(landmarks), bool)]),
            np.concatenate([kind.colours_O3, landmarks.colours_O3]),
            np.concatenate([gaps_K, np.zeros(len(landmarks), np.float32)]),
        )


def objects_of_mask(
    mask_HW: NDArray[np.bool_], *, colours_CHW: FloatArray | None = None
) -> tuple[SceneObjects, NDArray[np.int32]]:
    """Returns a mask's connected parts of three cells or more, and which of them each cell is in.

    Args:
        mask_HW: The mask.
        colours_CHW: The image's mean colours on the mask's grid.

    Returns:
        The objects, none of them a landmark, and their numbers from 1 on the mask's grid, 0 outside.
    """
    labels_HW, num_parts = ndimage.label(mask_HW)
    cells_P = np.bincount(labels_HW.ravel(), minlength=num_parts + 1)
    is_kept_P = cells_P >= _MIN_OBJECT_CELLS
    is_kept_P[0] = False
    labels_HW = (np.cumsum(is_kept_P) * is_kept_P)[labels_HW].astype(np.int32)
    count = int(is_kept_P.sum())
    height, width = mask_HW.shape
    size_xy_2 = np.array([width, height], np.float32)
    boxes_O4 = np.zeros((count, 4), np.float32)
    for index, (rows, cols) in enumerate(ndimage.find_objects(labels_HW)):
        boxes_O4[index] = cols.start, rows.start, cols.stop, rows.stop
    row_i, col_i = np.nonzero(labels_HW)
    owner_i = labels_HW[row_i, col_i] - 1
    cells_O = np.bincount(owner_i, minlength=count)
    sums_xy = [np.bincount(owner_i, weights=along_i + 0.5, minlength=count) for along_i in (col_i, row_i)]
    centres_O2 = np.stack(sums_xy, axis=1) / np.maximum(cells_O, 1)[:, None]
    objects = SceneObjects(
        (boxes_O4 / np.tile(size_xy_2, 2)).astype(np.float32),
        (centres_O2 / size_xy_2).astype(np.float32),
        (cells_O / (width * height)).astype(np.float32),
        np.zeros(count, bool),
        _mean_colours(colours_CHW, labels_HW, count),
        np.zeros(count, np.float32),
    )
    return objects, labels_HW


def _gaps_to_mask(labels_HW: NDArray[np.int32], num_objects: int, mask_HW: NDArray[np.bool_]) -> FloatArray:
    """The gap between each object's cells and those of a mask, 0 where they touch, shape (O,)."""
    steps_HW = ndimage.distance_transform_edt(~mask_HW, sampling=1 / np.array(mask_HW.shape))
    nearest_O = ndimage.minimum(steps_HW, labels_HW, np.arange(1, num_objects + 1))
    gaps_O: FloatArray = np.maximum(nearest_O - 1 / max(mask_HW.shape), 0).astype(np.float32)
    return gaps_O


def _mean_colours(colours_CHW: FloatArray | None, labels_HW: NDArray[np.int32], count: int) -> FloatArray:
    if colours_CHW is None:
        return np.full((count, 3), np.nan, np.float32)
    labels_P = labels_HW.ravel()
    cells_O = np.maximum(np.bincount(labels_P, minlength=count + 1), 1)
    sums = [np.bincount(labels_P, weights=c_HW.ravel(), minlength=count + 1) for c_HW in colours_CHW]
    return (np.stack(sums, axis=1) / cells_O[:, None])[1:].astype(np.float32)


def describe(objects: SceneObjects) -> FloatArray:
    """Returns what tells each object from the others, shape (O, NUM_DESCRIPTORS), each about in [-1, 1].

    Superlatives need ranks: a network reads "the third from the left" off a rank, and hardly off a place.
    """
    is_kind_O = ~objects.is_landmark_O
    own = [_place(objects), objects.is_landmark_O[:, None], _colour(objects)]
    place_OF = np.concatenate(own, axis=1)
    among_OF = np.zeros((len(objects), _NUM_AMONG + _NUM_LANDMARK), np.float32)
    if is_kind_O.any():
        kind, landmarks = _part(objects, is_kind_O), _part(objects, objects.is_landmark_O)
        among_OF[is_kind_O] = np.concatenate([_among_fellows(kind), _by_landmarks(kind, landmarks)], axis=1)
    return np.concatenate([place_OF, among_OF], axis=1).astype(np.float32)


def _part(objects: SceneObjects, is_in_O: NDArray[np.bool_]) -> SceneObjects:
    return SceneObjects(
        objects.boxes_xyxy_O4[is_in_O],
        objects.centres_xy_O2[is_in_O],
        objects.areas_O[is_in_O],
        objects.is_landmark_O[is_in_O],
        objects.colours_O3[is_in_O],
        objects.landmark_gaps_O[is_in_O],
    )


def _sides(objects: SceneObjects) -> FloatArray:
    """Widths and heights, shape (O, 2)."""
    sides_O2: FloatArray = np.maximum(objects.boxes_xyxy_O4[:, 2:] - objects.boxes_xyxy_O4[:, :2], 1e-4)
    return sides_O2


_NUM_PLACE = 4 + 2 + 4 + 2 * len(_CUTS) + 2


def _place(objects: SceneObjects) -> NDArray[np.float64]:
    """Where in the image, how large and how elongated."""
    x_O, y_O = objects.centres_xy_O2.T
    width_O, height_O = _sides(objects).T
    area_O = np.maximum(objects.areas_O, _SMALLEST_AREA)
    past = [np.tanh((along_O - cut) / (2 * _CUT_SOFTNESS)) for along_O in (x_O, y_O) for cut in _CUTS]
    to_border_O = np.minimum(np.minimum(x_O, 1 - x_O), np.minimum(y_O, 1 - y_O))
    columns = [
        *(2 * objects.boxes_xyxy_O4.T - 1),
        2 * x_O - 1,
        2 * y_O - 1,
        np.sqrt(area_O) * 2,
        np.log(area_O) / 6 + 1,
        np.log(width_O / height_O) / 2,
        np.log(np.maximum(width_O, height_O)) / 3 + 1,
        *past,
        2 * np.hypot(x_O - 0.5, y_O - 0.5),
        2 * to_border_O,
    ]
    return np.stack(columns, axis=1)


_NUM_COLOUR = 1 + 3 + 3 + 2


def _colour(objects: SceneObjects) -> NDArray[np.float64]:
    """Whether known, red, green and blue, the same beside the others' mean, lightness and chroma."""
    is_known_O = np.isfinite(objects.colours_O3.sum(axis=1))
    colours_O3 = np.where(is_known_O[:, None], objects.colours_O3, 0.0) / 2
    is_fellow_O = is_known_O & ~objects.is_landmark_O
    mean_3 = colours_O3[is_fellow_O].mean(axis=0) if is_fellow_O.any() else np.zeros(3)
    columns = [
        is_known_O,
        *colours_O3.T,
        *np.where(is_known_O[:, None], colours_O3 - mean_3, 0.0).T,
        colours_O3.mean(axis=1),
        np.ptp(colours_O3, axis=1),
    ]
    return np.stack(columns, axis=1)


_NUM_KEYS = 6
_MOST_COUNTED = 5
_NUM_AMONG = _NUM_KEYS * 2 * (_NUM_RANKS + 1) + 3 + 2 + 6 + 3 + 1 + 2 * (_MOST_COUNTED + 1) + 3


def _among_fellows(kind: SceneObjects) -> NDArray[np.float64]:
    """Ranks, sizes, counts and gatherings among the objects of the kind, shape (K, ...)."""
    count = len(kind)
    x_K, y_K = kind.centres_xy_O2.T
    width_K, height_K = _sides(kind).T
    longer_K = np.maximum(width_K, height_K)
    area_K = np.maximum(kind.areas_O, _SMALLEST_AREA)
    keys = (x_K, y_K, area_K, longer_K, width_K / height_K, np.hypot(x_K - 0.5, y_K - 0.5))
    ranks = [column_K for key_K in keys for column_K in _ranks(key_K)]
    sizes = [np.log(area_K / reference) / 3 for reference in (np.median(area_K), area_K.max(), area_K.min())]
    extent = [(along_K - along_K.min()) / max(np.ptp(along_K), 1e-3) * 2 - 1 for along_K in (x_K, y_K)]
    counts = [np.full(count, count == number) for number in range(1, 6)] + [
        np.full(count, min(count, 30) / 30)
    ]
    gaps_KK = _gaps(kind.boxes_xyxy_O4, kind.boxes_xyxy_O4)
    np.fill_diagonal(gaps_KK, np.inf)
    nearest_K = np.minimum(gaps_KK.min(axis=1), 1.0) if count > 1 else np.ones(count)
    side = float(np.median(longer_K))
    alone = [nearest_K, np.tanh(nearest_K / side - 1), (nearest_K >= nearest_K.max() - 1e-9) & (count > 1)]
    columns = [*ranks, *sizes, *extent, *counts, *alone, *_gatherings(gaps_KK, kind, side)]
    return np.stack([np.asarray(column, np.float64) for column in columns], axis=1)


def _ranks(key_K: FloatArray) -> list[NDArray[np.float64]]:
    """Whether each is first, second, third or fourth from either end, and how far down it is."""
    columns = []
    for signed_K in (key_K, -key_K):
        rank_K = np.empty(len(key_K), np.int64)
        rank_K[np.argsort(signed_K, kind="stable")] = np.arange(len(key_K))
        columns += [(rank_K == rank).astype(np.float64) for rank in range(_NUM_RANKS)]
        columns.append(1 / (1 + rank_K.astype(np.float64)))
    return columns


def _gatherings(
    gaps_KK: NDArray[np.float64], kind: SceneObjects, side: float
) -> list[NDArray[np.float64] | NDArray[np.bool_]]:
    """How many objects each one's chain of neighbours joins, and whether they lie in a line.

    Neighbours that touch are one part of a mask: numbers are also estimated by the areas.
    """
    owner_K = _chains(gaps_KK <= _JOINING_GAP * side)
    size_of_chain = np.bincount(owner_K)
    size_K = size_of_chain[owner_K]
    merged_K = np.maximum(np.round(kind.areas_O / max(float(np.median(kind.areas_O)), _SMALLEST_AREA)), 1)
    merged_size_K = np.bincount(owner_K, weights=merged_K)[owner_K]
    chains = range(len(size_of_chain))
    flatness = np.array([_flatness(kind.centres_xy_O2[owner_K == chain]) for chain in chains])
    is_unique_K = (size_of_chain == size_K[:, None]).sum(axis=1) == 1
    return [
        np.minimum(merged_K, 10) / 10,
        *_counted(size_K),
        *_counted(merged_size_K),
        size_K == size_of_chain.max(),
        is_unique_K,
        flatness[owner_K],
    ]


def _counted(number_K: NDArray[np.float64] | NDArray[np.int64]) -> list[NDArray[np.float64]]:
    """Whether a number is 1, 2 … 5, and how large it is."""
    exactly = [(number_K == number).astype(np.float64) for number in range(1, _MOST_COUNTED + 1)]
    return [*exactly, np.minimum(number_K, 10) / 10]


def _chains(is_near_KK: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The number of the chain of neighbours that each object is in."""
    owner_K = np.full(len(is_near_KK), -1)
    for start in range(len(is_near_KK)):
        if owner_K[start] >= 0:
            continue
        number, waiting = owner_K.max() + 1, [start]
        owner_K[start] = number
        while waiting:
            for neighbour in np.flatnonzero(is_near_KK[waiting.pop()] & (owner_K < 0)):
                owner_K[neighbour] = number
                waiting.append(int(neighbour))
    return owner_K


def _flatness(centres_N2: FloatArray) -> float:
    """1 for points along a line, towards 0 for a round cloud; 0 for fewer than three."""
    if len(centres_N2) < 3:
        return 0.0
    spreads_2 = np.linalg.svd(centres_N2 - centres_N2.mean(axis=0), compute_uv=False)
    return float(1 - spreads_2[1] / max(spreads_2[0], 1e-9))


_NUM_LANDMARK = 1 + 3 + 5 + 3 + 2 + 4 + 2 + 2


def _by_landmarks(kind: SceneObjects, landmarks: SceneObjects) -> NDArray[np.float64]:
    """Distance, direction and overlap with the landmarks, shape (K, ...); zeros without any."""
    count = len(kind)
    if not len(landmarks):
        return np.zeros((count, _NUM_LANDMARK))
    gap_K = kind.landmark_gaps_O.astype(np.float64)
    side_K = _sides(kind).max(axis=1)
    rank_K = _ranks(kind.landmark_gaps_O)
    whole_4 = np.concatenate(
        [landmarks.boxes_xyxy_O4[:, :2].min(axis=0), landmarks.boxes_xyxy_O4[:, 2:].max(axis=0)]
    )
    middle_2 = np.average(
        landmarks.centres_xy_O2, axis=0, weights=np.maximum(landmarks.areas_O, _SMALLEST_AREA)
    )
    offset_K2 = kind.centres_xy_O2 - middle_2
    reach_K = np.maximum(np.hypot(*offset_K2.T), 1e-6)
    left_K, top_K, right_K, bottom_K = kind.boxes_xyxy_O4.T
    beyond = [whole_4[0] - right_K, left_K - whole_4[2], whole_4[1] - bottom_K, top_K - whole_4[3]]
    x_K, y_K = kind.centres_xy_O2.T
    is_inside_K = (x_K > whole_4[0]) & (x_K < whole_4[2]) & (y_K > whole_4[1]) & (y_K < whole_4[3])
    columns = [
        np.ones(count),
        np.minimum(gap_K, 1.0),
        np.tanh(gap_K / side_K - 1),
        gap_K <= 0.01,
        *(rank_K[0:3] + rank_K[4:5] + rank_K[5:6]),  # nearest, second, third, by rank; farthest
        is_inside_K,
        np.tanh(gap_K / 0.1 - 1),
        np.full(count, len(landmarks) > 1),
        *(offset_K2 / reach_K[:, None]).T,
        *(np.tanh(edge_K / 0.05) for edge_K in beyond),
        *(2 * offset_K2).T,
        *_between(kind, landmarks),
    ]
    return np.stack([np.asarray(column, np.float64) for column in columns], axis=1)


def _between(kind: SceneObjects, landmarks: SceneObjects) -> list[NDArray[np.float64]]:
    """How near the middle of the two landmarks farthest apart each lies, along their line and aside."""
    ends_L2 = landmarks.centres_xy_O2
    if len(ends_L2) < 2:
        return [np.zeros(len(kind)), np.zeros(len(kind))]
    spans_LL = np.hypot(*(ends_L2[:, None] - ends_L2[None]).transpose(2, 0, 1))
    first, second = np.unravel_index(int(spans_LL.argmax()), spans_LL.shape)
    line_2 = ends_L2[second] - ends_L2[first]
    length = max(float(np.hypot(*line_2)), 1e-6)
    from_first_K2 = (kind.centres_xy_O2 - ends_L2[first]) / length
    along_K = from_first_K2 @ (line_2 / length)
    aside_K = from_first_K2 @ (np.array([-line_2[1], line_2[0]]) / length)
    return [np.tanh(2 - 4 * np.abs(along_K - 0.5)), np.tanh(1 - 4 * np.abs(aside_K))]


def _gaps(first_N4: FloatArray, second_M4: FloatArray) -> NDArray[np.float64]:
    """Distances between boxes, 0 where they touch, shape (N, M)."""
    low = np.maximum(first_N4[:, None, :2], second_M4[None, :, :2])
    high = np.minimum(first_N4[:, None, 2:], second_M4[None, :, 2:])
    apart = np.maximum(low - high, 0.0).astype(np.float64)
    gaps_NM: NDArray[np.float64] = np.hypot(apart[..., 0], apart[..., 1])
    return gaps_NM


NUM_DESCRIPTORS = _NUM_PLACE + 1 + _NUM_COLOUR + _NUM_AMONG + _NUM_LANDMARK
"""Columns of :func:`describe`."""
