"""Which parameters an APET tunes: positions as pure functions of shapes, budget and seed (PET scaling, section 5).

The same on any machine: names are sorted, and chance is a numpy generator. `modules` seeds it by the seed and the
budget, so that budgets of one seed have places of their own. `discrete` and `adjacent` seed it by the seed alone:
there the positions of a small budget are among those of a larger one, as far as pairs allow.
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from hxbench.errors import InputError

# tensor's name → sorted places in it, as if it were flat; tensors without are absent
Placement = dict[str, np.ndarray]


@dataclass(frozen=True)
class Unit:
    """What is taken whole where it fits: a tensor, or an inserted module with all of its own.

    Of a `pair` the first tensor is [rank, in] and the second [out, rank]: a row of the first does nothing, and is
    learned by nothing, unless the same column of the second is there.
    """

    name: str
    tensors: tuple[tuple[str, tuple[int, ...]], ...]
    pair: bool = False

    @property
    def size(self) -> int:
        return sum(prod(shape) for _, shape in self.tensors)


def one_tensor(name: str, shape: Sequence[int]) -> Unit:
    return Unit(name, ((name, tuple(shape)),))


def require_budget(units: Iterable[Unit], budget: int) -> None:
    """Raise `InputError` for a budget of nothing or of more than there is."""
    total = sum(unit.size for unit in units)
    if not 0 < budget <= total:
        raise InputError(f"a budget of {budget:,} parameters: there are {total:,} to choose from.")


def modules(units: Iterable[Unit], budget: int, seed: int) -> Placement:
    """Return exactly `budget` entries: units in random order, all equally likely, until the next no longer fits.

    Of that one single entries fill the budget. Seed and budget give the order and the entries together: the places
    of a small budget are no part of those of a larger one.
    """
    ordered = _ordered(units, budget)
    order, cutting, mending = _generators((seed, budget), 3)
    found: Placement = {}
    left = budget
    for place in order.permutation(len(ordered)):
        unit = ordered[place]
        if unit.size > left:
            return found | _cut(unit, left, cutting, mending)
        found |= _whole(unit.tensors)
        left -= unit.size
    return found


def _ordered(units: Iterable[Unit], budget: int) -> list[Unit]:
    """Return the units by name; `InputError` for a budget that they cannot meet."""
    ordered = sorted(units, key=lambda unit: unit.name)
    require_budget(ordered, budget)
    return ordered


def _generators(key: int | tuple[int, ...], count: int) -> list[np.random.Generator]:
    return [np.random.default_rng(one) for one in np.random.SeedSequence(key).spawn(count)]


def _whole(tensors: Iterable[tuple[str, tuple[int, ...]]]) -> Placement:
    return {name: np.arange(prod(shape)) for name, shape in tensors}


def _cut(unit: Unit, left: int, rng: np.random.Generator, mending: np.random.Generator) -> Placement:
    """Return `left` entries of a unit: of a pair of all its tensors, else whole tensors and entries of the next.

    So of virtual tokens all but one are there as a whole: a frozen one would make every text longer.
    """
    if unit.pair:
        return _scattered([unit], left, rng, mending)
    found: Placement = {}
    for name, shape in unit.tensors:
        if prod(shape) > left:
            return found | _scattered([one_tensor(name, shape)], left, rng, mending)
        found |= _whole([(name, shape)])
        left -= prod(shape)
    return found


def discrete(units: Iterable[Unit], budget: int, seed: int) -> Placement:
    """Return exactly `budget` single entries, all of all tensors equally likely."""
    ordered = _ordered(units, budget)
    return _scattered(ordered, budget, *_generators(seed, 2))


def _scattered(
    ordered: Sequence[Unit], budget: int, rng: np.random.Generator, mending: np.random.Generator
) -> Placement:
    """Return `budget` entries, all equally likely.

    Afterwards a pair whose first side got entries in a row, and whose second side got none in that column, gives
    one of them for an entry there.
    """
    tensors = [one for unit in ordered for one in unit.tensors]
    ends = np.cumsum([prod(shape) for _, shape in tensors])
    chosen = _distinct(rng, int(ends[-1]), budget)
    parts = np.split(chosen, np.searchsorted(chosen, ends[:-1]))
    starts = np.concatenate([[0], ends[:-1]])
    found = {name: part - start for (name, _), part, start in zip(tensors, parts, starts, strict=True)}
    for unit in ordered:
        if unit.pair:
            _keep_alive(unit, found, mending)
    return {name: places for name, places in found.items() if len(places)}


def _distinct(rng: np.random.Generator, total: int, count: int) -> np.ndarray:
    """Return `count` different numbers below `total`, sorted: the first that come, so that more contain fewer."""
    if count > total // 2:
        left_out = _distinct(rng, total, total - count)
        return np.delete(np.arange(total), left_out)
    chosen = np.zeros(0, np.int64)
    while len(chosen) < count:
        chosen = np.sort(np.concatenate([chosen, rng.integers(total, size=count - len(chosen))]))
        chosen = chosen[np.append(True, chosen[1:] != chosen[:-1])]  # many times as fast as numpy's unique
    return chosen


def _keep_alive(unit: Unit, found: Placement, rng: np.random.Generator) -> None:
    (first, (_, width)), (second, (out, rank)) = unit.tensors[:2]
    rows = found[first] // width
    dead = np.setdiff1d(rows, found[second] % rank)
    if not len(dead):
        return
    given = np.searchsorted(rows, dead)  # each row's first entry
    found[first] = np.delete(found[first], given)
    found[second] = np.union1d(found[second], rng.integers(out, size=len(dead)) * rank + dead)


def adjacent(units: Iterable[Unit], budget: int, seed: int) -> Placement:
    """Return exactly `budget` entries: whole units in random order, of the first that does not fit a run of them.

    A pair that is cut gives both sides about half, from the beginning, so that what is left of it works.
    """
    ordered = _ordered(units, budget)
    order, cutting = _generators(seed, 2)
    found: Placement = {}
    left = budget
    for place in order.permutation(len(ordered)):
        unit = ordered[place]
        if left == 0:
            break
        shares = [prod(shape) for _, shape in unit.tensors] if unit.size <= left else _shares(unit, left)
        for (name, shape), share in zip(unit.tensors, shares, strict=True):
            start = 0 if unit.pair else int(cutting.integers(prod(shape) - share + 1))
            if share:
                found[name] = np.arange(start, start + share)
        left -= sum(shares)
    return found


def _shares(unit: Unit, left: int) -> list[int]:
    """Return how many entries each tensor of a unit gets that does not fit."""
    if not unit.pair:
        return [left]
    first, second, *others = (prod(shape) for _, shape in unit.tensors)
    both = min(left, first + second)
    to_second = max(min(second, -(-both // 2)), both - first)
    shares, left = [both - to_second, to_second], left - both
    for size in others:
        shares.append(min(size, left))
        left -= shares[-1]
    return shares


def published(inserted: Sequence[Unit], existing: Sequence[Unit], budget: int, seed: int) -> Placement:
    """Return the units that the published code takes, half of the budget for each list; rarely `budget` entries.

    Python's generator is seeded with budget · seed and shuffles both lists, that of inserted modules first. Each
    is walked once; of a unit the first tensor has to fit what is left, and the whole of it is taken, which may be
    more. Raises `InputError` where nothing fits.
    """
    require_budget([*inserted, *existing], budget)
    rng = random.Random(budget * seed)
    found: Placement = {}
    shuffled = [list(inserted), list(existing)]
    for units in shuffled:
        rng.shuffle(units)
    for units in shuffled:
        left = budget // 2
        for unit in units:
            if prod(unit.tensors[0][1]) <= left:
                left -= unit.size
                found |= _whole(unit.tensors)
    if not found:
        raise InputError(
            f"the published rule takes whole tensors, none of which fits half of a budget of {budget:,}."
        )
    return found
