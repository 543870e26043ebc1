"""Words and tags → pieces and labels: against a slow reference, and no word lost on the way."""

import itertools

import pytest
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st
from tokenizers.normalizers import Replace
from tokenizers.processors import TemplateProcessing

from hxbench.backbones.vocabularies import train_wordpiece
from hxbench.data import tokens
from hxbench.data.tokens import align, encode, encode_tagged, encode_text, windows
from hxbench.tasks.encoding.tokenizing import reader_of

# learned here from a handful of words, so that most words have several pieces and some letters are unknown
TOKENIZER = train_wordpiece(["banana bandana ban ana nab a b n d", "dada nana . , - bad banbanban"] * 3, 24)
ROOM = 6  # pieces in a window of 8

# a lone zero-width space or control character gives no piece; é gives the unknown one; "n.d" is several pre-tokens
words = st.text("band.é\u200b\x07", min_size=1, max_size=9)
sentences = st.lists(st.lists(words, min_size=1, max_size=9), min_size=1, max_size=4)


def tokens_of(word):
    """Reference: one word at a time through the tokenizer's own plain-text way in."""
    ids = TOKENIZER.backend_tokenizer.encode(word, add_special_tokens=False).ids
    return ids or [TOKENIZER.unk_token_id]


def encoded(sents, max_length=ROOM + 2, overflow="window"):
    batch = {"words": sents, "tags": [[i % 7 for i in range(len(s))] for s in sents]}
    return encode_tagged(batch, list(range(len(sents))), TOKENIZER, max_length, overflow), batch["tags"]


def test_the_vocabulary_makes_it_interesting():
    assert len(TOKENIZER) == 24
    assert tokens_of("\u200b") == [TOKENIZER.unk_token_id]
    assert TOKENIZER.backend_tokenizer.encode("\u200b", add_special_tokens=False).ids == []
    assert len(tokens_of("ndnd")) > 2


@given(sentences)
def test_alignment_equals_word_by_word_tokenisation(sents):
    found = list(align(TOKENIZER, sents))
    assert len(found) == len(sents)
    for sentence, (pieces, owners) in zip(sents, found, strict=True):
        expected = [(p, i) for i, word in enumerate(sentence) for p in tokens_of(word)]
        assert list(zip(pieces, owners, strict=True)) == expected


def test_words_that_give_no_piece_keep_their_place():
    ((pieces, owners),) = align(TOKENIZER, [["\u200b", "ban", "\x07", "\u200b", "nab", "\x07"]])
    assert sorted(set(owners)) == [0, 1, 2, 3, 4, 5]
    assert [pieces[owners.index(i)] for i in (0, 2, 3, 5)] == [TOKENIZER.unk_token_id] * 4
    out, tags = encoded([["\u200b", "ban"], ["\u200b"]])
    labelled = [[x for x in row if x != -100] for row in out["labels"]]
    assert labelled == tags


@given(st.lists(st.integers(1, 12), min_size=1, max_size=20), st.integers(1, 9))
def test_windows_hold_every_first_piece_once(sizes, room):
    owners = [word for word, size in enumerate(sizes) for _ in range(size)]
    firsts = [owners.index(word) for word in range(len(sizes))]
    ranges = windows(owners, room)
    assert all(0 < end - start <= room for start, end in ranges)
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(ranges))
    assert all(start in firsts for start, _ in ranges)
    held = [i for start, end in ranges for i in range(start, end)]
    assert [i for i in held if i in firsts] == firsts
    for word, size in enumerate(sizes):  # what is left out are ends of words that alone fill a window
        if size <= room:
            assert set(range(firsts[word], firsts[word] + size)) <= set(held)
    whole = len(owners) <= room
    assert (len(ranges) == 1) or not whole
    assert windows([], room) == []


@given(sentences)
def test_in_windows_every_word_carries_its_label_once(sents):
    out, tags = encoded(sents)
    found = {}
    for ids, labels, sentence, first in zip(
        *(out[k] for k in ("input_ids", "labels", "sentence", "first_word")), strict=True
    ):
        assert len(ids) == len(labels) <= ROOM + 2
        assert (ids[0], ids[-1]) == (TOKENIZER.cls_token_id, TOKENIZER.sep_token_id)
        assert labels[0] == labels[-1] == -100
        carried = [(i, x) for i, x in zip(ids, labels, strict=True) if x != -100]
        for offset, (piece, label) in enumerate(carried):
            key = (sentence, first + offset)
            assert key not in found
            found[key] = label
            assert piece == tokens_of(sents[sentence][first + offset])[0]
    assert found == {(s, w): tag for s, row in enumerate(tags) for w, tag in enumerate(row)}


