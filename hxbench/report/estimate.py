"""A quantity as runs give it: a value for each seed, and what it is a mean over."""

from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Estimate:
    """A value for each seed (or run), over what `covers` names; `incomplete` when a wanted run is missing."""

    values: tuple[float, ...] = ()
    covers: frozenset[str] = frozenset()  # languages or tasks
    lacking: tuple[str, ...] = ()  # those of the group that the data do not have
    incomplete: bool = False
    note: str = ""  # what else has to be said of it

    @property
    def mean(self) -> float | None:
        """The mean over the seeds."""
        return fmean(self.values) if self.values else None

    @property
    def sd(self) -> float | None:
        """The sample standard deviation over the seeds; None for fewer than two."""
        return stdev(self.values) if len(self.values) > 1 else None


def costs_in(rows: Rows) -> dict[str, float]:
    """Return the costs in a run's rows by metric."""
    return {r["metric"]: r["value"] for r in rows if r.get("split") == "cost" and r.get("value") is not None}
