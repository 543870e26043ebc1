"""The learning rate against the schedule everybody uses, and the optimiser's constants."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from transformers import get_constant_schedule_with_warmup, get_linear_schedule_with_warmup

from hxbench.errors import InputError
from hxbench.spec.run_spec import TrainingSpec
from hxbench.training.optimiser import adamw, learning_rate, set_rates


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


def test_relative_rates_go_by_the_size_of_each_tensor():
    large, tiny = torch.nn.Parameter(torch.tensor([3.0, -4.0])), torch.nn.Parameter(torch.full((2, 2), 1e-9))
    optimiser = adamw({"large": large, "tiny": tiny}, spec_of(0, relative_rate=True))
    set_rates(optimiser, 0.01, relative=True)
    assert [group["lr"] for group in optimiser.param_groups] == pytest.approx([0.01 * 12.5**0.5, 0.01 * 1e-3])


def test_the_first_relative_step_moves_a_tensor_by_a_share_of_its_size():
    tensor = torch.nn.Parameter(torch.full((4,), 8.0))
    optimiser = adamw({"it": tensor}, spec_of(0, relative_rate=True))
    tensor.grad = torch.full((4,), 1e-4)
    set_rates(optimiser, 0.01, relative=True)
    optimiser.step()
    assert tensor.detach().tolist() == pytest.approx([8.0 - 0.08] * 4, rel=1e-3)


def test_plain_rates_are_one_for_all():
    optimiser = adamw({"it": torch.nn.Parameter(torch.full((4,), 8.0))}, spec_of(0))
    set_rates(optimiser, 0.01, relative=False)
    assert [group["lr"] for group in optimiser.param_groups] == [0.01]


def test_a_part_may_have_a_rate_of_its_own():
    names = ("head", "down", "up")
    parameters = {name: torch.nn.Parameter(torch.full((2,), 1.0)) for name in names}
    parts = {"heads": [parameters["head"]], "generator": [parameters["up"], parameters["down"]]}
    optimiser = adamw(parameters, spec_of(0, part_rates={"generator": 0.25}), parts)
    set_rates(optimiser, 1e-2, relative=False)
    for parameter in parameters.values():
        parameter.grad = torch.ones(2)
    optimiser.step()  # the first step of Adam is the rate itself
    moved = {name: 1 - float(parameter.detach()[0]) for name, parameter in parameters.items()}
    assert moved == pytest.approx({"head": 1e-2, "down": 2.5e-3, "up": 2.5e-3}, rel=1e-4)


def test_a_part_that_is_not_there_has_no_rate():
    heads = {"head": torch.nn.Parameter(torch.zeros(1))}
    with pytest.raises(InputError, match=r"'generatr'.*Did you mean generator"):
        adamw(heads, spec_of(0, part_rates={"generatr": 0.5}), {"heads": heads.values(), "generator": []})


def test_a_rate_of_one_is_none_of_its_own():
    assert spec_of(0, part_rates={"generator": 1.0, "heads": 0.5}).part_rates == {"heads": 0.5}
    assert spec_of(0, part_rates={"generator": 1.0}) == spec_of(0)


def test_rates_are_scaled_in_one_way():
    with pytest.raises(ValidationError, match="part_rates and relative_rate exclude each other"):
        spec_of(0, part_rates={"heads": 0.5}, relative_rate=True)
