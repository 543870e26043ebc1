"""Paired bootstrap over test sentences: would a lead of one method over another hold on other sentences?

Sentences are drawn with replacement within a test set, the same ones for every method and seed, and the p of a
lead is the share of resamples in which it is gone (Efron and Tibshirani 1993; Koehn 2004). A score is 200 · correct
/ (predicted + gold) over the drawn sentences: span F1, or accuracy when predicted and gold are both the tokens.
"""

import zlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 1000
_SEED = 2022

Counts = NDArray[np.int64]  # [sentences, 3]: correct, predicted, gold
Scores = NDArray[np.float64]  # [resamples]


def draws(name: str, sentences: int, resamples: int = RESAMPLES) -> NDArray[np.uint8]:
    """Return how often each sentence of the test set `name` is drawn: [resamples, sentences], rows summing alike.

    A pure function of its arguments. A count above 255 is as good as impossible, and refused.
    """
    random = np.random.default_rng([_SEED, zlib.crc32(name.encode()), sentences])
    drawn = np.empty((resamples, sentences), dtype=np.uint8)
    for row in drawn:
        counts = np.bincount(random.integers(0, sentences, sentences, dtype=np.uint32), minlength=sentences)
        if counts.max() > 255:
            raise OverflowError(f"a sentence of {name} was drawn {counts.max()} times")
        row[:] = counts
    return drawn


def scores(counts: Counts, drawn: NDArray[np.uint8]) -> Scores:
    """Return the score of every resample, 0–100; 0 where there is nothing to find and nothing found."""
    # sums stay far below 2^24, so that float32 is exact
    correct, predicted, gold = (drawn.astype(np.float32) @ counts.astype(np.float32)).T.astype(np.float64)
    total = predicted + gold
    return np.divide(200.0 * correct, total, out=np.zeros_like(total), where=total > 0)


def p_value(ahead: Iterable[Scores], behind: Iterable[Scores]) -> float:
    """Return the one-sided p of the mean of `ahead` being above that of `behind`, resample by resample.

    (c + 1) / (B + 1), with c of the B resamples in which the difference is zero or less: never zero.
    """
    difference = np.mean([*ahead], axis=0) - np.mean([*behind], axis=0)
    return float((np.sum(difference <= 0) + 1) / (len(difference) + 1))
