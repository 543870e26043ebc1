"""Whether a spread shrinks from the smallest backbone to the largest: intervals over the seeds.

Both are of normal theory and taken as given by few seeds: what they cannot tell with two or three, they do not.
"""

from collections.abc import Mapping, Sequence
from math import sqrt
from statistics import variance
from typing import NamedTuple

from hxbench.report.scores.averages import deviation, mean

LEVEL = 0.95


class Interval(NamedTuple):
    """An estimate with its interval at `LEVEL`."""

    value: float
    low: float
    high: float

    def said(self, digits: int = 1) -> str:
        """Return it as text."""
        value, low, high = (f"{number:.{digits}f}".replace("-", "−") for number in self)
        return f"{value} [{low}, {high}]"


def change(small: Mapping[int, float], large: Mapping[int, float]) -> Interval | None:
    """Return how much larger a quantity is on the large backbone: Student's t over the seeds that both have.

    None with fewer than two such seeds.
    """
    both = sorted(small.keys() & large.keys())
    differences = [large[seed] - small[seed] for seed in both]
    middle, sd = mean(differences), deviation(differences)
    if middle is None or sd is None:
        return None
    from scipy.stats import t

    half = float(t.ppf((1 + LEVEL) / 2, len(both) - 1)) * sd / sqrt(len(both))
    return Interval(middle, middle - half, middle + half)


def pooled(groups: Sequence[Sequence[float]]) -> tuple[float, int]:
    """Return the variance within groups, pooled, and the degrees of freedom of the seeds, those of one group.

    Groups of one seed share its order of the data and whatever else it draws: more groups are not more seeds.
    """
    there = [group for group in groups if len(group) > 1]
    weights = [len(group) - 1 for group in there]
    if not there:
        return 0.0, 0
    return sum(w * variance(group) for w, group in zip(weights, there, strict=True)) / sum(weights), max(weights)


def ratio(small: Sequence[Sequence[float]], large: Sequence[Sequence[float]]) -> Interval | None:
    """Return the deviation within the groups of the small backbone over that of the large one: Fisher's F.

    The groups of a backbone are taken to have one variance. With as many degrees of freedom as one of them has the
    interval holds however much they depend on each other by their seeds, and is wider than it need be where they
    do not. None where either has no spread to speak of.
    """
    (ours, freedom), (theirs, others) = pooled(small), pooled(large)
    if ours <= 0 or theirs <= 0:
        return None
    from scipy.stats import f

    quotient = ours / theirs
    tail = (1 - LEVEL) / 2
    low, high = quotient / f.ppf(1 - tail, freedom, others), quotient / f.ppf(tail, freedom, others)
    return Interval(sqrt(quotient), sqrt(low), sqrt(high))
