"""Where tuning begins to work, and where more of it brings no more (PET scaling, section 5.3 and Figure 5).

The paper gives no criterion for either threshold; those here are fields of an experiment (`recipe.Criteria`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

from hxbench.spec.recipe import Criteria

Points = Mapping[int, Sequence[float]]  # scores of the seeds by the number of tunable parameters


def said(criteria: Criteria) -> str:
    """Return what counts, as a reader is told it."""
    near = "one s.d. of its seeds" if criteria.points is None else f"{criteria.points:g} points"
    return (
        f"Low: the first budget whose mean is more than {criteria.standard_errors:g} standard errors above random "
        f"guessing; high: the first whose mean is within {near} of full fine-tuning"
    )


@dataclass(frozen=True)
class Chances:
    """How often the criteria are met by chance, with normal scores: exact, by Student's t.

    `low` is of one budget whose true score is on the line, `any_low` of one or more of a grid of such budgets, if
    these are independent (budgets of a seed share its data order: then it is at most that). `high` is of a budget
    that is as many standard deviations below full fine-tuning as the key says; without where the criterion is in
    points, whose rate depends on the deviation.
    """

    seeds: int
    budgets: int
    low: float
    any_low: float
    high: dict[int, float]

    def said(self) -> str:
        """Return the rates as a reader is told them."""
        any_low = f"one or more of {self.budgets} independent ones in {self.any_low:.0%}"
        words = (
            f"By chance, with {self.seeds} seeds and normal scores: a budget whose true score is on the line is "
            f"above it in {self.low:.0%} of cases, {any_low}"
        )
        if self.high:
            near, *far = self.high.items()
            below = ", ".join(f"{number} s.d. worse {rate:.0%}" for number, rate in far)
            words += f"; one as good as full fine-tuning is within reach of it in {near[1]:.0%} ({below})"
        return f"{words}."

    def facts(self) -> dict[str, str]:
        """Return the rates for what is read by programs."""
        found = {"chance of low, one budget": self.low, f"chance of low, {self.budgets} budgets": self.any_low}
        found |= {f"chance of high, {number} s.d. below": rate for number, rate in self.high.items()}
        return {name: f"{value:.4f}" for name, value in found.items()}


def chances(criteria: Criteria, seeds: int, budgets: int) -> Chances | None:
    """Return how often the criteria are met by chance with so many seeds; None with fewer than two."""
    if seeds < 2 or budgets < 1:
        return None
    from scipy.stats import nct, t

    low = float(t.sf(criteria.standard_errors, seeds - 1))
    # the difference of two means has the deviation `apart`, in those of a seed
    apart = sqrt(2 / seeds)
    worse = range(3) if criteria.points is None else ()
    high = {number: float(nct.sf(-1 / apart, seeds - 1, -number / apart)) for number in worse}
    return Chances(seeds, budgets, low, 1 - (1 - low) ** budgets, high)


def low_threshold(points: Points, random: float, criteria: Criteria) -> int | None:
    """Return the first budget that is above the random line by more than chance; None when none is.

    A budget with fewer than two seeds has no standard error, and cannot be it.
    """
    for budget in sorted(points):
        scores = points[budget]
        if len(scores) < 2:
            continue
        error = stdev(scores) / sqrt(len(scores))
        if fmean(scores) - random > criteria.standard_errors * error:
            return budget
    return None


def high_threshold(points: Points, full: Sequence[float], criteria: Criteria) -> int | None:
    """Return the first budget that is as good as full fine-tuning, given by its seeds; None when none is.

    Without `points` in the criteria two seeds of full fine-tuning are needed: None with fewer.
    """
    if not full or (criteria.points is None and len(full) < 2):
        return None
    least = fmean(full) - (stdev(full) if criteria.points is None else criteria.points)
    return next((budget for budget in sorted(points) if points[budget] and fmean(points[budget]) >= least), None)
