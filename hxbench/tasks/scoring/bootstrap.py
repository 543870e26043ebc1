"""Paired bootstrap: would a lead of one method over another hold on other test sentences, and with other seeds?

Sentences are drawn with replacement within a test set, the same ones for every method and seed, and the p of a
lead is the share of resamples in which it is gone (Efron and Tibshirani 1993; Koehn 2004). A score is
200 · correct / (predicted + gold) over the drawn sentences: span F1, or accuracy when predicted and gold are both
the tokens. An interval draws the seeds too.
"""

import zlib
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
LEVEL = 0.95  # of an interval
_SEED = 2022
_AT_ONCE = 1_000_000  # draws, so that a large test set takes no more memory than a small one

Counts = NDArray[np.int64]  # [sentences, 3]: correct, predicted, gold
Scores = NDArray[np.float64]  # [resamples]


def draws(name: str, sentences: int, resamples: int = RESAMPLES) -> NDArray[np.uint8]:
    """Return how often each sentence of the test set `name` is drawn: [resamples, sentences], rows summing alike.

    A pure function of its arguments.
    """
    random = np.random.default_rng([_SEED, zlib.crc32(name.encode()), sentences])
    # a byte will do: that a sentence is drawn n times has a probability below 1/n!
    drawn = np.empty((resamples, sentences), dtype=np.uint8)
    rows = max(1, _AT_ONCE // sentences)
    for first in range(0, resamples, rows):
        part = drawn[first : first + rows]
        chosen = random.integers(0, sentences, part.shape) + sentences * np.arange(len(part))[:, None]
        part[:] = np.bincount(chosen.ravel(), minlength=part.size).reshape(part.shape)
    return drawn


def scores(counts: Counts, drawn: NDArray[np.uint8]) -> Scores:
    """Return the score of every resample, 0–100; 0 where there is nothing to find and nothing found."""
    # sums stay far below 2^24, so that float32 is exact; so few columns are slower as a matrix product
    columns = np.ascontiguousarray(counts.T, dtype=np.float32)
    correct, predicted, gold = np.einsum("rs,cs->cr", drawn.astype(np.float32), columns).astype(np.float64)
    total = predicted + gold
    return np.divide(200.0 * correct, total, out=np.zeros_like(total), where=total > 0)


def p_value(ahead: Iterable[Scores], behind: Iterable[Scores]) -> float:
    """Return the one-sided p of the mean of `ahead` being above that of `behind`, resample by resample.

    (c + 1) / (B + 1), with c of the B resamples in which the difference is zero or less: never zero.
    """
    difference = np.mean([*ahead], axis=0) - np.mean([*behind], axis=0)
    return float((np.sum(difference <= 0) + 1) / (len(difference) + 1))


def means(by_seed: Sequence[Scores]) -> Scores:
    """Return the mean over seeds of every resample, seeds and sentences resampled.

    `by_seed` has the quantity under the same resamples of the sentences for every seed. Each resample draws one
    seed fewer than there are. The mean of n draws from n values varies by (n − 1) / n of what the mean of n seeds
    does, that of n − 1 draws by all of it (Rao and Wu 1988): twice as much with two seeds. With one seed only the
    sentences vary. A pure function of its arguments.
    """
    values = np.stack(by_seed)
    seeds, resamples = values.shape
    random = np.random.default_rng([_SEED, seeds, resamples])
    chosen = random.integers(0, seeds, (max(1, seeds - 1), resamples))
    return np.asarray(values[chosen, np.arange(resamples)].mean(axis=0))


def interval(by_seed: Sequence[Scores]) -> tuple[float, float]:
    """Return the ends of the percentile interval at `LEVEL` of a mean over seeds (see `means`)."""
    low, high = np.quantile(means(by_seed), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def two_sided(by_seed: Sequence[Scores]) -> float:
    """Return the two-sided p of a mean difference over seeds being zero (see `means`).

    Twice the smaller of (c + 1) / (B + 1), with c of the B resamples at zero or below and at zero or above; at
    most 1. It is below 0.05 where zero is outside of the interval.
    """
    drawn = means(by_seed)
    tail = min(np.sum(drawn <= 0), np.sum(drawn >= 0))
    return float(min(1.0, 2 * (tail + 1) / (len(drawn) + 1)))


def holm(values: Sequence[float]) -> list[float]:
    """Return p values corrected for their number (Holm 1979), in their order: each at least as large as it was."""
    adjusted = [1.0] * len(values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(values)), key=lambda one: values[one])):
        largest = max(largest, min(1.0, (len(values) - rank) * values[place]))
        adjusted[place] = largest
    return adjusted
