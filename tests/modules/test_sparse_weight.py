"""A frozen weight with tuned entries in stock modules: as an ordinary weight, without its whole gradient."""

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils._python_dispatch import TorchDispatchMode

from hxbench.modules.sparse_gradients import Pattern
from hxbench.modules.sparse_weight import Tuned, gathered


@pytest.fixture(params=[False, True], ids=["product", "sampled"])
def sampled(request, monkeypatch):
    for price in ("_ENTRY", "_LINE"):
        monkeypatch.setattr(
            f"hxbench.modules.sparse_gradients.{price}", {"cpu": 0} if request.param else {"cpu": 10**9}
        )


def tuned(height, width, places, *, dtype=torch.float32):
    """Return (a weight as tuned at places, its values, the same weight as an ordinary one)."""
    torch.manual_seed(1)
    frozen = torch.randn(height, width, dtype=dtype)
    values = frozen.view(-1)[places].clone().requires_grad_()
    whole = frozen.clone().requires_grad_()
    return Tuned.of(frozen, values, places, lambda: Pattern.of(places, height, width)), values, whole


PLACES = [torch.tensor([0, 5, 9, 20, 41]), torch.arange(48), torch.arange(3, 9)]


@pytest.mark.parametrize("places", PLACES)
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("reached", [False, True])
def test_a_linear_layer(places, bias, reached, sampled):
    weight, values, whole = tuned(6, 8, places)
    inputs = [torch.randn(2, 3, 8, requires_grad=reached)]
    inputs.append(inputs[0].detach().clone().requires_grad_(reached))
    biases = [torch.randn(6).requires_grad_()] if bias else [None]
    biases.append(biases[0].detach().clone().requires_grad_() if bias else None)
    aim = torch.randn(2, 3, 6)
    found = functional.linear(inputs[0], weight, biases[0])
    expected = functional.linear(inputs[1], whole, biases[1])
    assert type(found) is torch.Tensor
    torch.testing.assert_close(found, expected)
    (found * aim).sum().backward()
    (expected * aim).sum().backward()
    torch.testing.assert_close(values.grad, whole.grad.view(-1)[places])
    if reached:
        torch.testing.assert_close(inputs[0].grad, inputs[1].grad)
    if bias:
        torch.testing.assert_close(biases[0].grad, biases[1].grad)


@pytest.mark.parametrize("padding", [None, 2])
def test_embeddings(padding):
    places = torch.tensor([1, 4, 8, 9, 10, 50, 79])
    weight, values, whole = tuned(20, 4, places)
    ids = torch.tensor([[2, 2, 0], [12, 1, 2]])  # words that come twice, tuned or not
    for words in (ids, ids[:1], torch.full((2, 40), 2), torch.arange(20)[None]):
        values.grad = whole.grad = None
        draw = torch.randn(*words.shape, 4)
        found, expected = (functional.embedding(words, one, padding) for one in (weight, whole))
        assert torch.equal(found, expected)
        (found * draw).sum().backward()
        (expected * draw).sum().backward()
        torch.testing.assert_close(values.grad, whole.grad.view(-1)[places])


def test_of_a_linear_layer_no_whole_gradient_is_formed(sampled):
    """Reference for what it is about: the sizes of everything that the backward pass puts out."""
    sizes = []

    class Watching(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            out = func(*args, **(kwargs or {}))
            if isinstance(out, torch.Tensor):
                sizes.append(out.numel() if out.layout == torch.strided else 0)
            return out

    places = torch.tensor([3, 700, 2000])
    weight, values, whole = tuned(50, 60, places)
    hidden = torch.randn(4, 60)
    loss = functional.linear(hidden, weight).sum()
    with Watching():
        loss.backward()
    assert values.grad is not None
    assert max(sizes) < 50 * 60
    sizes.clear()
    loss = functional.linear(hidden, whole).sum()
    with Watching():
        loss.backward()
    assert max(sizes) == 50 * 60, "which an ordinary weight gets"


def test_other_functions_find_an_ordinary_tensor():
    places = PLACES[0]
    weight, values, whole = tuned(6, 8, places)
    assert isinstance(weight, torch.Tensor)
    assert (weight.shape, weight.dtype, weight.dim(), len(weight)) == (whole.shape, whole.dtype, 2, 6)
    for use in (
        lambda w: (w.t() @ w).square().sum(), lambda w: functional.linear(torch.ones(5, 4), w[:, 2:6]).exp().sum(),
        lambda w: torch.einsum("oi,bi->bo", w, torch.ones(2, 8)).square().sum(), lambda w: w.T[0].square().sum(),
    ):  # fmt: skip
        values.grad = whole.grad = None
        found, expected = use(weight), use(whole)
        assert type(found) is torch.Tensor
        torch.testing.assert_close(found, expected)
        found.backward()
        expected.backward()
        torch.testing.assert_close(values.grad, whole.grad.view(-1)[places])


def test_both_uses_of_a_tied_weight_add_up(sampled):
    places = torch.tensor([0, 7, 30, 61, 79])
    weight, values, whole = tuned(20, 4, places)
    ids = torch.tensor([[0, 7, 1, 19]])
    for one in (weight, whole):
        functional.linear(functional.embedding(ids, one), one).square().sum().backward()
    torch.testing.assert_close(values.grad, whole.grad.view(-1)[places])


@torch.no_grad()
def test_without_gradients_it_is_the_weight():
    weight, _, whole = tuned(6, 8, PLACES[0])
    hidden = torch.randn(3, 8)
    assert torch.equal(functional.linear(hidden, weight), functional.linear(hidden, whole))
    assert torch.equal(functional.embedding(torch.tensor([1, 5]), weight), whole[[1, 5]])


def test_in_half_precision_the_gradients_are_those_of_autocast():
    weight, values, whole = tuned(6, 8, PLACES[0])
    hidden = torch.randn(5, 8, requires_grad=True)
    other = hidden.detach().clone().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        found, expected = functional.linear(hidden, weight), functional.linear(other, whole)
    assert found.dtype == expected.dtype == torch.bfloat16
    found.float().square().sum().backward()
    expected.float().square().sum().backward()
    assert values.grad.dtype == torch.float32
    torch.testing.assert_close(values.grad, whole.grad.view(-1)[PLACES[0]], rtol=2e-2, atol=2e-2)
    torch.testing.assert_close(hidden.grad, other.grad, rtol=2e-2, atol=2e-2)


def test_it_is_the_frozen_tensor_and_no_copy():
    frozen = nn.Parameter(torch.zeros(3, 4), requires_grad=False)
    values = torch.ones(1, requires_grad=True)
    weight = Tuned.of(frozen, values, torch.tensor([1]), lambda: Pattern.of(torch.tensor([1]), 3, 4))
    assert weight.data_ptr() == frozen.data_ptr()
    assert gathered(frozen, values, torch.tensor([1])).data_ptr() == frozen.data_ptr()
