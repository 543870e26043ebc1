"""Where tuning begins to work, and where more of it brings no more (PET scaling, section 5.3 and Figure 5).

The paper gives no criterion for either threshold; those here are fields of an experiment (`recipe.Criteria`).
"""

from collections.abc import Mapping, Sequence
from math import sqrt
from statistics import fmean, stdev

from hxbench.recipe import Criteria

Points = Mapping[int, Sequence[float]]  # scores of the seeds by the number of tunable parameters


def said(criteria: Criteria) -> str:
    """Return what counts, as a reader is told it."""
    near = "one s.d. of its seeds" if criteria.points is None else f"{criteria.points:g} points"
    return (
        f"Low: the first budget whose mean is more than {criteria.standard_errors:g} standard errors above random "
        f"guessing; high: the first whose mean is within {near} of full fine-tuning"
    )


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
