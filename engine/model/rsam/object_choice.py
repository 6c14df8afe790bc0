"""From a decoder's masks and a chooser's opinions to masks of whole objects.

Shape letters: Q queries, M masks, R referents, O objects, F descriptors, N points, C coordinates, H rows,
W columns.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from geophrase.engine.model.rsam.image_encoder import ImageFeatures
from geophrase.engine.model.rsam.multimodal_mask_decoder import MaskOutput
from geophrase.engine.model.rsam.object_chooser import ObjectChooser
from geophrase.engine.model.rsam.scene_objects import SceneObjects, describe, objects_of_mask
from geophrase.engine.model.rsam.text_encoder import TextFeatures

_LANDMARK_LOGIT = math.log(0.3 / 0.7)  # masks of landmarks are timid
_SURE_LOGIT = math.log(0.7 / (1 - 0.7))
_CRUMB_SHARE = 0.2  # of the area that parts of half the mask have at least
_OWN_WEIGHT = 1.0
_DOUBT_LOGIT = 1.0
_OWN_LIMIT_LOGIT = 4.0
_LEFT_OUT_LOGIT = -4.0
_STRAY_LOGIT = 1.0
_CLICKED_LOGIT = 1000.0

FloatArray = NDArray[np.float32]


@dataclass(frozen=True)
class _Scene:
    """What one query shows: its objects, and the number of the object that each cell is in."""

    objects: SceneObjects
    labels_HW: NDArray[np.int32]

    @classmethod
    def read(cls, referent_logits_RHW: FloatArray, colours_CHW: FloatArray | None) -> _Scene:
        kind, labels_HW = objects_of_mask(sure_parts(referent_logits_RHW[0]), colours_CHW=colours_CHW)
        landmark_HW = sure_parts(referent_logits_RHW[1], least_logit=_LANDMARK_LOGIT)
        landmarks, landmark_labels_HW = objects_of_mask(landmark_HW, colours_CHW=colours_CHW)
        joined = SceneObjects.joined(
            kind, landmarks, kind_labels_HW=labels_HW, landmark_labels_HW=landmark_labels_HW
        )
        return cls(joined, labels_HW)

    @property
    def num_kind(self) -> int:
        return int((~self.objects.is_landmark_O).sum())


def sure_parts(logits_HW: FloatArray, *, least_logit: float = 0.0) -> NDArray[np.bool_]:
    """A referent's mask without crumbs: parts that are nowhere sure, or far smaller than what covers most.

    Source: hysteresis thresholding, Canny 1986, Section VI.
    """
    labels_HW, num_parts = ndimage.label(logits_HW > least_logit)
    is_kept_P = np.bincount(labels_HW[logits_HW > _SURE_LOGIT], minlength=num_parts + 1) > 0
    is_kept_P[0] = False
    areas_P = np.bincount(labels_HW.ravel(), minlength=num_parts + 1)
    is_kept_P &= areas_P >= _CRUMB_SHARE * _covering_area(areas_P[is_kept_P])
    kept_HW: NDArray[np.bool_] = is_kept_P[labels_HW]
    return kept_HW


def _covering_area(areas_P: NDArray[np.int64]) -> float:
    """The area of parts such that those as large or larger cover half of all."""
    if not len(areas_P):
        return 0.0
    descending_P = np.sort(areas_P)[::-1]
    return float(descending_P[np.searchsorted(np.cumsum(descending_P), areas_P.sum() / 2)])


def choose_objects(
    chooser: ObjectChooser,
    output: MaskOutput,
    text: TextFeatures,
    features: ImageFeatures,
    *,
    clicks: tuple[Tensor, Tensor] | None,
) -> MaskOutput:
    """Returns the output with whole objects of the kind in or out of the mask, as chooser and mask agree.

    An object is in where the chooser's logit and the mask's own mean over the object add up to more than
    nothing. If none is, the likeliest one is, and where even that is unlikely, the image shows nothing of
    what is meant. What the mask has beside the objects must be surer where some are left out, or where it is
    crumbs.

    Where there are clicks, they say which of the objects is meant, and the mask, which was decoded with them,
    has the say about the others and about all other cells: something may be wanted that the phrase alone
    doesn't single out.

    Args:
        chooser: Gives its opinion of each object.
        output: What the decoder said, with referents.
        text: The queries' phrases.
        features: The image of each query, whose colours it may name.
        clicks: Points in pixels of the input (Q, N, C) and their labels (Q, N): 1 foreground, 0 background.
    """
    assert output.referent_logits_QRHW is not None
    referents_QRHW = _array(output.referent_logits_QRHW)
    colours = [None] * len(referents_QRHW) if features.colours_BCHW is None else _array(features.colours_BCHW)
    scenes = [_Scene.read(*each) for each in zip(referents_QRHW, colours, strict=True)]
    masks_QMHW = _array(output.mask_logits_QMHW).copy()
    objectness_Q = _array(output.objectness_Q1[:, 0]).copy()
    summed_up = _SummedUp(chooser)
    for query, scene in enumerate(scenes):
        if not scene.num_kind:
            continue
        score_O = _OWN_WEIGHT * _mean_over_objects(masks_QMHW[query, 0], scene)
        if clicks is None:
            score_O = score_O + _opinion(chooser, scene, summed_up.summary_of(_text_of(text, query)))
        else:
            score_O = score_O + _clicked(scene, clicks[0][query], clicks[1][query], features.input_hw_px)
        highest = float(score_O.max())
        if clicks is None and highest < -_DOUBT_LOGIT:
            objectness_Q[query] = min(objectness_Q[query], highest)
        is_chosen_O = score_O >= min(0.0, highest)
        masks_MHW = masks_QMHW[query]
        if clicks is None:
            masks_MHW = _without_strays(masks_MHW, scene, is_chosen_O)
        masks_QMHW[query] = _composed(masks_MHW, referents_QRHW[query, 0], scene, is_chosen_O)
    return replace(
        output,
        mask_logits_QMHW=torch.from_numpy(masks_QMHW).to(output.mask_logits_QMHW),
        objectness_Q1=torch.from_numpy(objectness_Q[:, None]).to(output.objectness_Q1),
    )


def _text_of(text: TextFeatures, query: int) -> TextFeatures:
    return text.select(torch.tensor([query], device=text.tokens_BLD.device)).trimmed()


@dataclass
class _SummedUp:
    """A chooser's summary of the latest phrase: queries often ask one phrase of several images."""

    chooser: ObjectChooser
    _latest: tuple[TextFeatures, Tensor] | None = None

    def summary_of(self, text: TextFeatures) -> Tensor:
        if self._latest is None or not torch.equal(self._latest[0].tokens_BLD, text.tokens_BLD):
            self._latest = text, self.chooser.summary(text)
        return self._latest[1]


