"""Examples as BERT reads them: against the tokenizer's own way, cut where asked, kept apart from texts."""

import pytest
from datasets import Dataset
from tokenizers import processors

from hxbench.backbones.vocabularies import train_unigram, train_wordpiece
from hxbench.data.texts import encode_texts
from hxbench.errors import InputError
from hxbench.tasks import task_of
from hxbench.tasks.encoding.classes import fitted
from hxbench.tasks.encoding.rows import Rows
from hxbench.tasks.encoding.templates import PHA, Wording

LINES = ["the cat sat on a mat", "a dog ran home", "0 1 2"] * 4
TOKENIZER = train_wordpiece(LINES, 80)
LONG = "a dog ran home on a mat " * 5
PAIRS = {"fields": [["the cat sat", "a cat"], [LONG, "no"]], "target": ["0", "2"]}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HXBENCH_CACHE", str(tmp_path))
    return tmp_path / "encoded"


def encode(examples=PAIRS, task="mnli", *, tokenizer=TOKENIZER, max_length=40, form="marked", wording=PHA):
    return encode_texts(
        Dataset.from_dict(examples), "x", tokenizer, task_of(task), max_length=max_length, score_step=0.2,
        wording=wording, form=form,
    )  # fmt: skip


def test_pairs_are_as_the_tokenizer_makes_them_and_labels_are_class_ids():
    encoded = encode(max_length=100)
    for row, fields, label in zip(encoded, PAIRS["fields"], (0, 2), strict=True):
        assert row == {"input_ids": TOKENIZER(*fields)["input_ids"], "labels": [label], "cut": 0}
    rows = Rows(encoded)
    assert [r.tolist() for r in rows.take("labels", [0, 1])] == [[0], [2]]
    single = encode({"fields": [["a cat"]], "target": ["1"]}, "sst2")[0]
    assert single == {"input_ids": TOKENIZER("a cat")["input_ids"], "labels": [1], "cut": 0}


def one_by_one(texts, room):
    """Cut the slow way: as long as they do not fit, the longest text loses a piece, of several the last."""
    texts = [list(text) for text in texts]
    while sum(map(len, texts)) > room:
        longest = max(map(len, texts))
        [text for text in texts if len(text) == longest][-1].pop()
    return texts


@pytest.mark.parametrize("sizes", [(3,), (9, 2), (2, 9), (7, 7), (8, 7), (5, 6, 7), (9, 1, 9), (4, 4, 4)])
def test_the_longest_text_is_cut(sizes):
    texts = [list(range(size)) for size in sizes]
    for room in range(sum(sizes) + 2):
        assert fitted(texts, room) == one_by_one(texts, room)


def test_what_does_not_fit_is_cut_and_counted():
    encoded = encode(max_length=12)
    assert encoded["cut"] == [0, 1]
    row = encoded["input_ids"][1]
    second = TOKENIZER("no", add_special_tokens=False)["input_ids"]
    assert len(row) == 12
    assert row[0] == TOKENIZER.cls_token_id
    assert row[-1 - len(second) :] == [*second, TOKENIZER.sep_token_id]
    assert row.count(TOKENIZER.sep_token_id) == 2
    size = len(encode(max_length=100)["input_ids"][1])
    assert encode(max_length=size)["cut"][1] == 0
    assert encode(max_length=size - 1)["cut"][1] == 1


def test_pets_longest_input_holds_here_too():
    words = {"fields": [["a dog ran home " * 100]], "target": ["1"]}
    found = encode(words, "sst2", max_length=300, wording=Wording("pet", "words"))
    assert len(found["input_ids"][0]) == 128
    assert len(encode(words, "sst2", max_length=300)["input_ids"][0]) == 300


def test_the_cache_tells_choices_from_texts_and_does_not_care_how_classes_are_called(cache):
    both = train_wordpiece(LINES, 80)
    both.eos_token = "[SEP]"
    for wording in (Wording(), Wording("pet", "words"), Wording("pha", "words")):
        encode(tokenizer=both, wording=wording)
    assert len(list(cache.glob("*.arrow"))) == 1
    written = encode(tokenizer=both, form="written")
    assert len(list(cache.glob("*.arrow"))) == 2
    assert written["labels"] != encode(tokenizer=both)["labels"]
    encode(task="cb")
    assert len(list(cache.glob("*.arrow"))) == 3


def test_a_length_without_room_and_a_tokenizer_without_marks():
    with pytest.raises(InputError, match="max_length 4 leaves no room for the 2 texts of MNLI"):
        encode(max_length=4)
    with pytest.raises(InputError, match="no special tokens around texts"):
        encode(tokenizer=train_unigram(LINES, 120))


def test_two_marks_stand_between_the_texts_of_a_pair_where_the_tokenizer_has_it_so():
    roberta = train_wordpiece(LINES, 80)
    first, last = roberta.cls_token_id, roberta.sep_token_id
    roberta.backend_tokenizer.post_processor = processors.RobertaProcessing(("[SEP]", last), ("[CLS]", first))
    for row, fields in zip(encode(tokenizer=roberta, max_length=100), PAIRS["fields"], strict=True):
        assert row["input_ids"] == roberta(*fields)["input_ids"]
        assert row["input_ids"].count(last) == 3
    cut = encode(tokenizer=roberta, max_length=12)["input_ids"]
    assert [len(row) for row in cut] == [len(roberta(*PAIRS["fields"][0])["input_ids"]), 12]
    three = {"fields": [["the cat sat", "a cat ran", "cat"]], "target": ["1"]}
    (row,) = encode(three, "wic", tokenizer=roberta)["input_ids"]
    pieces = [roberta(text, add_special_tokens=False)["input_ids"] for text in three["fields"][0]]
    assert row == [first, *pieces[0], last, last, *pieces[1], last, last, *pieces[2], last]


def test_marks_that_a_text_spells_are_text():
    found = encode({"fields": [["a [SEP] cat [MASK]"]], "target": ["1"]}, "sst2")["input_ids"][0]
    assert [piece for piece in found if piece in {TOKENIZER.sep_token_id, TOKENIZER.mask_token_id}] == found[-1:]
