"""What batching needs to know of a tokenizer."""

from dataclasses import dataclass
from typing import Any


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
