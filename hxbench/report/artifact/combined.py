"""Estimates made of estimates, seed by seed: their mean, how far apart they are, what one is of another."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace

from hxbench.report.scores.estimate import Estimate


def combined(parts: Sequence[Estimate], of: Callable[[list[float]], float | None]) -> Estimate:
    """Return what `of` makes of the parts' values, for every seed that all have, but where it is None."""
    each = [one.by_seed for one in parts]
    whole = sorted(set.intersection(*map(set, each))) if each else []
    found = {seed: of([values[seed] for values in each]) for seed in whole}
    return _estimate(parts, {seed: value for seed, value in found.items() if value is not None})


def mean_of(parts: Sequence[Estimate], seeds: Collection[int] | None = None) -> Estimate:
    """Return the mean over the parts that the data have, for every seed that has these.

    With `seeds` it is for each of them the mean over the parts that have it.
    """
    there = [one for one in parts if one.values or not one.lacking]
    lacking = tuple(dict.fromkeys(name for one in parts for name in one.lacking))
    if seeds is None:
        return replace(combined(there, mean), lacking=lacking)
    found = {seed: mean([one.by_seed[seed] for one in there if seed in one.by_seed]) for seed in seeds}
    return _estimate(there, {seed: value for seed, value in found.items() if value is not None})


def mean_of_all(values: Iterable[float | None]) -> float | None:
    """Return the mean of plain numbers, such as a paper prints; None unless all are there."""
    values = list(values)
    there = [value for value in values if value is not None]
    return mean(there) if len(there) == len(values) else None


def mean(values: Sequence[float]) -> float | None:
    """Return the mean of some numbers, None of none."""
    return Estimate(tuple(values)).mean


def _estimate(parts: Sequence[Estimate], found: dict[int, float]) -> Estimate:
    return Estimate(
        values=tuple(found.values()),
        covers=frozenset().union(*(one.covers for one in parts)) if found else frozenset(),
        incomplete=any(one.incomplete for one in parts),
        runs=frozenset().union(*(one.runs for one in parts)) if found else frozenset(),
        seeds=tuple(found),
    )
