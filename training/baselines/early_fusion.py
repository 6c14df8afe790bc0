"""A LAVT-like baseline of RSAM's size: words enter the trunk itself, so that each query pays for all of it.

Trunk, text encoder, objective and evaluation are those of ``rsam_small``. What differs is where image and
text meet: after every stage of the trunk, and then in a top-down decoder. Nothing after the first stage can
be shared by the queries of an image, and only phrases can be asked. It is for comparison alone: the engine
doesn't know it.

Shape letters: B images, Q queries, C channels, H height, W width.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from sam2.modeling.sam2_utils import MLP
from torch import Tensor, nn
from torch.nn import functional as F

from geophrase.engine.model.rsam.config import TextEncoderConfig
from geophrase.engine.model.rsam.conv_trunk import ConvTrunk, ConvTrunkConfig
from geophrase.engine.model.rsam.multimodal_mask_decoder import MaskOutput
from geophrase.engine.model.rsam.text_encoder import TextEncoder, TextFeatures
from geophrase.training.baselines.pixel_word_attention import LanguageGate, PixelWordAttention

_JSON_KEY = "early_fusion"
_TEXT_ENCODER_PREFIX = "text_encoder."


@dataclass(frozen=True)
class EarlyFusionConfig:
    """A whole model.

    Attributes:
        name: What runs and reports call it.
        image_px: Side of the square that an image is squashed to in evaluation.
        trunk: The trunk whose stages words enter.
        text: The text encoder, which is frozen.
        head_width: Hidden channels of the heads for objectness and IoU.
    """

    name: str
    image_px: int
    trunk: ConvTrunkConfig
    text: TextEncoderConfig
    head_width: int = 128

    def __post_init__(self) -> None:
        """Refuses a text encoder that trains.

        Raises:
            ValueError: It is not frozen.
        """
        if not self.text.is_frozen:
            raise ValueError("the early-fusion baseline is for a frozen text encoder")

    @property
    def has_text(self) -> bool:
        """Whether the model takes text, which it always does."""
        return True

    def to_json(self) -> str:
        """Writes the whole configuration, so that weights can carry what they belong to."""
        return json.dumps({_JSON_KEY: dataclasses.asdict(self)})

    @staticmethod
    def is_in(text: str) -> bool:
        """Whether :meth:`to_json` wrote a text, and not another model's configuration."""
        return text.startswith(json.dumps({_JSON_KEY: {}})[:-2])

    @classmethod
    def from_json(cls, text: str) -> EarlyFusionConfig:
        """Reads what :meth:`to_json` wrote.

        Raises:
            ValueError: Where the text is not such a configuration.
        """
        try:
            fields = json.loads(text)[_JSON_KEY]
            for name in ("channels", "depths"):
                fields["trunk"][name] = tuple(fields["trunk"][name])
            fields["text"]["sha256"] = tuple(map(tuple, fields["text"]["sha256"]))
            fields["trunk"] = ConvTrunkConfig(**fields["trunk"])
            fields["text"] = TextEncoderConfig(**fields["text"])
            return cls(**fields)
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"not a model configuration: {error!r}") from error


class EarlyFusion(nn.Module):
    """Masks from phrases, by a trunk that reads the phrase.

    It is asked like :class:`~geophrase.engine.model.rsam.rsam.Rsam`, so that both train and are scored alike.

    Source: LAVT, Yang et al. 2022, Figure 2. Not in the paper: the convolutional trunk, one logit per pixel
    instead of two, and the heads for objectness and IoU.
    """

    def __init__(self, config: EarlyFusionConfig) -> None:
        super().__init__()
        self.config = config
        channels = config.trunk.channels
        self.image_encoder = FusedImageEncoder(config.trunk, text_width=config.text.width)
        self.mask_decoder = TopDownDecoder(channels)
        summary_width = 2 * channels[-1] + channels[0]
        self.iou_head = MLP(summary_width, config.head_width, 1, 3, sigmoid_output=True)
        self.objectness_head = MLP(summary_width, config.head_width, 1, 3)
        self.text_encoder = TextEncoder(config.text)

    @property
    def device(self) -> torch.device:
        """Where the model's parameters are."""
        return next(self.mask_decoder.parameters()).device

    def encode_image(self, image_BCHW: Tensor) -> Tensor:
        """Computes what no word reaches: the trunk's first stage, at stride 4.

        Args:
            image_BCHW: Normalised RGB whose sides are multiples of 32.

        Raises:
            ValueError: For other sides.
        """
        if image_BCHW.shape[-2] % 32 or image_BCHW.shape[-1] % 32:
            raise ValueError(f"image sides {tuple(image_BCHW.shape[-2:])} are not multiples of 32")
        return self.image_encoder.first_stage(image_BCHW)

    def encode_text(self, texts: Sequence[str]) -> TextFeatures:
        """Encodes texts with the frozen text encoder, global token first.

        Raises:
            EngineError: The text encoder's files are missing or wrong.
        """
        features: TextFeatures = self.text_encoder(texts)
        return features

    def decode(
        self,
        features: Tensor,
        *,
        image_index_Q: Tensor | None = None,
        text: TextFeatures | None = None,
        points_xy_QNC: Tensor | None = None,
        point_labels_QN: Tensor | None = None,
        boxes_xyxy_QC: Tensor | None = None,
        mask_logits_Q1HW: Tensor | None = None,
    ) -> MaskOutput:
        """Answers Q phrases, each with a pass of its own through the rest of the trunk.

        Args:
            features: What :meth:`encode_image` gave for B images.
            image_index_Q: Which image each phrase asks about. Without it phrase i asks about image i, or all
                phrases about the only image.
            text: One phrase per query.
            points_xy_QNC: None.
            point_labels_QN: None.
            boxes_xyxy_QC: None.
            mask_logits_Q1HW: None.

        Returns:
            One mask per query, at stride 4.

        Raises:
            ValueError: There is another prompt than text, or none, or it is unclear which images are meant.
        """
        others = (points_xy_QNC, point_labels_QN, boxes_xyxy_QC, mask_logits_Q1HW)
        if text is None or any(prompt is not None for prompt in others):
            raise ValueError(f"{self.config.name} takes text alone: leave points, boxes and masks out")
        first_QCHW = _of_queries(features, image_index_Q, text.num_texts)
        maps = self.image_encoder(first_QCHW, text)
        mask_logits_Q1HW, fine_QCHW = self.mask_decoder(maps)
        summary_QC = _summary(maps[-1], fine_QCHW, mask_logits_Q1HW)
        return MaskOutput(mask_logits_Q1HW, self.iou_head(summary_QC), self.objectness_head(summary_QC))

    def own_state_dict(self) -> dict[str, Tensor]:
        """The weights that are ours to save: all but the text encoder's."""
        return {k: v for k, v in self.state_dict().items() if not k.startswith(_TEXT_ENCODER_PREFIX)}

    def load_own_state_dict(self, state_dict: dict[str, Tensor]) -> None:
        """Loads what :meth:`own_state_dict` gave.

        Raises:
            ValueError: Where a tensor is missing, unknown or of another shape.
        """
        own = self.own_state_dict()
        different = sorted(own.keys() ^ state_dict.keys())
        different += [k for k in own if k in state_dict and own[k].shape != state_dict[k].shape]
        if different:
            raise ValueError(
                f"weights do not fit {self.config.name}: {len(different)} tensors, {different[:3]}"
            )
        self.load_state_dict(state_dict, strict=False)


