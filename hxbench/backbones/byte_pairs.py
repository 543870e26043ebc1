"""A byte-pair vocabulary of our own, as BLOOM's: over bytes, so that no text has an unknown token.

Ids: padding, end, the bytes, then the merges in the order they were learned. White space belongs to the word
behind it. Unlike BLOOM's it fills up on the left by its own setting and has no beginning mark.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from hxbench.errors import InputError

PAD, END = SPECIAL = ("<pad>", "</s>")
BYTES = 256
SMALLEST = BYTES + len(SPECIAL)  # tokens


def train_byte_pairs(lines: Iterable[str], size: int) -> Any:
    """Return a fast tokenizer of at most `size` tokens learned from `lines`; it adds no mark to a text by itself.

    Digits are tokens by themselves. The same lines give the same vocabulary, in whatever order they come. Raises
    `InputError` for a vocabulary too small to hold every byte.
    """
    from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    if size < SMALLEST:
        raise InputError(f"a BLOOM vocabulary of {size} tokens is too small; expected at least {SMALLEST}.")
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        min_frequency=2,
        show_progress=False,
    )
    tokenizer.train_from_iterator(_sorted_lines(lines), trainer)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token=PAD, eos_token=END, padding_side="left")


def _sorted_lines(lines: Iterable[str]) -> Iterable[str]:
    """Yield the lines in alphabetical order: which of two equally frequent pairs is merged first goes by order."""
    for line, count in sorted(Counter(lines).items()):
        for _ in range(count):
            yield line
