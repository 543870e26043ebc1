"""A byte-pair vocabulary: any text comes back, the same lines give the same pieces, too small a one is refused."""

import random

import pytest

from hxbench.backbones.vocabularies import BYTES, END, PAD, train_byte_pairs
from hxbench.errors import InputError

LINES = ["the cat sat on the mat .", "the dog saw 12 cats ?", "naïve, she’d said: ok"] * 4


@pytest.mark.parametrize(
    "text", ["the cat sat .", "  two  blanks ", "漢字 \t and\nmore", "año 2023: 100 %", "😀", ""]
)
def test_any_text_comes_back(text):
    tokenizer = train_byte_pairs(LINES, 300)
    ids = tokenizer(text).input_ids
    assert tokenizer.decode(ids, clean_up_tokenization_spaces=False) == text
    assert tokenizer.eos_token_id not in ids, "no mark by itself"


def test_ids_and_settings():
    tokenizer = train_byte_pairs(LINES, 300)
    assert (tokenizer.pad_token, tokenizer.pad_token_id) == (PAD, 0)
    assert (tokenizer.eos_token, tokenizer.eos_token_id) == (END, 1)
    assert tokenizer.padding_side == "left"
    assert BYTES + 2 < len(tokenizer) <= 300
    assert tokenizer.tokenize("the cat") == ["the", "Ġcat"], "frequent words are one piece with the blank before"
    assert len(tokenizer.tokenize("112")) == 3, "digits by themselves"


def test_the_same_lines_give_the_same_vocabulary_in_any_order():
    shuffled = LINES.copy()
    random.Random(1).shuffle(shuffled)
    one, other = (train_byte_pairs(lines, 320).backend_tokenizer.to_str() for lines in (LINES, shuffled))
    assert one == other


def test_too_small_a_vocabulary_is_refused():
    with pytest.raises(InputError, match="257 tokens is too small; expected at least 258"):
        train_byte_pairs(LINES, 257)
