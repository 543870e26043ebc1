"""What an artifact shows and has to account for: run sets, and the conditions that an experiment compares."""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from hxbench.report.scores.run_set import StoredRuns
from hxbench.spec.recipe import ExperimentBlock
from hxbench.store import RunRecord

R = TypeVar("R", bound=StoredRuns)


class Shown(Protocol):
    """Something that an artifact shows: a run set, a condition, few-shot scores."""

    @property
    def records(self) -> list[RunRecord]:
        """The runs that its scores come from."""

    @property
    def notes(self) -> list[str]:
        """What was chosen or left out."""

    @property
    def lacks(self) -> bool:
        """Whether a wanted run is missing."""


@dataclass(frozen=True)
class Condition(Generic[R]):
    """One thing that an experiment compares with others: a method as a block of the experiment asks for it."""

    label: str
    method: str
    setting: str
    run_set: R
    block: ExperimentBlock

    @property
    def records(self) -> list[RunRecord]:
        """The runs that its scores come from."""
        return self.run_set.records

    @property
    def notes(self) -> list[str]:
        """What was chosen or left out."""
        return self.run_set.notes

    @property
    def lacks(self) -> bool:
        """Whether a wanted run is missing."""
        return self.run_set.lacks
