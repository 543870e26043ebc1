"""Tuned entries of frozen tensors: values, gradients, ties, optimiser state, and everything put back."""

import copy

import pytest
import torch
from torch import nn

from hxbench.backbones.families import Part, Projection
from hxbench.modules.low_rank import FusedLowRank, in_fused, low_rank
from hxbench.modules.sparse_values import Entries, holders_of, standing_for, written


class Tied(nn.Module):
    """Embeddings that are the output matrix too, and a LayerNorm between."""

    def __init__(self):
        super().__init__()
        self.words, self.norm, self.inner = nn.Embedding(7, 4), nn.LayerNorm(4), nn.Linear(4, 4)
        self.out = nn.Linear(4, 7, bias=False)
        self.out.weight = self.words.weight

    def forward(self, ids):
        return self.out(self.norm(self.inner(self.words(ids))))


PLACES = {
    "words.weight": torch.tensor([0, 5, 9, 20]), "norm.weight": torch.tensor([1]),
    "inner.weight": torch.tensor([2, 3, 15]), "inner.bias": torch.tensor([0]),
}  # fmt: skip
IDS = torch.tensor([[0, 1, 2, 5]])


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Tied().requires_grad_(False)


def test_values_and_gradients_are_those_of_the_whole_tensors(model):
    entries = Entries(dict(model.named_parameters()), PLACES)
    other = copy.deepcopy(model).requires_grad_(True)
    with torch.no_grad():
        entries.values.add_(torch.randn(9))
        parts = entries.values.split([4, 1, 3, 1])
        for part, (name, places) in zip(parts, PLACES.items(), strict=True):
            other.get_parameter(name).view(-1)[places] = part
    with standing_for(entries.written(dict(model.named_parameters())), holders_of(model)):
        found = model(IDS)
    expected = other(IDS)
    torch.testing.assert_close(found, expected)
    found.square().sum().backward()
    expected.square().sum().backward()
    wanted = torch.cat([other.get_parameter(name).grad.view(-1)[places] for name, places in PLACES.items()])
    torch.testing.assert_close(entries.values.grad, wanted)
    assert all(p.grad is None for p in model.parameters())


def test_ties_are_kept(model):
    holders = holders_of(model)
    assert {(h.module, h.attribute) for h in holders["words.weight"]} == {
        (model.words, "weight"), (model.out, "weight")
    }  # fmt: skip
    assert set(holders) == {"words.weight", "norm.weight", "norm.bias", "inner.weight", "inner.bias"}


def test_stock_modules_are_left_as_they_are(model):
    before, names = copy.deepcopy(model.state_dict()), list(dict(model.named_parameters()))
    plain = model(IDS)
    frozen = dict(model.named_parameters())
    entries = Entries(frozen, PLACES)
    with torch.no_grad():
        entries.values.add_(1)
    with standing_for(entries.written(frozen), holders_of(model)):
        assert list(dict(model.named_parameters())) == names, "still the parameters"
        assert not isinstance(model.inner.weight, nn.Parameter)
        assert not torch.equal(model(IDS), plain)
    assert all("weight" not in vars(module) for module in model.modules())
    entries.undo(frozen)
    assert torch.equal(model(IDS), plain)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_an_error_inside_takes_the_tensors_away(model):
    frozen = dict(model.named_parameters())
    with (
        pytest.raises(ZeroDivisionError),
        standing_for(Entries(frozen, PLACES).written(frozen), holders_of(model)),
    ):
        1 / 0  # noqa: B018
    assert isinstance(model.inner.weight, nn.Parameter)


def test_the_optimisers_state_is_as_large_as_the_entries(model):
    frozen = dict(model.named_parameters())
    entries = Entries(frozen, PLACES)
    optimiser = torch.optim.AdamW(entries.parameters(), lr=0.1)
    losses = []
    for _ in range(30):
        with standing_for(entries.written(frozen), holders_of(model)):
            loss = (model(IDS) - 1).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    state = [tensor for one in optimiser.state.values() for tensor in one.values() if tensor.numel() > 1]
    assert [tensor.numel() for tensor in state] == [9, 9]
    assert losses[-1] < 0.8 * losses[0]


def test_it_is_the_frozen_tensor_itself_and_no_copy():
    frozen = torch.zeros(3, 4)
    values = torch.ones(2, requires_grad=True)
    found = written(frozen, values, torch.tensor([1, 7]))
    assert found.data_ptr() == frozen.data_ptr()
    assert found.requires_grad
    again = written(frozen, values, torch.tensor([1, 7]))  # read twice before the gradients
    (found.sum() + (2 * again).sum()).backward()
    assert values.grad.tolist() == [3, 3]


# --- low rank --------------------------------------------------------------------------------------------------


def test_a_branch_is_what_pefts_layer_adds():
    from peft.tuners.lora import Linear

    torch.manual_seed(0)
    base = nn.Linear(6, 5)
    try:
        from peft import LoraConfig

        layer = Linear(base, "x", LoraConfig(r=3, lora_alpha=6), r=3, lora_alpha=6)
    except TypeError:  # as it was before a configuration was handed on
        layer = Linear(base, "x", r=3, lora_alpha=6)
    nn.init.normal_(layer.lora_B["x"].weight)
    hidden = torch.randn(2, 4, 6)
    expected = layer(hidden) - base(hidden)
    found = low_rank(hidden, layer.lora_A["x"].weight, layer.lora_B["x"].weight, 2.0)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)


def test_beside_a_fused_projection_the_key_gets_nothing():
    part = torch.arange(6.0).view(1, 1, 6) + 1
    found = in_fused(part, Part(3, 4, 0)).view(3, 3, 2)  # heads, (query, key, value), width
    assert torch.equal(found[:, 2], part.view(3, 2))
    assert not found[:, :2].any()
    query, value = (Projection("", torch.nn.Identity(), one, 6, 6) for one in (Part(3, 0, 4), Part(3, 4, 0)))
    branch = FusedLowRank(query, value, 2, 4, 0.0)
    assert sum(p.numel() for p in branch.parameters()) == 2 * (2 * 6 + 2 * 6)
    assert not branch(torch.randn(1, 2, 6)).any(), "it begins as nothing"
