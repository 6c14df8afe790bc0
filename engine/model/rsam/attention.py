"""Multi-head attention as every box of the model computes it, in the cheapest order for the processor.

The result is the textbook's in any order but for rounding. GPUs get PyTorch's fused kernels. On a CPU, two
orders of the same products are several times faster:

* Between many image tokens and few text or prompt tokens the projections of the many are most of the work.
  They are absorbed by the few: x·(k W) instead of (x W)·k.
* Between many and many, PyTorch's fused kernel for the CPU keeps its inner products in float32, so that in
  bfloat16 plain matrix products are about twice as fast forwards and four times backwards.

Shape letters: Q batch, N queries, M keys, T few tokens, H heads, K channels of a head, D model width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

# Weights that are computed at once in plain products: 4 MiB of bfloat16, which the second-level caches of
# four cores hold. Of parts of 256, 384, 768 and all of 2304 queries, 768 were the fastest.
_MAX_WEIGHTS = 2**21
# Below as many queries the fused kernel has too little to do to lose.
_MIN_PLAIN_QUERIES = 64


@dataclass(frozen=True)
class AttentionLayers:
    """The four linear layers of an attention, and its number of heads."""

    query: nn.Linear
    key: nn.Linear
    value: nn.Linear
    out: nn.Linear
    num_heads: int

    @property
    def inner_width(self) -> int:
        """Channels of all heads together."""
        return self.query.out_features


def attend(
    layers: AttentionLayers,
    query_QND: Tensor,
    *,
    key_QMD: Tensor,
    value_QMD: Tensor,
    is_padding_QM: Tensor | None = None,
) -> Tensor:
    """Returns what each query gathers from the values, shape (Q, N, D).

    Args:
        layers: The projections.
        query_QND: What asks.
        key_QMD: What is asked.
        value_QMD: What is gathered.
        is_padding_QM: True at keys that nothing attends to.

    Source: Vaswani et al. 2017, Section 3.2.
    """
    num_queries, num_keys = query_QND.shape[1], key_QMD.shape[1]
    num_few, num_many = min(num_queries, num_keys), max(num_queries, num_keys)
    is_absorbing = num_few * layers.num_heads <= layers.inner_width < num_many
    if query_QND.device.type != "cpu" or not is_absorbing:
        return _attend_projected(layers, query_QND, key_QMD, value_QMD, is_padding_QM)
    if num_keys == num_few:
        return _attend_to_few(layers, query_QND, key_QMD, value_QMD, is_padding_QM)
    if is_padding_QM is not None:
        return _attend_projected(layers, query_QND, key_QMD, value_QMD, is_padding_QM)
    return _attend_from_few(layers, query_QND, key_QMD, value_QMD)


def _attend_projected(
    layers: AttentionLayers,
    query_QND: Tensor,
    key_QMD: Tensor,
    value_QMD: Tensor,
    is_padding_QM: Tensor | None,
) -> Tensor:
    heads_QHNK = _heads(layers.query(query_QND), layers.num_heads)
    keys_QHMK = _heads(layers.key(key_QMD), layers.num_heads)
    values_QHMK = _heads(layers.value(value_QMD), layers.num_heads)
    is_attended = None if is_padding_QM is None else ~is_padding_QM[:, None, None, :]
    is_plain = heads_QHNK.device.type == "cpu" and heads_QHNK.dtype is torch.bfloat16
    if is_plain and is_attended is None and heads_QHNK.shape[2] >= _MIN_PLAIN_QUERIES:
        gathered_QHNK = _plain_attention(heads_QHNK, keys_QHMK, values_QHMK)
    else:
        gathered_QHNK = F.scaled_dot_product_attention(
            heads_QHNK, keys_QHMK, values_QHMK, attn_mask=is_attended
        )
    gathered_QND: Tensor = layers.out(gathered_QHNK.transpose(1, 2).flatten(2))
    return gathered_QND


def _plain_attention(query_QHNK: Tensor, key_QHMK: Tensor, value_QHMK: Tensor) -> Tensor:
    """Attention in plain products, a few heads at a time, or a part of one head's queries."""
    scaled_QHNK = query_QHNK * query_QHNK.shape[-1] ** -0.5
    inputs = [x.flatten(0, 1) for x in (scaled_QHNK, key_QHMK, value_QHMK)]
    num_queries, num_weights = scaled_QHNK.shape[2], scaled_QHNK.shape[2] * key_QHMK.shape[2]
    num_heads_at_once = max(1, _MAX_WEIGHTS // num_weights)
    num_queries_at_once = math.ceil(num_queries / math.ceil(num_weights / _MAX_WEIGHTS))
    with torch.autocast("cpu", enabled=False):
        parts = [
            (part @ key.transpose(-1, -2)).softmax(-1) @ value
            for query, key, value in zip(*(x.split(num_heads_at_once) for x in inputs), strict=True)
            for part in query.split(num_queries_at_once, dim=1)
        ]
        # Either every part has all queries of some heads, or some queries of one head.
        return torch.cat([part.flatten(0, 1) for part in parts]).view_as(query_QHNK)


def _attend_to_few(
    layers: AttentionLayers,
    query_QND: Tensor,
    few_key_QTD: Tensor,
    few_value_QTD: Tensor,
    is_padding_QT: Tensor | None,
) -> Tensor:
    """Many queries ask few keys, which absorb the projections of the queries and of the result.

    With q = x A + a, the score q·k is x·(A k) + a·k, and with r = w V the result r B + b is w (V B) + b.
    """
    num_heads = layers.num_heads
    key_QHTK = _heads(layers.key(few_key_QTD), num_heads) * _scale(layers)
    value_QHTK = _heads(layers.value(few_value_QTD), num_heads)
    offset_QHT1 = key_QHTK @ layers.query.bias.view(num_heads, -1, 1).to(key_QHTK.dtype)
    if is_padding_QT is not None:
        offset_QHT1 = offset_QHT1.masked_fill(is_padding_QT[:, None, :, None], float("-inf"))
    asked_QXD = _by_head(key_QHTK, layers.query.weight).flatten(1, 2)
    score_QXN = asked_QXD @ query_QND.transpose(1, 2)
    score_QHTN = _split(score_QXN, 1, num_heads) + offset_QHT1.to(score_QXN.dtype)
    weight_QXN = score_QHTN.softmax(2).flatten(1, 2)
    given_QXD = _by_head(value_QHTK, layers.out.weight.T).flatten(1, 2)
    return weight_QXN.transpose(1, 2) @ given_QXD + layers.out.bias.to(given_QXD.dtype)


def _attend_from_few(
    layers: AttentionLayers, few_query_QTD: Tensor, key_QMD: Tensor, value_QMD: Tensor
) -> Tensor:
    """Few queries ask many keys and absorb their projections; the values are projected when gathered.

    The keys' bias adds the same to all scores of a query, which softmax takes out again; the weights of a
    query sum to one, so that the values' bias may come after.
    """
    num_heads = layers.num_heads
    query_QHTK = _heads(layers.query(few_query_QTD), num_heads) * _scale(layers)
    asking_QXD = _by_head(query_QHTK, layers.key.weight).flatten(1, 2)
    weight_QXM = (asking_QXD @ key_QMD.transpose(1, 2)).softmax(-1)
    gathered_QHTD = _split(weight_QXM @ value_QMD, 1, num_heads)
    value_HDK = _split(layers.value.weight, 0, num_heads).transpose(1, 2)
    value_QHTK = torch.einsum("qhtd,hdk->qhtk", gathered_QHTD, value_HDK)
    gathered_QTD: Tensor = layers.out(
        value_QHTK.transpose(1, 2).flatten(2) + layers.value.bias.to(value_QHTK.dtype)
    )
    return gathered_QTD


def _by_head(x_QHTK: Tensor, weight_WD: Tensor) -> Tensor:
    """Multiplies each head with its own rows of a weight whose W = H·K rows are all heads'."""
    return torch.einsum("qhtk,hkd->qhtd", x_QHTK, _split(weight_WD, 0, x_QHTK.shape[1]))


def _scale(layers: AttentionLayers) -> float:
    """Scores are divided by the root of a head's channels."""
    return float((layers.inner_width // layers.num_heads) ** -0.5)


def _heads(x_QNK: Tensor, num_heads: int) -> Tensor:
    return _split(x_QNK, 2, num_heads).transpose(1, 2)


def _split(x: Tensor, axis: int, num_heads: int) -> Tensor:
    """Makes an axis of all heads an axis of heads and one of each head's own."""
    return x.reshape(*x.shape[:axis], num_heads, -1, *x.shape[axis + 1 :])
