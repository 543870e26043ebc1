"""From the runs of one method to the scores of the tables (PHA, section 4.3 and Table 1).

A task is scored by its own model, or by the one of its suite, with the metric that enters the averages. A mean is
the plain mean over the tasks, taken for each seed and then averaged over the seeds.
"""

from collections.abc import Iterable, Mapping
from statistics import fmean

from hxbench.report.papers.pha.rows import task_title, titles
from hxbench.report.scores.estimate import Estimate, Rows
from hxbench.report.scores.plain import majority_in, scores_in
from hxbench.report.scores.run_set import StoredRuns
from hxbench.report.select.families import Family
from hxbench.spec.settings import Model


class RunSet(StoredRuns):
    """The metrics of one method in one setting, by model and seed, as scores of tasks."""

    def __init__(
        self,
        models: tuple[Model, ...],
        wanted: tuple[int, ...],
        runs: Mapping[tuple[Model, int], Rows],
        family: Family | None = None,
    ) -> None:
        super().__init__(models, wanted, runs, family)
        self._scores = {
            which: {task: value for (task, _), value in scores_in(rows).items()} for which, rows in runs.items()
        }
        self.majority: dict[str, float] = {}
        for rows in runs.values():
            self.majority.update(majority_in(rows))

    def model_of(self, task: str) -> Model:
        """Return the model that a task is scored by."""
        return Model(task) if Model(task) in self.models else Model()

    def score(self, task: str) -> Estimate:
        """Return the score of a task."""
        return self.over((task,))

    def whole_seeds(self, tasks: Iterable[str]) -> list[int]:
        """Return the seeds that have the models of all these tasks."""
        models = {self.model_of(task) for task in tasks}
        return [seed for seed in self.seeds if all((model, seed) in self.present for model in models)]

    def by_seed(self, tasks: tuple[str, ...]) -> dict[int, float]:
        """Return the mean over some tasks for each seed that has it."""
        return self.over(tasks).by_seed

    def over(self, tasks: tuple[str, ...]) -> Estimate:
        """Return the mean over some tasks; over fewer only where the data have no more."""
        whole = self.whole_seeds(tasks)
        by_seed = [{t: self._scores[self.model_of(t), seed].get(t) for t in tasks} for seed in whole]
        # what every seed has: a mean over different tasks for different seeds would compare nothing
        covered = [task for task in tasks if by_seed and all(found[task] is not None for found in by_seed)]
        values = [[found[task] for task in covered] for found in by_seed]
        return Estimate(
            values=tuple(fmean(v for v in of if v is not None) for of in values) if covered else (),
            covers=frozenset(titles(covered)),
            lacking=tuple(task_title(task) for task in tasks if task not in covered) if by_seed else (),
            incomplete=not set(self.wanted) <= set(whole),
            runs=self.runs_behind(((self.model_of(t), s) for t in covered for s in whole), covered),
            seeds=tuple(whole) if covered else (),
        )
