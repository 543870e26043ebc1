"""Where an APET's parameters are: exact budgets, living pairs, the same places everywhere, the published rule."""

import random
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hxbench.errors import InputError
from hxbench.modules.placement import Unit, adjacent, discrete, one_tensor, published, size_of

RANK, IN, OUT = 4, 6, 5


def branch(name, rank=RANK):
    return Unit(name, ((f"{name}.down", (rank, IN)), (f"{name}.up", (OUT, rank))), pair=True)


def adapter(name):
    shapes = {"down": (RANK, IN), "up": (IN, RANK), "down_bias": (RANK,), "up_bias": (IN,)}
    return Unit(name, tuple((f"{name}.{side}", shape) for side, shape in shapes.items()), pair=True)


UNITS = [
    one_tensor("words", (30, 6)), one_tensor("w", (6, 6)), one_tensor("b", (6,)), one_tensor("token.0", (6,)),
    branch("lora.0"), branch("lora.1"), adapter("adapter.0"), adapter("adapter.1"),
]  # fmt: skip
TOTAL = sum(unit.size for unit in UNITS)
SHAPES = {name: shape for unit in UNITS for name, shape in unit.tensors}


def require_sound(placement):
    """Assert that places are in their tensors, sorted and different, and that no pair is dead."""
    for name, places in placement.items():
        assert places.dtype == np.int64
        assert len(places)
        assert (np.diff(places) > 0).all()
        assert places[0] >= 0
        assert places[-1] < prod(SHAPES[name])
    for unit in (one for one in UNITS if one.pair):
        (down, (_, width)), (up, (_, rank)) = unit.tensors[:2]
        rows = {int(place) // width for place in placement.get(down, ())}
        columns = {int(place) % rank for place in placement.get(up, ())}
        assert rows <= columns, f"{unit.name}: a row that nothing reads"


@pytest.mark.parametrize("rule", [discrete, adjacent])
@given(budget=st.integers(1, TOTAL), seed=st.integers(0, 2**32 - 1))
def test_a_budget_is_met_to_the_entry(rule, budget, seed):
    found = rule(UNITS, budget, seed)
    assert size_of(found) == budget
    require_sound(found)


@pytest.mark.parametrize("rule", [discrete, adjacent])
def test_places_go_by_names_and_seed_alone(rule):
    first = rule(UNITS, 100, 7)
    shuffled = UNITS.copy()
    random.Random(0).shuffle(shuffled)
    np.random.seed(5)
    random.seed(5)
    again = rule(shuffled, 100, 7)
    assert first.keys() == again.keys()
    assert all(np.array_equal(first[name], again[name]) for name in first)
    other = rule(UNITS, 100, 8)
    assert first.keys() != other.keys() or any(not np.array_equal(first[n], other[n]) for n in first)


def test_these_places_are_the_same_on_any_machine():
    # Runs of before keep their places: if this fails, their weights no longer fit.
    units = [one_tensor("a", (1000, 1000)), one_tensor("b", (7,)), branch("lora")]
    found = {name: places.tolist() for name, places in discrete(units, 5, 3).items()}
    assert found == {"a": [132272, 259758, 378697, 541397, 633301]}
    runs = {name: (int(places[0]), len(places)) for name, places in adjacent(units, 20, 1).items()}
    assert runs == {"a": (941182, 13), "b": (0, 7)}


def test_more_entries_contain_fewer():
    units = [one_tensor("a", (100, 100)), one_tensor("b", (500,))]
    few, many = discrete(units, 40, 1), discrete(units, 400, 1)
    for name, places in few.items():
        assert np.isin(places, many[name]).all()


def test_every_entry_is_as_likely():
    units = [one_tensor("a", (8, 4)), one_tensor("b", (8,))]
    for budget in (10, 30):  # below and above half of all
        counts = {"a": np.zeros(32), "b": np.zeros(8)}
        for seed in range(2000):
            for name, places in discrete(units, budget, seed).items():
                counts[name][places] += 1
        shares = np.concatenate([counts["a"], counts["b"]]) / 2000
        error = (budget / 40 * (1 - budget / 40) / 2000) ** 0.5
        assert abs(shares - budget / 40).max() < 4.5 * error


def test_a_single_entry_of_a_pair_is_on_the_side_that_begins_at_zero():
    for seed in range(30):
        [name] = discrete([branch("lora")], 1, seed)
        assert name == "lora.up"
    assert {name for seed in range(30) for name in discrete([one_tensor("a", (3,)), branch("lora")], 1, seed)} == {
        "a", "lora.up"
    }  # fmt: skip


def test_whole_tensors_but_one():
    for seed in range(50):
        found = adjacent(UNITS, 150, seed)
        cut = [
            unit for unit in UNITS
            if 0 < sum(len(found.get(name, ())) for name, _ in unit.tensors) < unit.size
        ]  # fmt: skip
        assert len(cut) <= 1
        for places in found.values():
            assert (np.diff(places) == 1).all(), "a run"
        for unit in cut:
            if unit.pair:
                down, up = (len(found.get(name, ())) for name, _ in unit.tensors[:2])
                assert up > 0
                assert down > 0 or up == 1


def test_a_cut_pair_gives_both_sides_half_as_far_as_they_go():
    unit = branch("lora", rank=2)  # 12 and 10
    for budget in range(1, unit.size + 1):
        found = adjacent([unit], budget, 0)
        down, up = len(found.get("lora.down", ())), len(found["lora.up"])
        assert down + up == budget
        assert up == min(10, max(-(-budget // 2), budget - 12))


@pytest.mark.parametrize("budget", [0, -3, TOTAL + 1])
def test_a_budget_of_nothing_or_too_much_is_refused(budget):
    for rule in (discrete, adjacent):
        with pytest.raises(InputError, match=rf"there are {TOTAL:,} to choose among"):
            rule(UNITS, budget, 1)
    with pytest.raises(InputError, match="to choose among"):
        published(UNITS[4:], UNITS[:4], budget, 1)


# --- the published rule ----------------------------------------------------------------------------------------


def slow_published(inserted, existing, budget, seed):
    """Return the names the published code takes, as the sheet tells it (section 5)."""
    generator = random.Random(budget * seed)
    lists = [[unit.name for unit in units] for units in (inserted, existing)]
    for names in lists:
        generator.shuffle(names)
    units = {unit.name: unit for unit in (*inserted, *existing)}
    taken = []
    for names in lists:
        room = budget // 2
        for name in names:
            first = prod(units[name].tensors[0][1])
            if first > room:
                continue
            taken.append(name)
            room = room - units[name].size
    return taken


@pytest.mark.parametrize("budget", [13, 60, 120, 200, TOTAL])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_published_rule_takes_whole_units_that_begin_to_fit(budget, seed):
    inserted, existing = UNITS[4:], UNITS[:4]
    found = published(inserted, existing, budget, seed)
    taken = slow_published(inserted, existing, budget, seed)
    names = {unit.name: [name for name, _ in unit.tensors] for unit in UNITS}
    assert set(found) == {name for unit in taken for name in names[unit]}
    assert all(np.array_equal(places, np.arange(prod(SHAPES[name]))) for name, places in found.items())


def test_where_nothing_fits_the_published_rule_says_so():
    with pytest.raises(InputError, match="none of which fits half of a budget of 11"):
        published(UNITS[4:], UNITS[:4], 11, 1)
