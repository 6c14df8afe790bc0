"""How large a model is and how much it computes, counted on the built model without running it.

Shape letters: B images, L tokens, D channels.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode
from torch.utils.hooks import RemovableHandle

from geophrase.engine.model.rsam.config import RsamConfig
from geophrase.engine.model.rsam.rsam import Rsam
from geophrase.engine.model.rsam.text_encoder import TextFeatures

_QUERY_TOKENS = 32
_OPS_PER_MAC = 2


@dataclass(frozen=True)
class Complexity:
    """Parameters and multiply-accumulates of one model.

    A GMAC is 10^9 multiply-accumulates, for one image of the preset's size and one query of 32 tokens. As in
    the papers, whose tools hook layers, ``gmac`` counts the linear layers and the convolutions; the products
    inside the attentions, which no layer owns, are ``gmac_attention_products``.

    Attributes:
        model: The preset's name.
        image_px: The input's side.
        parameters_total: All parameters, the text encoder's included.
        parameters_trainable: Those that training changes.
        parameters_guidance_and_decoder: Guidance, mask decoder and prompt encoder, which the paper counts
            together.
        parameters_by_part: The boxes of the paper's Figure 8.
        gmac: Total, by the papers' convention.
        gmac_encode_image: The part of it that is paid once per image.
        gmac_encode_text: The part of it that is paid once per distinct query.
        gmac_decode_query: The part of it that is paid for each query on each image.
        gmac_attention_products: Query-key and attention-value products on top of ``gmac``.
    """

    model: str
    image_px: int
    parameters_total: int
    parameters_trainable: int
    parameters_guidance_and_decoder: int
    parameters_by_part: dict[str, int]
    gmac: float
    gmac_encode_image: float
    gmac_encode_text: float
    gmac_decode_query: float
    gmac_attention_products: float

    def to_dict(self) -> dict[str, Any]:
        """Returns plain values for JSON."""
        return dataclasses.asdict(self)


class _Macs(NamedTuple):
    layers: int
    attention_products: int


class _MacsOfParts(NamedTuple):
    encode_image: _Macs
    encode_text: _Macs
    decode: _Macs


def count_complexity(config: RsamConfig) -> Complexity:
    """Builds a model and counts it; no weights are read and nothing is computed."""
    rsam = Rsam(config).eval()
    parts = {name: _num_parameters(module) for name, module in rsam.named_children()}
    guidance_and_decoder = ("guidance", "text_projection", "mask_decoder", "prompt_encoder")
    num_parameters = _num_parameters(rsam)
    num_trainable = sum(p.numel() for p in rsam.parameters() if p.requires_grad)
    macs = _count_macs(rsam)
    return Complexity(
        model=config.name,
        image_px=config.image_px,
        parameters_total=num_parameters,
        parameters_trainable=num_trainable,
        parameters_guidance_and_decoder=sum(parts.get(name, 0) for name in guidance_and_decoder),
        parameters_by_part=parts,
        gmac=sum(part.layers for part in macs) / 1e9,
        gmac_encode_image=macs.encode_image.layers / 1e9,
        gmac_encode_text=macs.encode_text.layers / 1e9,
        gmac_decode_query=macs.decode.layers / 1e9,
        gmac_attention_products=sum(part.attention_products for part in macs) / 1e9,
    )


def _num_parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


def _count_macs(rsam: Rsam) -> _MacsOfParts:
    config = rsam.config
    meta = rsam.requires_grad_(False).to("meta")  # the last use of the model: its values go
    meta.chooser = None  # it looks at masks' values, and costs next to nothing
    image_BCHW = torch.empty(1, 3, config.image_px, config.image_px, device="meta")
    text = None
    with torch.no_grad(), _MacCounter(meta) as image_counter:
        features = meta.encode_image(image_BCHW)
    with torch.no_grad(), _MacCounter(meta) as text_counter:
        if meta.text_encoder is not None:
            id_BL = torch.zeros(1, _QUERY_TOKENS, dtype=torch.long, device="meta")
            tokens_BLD = meta.text_encoder.bert(input_ids=id_BL).last_hidden_state
            text = TextFeatures(tokens_BLD, torch.zeros_like(id_BL, dtype=torch.bool))
    with torch.no_grad(), _MacCounter(meta) as decode_counter:
        meta.decode(features, text=text)
    return _MacsOfParts(image_counter.macs, text_counter.macs, decode_counter.macs)


class _MacCounter:
    """Counts what layers multiply by their shapes, and what else is multiplied by torch's own counter.

    Torch's counter alone cannot tell the two apart: a linear layer on a transposed input becomes a batched
    matrix product, as an attention's products are.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        self._of_layers = 0
        self._counter = FlopCounterMode(display=False)
        self._hooks: list[RemovableHandle] = []

    def __enter__(self) -> _MacCounter:
        layers = [
            m for m in self._model.modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)
        ]
        self._hooks = [layer.register_forward_hook(self._add_layer) for layer in layers]
        self._counter.__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *exception: Any) -> None:
        self._counter.__exit__(*exception)  # type: ignore[no-untyped-call]
        for hook in self._hooks:
            hook.remove()

    @property
    def macs(self) -> _Macs:
        """What was counted inside the context."""
        total = self._counter.get_total_flops() // _OPS_PER_MAC
        return _Macs(self._of_layers, total - self._of_layers)

    def _add_layer(self, layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        """Every weight meets every position: outputs of a layer, or inputs where it is transposed."""
        weight = layer.weight
        assert isinstance(weight, Tensor)
        if isinstance(layer, nn.ConvTranspose2d):
            self._of_layers += inputs[0].numel() // inputs[0].shape[1] * weight.numel()
        elif isinstance(layer, nn.Conv2d):
            self._of_layers += output.numel() // output.shape[1] * weight.numel()
        else:
            self._of_layers += output.numel() // output.shape[-1] * weight.numel()
