"""Texts that spell control marks stay texts, for every kind of fast tokenizer; the others are read as ever."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from hxbench.backbones.vocabularies import train_byte_pairs, train_unigram, train_wordpiece
from hxbench.errors import InputError
from hxbench.tasks.encoding.tokenizing import Marks, reader_of, tokens_of, tokens_of_words

LINES = ["the cat sat on a mat s pad unk / < > [ ] _ 0 1", "extra id SEP MASK CLS UNK PAD < / s > [ ] x"] * 30
MARKS = ("</s>", "<s>", "<pad>", "<unk>", "[SEP]", "[MASK]", "[CLS]", "[UNK]", "[PAD]", "<extra_id_0>", "<mask>")


def whole_words(**others):
    """Return a tokenizer whose model takes whole words, its marks among them, as its vocabulary has them."""
    words = {word: n for n, word in enumerate(("<unk>", "<s>", "</s>", "<mask>", "the", "cat", "dog"))}
    backend = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.add_tokens([AddedToken("dog cat", special=False)])
    return PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>", **others)


def merged(**others):
    """Return byte pairs that could put the end mark together, or that take a word of the vocabulary at once."""
    vocabulary = {piece: n for n, piece in enumerate(("<pad>", "</s>", "<", "/", "s", ">", "</", "s>"))}
    merges = [("<", "/"), ("s", ">"), ("</", "s>")]
    backend = Tokenizer(models.BPE(vocabulary, merges, ignore_merges=others.pop("at_once", False)))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="</s>", pad_token="<pad>", **others)


TOKENIZERS = {
    "WordPiece": train_wordpiece(LINES, 200),
    "unigram": train_unigram(LINES, 200),
    "byte pairs": train_byte_pairs(LINES, 300),
    "whole words": whole_words(bos_token="<s>", eos_token="</s>", mask_token="<mask>"),
    "merged": merged(),
    "merged at once": merged(at_once=True),
}


@pytest.mark.parametrize("name", TOKENIZERS)
@pytest.mark.parametrize("mark", MARKS)
def test_a_mark_in_a_text_gives_no_mark(name, mark):
    tokenizer = TOKENIZERS[name]
    special = {*tokenizer.all_special_ids} - {tokenizer.unk_token_id}
    for text in (mark, f"the {mark} cat", f"the{mark}cat", f"{mark}{mark}", f"{mark} the"):
        assert not special & set(tokens_of(tokenizer, [text])[0]), text
        ((pieces, owners),) = tokens_of_words(tokenizer, [["the", text.replace(" ", ""), "cat"]])
        assert not special & set(pieces), text
        assert len(pieces) == len(owners)


def test_it_was_a_mark_before():
    found = [
        (name, mark)
        for name, tokenizer in TOKENIZERS.items()
        for mark in MARKS
        if set(tokenizer(mark, add_special_tokens=False)["input_ids"])
        & {*tokenizer.all_special_ids} - {tokenizer.unk_token_id}
    ]
    assert {name for name, _ in found} == set(TOKENIZERS)
    # the library's own switch is not enough where the model's vocabulary lists its marks
    unigram = TOKENIZERS["unigram"]
    ids = unigram("</s>", add_special_tokens=False, split_special_tokens=True)["input_ids"]
    assert unigram.eos_token_id in ids


def test_a_compatibility_form_of_a_mark_is_none_either():
    # NFKC makes `<pad>` of it, behind the place where marks are taken out
    tokenizer = TOKENIZERS["unigram"]
    assert tokenizer.pad_token_id not in tokens_of(tokenizer, ["\uff1cpad\uff1e"])[0]


def test_what_is_unknown_stays_unknown_and_added_words_stay_words():
    tokenizer = TOKENIZERS["whole words"]
    assert tokens_of(tokenizer, ["the horse"]) == [[4, tokenizer.unk_token_id]]
    assert tokens_of(tokenizer, ["the dog cat"]) == [[4, 7]]


def test_sentinels_are_marks_where_they_are_mere_words():
    words = {word: n for n, word in enumerate(("<unk>", "<extra_id_0>", "<extra_id_1>", "the"))}
    backend = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend, unk_token="<unk>")
    assert tokens_of(tokenizer, ["the <extra_id_1> <extra_id_0>"]) == [[3, 0, 0]]


texts = st.text("catspd on,./<>[]_ é漢0Ġ▁\u200b\n", max_size=24)


@given(st.lists(texts, min_size=1, max_size=4))
@pytest.mark.parametrize("name", ["WordPiece", "unigram", "byte pairs"])
def test_without_marks_the_pieces_are_those_of_the_tokenizer(name, lines):
    tokenizer = TOKENIZERS[name]
    lines = [line for line in lines if not any(mark in line for mark in MARKS)] or ["the cat"]
    theirs = tokenizer(lines, add_special_tokens=False)
    assert tokens_of(tokenizer, lines) == theirs["input_ids"]
    sentences = [line.split() or ["cat"] for line in lines]
    # byte pairs have the space before a word in its tokens
    spaced = [[row[0], *(f" {word}" for word in row[1:])] for row in sentences]
    words = spaced if name == "byte pairs" else sentences
    theirs = tokenizer(words, is_split_into_words=True, add_special_tokens=False)
    ours = tokens_of_words(tokenizer, sentences)
    assert [pieces for pieces, _ in ours] == theirs["input_ids"]
    assert [owners for _, owners in ours] == [theirs.word_ids(n) for n in range(len(sentences))]


def test_texts_do_not_change_the_tokenizer():
    tokenizer = train_wordpiece(LINES, 200)
    before = tokenizer.backend_tokenizer.to_str()
    tokens_of(tokenizer, ["the [SEP] cat"])
    _ = reader_of(tokenizer).marks
    assert tokenizer.backend_tokenizer.to_str() == before
    assert tokenizer("[SEP]", add_special_tokens=False)["input_ids"] == [tokenizer.sep_token_id]


def test_a_mark_in_the_running_text_makes_no_second_piece_of_its_name():
    spelled = train_unigram([*LINES, *["</s> <pad> <extra_id_0>"] * 90], 200)
    names = [piece for piece, _ in sorted(spelled.get_vocab().items(), key=lambda item: item[1])]
    assert names[:3] == ["<pad>", "</s>", "<unk>"]
    assert spelled.eos_token_id == 1
    assert len(names) == len(set(names)) == len(spelled)
    assert not {0, 1} & set(tokens_of(spelled, ["</s> <pad>"])[0])


def with_template(pair, single="<s> $A </s>"):
    tokenizer = whole_words(bos_token="<s>", eos_token="</s>", cls_token="<s>", sep_token="</s>")
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single=single, pair=pair, special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    return tokenizer


def test_marks_are_those_of_the_template():
    assert reader_of(with_template("<s> $A </s> $B </s>")).marks == Marks((1,), (2,), (2,))
    assert reader_of(with_template("<s> $A </s> </s> $B </s>")).marks == Marks((1,), (2, 2), (2,))
    roberta = with_template("<s> $A </s> $B </s>")
    roberta.backend_tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 1))
    assert reader_of(roberta).marks == Marks((1,), (2, 2), (2,))
    bert = TOKENIZERS["WordPiece"]
    assert reader_of(bert).marks == Marks((bert.cls_token_id,), (bert.sep_token_id,), (bert.sep_token_id,))


def test_marks_do_not_depend_on_how_the_file_pads_and_cuts():
    """The file of all-MiniLM-L6-v2 pads everything to 128 pieces, which are no marks."""
    bert = train_wordpiece(LINES, 200)
    wanted = reader_of(train_wordpiece(LINES, 200)).marks
    bert.backend_tokenizer.enable_padding(length=128)
    assert reader_of(bert).marks == wanted
    bert = train_wordpiece(LINES, 200)
    bert.backend_tokenizer.enable_truncation(3)
    assert reader_of(bert).marks == wanted


def test_without_a_template_the_named_marks_serve():
    assert reader_of(whole_words(cls_token="<s>", sep_token="</s>")).marks == Marks((1,), (2,), (2,))
    with pytest.raises(InputError, match="has no special tokens around texts"):
        _ = reader_of(whole_words()).marks


def test_a_slow_tokenizer_is_refused():
    class Slow:
        all_special_tokens = ()

    for call in (lambda: tokens_of(Slow(), ["a"]), lambda: reader_of(Slow()).fingerprint):
        with pytest.raises(InputError, match=r"no fast form \(tokenizer\.json\)"):
            call()
