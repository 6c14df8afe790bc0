"""RSAM, Figure 8: five boxes, and how features run between them.

Shape letters: B images, Q queries, N points, C coordinates, L text tokens, D model width, H height, W width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from geophrase.engine.model.rsam.config import RsamConfig, TextEncoderConfig
from geophrase.engine.model.rsam.drawn_prompts import draw_prompts
from geophrase.engine.model.rsam.image_encoder import DEEP_STRIDE_PX, ImageEncoder, ImageFeatures
from geophrase.engine.model.rsam.local_correction import clicks_on_mask, corrected_locally
from geophrase.engine.model.rsam.multimodal_mask_decoder import MaskOutput, MultimodalMaskDecoder
from geophrase.engine.model.rsam.object_choice import choose_objects
from geophrase.engine.model.rsam.object_chooser import ObjectChooser
from geophrase.engine.model.rsam.prompt_encoder import PromptEncoder, join_boxes
from geophrase.engine.model.rsam.prompt_refiner import PromptRefiner
from geophrase.engine.model.rsam.text_encoder import TextEncoder, TextFeatures
from geophrase.engine.model.rsam.two_way_guidance import TwoWayGuidance

_TEXT_ENCODER_PREFIX = "text_encoder."


class Rsam(nn.Module):
    """Masks from text, points, boxes and masks; without text it is SAM 2's image model.

    Text never touches the image encoder, so one encoding of an image serves any number of queries.

    Source: paper, Section 3.2.1.
    """

    def __init__(self, config: RsamConfig) -> None:
        super().__init__()
        self.config = config
        self.image_encoder = ImageEncoder(config.trunk, width=config.width)
        self.no_mem_embed = nn.Parameter(torch.zeros(1, 1, config.width))
        nn.init.trunc_normal_(self.no_mem_embed, std=0.02)
        self.prompt_encoder = PromptEncoder(config.width)
        self.mask_decoder = MultimodalMaskDecoder(
            config.width,
            config.decoder,
            is_text_added_to_mask_token=config.is_text_added_to_mask_token,
            has_referents=config.chooser is not None,
        )
        self.text_encoder: TextEncoder | None = None
        self.guidance: TwoWayGuidance | None = None
        self.text_projection: nn.Linear | None = None
        self.chooser: ObjectChooser | None = None
        self.refiner: PromptRefiner | None = None
        if config.text is not None:
            self._build_text_side(config.text)
        if config.refiner is not None:
            self.refiner = PromptRefiner(config.refiner, width=config.width)

    def _build_text_side(self, text: TextEncoderConfig) -> None:
        config = self.config
        self.text_encoder = TextEncoder(text)
        if config.chooser is not None:
            self.chooser = ObjectChooser(config.chooser, text_width=text.width)
        if config.guidance is None:
            self.text_projection = nn.Linear(text.width, config.width)
            return
        grid = config.guidance.position_grid or config.image_px // DEEP_STRIDE_PX
        self.guidance = TwoWayGuidance(
            config.width,
            config.guidance,
            text_width=text.width,
            grid_hw=(grid, grid),
            max_tokens=text.max_tokens,
        )

    @property
    def device(self) -> torch.device:
        """Where the model's parameters are."""
        return self.no_mem_embed.device

    def encode_image(self, image_BCHW: Tensor) -> ImageFeatures:
        """Encodes images once for any number of queries.

        Args:
            image_BCHW: RGB in [0, 1] less ImageNet's mean, over its standard deviation. The sides are
                multiples of 32; the preset's side is the one that the model was trained at.

        Returns:
            Deep features with SAM 2's no-memory embedding added, narrowed shallow ones, and what the guidance
            can do before it knows the text.

        Raises:
            ValueError: For sides that are no multiples of 32.
        """
        if image_BCHW.shape[-2] % 32 or image_BCHW.shape[-1] % 32:
            raise ValueError(f"image sides {tuple(image_BCHW.shape[-2:])} are not multiples of 32")
        stride4_BDHW, stride8_BDHW, deep_BDHW = self.image_encoder(image_BCHW)
        shallow4_BDHW, shallow8_BDHW = self.mask_decoder.project_shallow(stride4_BDHW, stride8_BDHW)
        deep_BDHW = deep_BDHW + self.no_mem_embed.transpose(1, 2)[..., None]
        attended_BDHW = None if self.guidance is None else self.guidance.attend_image(deep_BDHW)
        has_colours = self.chooser is not None or self.refiner is not None
        colours_BCHW = F.avg_pool2d(image_BCHW, 4) if has_colours else None
        return ImageFeatures(deep_BDHW, shallow8_BDHW, shallow4_BDHW, attended_BDHW, colours_BCHW)

    def encode_text(self, texts: Sequence[str]) -> TextFeatures:
        """Encodes texts with the (frozen) text encoder, global token first.

        Raises:
            ValueError: For a click model, which takes no text.
            EngineError: Where the text encoder's files are missing or wrong.
        """
        if self.text_encoder is None:
            raise ValueError(f"{self.config.name} takes no text")
        features: TextFeatures = self.text_encoder(texts)
        return features

    def decode(
        self,
        features: ImageFeatures,
        *,
        image_index_Q: Tensor | None = None,
        text: TextFeatures | None = None,
        points_xy_QNC: Tensor | None = None,
        point_labels_QN: Tensor | None = None,
        boxes_xyxy_QC: Tensor | None = None,
        mask_logits_Q1HW: Tensor | None = None,
        multimask: bool = False,
        is_absent_skipped: bool = False,
    ) -> MaskOutput:
        """Answers Q queries; any mix of prompts, each given for all queries or for none.

        Args:
            features: Encoded images.
            image_index_Q: Which image each query asks about. Without it query i asks about image i, or all
                queries about the only image.
            text: One text per query.
            points_xy_QNC: Points in pixels of the model's input.
            point_labels_QN: 1 foreground, 0 background, -1 padding.
            boxes_xyxy_QC: Boxes in pixels of the model's input.
            mask_logits_Q1HW: Mask logits of an earlier answer, at stride 4.
            multimask: Whether to return SAM 2's three alternatives.
            is_absent_skipped: Whether masks of objects that are judged absent are -1024, which saves the work
                on them, instead of left as they are, for the losses.

        Returns:
            Masks at stride 4. In evaluation mode a model with a chooser has put whole objects in the masks of
            texts or taken them out, and of those with clicks changed only what the latest is about.

        Raises:
            ValueError: Where the prompts disagree on Q, or the model cannot take one of them.
        """
        points = join_boxes(boxes_xyxy_QC, points_xy_QNC, point_labels_QN)
        num_queries = _count_queries(
            features.num_images, image_index_Q, text, points[0] if points else None, mask_logits_Q1HW
        )
        unguided = features
        if text is not None and self.guidance is not None:
            features = features.for_guidance()
        features = _features_of_queries(features, image_index_Q, num_queries)
        grid_hw = (features.deep_BDHW.shape[-2], features.deep_BDHW.shape[-1])
        text_QD = None
        if text is not None:
            features, text_QD = self._guide(features, text)
        sparse_QSD = self._sparse_prompts(points, features, num_queries)
        dense_QDHW = self._dense_prompt(mask_logits_Q1HW, points, features)
        output: MaskOutput = self.mask_decoder(
            features,
            image_position_1DHW=self.prompt_encoder.image_position(grid_hw),
            sparse_QSD=sparse_QSD,
            dense_QDHW=dense_QDHW,
            text_QD=text_QD,
            multimask=multimask,
            is_absent_skipped=is_absent_skipped,
        )
        if self.refiner is not None and points is not None:
            unguided = _features_of_queries(unguided.without_attended(), image_index_Q, num_queries)
            masks_QMHW = self.refiner(
                output.mask_logits_QMHW, unguided, *points, previous_Q1HW=mask_logits_Q1HW
            )
            output = replace(output, mask_logits_QMHW=masks_QMHW)
        if self.chooser is None or self.training or text is None:
            return output
        return self._of_whole_objects(self.chooser, output, text, features, points, mask_logits_Q1HW)

    def _of_whole_objects(
        self,
        chooser: ObjectChooser,
        output: MaskOutput,
        text: TextFeatures,
        features: ImageFeatures,
        points: tuple[Tensor, Tensor] | None,
        previous_Q1HW: Tensor | None,
    ) -> MaskOutput:
        """What a text means among the objects of its kind, or what the latest click makes of it."""
        if points is not None and previous_Q1HW is not None:
            mask_hw = (output.mask_logits_QMHW.shape[-2], output.mask_logits_QMHW.shape[-1])
            clicks = clicks_on_mask(*points, input_hw_px=features.input_hw_px, mask_hw=mask_hw)
            if clicks is not None:
                return corrected_locally(output, previous_Q1HW, clicks)
        return choose_objects(chooser, output, text, features, clicks=points)

    def own_state_dict(self) -> dict[str, Tensor]:
        """The weights that are ours to save: all but a frozen text encoder's."""
        if self.config.text is not None and not self.config.text.is_frozen:
            return self.state_dict()
        return {k: v for k, v in self.state_dict().items() if not k.startswith(_TEXT_ENCODER_PREFIX)}

    def load_own_state_dict(self, state_dict: dict[str, Tensor]) -> None:
        """Loads what :meth:`own_state_dict` gave.

        Raises:
            ValueError: Where a tensor is missing, unknown or of another shape.
            EngineError: The weights are a trained text encoder's too, and the encoder's own files, which have
                its vocabulary, are missing or wrong.
        """
        if self.text_encoder is not None and not self.text_encoder.config.is_frozen:
            self.text_encoder.load()  # before that it has no storage to load into
        own = self.own_state_dict()
        different = sorted(own.keys() ^ state_dict.keys())
        different += [k for k in own if k in state_dict and own[k].shape != state_dict[k].shape]
        if different:
            raise ValueError(
                f"weights do not fit {self.config.name}: {len(different)} tensors, {different[:3]}"
            )
        self.load_state_dict(state_dict, strict=False)

    def _guide(self, features: ImageFeatures, text: TextFeatures) -> tuple[ImageFeatures, Tensor]:
        if self.guidance is not None:
            deep_QDHW, text_QD = self.guidance(features.deep_BDHW, text.tokens_BLD, text.is_padding_BL)
            return replace(features, deep_BDHW=deep_QDHW), text_QD
        if self.text_projection is None:
            raise ValueError(f"{self.config.name} takes no text")
        return features, self.text_projection(text.tokens_BLD[:, 0])

    def _dense_prompt(
        self, mask_logits_Q1HW: Tensor | None, points: tuple[Tensor, Tensor] | None, features: ImageFeatures
    ) -> Tensor:
        grid_hw = (features.deep_BDHW.shape[-2], features.deep_BDHW.shape[-1])
        if points is not None and self.config.is_prompt_drawn:
            mask_hw = (4 * grid_hw[0], 4 * grid_hw[1])
            mask_logits_Q1HW = draw_prompts(
                mask_logits_Q1HW, *points, input_hw_px=features.input_hw_px, mask_hw=mask_hw
            )
        if mask_logits_Q1HW is None:
            return self.prompt_encoder.no_mask()
        return self.prompt_encoder.encode_masks(mask_logits_Q1HW, grid_hw=grid_hw)

    def _sparse_prompts(
        self, points: tuple[Tensor, Tensor] | None, features: ImageFeatures, num_queries: int
    ) -> Tensor:
        if points is not None:
            return self.prompt_encoder.encode_points(*points, input_hw_px=features.input_hw_px)
        null_1D = self.prompt_encoder.not_a_point_embed.weight
        num_tokens = 1 if self.config.is_null_sparse_prompt else 0
        return null_1D.expand(num_queries, num_tokens, -1)


def _count_queries(
    num_images: int, image_index_Q: Tensor | None, *prompts: TextFeatures | Tensor | None
) -> int:
    counts = {p.num_texts if isinstance(p, TextFeatures) else len(p) for p in prompts if p is not None}
    if image_index_Q is not None:
        counts.add(len(image_index_Q))
    if len(counts) > 1:
        raise ValueError(f"the prompts are for different numbers of queries: {sorted(counts)}")
    return counts.pop() if counts else num_images


def _features_of_queries(
    features: ImageFeatures, image_index_Q: Tensor | None, num_queries: int
) -> ImageFeatures:
    if image_index_Q is not None:
        return features.select(image_index_Q)
    if features.num_images == num_queries:
        return features
    if features.num_images == 1:
        return features.map(lambda x_1DHW: x_1DHW.expand(num_queries, -1, -1, -1))
    raise ValueError(f"{num_queries} queries about {features.num_images} images need image_index_Q")
