"""A unigram vocabulary of our own: T5's order of ids, digits by themselves, and the same every time."""

import json
import random

import pytest
from miniature import made_sentences
from transformers import AutoTokenizer

from hxbench.backbones.vocabularies import SENTINELS, sentinel_ids, train_unigram
from hxbench.errors import InputError

# many ties: most words of the last lines come three times
LINES = [
    *(" ".join(word for word, _, _ in sentence) for sentence in made_sentences("en", "unigram", 120)),
    *["the cat, the dog", "Über dämliche 猫 cats in 1987"] * 3,
]


@pytest.fixture(scope="module")
def tokenizer():
    return train_unigram(LINES, 200)


def test_ids_are_in_the_order_of_t5(tokenizer):
    assert tokenizer.convert_ids_to_tokens([0, 1, 2]) == ["<pad>", "</s>", "<unk>"]
    assert (tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id) == (0, 1, 2)
    last = len(tokenizer) - 1
    assert sentinel_ids(tokenizer) == list(range(last, last - 32, -1))
    assert tokenizer.convert_ids_to_tokens(last) == "<extra_id_0>"
    assert sorted(tokenizer.get_vocab().values()) == list(range(len(tokenizer)))
    assert {*SENTINELS, "<pad>", "</s>", "<unk>"} == set(tokenizer.all_special_tokens)


def test_there_are_at_most_as_many_pieces_as_asked_for():
    assert [len(train_unigram(LINES, size)) for size in (100, 130)] == [100, 130]
    assert len(train_unigram(LINES, 5000)) < 1000, "so much cannot be learned from so little"


def test_the_order_of_the_lines_and_of_a_hash_map_change_nothing(tokenizer):
    for turn in range(4):
        lines = random.Random(turn).sample(LINES, len(LINES))
        again = train_unigram(iter(lines), 200)
        assert again.backend_tokenizer.to_str() == tokenizer.backend_tokenizer.to_str()


def test_where_there_is_room_every_word_is_one_piece(tokenizer):
    words = {word for line in LINES[:120] for word in line.split()}
    roomy = train_unigram(LINES[:120] * 2, 5000)
    assert all(roomy.tokenize(word) == ["▁" + word] for word in words)
    assert not all(len(tokenizer.tokenize(word)) == 1 for word in words), "which is not so with little"


def test_words_are_pieced_together_again(tokenizer):
    text = "the cat, the dog"
    pieces = tokenizer.tokenize(text)
    assert "".join(pieces).replace("▁", " ").strip() == text
    assert len(pieces) < len(text)
    assert tokenizer.decode(tokenizer(text).input_ids, skip_special_tokens=True) == text
    assert tokenizer("the  cat\tthe").input_ids == tokenizer(" the cat the ").input_ids


@pytest.mark.parametrize("text", ["0", "27", "3.8", "1987", "x5"])
def test_digits_are_always_pieces_by_themselves(text):
    tokenizer = train_unigram(["the cat"] * 5, 100)  # without a digit in the text
    pieces = tokenizer.tokenize(text)
    for character in text:
        if character in "0123456789.":
            assert character in pieces
    ids = tokenizer(text.replace("x", "")).input_ids
    assert tokenizer.unk_token_id not in ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == text.replace("x", "")


def test_a_text_ends_with_the_end_mark(tokenizer):
    assert tokenizer("the cat").input_ids[-1] == tokenizer("").input_ids[0] == 1
    assert tokenizer("the", "cat").input_ids.count(1) == 2
    assert 1 not in tokenizer("the cat", add_special_tokens=False).input_ids


def test_a_sentinel_in_a_text_is_one_piece(tokenizer):
    assert tokenizer("the <extra_id_1> cat").input_ids.count(sentinel_ids(tokenizer)[1]) == 1


def test_what_was_saved_comes_back(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "t5"}))
    back = AutoTokenizer.from_pretrained(tmp_path)
    assert back.backend_tokenizer.to_str() == tokenizer.backend_tokenizer.to_str()
    assert sentinel_ids(back) == sentinel_ids(tokenizer)
    assert (back.pad_token_id, back.eos_token_id) == (0, 1)
    assert back.all_special_tokens == tokenizer.all_special_tokens


def test_rare_characters_are_unknown():
    han = [chr(0x4E00 + i) for i in range(300)]
    tokenizer = train_unigram([*["the cat sat"] * 20, *han], 120)
    assert len(tokenizer) <= 120
    assert tokenizer(han[-1], add_special_tokens=False).input_ids[-1] == tokenizer.unk_token_id
    assert tokenizer.unk_token_id not in tokenizer("the cat").input_ids


def test_a_vocabulary_without_room_says_so():
    with pytest.raises(InputError, match="vocabulary of 60 tokens is too small; expected at least 100"):
        train_unigram(LINES, 60)
