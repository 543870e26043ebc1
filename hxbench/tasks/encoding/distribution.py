"""How alike two texts are by the tokens they are made of."""

from typing import Any

import numpy as np

from hxbench.tasks.encoding.vocabulary import Vocabulary


def piece_distribution(encoded: Any, vocabulary: Vocabulary) -> np.ndarray:
    """Return the share of each token in a tokenised data set, [vocabulary]; special ones are not counted.

    Unknown tokens are special too: what a script makes of them says nothing about the language.
    """
    counts = np.zeros(vocabulary.size)
    for chunk in encoded.data.table.column("input_ids").chunks:
        counts += np.bincount(chunk.flatten().to_numpy(), minlength=vocabulary.size)
    counts[list(vocabulary.special)] = 0
    return counts / max(counts.sum(), 1)


def divergence(p: np.ndarray, q: np.ndarray) -> float:
    """Return the Jensen–Shannon divergence of two distributions [vocabulary] in bits, 0 to 1."""
    middle = (p + q) / 2
    return (_relative_entropy(p, middle) + _relative_entropy(q, middle)) / 2


def _relative_entropy(p: np.ndarray, q: np.ndarray) -> float:
    there = p > 0
    return float(np.sum(p[there] * np.log2(p[there] / q[there])))
