import pytest
import torch
import torch.nn.functional as F

from geophrase.training.attention import ExplicitAttention, explicit_attention


def inputs(dtype):
    torch.manual_seed(0)
    shapes = ((2, 4, 9, 8), (2, 4, 5, 8), (2, 4, 5, 8))
    return [torch.randn(shape).to(dtype).requires_grad_() for shape in shapes]


@pytest.mark.parametrize("is_masked", [False, True])
def test_equals_the_fused_kernel_with_its_gradients(is_masked):
    mask = torch.tensor([True, True, False, True, False]).expand(2, 1, 1, 5) if is_masked else None
    results = []
    for function in (explicit_attention, F.scaled_dot_product_attention):
        tensors = inputs(torch.float32)
        output = function(*tensors, attn_mask=mask)
        output.square().sum().backward()
        results.append([output, *(tensor.grad for tensor in tensors)])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)


def test_replaces_the_fused_kernel_in_bfloat16_only():
    for dtype, is_replaced in ((torch.bfloat16, True), (torch.float32, False)):
        with ExplicitAttention(), torch.profiler.profile() as profile:
            F.scaled_dot_product_attention(*inputs(dtype))
        names = {event.key for event in profile.key_averages()}
        assert ("aten::scaled_dot_product_attention" not in names) == is_replaced
