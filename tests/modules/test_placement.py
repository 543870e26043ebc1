"""Where an APET's parameters are: exact budgets, living pairs, the same places everywhere, the published rule."""

import random
from math import prod

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hxbench.errors import InputError
from hxbench.modules.placement import Unit, adjacent, discrete, modules, one_tensor, published

RANK, IN, OUT = 4, 6, 5


def branch(name, rank=RANK):
    return Unit(name, ((f"{name}.down", (rank, IN)), (f"{name}.up", (OUT, rank))), pair=True)


def adapter(name):
    shapes = {"down": (RANK, IN), "up": (IN, RANK), "down_bias": (RANK,), "up_bias": (IN,)}
    return Unit(name, tuple((f"{name}.{side}", shape) for side, shape in shapes.items()), pair=True)


TOKENS = Unit("prompt", tuple((f"token.{n}", (6,)) for n in range(4)))
UNITS = [
    one_tensor("words", (30, 6)), one_tensor("w", (6, 6)), one_tensor("b", (6,)), one_tensor("token.0", (6,)),
    branch("lora.0"), branch("lora.1"), adapter("adapter.0"), adapter("adapter.1"),
]  # fmt: skip
TOTAL = sum(unit.size for unit in UNITS)
MODULES = [*UNITS[:3], TOKENS, *UNITS[4:]]  # all virtual tokens are one
SHAPES = {name: shape for unit in (*UNITS, TOKENS) for name, shape in unit.tensors}


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


@pytest.mark.parametrize("rule", [modules, discrete, adjacent])
@given(budget=st.integers(1, TOTAL), seed=st.integers(0, 2**32 - 1))
def test_a_budget_is_met_to_the_entry(rule, budget, seed):
    found = rule(UNITS, budget, seed)
    assert sum(map(len, found.values())) == budget
    require_sound(found)


@pytest.mark.parametrize("rule", [modules, discrete, adjacent])
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
    for rule in (modules, discrete, adjacent):
        with pytest.raises(InputError, match=rf"there are {TOTAL:,} to choose from"):
            rule(UNITS, budget, 1)
    with pytest.raises(InputError, match="to choose from"):
        published(UNITS[4:], UNITS[:4], budget, 1)


# --- modules ---------------------------------------------------------------------------------------------------


@given(budget=st.integers(1, TOTAL + 18), seed=st.integers(0, 2**32 - 1))
def test_modules_are_whole_but_for_the_last_which_did_not_fit(budget, seed):
    """Slowly, as it is told: take modules in an order until one does not fit; of that some entries; no more."""
    found = modules(MODULES, budget, seed)
    require_sound(found)
    names = sorted(unit.name for unit in MODULES)
    units = {unit.name: unit for unit in MODULES}
    generator = np.random.default_rng(np.random.SeedSequence((seed, budget)).spawn(3)[0])
    left, taken = budget, set()
    for place in generator.permutation(len(names)):
        if left == 0:
            break
        unit = units[names[place]]
        sizes = [prod(shape) for _, shape in unit.tensors]
        counts = [len(found.get(name, ())) for name, _ in unit.tensors]
        if unit.size <= left:
            assert counts == sizes, f"{unit.name} fits and is not whole"
        else:
            assert sum(counts) == left, f"{unit.name} fills the budget"
            if unit.name == "prompt":  # whole tokens, and entries of one more
                assert counts == [max(0, min(6, left - 6 * n)) for n in range(4)]
        taken |= {name for name, _ in unit.tensors}
        left -= sum(counts)
    assert left == 0
    assert set(found) <= taken


def test_every_module_is_as_likely_whatever_its_size():
    first = dict.fromkeys((unit.name for unit in MODULES), 0)
    by_tensor = {name: unit.name for unit in MODULES for name, _ in unit.tensors}
    for seed in range(4000):
        [unit] = {by_tensor[name] for name in modules(MODULES, 6, seed)}  # no module is smaller: one has all of it
        first[unit] += 1
    error = (1 / 8 * 7 / 8 / 4000) ** 0.5
    assert max(abs(count / 4000 - 1 / 8) for count in first.values()) < 4 * error


def test_the_entries_of_the_last_module_are_scattered_over_it():
    counts = np.zeros(40)
    for seed in range(2000):
        counts[modules([one_tensor("a", (8, 5))], 10, seed)["a"]] += 1
    assert abs(counts / 2000 - 1 / 4).max() < 4.5 * (1 / 4 * 3 / 4 / 2000) ** 0.5


def test_a_smaller_budget_is_no_part_of_a_larger_one():
    many_units = [one_tensor(f"w{n}", (30, 30)) for n in range(40)]
    inside = []
    for seed in range(30):
        few, many = modules(many_units, 900, seed), modules(many_units, 3600, seed)
        shared = sum(np.isin(places, many.get(name, ())).sum() for name, places in few.items())
        inside.append(shared / 900)
    assert np.mean(inside) < 0.25, "of 40 modules the larger budget has 4: chance is a tenth"


def test_the_places_of_modules_are_the_same_on_any_machine():
    # Runs keep their places: if this fails, their weights no longer fit.
    found = {name: (int(p[0]), int(p[-1]), len(p)) for name, p in modules(MODULES, 100, 3).items()}
    assert found == {
        "adapter.1.down": (0, 23, 24),
        "adapter.1.up": (0, 23, 24),
        "adapter.1.down_bias": (0, 3, 4),
        "adapter.1.up_bias": (0, 5, 6),
        "lora.1.down": (0, 23, 23),
        "lora.1.up": (0, 19, 19),
    }


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