@given(sentences)
def test_truncation_is_the_first_window_of_plain_cutting(sents):
    out, tags = encoded(sents, overflow="truncate")
    assert out["sentence"] == list(range(len(sents)))
    assert out["first_word"] == [0] * len(sents)
    for sentence, row_tags, ids, labels in zip(sents, tags, out["input_ids"], out["labels"], strict=True):
        flat = [
            (p, row_tags[w] if i == 0 else -100)
            for w, word in enumerate(sentence)
            for i, p in enumerate(tokens_of(word))
        ]
        assert list(zip(ids, labels, strict=True))[1:-1] == flat[:ROOM]


def sentencepiece():
    """A tokenizer as XLM-R's: a word in a script without spaces becomes a lone `▁` and its characters."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    marks = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    listed = [(mark, 0.0) for mark in marks]
    listed += [("▁", -2.0), ("▁the", -1.0), ("▁ca", -1.0), ("t", -1.0), ("中", -1.0), ("文", -1.0)]
    inner = Tokenizer(models.Unigram(listed, unk_id=3))
    inner.pre_tokenizer = pre_tokenizers.Metaspace()
    names = dict(zip(("cls", "pad", "sep", "unk", "mask"), marks, strict=True))
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, **{f"{name}_token": mark for name, mark in names.items()}
    )


def labels_by_piece(words, label_token, max_length=32, overflow="window"):
    tokenizer = sentencepiece()
    batch = {"words": [words], "tags": [list(range(1, len(words) + 1))]}
    out = encode_tagged(batch, [0], tokenizer, max_length, overflow, label_token)
    return [
        list(zip(tokenizer.convert_ids_to_tokens(ids)[1:-1], labels[1:-1], strict=True))
        for ids, labels in zip(out["input_ids"], out["labels"], strict=True)
    ]


def test_a_label_sits_on_the_first_piece_that_holds_a_character_of_the_word():
    words = ["the", "中文", "cat", "文"]
    ours = ["▁the", "▁", "中", "文", "▁ca", "t", "▁", "文"]
    assert labels_by_piece(words, "first") == [list(zip(ours, [1, 2, -100, -100, 3, -100, 4, -100], strict=True))]
    assert labels_by_piece(words, "character") == [
        list(zip(ours, [1, -100, 2, -100, 3, -100, -100, 4], strict=True))
    ]


def test_a_label_may_sit_on_the_last_piece_of_a_word():
    words = ["the", "中文", "cat", "文"]
    ours = ["▁the", "▁", "中", "文", "▁ca", "t", "▁", "文"]
    assert labels_by_piece(words, "last") == [list(zip(ours, [1, -100, -100, 2, -100, 3, -100, 4], strict=True))]
    (cut,) = labels_by_piece(words, "last", max_length=5, overflow="truncate")
    assert cut == [("▁the", 1), ("▁", -100), ("中", 2)], "of what is there, as the first piece is"


def test_without_marks_of_its_own_a_sentence_stands_behind_what_opens_a_text():
    from hxbench.backbones.vocabularies import train_byte_pairs

    plain = train_byte_pairs(["the cat sat on the mat"] * 20, 280)
    opened = train_byte_pairs(["the cat sat on the mat"] * 20, 280)
    opened.backend_tokenizer.post_processor = TemplateProcessing(
        single="<pad> $A", pair="<pad> $A $B", special_tokens=[("<pad>", opened.pad_token_id)]
    )
    batch = {"words": [["the", "\u200b", "cat"]], "tags": [[1, 2, 3]]}
    bare, marked = (encode_tagged(batch, [0], one, 32, "window", "last") for one in (plain, opened))
    assert marked["input_ids"] == [[opened.pad_token_id, *bare["input_ids"][0]]]
    assert marked["labels"] == [[-100, *bare["labels"][0]]]
    assert [label for label in bare["labels"][0] if label != -100] == [1, 2, 3]


def test_a_word_of_no_piece_becomes_the_end_where_there_is_no_unknown_token():
    silent = sentencepiece()
    silent.backend_tokenizer.normalizer = Replace("\u200b", "")
    silent.unk_token, silent.eos_token = None, "</s>"
    [(pieces, owners)] = align(silent, [["the", "\u200b", "cat"]])
    assert owners == [0, 1, 2, 2]
    assert pieces[1] == silent.eos_token_id


def test_a_word_of_white_space_marks_alone_keeps_its_label():
    (found,) = labels_by_piece(["▁", "cat"], "character")
    assert [label for _, label in found if label != -100] == [1, 2]


@pytest.mark.parametrize("room", [3, 4, 5])
def test_every_word_is_labelled_once_in_windows_too(room):
    words = ["中文", "the", "文中文", "cat", "中"]
    for which in ("last", "character"):
        found = labels_by_piece(words, which, max_length=room + 2)
        assert [label for row in found for _, label in row if label != -100] == [1, 2, 3, 4, 5]
    assert all(piece != "▁" for row in found for piece, label in row if label != -100)


def test_truncation_may_cut_a_word_before_its_first_character():
    (found,) = labels_by_piece(["the", "中"], "character", max_length=4, overflow="truncate")
    assert found == [("▁the", 1), ("▁", -100)], "the word counts as cut"


@given(sentences)
def test_wordpiece_labels_the_same_pieces_either_way(sents):
    batch = {"words": sents, "tags": [[1] * len(s) for s in sents]}
    rows = list(range(len(sents)))
    assert encode_tagged(batch, rows, TOKENIZER, 8, "window", "character") == encoded_ones(batch, rows)


def encoded_ones(batch, rows):
    return encode_tagged(batch, rows, TOKENIZER, 8, "window", "first")


def test_running_text_is_cut_and_empty_lines_are_dropped():
    out = encode_text({"text": ["ban nab", "\u200b", "ban " * 50]}, TOKENIZER, 8)
    assert len(out["input_ids"]) == 2
    assert out["input_ids"][0] == [
        TOKENIZER.cls_token_id,
        *tokens_of("ban"),
        *tokens_of("nab"),
        TOKENIZER.sep_token_id,
    ]
    assert len(out["input_ids"][1]) == 8
    assert out["input_ids"][1][-1] == TOKENIZER.sep_token_id


def test_a_tokenizers_fingerprint_does_not_change_by_use():
    list(align(TOKENIZER, [["ban"]]))
    before = reader_of(TOKENIZER).fingerprint
    encode_text({"text": ["ban " * 50]}, TOKENIZER, 8)
    assert reader_of(TOKENIZER).fingerprint == before
    other = train_wordpiece(["banana bandana"] * 3, 24)
    assert reader_of(other).fingerprint != before


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HXBENCH_CACHE", str(tmp_path))
    return tmp_path / "encoded"


TAGGED = {"words": [["ban", "nab"], ["banbandandan", "a"]], "tags": [[1, 2], [3, 4]]}


def test_nothing_is_tokenised_twice(cache, monkeypatch):
    corpus = Dataset.from_dict(TAGGED)
    text = Dataset.from_dict({"text": ["ban nab", "a b", "ban " * 30]})
    first = [encode(corpus, "x", TOKENIZER, max_length=8), encode(text, "y", TOKENIZER, max_length=8)]
    files = sorted(p.name for p in cache.glob("*.arrow"))
    assert len(files) == 2
    assert all(name.endswith(".arrow") for name in files)

    def refuse(*_, **__):
        raise AssertionError("tokenised again")

    monkeypatch.setattr(tokens, "align", refuse)
    monkeypatch.setattr(tokens, "encode_text", refuse)
    second = [encode(corpus, "x", TOKENIZER, max_length=8), encode(text, "y", TOKENIZER, max_length=8)]
    assert [d.to_dict() for d in first] == [d.to_dict() for d in second]
    assert second[0].column_names == ["input_ids", "labels", "sentence", "first_word"]
    assert second[1].column_names == ["input_ids"]


def test_the_cache_tells_inputs_apart(cache):
    corpus = Dataset.from_dict(TAGGED)
    encode(corpus, "x", TOKENIZER, max_length=8)
    encode(corpus, "other", TOKENIZER, max_length=8)
    encode(corpus, "x", TOKENIZER, max_length=16)
    encode(corpus, "x", TOKENIZER, max_length=8, overflow="truncate")
    encode(corpus, "x", train_wordpiece(["banana"] * 3, 20), max_length=8)
    assert len(list(cache.glob("*.arrow"))) == 5


def test_marks_that_words_and_lines_spell_are_text():
    special = set(TOKENIZER.all_special_ids) - {TOKENIZER.unk_token_id}
    found, _ = encoded([["ban", "[SEP]", "[MASK]nab", "[PAD]"]], max_length=64)
    assert not special & set(found["input_ids"][0][1:-1])
    rows = encode_text({"text": ["ban [SEP] [MASK]nab [PAD]"]}, TOKENIZER, 64)["input_ids"]
    assert not special & set(rows[0][1:-1])
