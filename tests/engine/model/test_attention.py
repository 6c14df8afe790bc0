import math

import pytest
import torch
from torch import nn

from geophrase.engine.model.rsam import attention as attention_module
from geophrase.engine.model.rsam.attention import AttentionLayers, attend

WIDTH, INNER, HEADS = 24, 16, 4
FEW, MANY = 3, 96


def layers():
    torch.manual_seed(0)
    return AttentionLayers(
        *(nn.Linear(WIDTH, INNER) for _ in range(3)), nn.Linear(INNER, WIDTH), num_heads=HEADS
    )


def torch_attention(attention, query, key, value, is_padding):
    """The textbook's attention, head by head, every weight written out."""
    q, k, v = attention.query(query), attention.key(key), attention.value(value)
    channels = INNER // HEADS
    heads = []
    for start in range(0, INNER, channels):
        part = slice(start, start + channels)
        scores = torch.einsum("qnk,qmk->qnm", q[..., part], k[..., part]) / math.sqrt(channels)
        if is_padding is not None:
            scores = scores - 1e9 * is_padding[:, None].float()
        weights = scores.exp() / scores.exp().sum(-1, keepdim=True)
        heads.append(weights @ v[..., part])
    return attention.out(torch.cat(heads, dim=-1))


def tokens(num_queries, num_keys):
    generator = torch.Generator().manual_seed(1)
    return [
        torch.randn(2, n, WIDTH, generator=generator).requires_grad_()
        for n in (num_queries, num_keys, num_keys)
    ]


def padding(num_keys):
    is_padding = torch.zeros(2, num_keys, dtype=torch.bool)
    is_padding[1, num_keys // 2 :] = True
    return is_padding


@pytest.mark.parametrize("is_padded", [False, True])
@pytest.mark.parametrize("shape", [(FEW, MANY), (MANY, FEW), (MANY, MANY), (FEW, FEW)])
def test_every_order_gives_the_textbook_result_and_gradients(shape, is_padded):
    attention = layers()
    modules = (attention.query, attention.key, attention.value, attention.out)
    parameters = [p for module in modules for p in module.parameters()]
    is_padding = padding(shape[1]) if is_padded else None
    results = []
    for is_ours in (True, False):
        query, key, value = inputs = tokens(*shape)
        if is_ours:
            output = attend(attention, query, key_QMD=key, value_QMD=value, is_padding_QM=is_padding)
        else:
            output = torch_attention(attention, query, key, value, is_padding)
        gradients = torch.autograd.grad(output.square().sum(), [*inputs, *parameters], allow_unused=True)
        results.append([output, *(torch.zeros(1) if g is None else g for g in gradients)])
    for index, (ours, theirs) in enumerate(zip(*results, strict=True)):
        # The keys' bias has no effect on any attention: its gradient is nought, whether or not it is given.
        theirs = theirs if ours.shape == theirs.shape else theirs.sum().reshape(1)
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4, msg=lambda m, i=index: f"{i}: {m}")


@pytest.mark.parametrize("heads_at_once", [10, 3, 1, 0.4])
@pytest.mark.parametrize("shape", [(FEW, MANY), (MANY, FEW), (MANY, MANY)])
def test_bfloat16_is_as_near_to_float32_as_the_fused_kernel(shape, heads_at_once, monkeypatch):
    monkeypatch.setattr(attention_module, "_MAX_WEIGHTS", int(heads_at_once * MANY * MANY))
    attention = layers()
    query, key, value = tokens(*shape)
    with torch.inference_mode():
        exact = torch_attention(attention, query, key, value, None)
        with torch.autocast("cpu", torch.bfloat16):
            ours = attend(attention, query, key_QMD=key, value_QMD=value)
            q, k, v = (
                layer(x).unflatten(2, (HEADS, -1)).transpose(1, 2)
                for layer, x in (
                    (attention.query, query),
                    (attention.key, key),
                    (attention.value, value),
                )
            )
            fused = nn.functional.scaled_dot_product_attention(q, k, v)
            fused = attention.out(fused.transpose(1, 2).flatten(2))
    assert ours.dtype is torch.bfloat16
    assert (ours - exact).square().mean() < 2 * (fused - exact).square().mean()


def test_many_keys_leave_no_float32_or_projected_copy_of_themselves():
    """What makes it quick: nothing is projected for each of the many keys."""
    attention = layers()
    query, key, value = tokens(FEW, MANY)
    with torch.inference_mode(), torch.profiler.profile(record_shapes=True) as profile:
        attend(attention, query, key_QMD=key, value_QMD=value)
    shapes = [event.input_shapes for event in profile.events() if event.name == "aten::addmm"]
    assert shapes
    assert all([2 * MANY, WIDTH] not in shape for shape in shapes)