def _opinion(chooser: ObjectChooser, scene: _Scene, summary_1E: Tensor) -> FloatArray:
    """The chooser's logits of the objects of the kind.

    One query at a time: what is chosen for it doesn't depend on what is asked with it, to the last bit.
    """
    descriptors_1OF = torch.from_numpy(describe(scene.objects))[None].to(summary_1E.device)
    return _array(chooser.opinions(descriptors_1OF, summary_1E))[0, : scene.num_kind]


def _mean_over_objects(logits_HW: FloatArray, scene: _Scene) -> FloatArray:
    limited_HW = logits_HW.clip(-_OWN_LIMIT_LOGIT, _OWN_LIMIT_LOGIT)
    labels_P, count = scene.labels_HW.ravel(), scene.num_kind + 1
    sums = np.bincount(labels_P, weights=limited_HW.ravel(), minlength=count)
    means: FloatArray = (sums / np.maximum(np.bincount(labels_P, minlength=count), 1))[1:].astype(np.float32)
    return means


def _clicked(
    scene: _Scene, points_xy_NC: Tensor, labels_N: Tensor, input_hw_px: tuple[int, int]
) -> FloatArray:
    """A large logit, positive or negative, for objects with a click in them; the last click counts."""
    height, width = scene.labels_HW.shape
    logits_O = np.zeros(scene.num_kind, np.float32)
    for (x_px, y_px), label in zip(points_xy_NC.tolist(), labels_N.tolist(), strict=True):
        if label not in (0, 1):
            continue
        col = min(max(int(x_px / input_hw_px[1] * width), 0), width - 1)
        row = min(max(int(y_px / input_hw_px[0] * height), 0), height - 1)
        owner = scene.labels_HW[row, col]
        if owner:
            logits_O[owner - 1] = _CLICKED_LOGIT if label == 1 else -_CLICKED_LOGIT
    return logits_O


def _without_strays(masks_MHW: FloatArray, scene: _Scene, is_chosen_O: NDArray[np.bool_]) -> FloatArray:
    """The mask less sure beside the objects: everywhere if some are left out, else where it has crumbs."""
    is_stray_HW = scene.labels_HW == 0
    if is_chosen_O.all():
        labels_HW, num_parts = ndimage.label((masks_MHW[0] > 0) & is_stray_HW)
        areas_P = np.bincount(labels_HW.ravel(), minlength=num_parts + 1)
        areas_O = np.bincount(scene.labels_HW.ravel())[1:]
        is_stray_HW = (areas_P < _CRUMB_SHARE * _covering_area(areas_O))[labels_HW] & (labels_HW > 0)
    without_MHW: FloatArray = masks_MHW - _STRAY_LOGIT * is_stray_HW.astype(np.float32)
    return without_MHW


def _composed(
    masks_MHW: FloatArray, kind_HW: FloatArray, scene: _Scene, is_chosen_O: NDArray[np.bool_]
) -> FloatArray:
    is_inside_HW = scene.labels_HW > 0
    is_in_HW = np.concatenate([[False], is_chosen_O])[scene.labels_HW]
    whole_MHW = np.maximum(masks_MHW, kind_HW)
    composed_MHW: FloatArray = np.where(
        is_in_HW, whole_MHW, np.where(is_inside_HW, np.minimum(masks_MHW, _LEFT_OUT_LOGIT), masks_MHW)
    )
    return composed_MHW


def _array(tensor: Tensor) -> FloatArray:
    array: FloatArray = tensor.detach().float().cpu().numpy()
    return array
