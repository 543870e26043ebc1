"""The stored runs of one method in one setting: what is there, what is missing, what it cost."""

from collections.abc import Collection, Iterable, Mapping

from hxbench.report.scores.estimate import Estimate, Rows, Runs, costs_in, runs_behind
from hxbench.report.select.families import Family
from hxbench.spec.settings import Model
from hxbench.store import RunRecord


class StoredRuns:
    """The metrics of one method in one setting, by model and seed; `wanted` are the seeds there should be.

    What a score is differs between papers and is theirs to add.
    """

    def __init__(
        self,
        models: tuple[Model, ...],
        wanted: tuple[int, ...],
        runs: Mapping[tuple[Model, int], Rows],
        family: Family | None = None,
    ) -> None:
        self.models, self.wanted = models, wanted
        self.family = family or Family()
        self.seeds = tuple(sorted({*wanted, *(seed for _, seed in runs)}))
        self.present = frozenset(runs)
        self._costs = {which: costs_in(rows) for which, rows in runs.items()}

    @property
    def method(self) -> str:
        """The method's recipe."""
        return self.family.method

    @property
    def setting(self) -> str:
        """The setting of all runs."""
        return self.family.setting

    @property
    def records(self) -> list[RunRecord]:
        """The runs that the scores come from."""
        return list(self.family.runs.values())

    @property
    def notes(self) -> list[str]:
        """What was chosen or left out."""
        return self.family.notes

    @property
    def lacks(self) -> bool:
        """Whether a wanted run is missing."""
        return bool(self.missing())

    def missing(self) -> list[tuple[Model, int]]:
        """Return the models that are wanted and not there."""
        return [(m, s) for s in self.wanted for m in self.models if (m, s) not in self.present]

    def runs_behind(self, which: Iterable[tuple[Model, int]], tasks: Collection[str]) -> Runs:
        """Return the runs of some models and seeds that a mean over these tasks is made of."""
        return runs_behind((self.family.runs[one] for one in which if one in self.family.runs), tasks)

    def cost(self, metric: str) -> Estimate:
        """Return a cost of one model, over all models that are there."""
        found = {which: costs[metric] for which, costs in self._costs.items() if metric in costs}
        values = tuple(found.values())
        uncounted = len(self.present) - len(values)
        note = f"the cost of {uncounted} of {len(self.present)} runs could not be counted" if uncounted else ""
        return Estimate(
            values=values,
            incomplete=not values and self.lacks,
            note=note,
            runs=self.runs_behind(found, ()),
            seeds=tuple(seed for _, seed in found),
        )

    def seed_count(self) -> tuple[int, int]:
        """Return the least and the most seeds that a model of this setting has."""
        counts = [sum((model, seed) in self.present for seed in self.seeds) for model in self.models]
        return min(counts), max(counts)
