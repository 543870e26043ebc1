"""From the runs of one method on one backbone to scores: of each task the best learning rate counts.

A task is scored by the model that was trained on it. A mean over tasks is taken for each seed, and then over the
seeds (PET scaling, section 4.1).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from hxbench.report.scores.averages import mean
from hxbench.report.scores.estimate import Estimate, Runs, combined, mean_of
from hxbench.report.scores.run_set import TEXTS, RunSet
from hxbench.spec.settings import Model
from hxbench.store import RunRecord
from hxbench.tasks import ENGLISH, task_of

SHARE = 0.95
_LIVE, _COUNTED = "live_parameters", "counted_parameters"


def steps_to_share(curve: list[tuple[int, float]], share: float = SHARE) -> int | None:
    """Return the first evaluated step that has `share` of the final score.

    The final score is the best one, whose weights a run keeps; the answer is as fine as the run was evaluated
    often. None without scores, and where the best is not above zero: it has no share to reach.
    """
    best = max((score for _, score in curve), default=0.0)
    if best <= 0:
        return None
    return next(step for step, score in curve if score >= share * best)


def validated(runs: RunSet, seeds: Collection[int]) -> RunSet:
    """Return the runs of some seeds with their best validation score, that of the weights kept, for the test's."""
    rows = {
        (model, seed): [_as_test(model.task, max(score for _, score in curve))]
        for (model, seed), curve in runs.curves.items()
        if curve and model.task and seed in seeds
    }
    return RunSet(runs.models, tuple(seeds), rows, TEXTS, runs.family)


def _as_test(task: str, value: float) -> dict[str, Any]:
    return {"split": "test", "task": task, "language": ENGLISH, "metric": task_of(task).metric, "value": value}


class Tried:
    """The runs of one method on one backbone at every learning rate tried; `Shown`."""

    def __init__(self, method: str, sets: Mapping[float | None, RunSet]) -> None:
        self.method = method
        self.sets = dict(sets)
        self._rates: dict[str, float | None] = {}

    @property
    def records(self) -> list[RunRecord]:
        """The runs of all rates."""
        return [record for one in self.sets.values() for record in one.records]

    @property
    def notes(self) -> list[str]:
        """What was chosen or left out."""
        return [note for one in self.sets.values() for note in one.notes]

    @property
    def lacks(self) -> bool:
        """Whether a wanted run is missing."""
        return any(one.lacks for one in self.sets.values())

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds that are wanted or there."""
        return tuple(sorted({seed for one in self.sets.values() for seed in one.seeds}))

    def rate(self, task: str) -> float | None:
        """Return the learning rate that counts for a task: the best by validation, of equals the first tried."""
        if task not in self._rates:
            sets = self.sets if len(self.sets) > 1 else {}
            scores = {rate: validated(one, one.seeds).score(task).mean for rate, one in sets.items()}
            there = {rate: score for rate, score in scores.items() if score is not None}
            self._rates[task] = max(there, key=lambda rate: there[rate]) if there else next(iter(self.sets))
        return self._rates[task]

    def chosen(self, task: str) -> RunSet:
        """Return the runs at the rate that counts for a task."""
        return self.sets[self.rate(task)]

    def over(self, tasks: tuple[str, ...]) -> Estimate:
        """Return the mean over some tasks, for each seed that has them all."""
        found = combined([self.chosen(task).score(task) for task in tasks], mean)
        return replace(found, incomplete=self.incomplete(tasks), runs=self.runs_behind(tasks, found.seeds))

    def runs_behind(self, tasks: tuple[str, ...], seeds: Iterable[int]) -> Runs:
        """Return the runs that the scores of some tasks with these seeds come from."""
        each = (self.chosen(t).runs_behind([(Model(t), seed) for seed in seeds], (t,)) for t in tasks)
        return frozenset().union(*each)

    def incomplete(self, tasks: tuple[str, ...]) -> bool:
        """Return whether a wanted run of these tasks is missing, at whatever rate."""
        wanted = ((one, Model(task), seed) for one in self.sets.values() for task in tasks for seed in one.wanted)
        return any((model, seed) not in one.present for one, model, seed in wanted)

    def steps(self, tasks: tuple[str, ...]) -> Estimate:
        """Return the mean over some tasks of the steps to nearly the final score, over the runs that learned."""
        each = [self._steps(task) for task in tasks]
        found = mean_of(each, self.seeds)
        lost = len(found.values) * len(tasks) - sum(len(one.values) for one in each)
        return replace(
            found,
            covers=frozenset(task_of(one).title for one in tasks) if found.values else frozenset(),
            incomplete=self.incomplete(tasks),
            runs=frozenset((run_id, ()) for run_id, _ in self.runs_behind(tasks, found.seeds)),
            note="runs are left out that learned nothing or are not there" if lost else "",
        )

    def _steps(self, task: str) -> Estimate:
        curves = self.chosen(task).curves
        each = {seed: steps_to_share(curves.get((Model(task), seed), [])) for seed in self.seeds}
        there = {seed: float(steps) for seed, steps in each.items() if steps is not None}
        return Estimate(tuple(there.values()), seeds=tuple(there))

    def live(self, tasks: tuple[str, ...]) -> list[tuple[float, float]]:
        """Return live and counted parameters of the runs that tell both, at the rates that count."""
        told = [costs for task in tasks for _, costs in self._costs(task)]
        return [(c[_LIVE], c[_COUNTED]) for c in told if _LIVE in c and c.get(_COUNTED)]

    def cost(self, metric: str, tasks: tuple[str, ...]) -> Estimate:
        """Return a cost of one model, over the runs of some tasks at the rates that count."""
        found = [
            (task, seed, costs[metric]) for task in tasks for seed, costs in self._costs(task) if metric in costs
        ]
        behind = (self.chosen(task).runs_behind([(Model(task), seed)], ()) for task, seed, _ in found)
        return Estimate(
            values=tuple(value for *_, value in found),
            incomplete=not found and self.incomplete(tasks),
            runs=frozenset().union(*behind),
            seeds=tuple(seed for _, seed, _ in found),
        )

    def _costs(self, task: str) -> list[tuple[int, dict[str, float]]]:
        """Return seed and costs of every run of a task at the rate that counts."""
        return [(seed, costs) for (model, seed), costs in self.chosen(task).costs.items() if model == Model(task)]
