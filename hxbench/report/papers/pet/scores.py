"""From the runs of one method on one backbone to scores: of each task the best learning rate counts.

A task is scored by the model that was trained on it. A mean over tasks is taken for each seed, and then over the
seeds (PET scaling, section 4.1).
"""

from collections.abc import Iterable, Mapping
from statistics import fmean

from hxbench.report.papers.pet.rows import task_title
from hxbench.report.papers.pet.steps import steps_to_share
from hxbench.report.papers.pha.scores import RunSet as TextRuns
from hxbench.report.scores.estimate import Estimate, Rows, Runs, curve_in
from hxbench.report.select.families import Family
from hxbench.spec.settings import Model
from hxbench.store import RunRecord

_LIVE, _COUNTED = "live_parameters", "counted_parameters"


class RunSet(TextRuns):
    """The runs of one method on one backbone at one learning rate, with their validation scores."""

    def __init__(
        self,
        models: tuple[Model, ...],
        wanted: tuple[int, ...],
        runs: Mapping[tuple[Model, int], Rows],
        family: Family | None = None,
    ) -> None:
        super().__init__(models, wanted, runs, family)
        self._curves = {which: curve_in(rows) for which, rows in runs.items()}

    def validation(self, task: str, seeds: Iterable[int] | None = None) -> float | None:
        """Return the mean over the seeds, all by default, of the best validation score of a task.

        That is the score of the weights kept.
        """
        curves = [self._curves.get((Model(task), seed)) for seed in (self.seeds if seeds is None else seeds)]
        best = [max(score for _, score in curve) for curve in curves if curve]
        return fmean(best) if best else None

    def steps(self, task: str, seed: int) -> int | None:
        """Return the step at which a run has nearly its final score (`steps_to_share`)."""
        return steps_to_share(self._curves.get((Model(task), seed), []))

    def costs_of(self, metric: str, task: str) -> dict[tuple[Model, int], float]:
        """Return a cost of every run of a task."""
        return {
            which: costs[metric]
            for which, costs in self._costs.items()
            if which[0] == Model(task) and metric in costs
        }

    def live(self, tasks: Iterable[str]) -> list[tuple[float, float]]:
        """Return live and counted parameters of every run of these tasks that tells both."""
        models = {Model(task) for task in tasks}
        told = (costs for (model, _), costs in self._costs.items() if model in models)
        return [(c[_LIVE], c[_COUNTED]) for c in told if _LIVE in c and c.get(_COUNTED)]


class Tried:
    """The runs of one method on one backbone at every learning rate tried; `Shown`."""

    def __init__(self, method: str, sets: Mapping[float | None, RunSet]) -> None:
        self.method = method
        self.sets = dict(sets)

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
        scores = {rate: one.validation(task) for rate, one in self.sets.items()}
        there = {rate: score for rate, score in scores.items() if score is not None}
        return max(there, key=lambda rate: there[rate]) if there else next(iter(self.sets))

    def chosen(self, task: str) -> RunSet:
        """Return the runs at the rate that counts for a task."""
        return self.sets[self.rate(task)]

    def by_seed(self, tasks: tuple[str, ...]) -> dict[int, float]:
        """Return the mean over some tasks for each seed that has them all."""
        each = [self.chosen(task).by_seed((task,)) for task in tasks]
        whole = [seed for seed in self.seeds if all(seed in scores for scores in each)]
        return {seed: fmean(scores[seed] for scores in each) for seed in whole}

    def over(self, tasks: tuple[str, ...]) -> Estimate:
        """Return the mean over some tasks."""
        found = self.by_seed(tasks)
        return Estimate(
            values=tuple(found.values()),
            covers=frozenset(map(task_title, tasks)) if found else frozenset(),
            incomplete=self.incomplete(tasks),
            runs=self.runs_behind(tasks, found),
            seeds=tuple(found),
        )

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
        found: dict[int, float] = {}
        counted = 0
        for seed in self.seeds:
            each = [self.chosen(task).steps(task, seed) for task in tasks]
            there = [steps for steps in each if steps is not None]
            if there:
                found[seed] = fmean(there)
                counted += len(there)
        lost = len(found) * len(tasks) - counted
        return Estimate(
            values=tuple(found.values()),
            covers=frozenset(map(task_title, tasks)) if found else frozenset(),
            incomplete=self.incomplete(tasks),
            runs=frozenset((run_id, ()) for run_id, _ in self.runs_behind(tasks, found)),
            seeds=tuple(found),
            note="runs are left out that learned nothing or are not there" if lost else "",
        )

    def live(self, tasks: tuple[str, ...]) -> list[tuple[float, float]]:
        """Return live and counted parameters of the runs of some tasks at the rates that count."""
        return [pair for task in tasks for pair in self.chosen(task).live((task,))]

    def cost(self, metric: str, tasks: tuple[str, ...]) -> Estimate:
        """Return a cost of one model, over the runs of some tasks at the rates that count."""
        each = [(self.chosen(task), self.chosen(task).costs_of(metric, task)) for task in tasks]
        values = [value for _, found in each for value in found.values()]
        return Estimate(
            values=tuple(values),
            incomplete=not values and self.incomplete(tasks),
            runs=frozenset().union(*(runs.runs_behind(found, ()) for runs, found in each)),
            seeds=tuple(seed for _, found in each for _, seed in found),
        )
