"""Scores of text-to-text tasks, as percentages, from the counts of their examples (see `text_counts`).

Everything goes by the counts, of all examples or of resampled ones, so nothing but them has to be kept.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from hxbench.tasks import Task
from hxbench.tasks.scoring.text_counts import HALF, example_counts

Counts = NDArray[np.int64]  # [examples, 3]
Scores = NDArray[np.float64]  # [resamples]

_AT_ONCE = 4_000_000  # float64 values, so that many resamples of a large test set take no more memory


def metric_of_counts(metric: str, counts: Counts) -> float:
    """Return the score over all examples, each once."""
    return float(resampled(metric, counts, np.ones((1, len(counts)), np.uint8))[0])


def resampled(metric: str, counts: Counts, drawn: NDArray[np.uint8]) -> Scores:
    """Return the score of every resample; `drawn` [resamples, examples] says how often each example is in it.

    A correlation in which one side is constant counts as 0, as scikit-learn has it.
    """
    if not len(counts):
        raise ValueError("there is no score without examples")
    score = _METRICS[metric]
    rows = max(1, _AT_ONCE // len(counts))
    parts = [score(counts, drawn[i : i + rows].astype(np.float64)) for i in range(0, len(drawn), rows)]
    return np.concatenate(parts) if parts else np.zeros(0)


def _ratio(above: Scores, below: Scores) -> Scores:
    """Return 100 · above / below, and 0 where nothing is below."""
    return np.divide(100.0 * above, below, out=np.zeros_like(below), where=below > 0)


def _accuracy(counts: Counts, drawn: Scores) -> Scores:
    return _ratio(drawn @ counts[:, 0], drawn.sum(1))


def _matthews(counts: Counts, drawn: Scores) -> Scores:
    """Return the correlation of any number of classes (Gorodkin 2004); answers that are no class are one more."""
    classes = np.unique(counts[:, 1:])
    predicted, gold = (drawn @ (counts[:, [side]] == classes).astype(np.float64) for side in (1, 2))
    correct, size = drawn @ counts[:, 0], drawn.sum(1)
    spread = (size**2 - (predicted**2).sum(1)) * (size**2 - (gold**2).sum(1))
    return _ratio(correct * size - (predicted * gold).sum(1), np.sqrt(spread))


def _f1(counts: Counts, drawn: Scores) -> Scores:
    """F1 of class 1; an answer that is no class is not of it."""
    predicted, gold = counts[:, 1] == 1, counts[:, 2] == 1
    return _ratio(2.0 * (drawn @ (predicted & gold)), drawn @ predicted + drawn @ gold)


def _macro_f1(counts: Counts, drawn: Scores) -> Scores:
    """Mean of the F1 of the classes that are right somewhere; one that a resample lacks counts as 0."""
    classes = np.unique(counts[:, 2])
    predicted, gold = (counts[:, [side]] == classes for side in (1, 2))
    both, one, other = (drawn @ which.astype(np.float64) for which in (predicted & gold, predicted, gold))
    return _ratio(2.0 * both, one + other).mean(1)


def _correlation(x: Scores, y: Scores, drawn: Scores) -> Scores:
    """Return the weighted Pearson correlation; `x` and `y` are [examples] or [resamples, examples]."""
    size = drawn.sum(1)
    sum_of = lambda value: (drawn * value).sum(1) if value.ndim == 2 else drawn @ value  # noqa: E731
    covariance = size * sum_of(x * y) - sum_of(x) * sum_of(y)
    spread = (size * sum_of(x * x) - sum_of(x) ** 2) * (size * sum_of(y * y) - sum_of(y) ** 2)
    return _ratio(covariance, np.sqrt(np.maximum(spread, 0.0)))


def _pearson(counts: Counts, drawn: Scores) -> Scores:
    # about whole numbers near the means: sums of squares stay exact, and those of a constant side are zero
    x, y = (side - np.round(side.mean()) for side in counts[:, 1:].T.astype(np.float64))
    return _correlation(x, y, drawn)


def _spearman(counts: Counts, drawn: Scores) -> Scores:
    return _correlation(_ranks(counts[:, 1], drawn), _ranks(counts[:, 2], drawn), drawn)


def _ranks(values: NDArray[np.int64], drawn: Scores) -> Scores:
    """Return twice the rank of every example in every resample about the middle one; equals share the mean."""
    unique, group = np.unique(values, return_inverse=True)
    size = drawn @ (group[:, None] == np.arange(len(unique))).astype(np.float64)
    # halves would do as well, whole numbers are exact
    return (2 * np.cumsum(size, 1) - size - drawn.sum(1, keepdims=True))[:, group]


def _mean_f(counts: Counts, drawn: Scores) -> Scores:
    """Return the mean over examples of the F-measure of what is in common: bigrams, or a sequence (Lin 2004)."""
    common, predicted, gold = counts.T
    total = predicted + gold
    each = np.divide(2.0 * common, total, out=np.zeros(len(counts)), where=total > 0)
    return _ratio(drawn @ each, drawn.sum(1))


def _squad_f1(counts: Counts, drawn: Scores) -> Scores:
    """Return the mean over questions of the F-measure of words (Rajpurkar et al. 2016)."""
    return _mean_f(counts % (HALF, 1 << 32, 1 << 32), drawn)


def _exact_match(counts: Counts, drawn: Scores) -> Scores:
    return _ratio(drawn @ (counts[:, 0] // HALF), drawn.sum(1))


def _bleu(counts: Counts, drawn: Scores) -> Scores:
    """Return corpus BLEU as sacrebleu has it: four orders, exponential smoothing (Post 2018)."""
    from sacrebleu.metrics import BLEU

    high, low = np.divmod(counts, HALF)
    lengths = high[:, 1]
    sums = [high[:, 0], low[:, 0], low[:, 1], low[:, 2], lengths, high[:, 2]]
    totals = [np.maximum(lengths - order, 0) for order in range(4)]
    out = []
    for row in (drawn @ np.stack([*sums, *totals], 1).astype(np.float64)).astype(np.int64).tolist():
        out.append(BLEU.compute_bleu(row[:4], row[6:], row[4], row[5], smooth_method="exp").score)
    return np.array(out)


_METRICS: dict[str, Callable[[Counts, Scores], Scores]] = {
    "accuracy": _accuracy,
    "matthews": _matthews,
    "f1": _f1,
    "macro_f1": _macro_f1,
    "pearson": _pearson,
    "spearman": _spearman,
    "rouge2": _mean_f,
    "rougel": _mean_f,
    "squad_f1": _squad_f1,
    "exact_match": _exact_match,
    "bleu": _bleu,
}


def majority(task: Task, train_targets: Sequence[str], gold: Sequence[str]) -> float:
    """Return the task's score of always answering the most frequent training label; of STS-B 0."""
    if task.type == "generation":
        raise ValueError(f"{task.title} has no labels, and so no most frequent one")
    counted = Counter(train_targets)
    # of scores any one will do: no constant has a correlation, and so not their mean either
    label = min(counted, key=lambda one: (-counted[one], len(one), one))
    counts = np.array(list(example_counts(task, gold, [label] * len(gold))), dtype=np.int64)
    return metric_of_counts(task.metric, counts)
