"""A quantity as runs give it: a value for each seed, what it is a mean over, and several combined by seed."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from hxbench.report.scores.averages import deviation, mean
from hxbench.store.plateau import End, footnote

if TYPE_CHECKING:
    from hxbench.store import RunRecord

# ids of runs, each with the tasks on or above whose plateau of label frequencies its training ended
Runs = frozenset[tuple[str, tuple[tuple[str, End], ...]]]


def runs_behind(records: Iterable["RunRecord"], tasks: Collection[str]) -> Runs:
    """Return the runs that a mean over some tasks is made of; what they are of other tasks does not matter."""
    return frozenset(
        (one.id, tuple((task, end) for task, end in one.plateaus.items() if task in tasks)) for one in records
    )


def ids_of(runs: Runs) -> tuple[str, ...]:
    """Return the ids of some runs in order."""
    return tuple(sorted({run_id for run_id, _ in runs}))


def on_plateau(runs: Runs) -> int:
    """Return how many of them ended on a plateau or above it."""
    return sum(bool(tasks) for _, tasks in runs)


def said_of_plateaus(runs: Runs) -> str:
    """Return what has to be said of a mean over these runs; nothing where none ended on a plateau."""
    return footnote(dict(ends) for _, ends in sorted(runs))


@dataclass(frozen=True)
class Estimate:
    """A value for each seed (or run), over what `covers` names; `incomplete` when a wanted run is missing."""

    values: tuple[float, ...] = ()
    covers: frozenset[str] = frozenset()  # languages or tasks
    lacking: tuple[str, ...] = ()  # those of the group that the data do not have
    incomplete: bool = False
    note: str = ""  # what else has to be said of it
    runs: Runs = frozenset()  # those behind it
    seeds: tuple[int, ...] = ()  # of the values, where each is of one

    @property
    def by_seed(self) -> dict[int, float]:
        """The values by their seeds; of a cost, which has a value for each run, the last of a seed."""
        return dict(zip(self.seeds, self.values, strict=False))

    @property
    def run_ids(self) -> tuple[str, ...]:
        """The ids of the runs behind it."""
        return ids_of(self.runs)

    @property
    def mean(self) -> float | None:
        """The mean over the seeds."""
        return mean(self.values)

    @property
    def sd(self) -> float | None:
        """The sample standard deviation over the seeds; None for fewer than two."""
        return deviation(self.values)


def combined(parts: Sequence[Estimate], of: Callable[[list[float]], float | None]) -> Estimate:
    """Return what `of` makes of the parts' values, for every seed that all have, but where it is None.

    Its runs and what it covers are those of all parts; `averages.means_by_seed` is of scores without these.
    """
    each = [one.by_seed for one in parts]
    whole = sorted(set.intersection(*map(set, each))) if each else []
    found = {seed: of([values[seed] for values in each]) for seed in whole}
    return _by_seed(parts, {seed: value for seed, value in found.items() if value is not None})


def mean_of(parts: Sequence[Estimate], seeds: Collection[int] | None = None) -> Estimate:
    """Return the mean over the parts that the data have, for every seed that has these.

    With `seeds` it is for each of them the mean over the parts that have it.
    """
    there = [one for one in parts if one.values or not one.lacking]
    lacking = tuple(dict.fromkeys(name for one in parts for name in one.lacking))
    if seeds is None:
        return replace(combined(there, mean), lacking=lacking)
    found = {seed: mean([one.by_seed[seed] for one in there if seed in one.by_seed]) for seed in seeds}
    return _by_seed(there, {seed: value for seed, value in found.items() if value is not None})


def _by_seed(parts: Sequence[Estimate], found: dict[int, float]) -> Estimate:
    return Estimate(
        values=tuple(found.values()),
        covers=frozenset().union(*(one.covers for one in parts)) if found else frozenset(),
        incomplete=any(one.incomplete for one in parts),
        runs=frozenset().union(*(one.runs for one in parts)) if found else frozenset(),
        seeds=tuple(found),
    )
