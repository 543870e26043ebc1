"""The one place where reports average: over the models or draws of a pair, then over pairs, then over seeds.

Tables, comparisons and the scores of single runs all take their means from here. Rows of scores are chosen and
grouped by pandas (`Store.frame`, `sides`). Means are taken of exact sums (`fsum`): pandas rounds while it adds,
and of 1,595 means over the reference store 20 have another last digit there, which an unrounded CSV prints.
Grouping the few values of a cell costs pandas 1 ms, this module 3 µs, and a page has thousands of cells.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import fsum
from statistics import stdev
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hxbench.tasks.scoring import bootstrap


def mean(values: Iterable[float]) -> float | None:
    """Return the mean; None of nothing."""
    values = [*values]
    return fsum(values) / len(values) if values else None


def mean_of_all(values: Iterable[float | None]) -> float | None:
    """Return the mean of numbers such as a paper prints; None unless all are there."""
    values = [*values]
    there = [value for value in values if value is not None]
    return mean(there) if len(there) == len(values) else None


def deviation(values: Sequence[float]) -> float | None:
    """Return the sample standard deviation; None for fewer than two values."""
    return stdev(values) if len(values) > 1 else None


def mean_of_each(scores: Mapping[int, Sequence[float]]) -> dict[int, float]:
    """Return the mean for each seed of what the models or draws of a pair scored."""
    return {seed: fsum(values) / len(values) for seed, values in scores.items()}


def means_by_seed(scores: Sequence[Mapping[int, float]]) -> dict[int, float]:
    """Return the mean over pairs, of which each has its scores by seed, for the seeds that all have, in order.

    It is of plain scores, from which estimates are made; `estimate.combined` is of estimates, and keeps what they
    cover and lack, and their runs.
    """
    whole = set.intersection(*({*of_pair} for of_pair in scores)) if scores else set()
    return {seed: fsum([of_pair[seed] for of_pair in scores]) / len(scores) for seed in sorted(whole)}


def mean_of_resamples(scores: "Sequence[bootstrap.Scores]") -> "bootstrap.Scores":
    """Return the mean of resampled scores for each resample: `[resamples]` from several of these."""
    import numpy as np

    found: bootstrap.Scores = np.mean(scores, axis=0)
    return found
