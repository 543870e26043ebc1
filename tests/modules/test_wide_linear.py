"""A wide layer gives what `nn.Linear` gives, bit by bit where a library rounds alike, in blocks or not."""

import pytest
import torch
from torch.nn import functional

from hxbench.modules import hypernetwork
from hxbench.modules.hypernetwork import BLOCK, WideLinear


@pytest.fixture
def blocks(monkeypatch):
    """Let small layers be computed in blocks; return the layers that were."""
    monkeypatch.setattr(hypernetwork, "_LEAST_SIZE", 1)
    seen = []
    apply = hypernetwork._Product.apply
    monkeypatch.setattr(hypernetwork._Product, "apply", lambda *given: seen.append(given) or apply(*given))
    return seen


def results(layer, forward, rows):
    rows = rows.clone().requires_grad_()
    layer.zero_grad(set_to_none=True)
    made = forward(rows)
    (made * torch.linspace(-1, 1, made.numel()).view_as(made)).sum().backward()
    return [made.detach(), rows.grad, layer.weight.grad, layer.bias.grad]


@pytest.mark.parametrize("count", [1, 12])
def test_outputs_and_gradients_are_those_of_a_plain_layer(blocks, count):
    layer = WideLinear(24, 5 * BLOCK)
    rows = torch.randn(count, 24)
    found = results(layer, layer, rows)
    assert len(blocks) == 1
    plain = results(layer, lambda rows: functional.linear(rows, layer.weight, layer.bias), rows)
    for one, other in zip(found, plain, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-5)
    assert found[2].is_contiguous()
    assert torch.autograd.gradcheck(
        lambda rows, weight: hypernetwork._Product.apply(rows, weight),
        (rows.double().requires_grad_(), layer.weight.detach().double().requires_grad_()),
        fast_mode=True,
    )


def test_a_frozen_weight_or_row_gets_no_gradient(blocks):
    layer = WideLinear(8, 2 * BLOCK)
    layer.weight.requires_grad_(False)
    rows = torch.randn(3, 8, requires_grad=True)
    layer(rows).sum().backward()
    assert layer.weight.grad is None
    torch.testing.assert_close(rows.grad, layer.weight.sum(0).expand(3, 8))
    layer.weight.requires_grad_(True)
    layer(rows.detach()).sum().backward()
    torch.testing.assert_close(layer.weight.grad, rows.detach().sum(0).expand_as(layer.weight))
    assert len(blocks) == 2


@pytest.mark.parametrize(
    ("rows", "out", "autocast"),
    [(torch.ones(65, 8), 2 * BLOCK, False), (torch.ones(3, 8), BLOCK + 1, False), (torch.ones(3, 8), BLOCK, True)],
)
def test_other_shapes_and_precisions_take_the_plain_way(blocks, rows, out, autocast):
    layer = WideLinear(8, out)
    with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
        made = layer(rows)
        assert torch.equal(made, functional.linear(rows, layer.weight, layer.bias))
    assert not blocks


def test_a_small_layer_takes_the_plain_way():
    layer, rows = WideLinear(8, 2 * BLOCK), torch.randn(3, 8)
    assert torch.equal(layer(rows), functional.linear(rows, layer.weight, layer.bias))
    assert "Product" not in str(layer(rows).grad_fn)
