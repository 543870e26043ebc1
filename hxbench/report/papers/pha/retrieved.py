"""What the retriever of PHA made of test instances, run by run (Figures 4 and 5)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hxbench.report.papers.pha.results import Results
from hxbench.report.papers.pha.rows import PHA
from hxbench.report.scores.estimate import Estimate, runs_behind
from hxbench.report.scores.run_set import RunSet
from hxbench.store import DamagedRun, RunRecord

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Retrieval:
    """The instances of one run."""

    found: dict[str, Any]

    @property
    def prototypes(self) -> list[str]:
        """The tasks of the prototypes."""
        return [str(task) for task in self.found["tasks"]]

    @property
    def tasks(self) -> list[str]:
        """The tasks of the instances."""
        return [str(one["task"]) for one in self.found["instances"]]

    @property
    def drawn_tasks(self) -> list[str]:
        """The tasks whose instances are there, not only what was counted of them."""
        there = set(self.found["task"].tolist())
        return [task for number, task in enumerate(self.tasks) if number in there]

    def rows(self, task: str) -> NDArray[np.int64]:
        """Return the places of a task's instances."""
        return np.flatnonzero(self.found["task"] == self.tasks.index(task))

    def vectors(self, space: str, task: str) -> Array:
        """Return the `features` or `z` of a task's instances."""
        return np.asarray(self.found[space][self.rows(task)], dtype=float)

    def similarity(self, task: str) -> dict[str, float]:
        """Return the mean cosine similarity of a task's instances with every prototype."""
        return dict(self.found["similarity"].get(task, {}))

    def measured(self, name: str) -> float | None:
        """Return a number of the analysis that was stored with the run, None where there is none."""
        value = self.found["analysis"].get(name)
        return None if value is None else float(value)


class Retrievals:
    """The retrievals of the runs of PHA on GLUE, by seed."""

    def __init__(self, results: Results) -> None:
        self.runs: RunSet = results.run_set(PHA.method, PHA.setting, suite="glue")
        self._wanted = results.scale.seeds
        self.notes: list[str] = list(self.runs.notes)

    @cached_property
    def by_seed(self) -> dict[int, Retrieval]:
        """What there is, by seed; what is not readable is in the notes."""
        found = {}
        for record in sorted(self.runs.records, key=lambda record: record.spec.seed):  # type: ignore[union-attr]
            for retrieval in self._read(record):
                found[int(record.fields["seed"])] = Retrieval(retrieval)
        return found

    def _read(self, record: RunRecord) -> Iterator[dict[str, Any]]:
        try:
            retrieval = record.retrieval()
        except DamagedRun as error:
            self.notes.append(f"left out: {error} ({record.removal} removes it.)")
            return
        if retrieval is None:
            self.notes.append(
                f"run {record.id} was stored without its instances: {record.removal} and run it again."
            )
            return
        yield retrieval

    def over(self, values: dict[int, float | None]) -> Estimate:
        """Return the estimate of a value by seed."""
        there = {seed: value for seed, value in values.items() if value is not None}
        return Estimate(
            values=tuple(there.values()),
            incomplete=not set(self._wanted) <= set(there),
            runs=runs_behind((one for one in self.runs.records if one.spec.seed in there), ()),  # type: ignore[union-attr]
            seeds=tuple(there),
        )

    @property
    def records(self) -> list[RunRecord]:
        """The runs that the numbers come from."""
        return self.runs.records

    @property
    def lacks(self) -> bool:
        """Whether a wanted run is missing."""
        return self.runs.lacks
