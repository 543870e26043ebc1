"""Span corruption, the pre-training task of T5: spans of a text are taken out and have to be written.

Each span leaves a sentinel behind; the target is every sentinel with its span, then one more sentinel and the end
mark (Raffel et al. 2020, section 3.1.4).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hxbench.tasks.encoding.batch import Batch, collate


@dataclass(frozen=True)
class Corruption:
    sentinels: np.ndarray  # [sentinels], ids in the order of their use
    end: int
    padding: int
    rate: float = 0.15  # share of the tokens
    mean_span: float = 3.0  # tokens


def spans(lengths: np.ndarray, corruption: Corruption, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return (taken, first), both [rows, longest] booleans: the tokens that are taken out, and where spans start.

    A row of n tokens loses rate·n of them, rounded, at least one, in spans that never touch. Unlike in the
    published code, which ends every row with a span, all ways of placing them are equally likely: the one span of
    a short sentence would always be its last token.
    """
    rows, longest = len(lengths), int(lengths.max())
    lost = np.clip(np.rint(corruption.rate * lengths), 1, np.maximum(lengths - 1, 1)).astype(np.int64)
    kept = lengths - lost
    most = np.minimum(np.minimum(lost, kept + 1), len(corruption.sentinels) - 1)  # one sentinel closes the target
    count = np.clip(np.rint(lost / corruption.mean_span).astype(np.int64), 1, most)
    # cut the lost tokens into spans: between which of them
    cuts = _chosen(rng, lost - 1, count - 1, longest)
    # put each span before one of the kept tokens, or behind the last: two never at the same place
    places = _chosen(rng, kept + 1, count, longest + 1)
    taken, first = np.zeros((2, rows, longest), dtype=bool)
    for row in range(rows):
        sizes = np.diff([0, *(np.flatnonzero(cuts[row]) + 1), lost[row]])
        starts = np.flatnonzero(places[row]) + np.cumsum(sizes) - sizes
        first[row, starts] = True
        for start, size in zip(starts, sizes, strict=True):
            taken[row, start : start + size] = True
    return taken, first


def _chosen(rng: np.random.Generator, of: np.ndarray, count: np.ndarray, width: int) -> np.ndarray:
    """Return [rows, width] booleans: `count` of the first `of` places of every row, drawn at random."""
    keys = np.where(np.arange(width) < of[:, None], rng.random((len(of), width)), np.inf)
    rank = np.argsort(np.argsort(keys, axis=1), axis=1)
    return rank < count[:, None]


def corrupt(
    rows: Sequence[np.ndarray], corruption: Corruption, rng: np.random.Generator
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return (inputs, targets) of these texts, given without their end mark; both get it."""
    taken, first = spans(np.array([len(row) for row in rows]), corruption, rng)
    inputs, targets = [], []
    for row, gone, start in zip(rows, taken, first, strict=True):
        gone, start = gone[: len(row)], start[: len(row)]
        places = np.flatnonzero(start)
        used = corruption.sentinels[: len(places) + 1]
        marked = np.where(start, used[np.maximum(np.cumsum(start) - 1, 0)], row)
        inputs.append(np.append(marked[~gone | start], corruption.end))
        before = np.searchsorted(np.flatnonzero(gone), places)  # the tokens taken out before each span
        targets.append(np.concatenate([np.insert(row[gone], before, used[:-1]), [used[-1], corruption.end]]))
    return inputs, targets


def collate_corrupted(
    rows: Sequence[np.ndarray],
    corruption: Corruption,
    rng: np.random.Generator,
    *,
    task: str,
    language: str,
    share: tuple[int, int] = (0, 1),
) -> Batch:
    """Return the batch of these texts; `share` = (rank, world) keeps one process's rows of the global batch."""
    inputs, targets = corrupt(rows, corruption, rng)
    return collate(inputs, targets, padding=corruption.padding, task=task, language=language, share=share)
