"""The one place where reports average: over the models or draws of a pair, then over pairs, then over seeds.

Tables, comparisons and the scores of single runs all take their means from here. Rows of scores are chosen and
grouped by pandas (`Store.frame`, `sides`). Means are taken of exact sums (`fsum`): pandas rounds while it adds, and
of 1,595 means over the reference store 20 have another last digit there, which an unrounded CSV prints. Grouping
the few values of a cell costs pandas 1 ms, this module 3 µs, and a page has thousands of cells.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import fsum
from statistics import stdev
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from hxbench.tasks.scoring import bootstrap

Of = TypeVar("Of")  # what is averaged over: pairs of task and language, or tasks


def mean(values: Iterable[float]) -> float | None:
    """Return the mean; None of nothing."""
    values = [*values]
    return fsum(values) / len(values) if values else None


def deviation(values: Sequence[float]) -> float | None:
    """Return the sample standard deviation; None for fewer than two values."""
    return stdev(values) if len(values) > 1 else None


def means_by_seed(scores: Mapping[Of, Mapping[int, Sequence[float]]], over: Sequence[Of]) -> dict[int, float]:
    """Return the mean over some pairs for each seed that has all of them, in the order of the seeds.

    `scores` has by pair and seed what each of its models or draws scored: their mean is the score of the pair.
    """
    each = [scores.get(one, {}) for one in over]
    whole = set.intersection(*({*of_one} for of_one in each)) if each else set()
    found = {}
    for seed in sorted(whole):
        values = [fsum(of_one[seed]) / len(of_one[seed]) for of_one in each]
        found[seed] = fsum(values) / len(values)
    return found


def mean_of_resamples(scores: "Sequence[bootstrap.Scores]") -> "bootstrap.Scores":
    """Return the mean of resampled scores for each resample: `[resamples]` from several of these."""
    import numpy as np

    found: bootstrap.Scores = np.mean(scores, axis=0)
    return found
