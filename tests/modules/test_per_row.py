"""Adapters of several tasks on one batch: both ways against a loop over the rows, values and gradients."""

import pytest
import torch
from transformers.activations import ACT2FN

from hxbench.modules import per_row
from hxbench.modules.bottleneck import ACTIVATIONS, BottleneckWeights
from hxbench.modules.per_row import SortedBottlenecks, for_rows

SITES, TASKS, BOTTLENECK, HIDDEN = 2, 4, 3, 5
SHAPES = {
    "down": (BOTTLENECK, HIDDEN),
    "down_bias": (BOTTLENECK,),
    "up": (HIDDEN, BOTTLENECK),
    "up_bias": (HIDDEN,),
}
NORM = {"scale": (HIDDEN,), "shift": (HIDDEN,)}


def weights_of(shapes):
    torch.manual_seed(0)
    tensors = {n: torch.randn(SITES, TASKS, *shape, dtype=torch.float64) for n, shape in shapes.items()}
    return BottleneckWeights(**{n: t.requires_grad_() for n, t in tensors.items()}, activation=torch.tanh)


@pytest.mark.parametrize("shapes", [SHAPES, SHAPES | NORM])
@pytest.mark.parametrize("tasks", [[3, 0, 3, 1, 0, 3], [2, 2], [1]])
@pytest.mark.parametrize("sorted_from", [0, 10**9])
def test_every_row_goes_through_its_own_tasks_adapter(shapes, tasks, sorted_from, monkeypatch):
    monkeypatch.setattr(per_row, "SORTED_FROM", sorted_from)
    weights, tasks = weights_of(shapes), torch.tensor(tasks)
    leaves = [getattr(weights, name) for name in shapes]
    hidden = torch.randn(len(tasks), 7, HIDDEN, dtype=torch.float64, requires_grad=True)
    target, results = torch.randn_like(hidden), []
    for loop in (False, True):
        value = hidden
        for site, adapters in enumerate(for_rows(weights, tasks)):
            assert isinstance(adapters, SortedBottlenecks) == (sorted_from == 0)
            if loop:
                alone = [weights.mapped(lambda t, s=site, k=task: t[s, k]) for task in tasks]
                value = torch.stack([one.apply(row) for one, row in zip(alone, value, strict=True)])
            else:
                value = adapters.apply(value)
        gradients = torch.autograd.grad((value * target).sum(), [hidden, *leaves])
        results.append([value.detach(), *gradients])
    for found, expected in zip(*results, strict=True):
        assert expected.abs().sum() > 0
        torch.testing.assert_close(found, expected)


def test_large_adapters_are_sorted_and_small_ones_copied():
    tasks = torch.tensor([0, 1, 0])
    wide = {"down": (40, 3000), "down_bias": (40,), "up": (3000, 40), "up_bias": (3000,)}
    assert isinstance(for_rows(weights_of(wide), tasks)[0], SortedBottlenecks)
    small = for_rows(weights_of(SHAPES), tasks)[0]
    assert isinstance(small, BottleneckWeights)
    assert small.down.shape == (3, BOTTLENECK, HIDDEN)


@pytest.mark.parametrize("name", ["relu", "gelu_new"])
def test_activations_are_those_that_transformers_calls_so(name):
    value = torch.linspace(-4, 4, 101)
    torch.testing.assert_close(ACTIVATIONS[name](value), ACT2FN[name](value), rtol=1e-5, atol=1e-6)
