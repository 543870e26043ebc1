"""Masking for the masked-language-model task: 15 % of the tokens, of those 80/10/10 (BERT's scheme)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

IGNORED = -100  # the target of a token that has none


@dataclass(frozen=True)
class Vocabulary:
    """The size of a vocabulary and the ids that mean something to batching."""

    size: int
    pad: int
    mask: int
    special: tuple[int, ...]


def vocabulary_of(tokenizer: Any) -> Vocabulary:
    """Return what batching needs to know of a tokenizer."""
    return Vocabulary(
        len(tokenizer), tokenizer.pad_token_id, tokenizer.mask_token_id, tuple(tokenizer.all_special_ids)
    )


@dataclass(frozen=True)
class Masking:
    """What makes a batch of raw text one for masked language modelling."""

    vocabulary: Vocabulary
    probability: float
    rng: np.random.Generator

    def apply(self, input_ids: np.ndarray, attention: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return (masked input, targets), both [batch, length]; targets are -100 where nothing is predicted.

        Special tokens and padding are never chosen. A batch always has at least one target.
        """
        vocabulary, rng = self.vocabulary, self.rng
        candidates = attention & ~np.isin(input_ids, vocabulary.special)
        chosen = candidates & (rng.random(input_ids.shape) < self.probability)
        if not chosen.any():
            rows, columns = np.nonzero(candidates if candidates.any() else attention)
            pick = rng.integers(len(rows))
            chosen[rows[pick], columns[pick]] = True
        targets = np.where(chosen, input_ids, IGNORED)
        fate = rng.random(input_ids.shape)
        random_tokens = rng.integers(0, vocabulary.size, input_ids.shape)
        masked = np.where(chosen & (fate < 0.8), vocabulary.mask, input_ids)
        masked = np.where(chosen & (fate >= 0.8) & (fate < 0.9), random_tokens, masked)
        return masked, targets
