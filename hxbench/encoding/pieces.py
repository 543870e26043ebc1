"""Texts → the pieces that a tokenizer makes of them."""

from typing import Any


def pieces_of(tokenizer: Any, texts: list[str]) -> list[list[int]]:
    """Return the piece ids of every text, without special ones."""
    # a limit that the tokenizer knows of is not ours: no warning about it
    return tokenizer(texts, add_special_tokens=False, return_attention_mask=False, verbose=False)["input_ids"]
