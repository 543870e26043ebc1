"""The learning rate against the schedule everybody uses, and the optimiser's constants."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import get_constant_schedule_with_warmup, get_linear_schedule_with_warmup

from hxbench.spec import TrainingSpec
from hxbench.training.optimiser import adamw, learning_rate


def spec_of(warmup, **others):
    return TrainingSpec(updates=1, lr=1e-4, warmup=warmup, **others)


def rates_of(make, updates):
    optimiser = torch.optim.SGD([torch.zeros(1)], lr=1e-4)
    schedule = make(optimiser)
    rates = []
    for _ in range(updates):
        rates.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    return rates


@given(st.integers(1, 60), st.integers(0, 80))
def test_the_rate_is_that_of_the_usual_linear_schedule(updates, warmup):
    expected = rates_of(lambda o: get_linear_schedule_with_warmup(o, warmup, updates), updates)
    found = [learning_rate(step, updates, spec_of(warmup)) for step in range(updates)]
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-20)


@given(st.integers(1, 60), st.integers(0, 80))
def test_the_constant_schedule_keeps_its_warmup(updates, warmup):
    expected = rates_of(lambda o: get_constant_schedule_with_warmup(o, warmup), updates)
    found = [learning_rate(step, updates, spec_of(warmup, schedule="constant")) for step in range(updates)]
    assert found == pytest.approx(expected, rel=1e-12)


def test_the_published_code_decays_to_its_end_value():
    spec = spec_of(10, final_lr=1e-7)
    rates = [learning_rate(step, 100, spec) for step in range(101)]
    assert rates[0] == 0
    assert rates[10] == max(rates) == 1e-4
    assert rates[100] == pytest.approx(1e-7)
    # transformers' polynomial schedule with power 1: (lr − end) · remaining + end
    assert rates[55] == pytest.approx((1e-4 - 1e-7) * 0.5 + 1e-7)


def test_adamw_has_the_defaults_of_the_paper():
    optimiser = adamw({"a": torch.nn.Parameter(torch.zeros(1))}, spec_of(0))
    group = optimiser.param_groups[0]
    assert (group["betas"], group["eps"], group["weight_decay"]) == ((0.9, 0.999), 1e-8, 0.0)
    assert group["fused"] is True