class FusedImageEncoder(nn.Module):
    """The trunk with words after each of its stages.

    Attributes:
        trunk: As ``rsam_small`` has it, so that the same pre-trained weights fit.
    """

    def __init__(self, trunk: ConvTrunkConfig, *, text_width: int) -> None:
        super().__init__()
        self.trunk = ConvTrunk(trunk)
        self.fusions = nn.ModuleList(PixelWordAttention(c, text_width=text_width) for c in trunk.channels)
        self.gates = nn.ModuleList(LanguageGate(c) for c in trunk.channels[:-1])

    def first_stage(self, image_BCHW: Tensor) -> Tensor:
        """Returns the trunk's map at stride 4, before any word."""
        x_BCHW: Tensor = self.trunk.stages[0](self.trunk.stem(image_BCHW))
        return x_BCHW

    def forward(self, first_QCHW: Tensor, text: TextFeatures) -> list[Tensor]:
        """Returns the multimodal maps of Q queries at strides 4, 8, 16 and 32."""
        x_QCHW = first_QCHW
        maps = [self.fusions[0](x_QCHW, text)]
        for gate, stage, fusion in zip(self.gates, self.trunk.stages[1:], self.fusions[1:], strict=True):
            x_QCHW = stage(gate(x_QCHW, maps[-1]))
            maps.append(fusion(x_QCHW, text))
        return maps


class TopDownDecoder(nn.Module):
    """Takes the deepest map up, stage by stage, each time with the next finer one beside it.

    Source: LAVT, Yang et al. 2022, Section 3.3, equation 8; as wide at each stride as the trunk is.
    """

    def __init__(self, channels: tuple[int, int, int, int]) -> None:
        super().__init__()
        pairs = zip(channels[-1:0:-1], channels[-2::-1], strict=True)
        self.steps = nn.ModuleList(_merging(deep + fine, fine) for deep, fine in pairs)
        self.mask = nn.Conv2d(channels[0], 1, 1)

    def forward(self, maps: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        """Decodes maps, finest first.

        Returns:
            Mask logits (Q, 1, H, W) at the finest stride and the features that they are made of.
        """
        y_QCHW, *finer = reversed(maps)
        for step, map_QCHW in zip(self.steps, finer, strict=True):
            up_QCHW = F.interpolate(y_QCHW, map_QCHW.shape[-2:], mode="bilinear", align_corners=False)
            y_QCHW = step(torch.cat([up_QCHW, map_QCHW], 1))
        return self.mask(y_QCHW), y_QCHW


def _merging(in_channels: int, out_channels: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (in_channels, out_channels):
        convolution = nn.Conv2d(channels, out_channels, 3, 1, 1, bias=False)
        layers += [convolution, nn.BatchNorm2d(out_channels), nn.ReLU()]
    return nn.Sequential(*layers)


def _of_queries(first_BCHW: Tensor, image_index_Q: Tensor | None, num_queries: int) -> Tensor:
    if image_index_Q is not None and len(image_index_Q) == num_queries:
        return first_BCHW.index_select(0, image_index_Q)
    if image_index_Q is None and len(first_BCHW) in (1, num_queries):
        return first_BCHW.expand(num_queries, -1, -1, -1)
    raise ValueError(f"{num_queries} phrases about {len(first_BCHW)} images need as many image_index_Q")


def _summary(deepest_QCHW: Tensor, fine_QCHW: Tensor, mask_logits_Q1HW: Tensor) -> Tensor:
    """What the heads judge by: the deepest map's mean and maximum, and the fine features under the mask."""
    weight_Q1HW = mask_logits_Q1HW.detach().sigmoid()
    under_mask_QC = (fine_QCHW * weight_Q1HW).sum((2, 3)) / weight_Q1HW.sum((2, 3)).clamp(min=1)
    return torch.cat([deepest_QCHW.mean((2, 3)), deepest_QCHW.amax((2, 3)), under_mask_QC], 1)
