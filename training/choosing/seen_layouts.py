"""Layouts with the masks that a model itself finds in annotated images: torn, merged, and with false ones."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from geophrase.engine.input_frame import normalised_input
from geophrase.engine.model.rsam.object_choice import sure_parts
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.training.choosing.layouts import MAX_INSTANCES, SIDE_PX, VIEWS, Layout, decoded_objects
from geophrase.training.data.augment import random_view, view_instances, whole_view
from geophrase.training.data.lexicon import words_for
from geophrase.training.data.risors import RisorsImage, read_image, read_split
from geophrase.training.data.typed_phrases import TypedImage, true_of_view, typed_for_training

_INPUT_PX = 2 * SIDE_PX  # the decoder's grid is then the layouts'


class SeenLayouts:
    """Views of annotated images with a model's masks of every class that they show.

    Args:
        rsam: The model, with a chooser.
        roots: RISORS folders.
        split: Split of each.
        num_views: Views of each image; the first shows it whole.
        seed: Start of all chance.
        has_typed: Whether to add what people typed for the images.
    """

    def __init__(
        self,
        rsam: Rsam,
        roots: Sequence[Path],
        split: str,
        *,
        num_views: int,
        seed: int,
        has_typed: bool = False,
    ) -> None:
        rng = random.Random(f"{seed}/seen")
        records = [record for root in roots for record in read_split(root, split)]
        typed = typed_for_training() if has_typed else {}
        self._layouts = [
            _seen(rsam, record, typed.get(record.path.stem), rng, is_whole=number == 0)
            for record in records
            if 0 < len(record.instances) <= MAX_INSTANCES
            for number in range(num_views)
        ]

    def draw(self, rng: random.Random) -> Layout:
        """One of them."""
        return rng.choice(self._layouts)


@torch.inference_mode()
def _seen(
    rsam: Rsam, record: RisorsImage, typed: TypedImage | None, rng: random.Random, *, is_whole: bool
) -> Layout:
    decoded = decoded_objects(record, typed)
    size_yx = record.height_px, record.width_px
    view = whole_view(record.width_px, record.height_px, _INPUT_PX)
    if not is_whole:
        view = random_view(size_yx, _INPUT_PX, VIEWS, rng, focus=rng.choice(decoded))
    image_HWC = view.image(read_image(record.path))
    shown = [one.with_colour_of(image_HWC) for one in view_instances(view, decoded)]
    small = view_instances(whole_view(_INPUT_PX, _INPUT_PX, SIDE_PX), shown)
    layout = Layout(
        tuple(small),
        record.classes_labelled,
        has_colours=record.is_true_colour,
        typed=() if typed is None else tuple(true_of_view(typed.phrases, view, size_yx)),
    )
    masks, colours_CHW = _found(rsam, image_HWC, sorted(layout.names))
    return replace(layout, masks=masks, colours_CHW=colours_CHW)


def _found(
    rsam: Rsam, image_HWC: NDArray[np.uint8], names: Sequence[str]
) -> tuple[Mapping[str, NDArray[np.bool_]], NDArray[np.float32]]:
    """What the model marks of the kind for the plain name of each class, and the colours it would see."""
    with torch.autocast(rsam.device.type, torch.bfloat16):
        image_BCHW = normalised_input(image_HWC[None], image_px=_INPUT_PX, device=rsam.device)
        features = rsam.encode_image(image_BCHW)
        texts = [words_for(name).plural[0] for name in names]
        output = rsam.decode(features, text=rsam.encode_text(texts)) if texts else None
    assert features.colours_BCHW is not None
    colours_CHW = features.colours_BCHW[0].float().cpu().numpy()
    if output is None or output.referent_logits_QRHW is None:
        return {}, colours_CHW
    kinds_QHW = output.referent_logits_QRHW[:, 0].float().cpu().numpy()
    return dict(zip(names, map(sure_parts, kinds_QHW), strict=True)), colours_CHW
