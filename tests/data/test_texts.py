"""Examples → pieces: against the tokenizer's own way, cut where asked, and nothing tokenised twice."""

import pytest
from datasets import Dataset
from tokenizers import Tokenizer
from tokenizers.processors import TemplateProcessing

from hxbench.backbones.vocabularies import train_unigram, train_wordpiece
from hxbench.data.texts import encode_texts, labels_as_decoded, longest_label
from hxbench.errors import InputError
from hxbench.tasks import task_of
from hxbench.tasks.encoding.rows import Rows
from hxbench.tasks.encoding.templates import Wording
from hxbench.tasks.encoding.tokenizing import reader_of, tokens_of

LINES = ["the cat sat on a mat", "a dog ran home", "stsb sentence1: mnli premise: 3.8 hypothesis: cola 0 1 2"] * 4
TOKENIZER = train_unigram(LINES, 120)
END = TOKENIZER.eos_token_id
MNLI, STSB = task_of("mnli"), task_of("stsb")
PAIRS = {"fields": [["the cat sat", "a cat"], ["a dog ran home on a mat " * 5, "no"]], "target": ["0", "2"]}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HXBENCH_CACHE", str(tmp_path))
    return tmp_path / "encoded"


def encode(
    examples=PAIRS, fingerprint="x", tokenizer=TOKENIZER, task=MNLI, *,
    max_length=40, score_step=0.2, form="written",
):  # fmt: skip
    return encode_texts(
        Dataset.from_dict(examples), fingerprint, tokenizer, task, max_length=max_length, score_step=score_step,
        form=form,
    )  # fmt: skip


def test_both_sides_end_with_the_mark_and_the_source_is_cut():
    encoded = encode()
    assert encoded.column_names == ["input_ids", "labels", "cut"]
    # reference: the tokenizer's own post-processor puts the end mark
    whole = TOKENIZER("mnli premise: the cat sat hypothesis: a cat")["input_ids"]
    assert len(whole) < 40, "the first fits"
    assert encoded[0] == {"input_ids": whole, "labels": TOKENIZER("0")["input_ids"], "cut": 0}
    long = TOKENIZER(f"mnli premise: {PAIRS['fields'][1][0]} hypothesis: no")["input_ids"]
    assert encoded[1] == {"input_ids": [*long[:39], END], "labels": TOKENIZER("2")["input_ids"], "cut": 1}
    assert [row[-1] for row in encoded["input_ids"]] == [END, END]


def test_what_the_template_puts_before_a_text_stands_before_sources_alone_and_counts():
    from transformers import PreTrainedTokenizerFast

    backend = Tokenizer.from_str(TOKENIZER.backend_tokenizer.to_str())
    backend.post_processor = TemplateProcessing(
        single="<pad> $A", pair="<pad> $A <pad> $B", special_tokens=[("<pad>", TOKENIZER.pad_token_id)]
    )
    opens = PreTrainedTokenizerFast(tokenizer_object=backend, eos_token=TOKENIZER.eos_token, pad_token="<pad>")
    assert (reader_of(opens).opening, reader_of(TOKENIZER).opening) == ((opens.pad_token_id,), ())
    plain, encoded = encode(max_length=39), encode(tokenizer=opens)
    for ours, without in zip(encoded["input_ids"], plain["input_ids"], strict=True):
        assert ours == [opens.pad_token_id, *without]
    assert len(encoded["input_ids"][1]) == 40
    assert encoded["labels"] == plain["labels"]
    assert encoded["cut"] == [0, 1]


@pytest.mark.parametrize(
    ("task", "targets", "choices"), [(MNLI, "02", [[0], [2]]), (STSB, ("1.8", "3"), [[1800], [3000]])]
)
def test_what_is_chosen_stands_behind_the_same_source(task, targets, choices, cache):
    examples = {**PAIRS, "target": list(targets)}
    written, chosen = encode(examples, task=task), encode(examples, task=task, form="chosen")
    assert chosen["labels"] == choices
    assert (chosen["input_ids"], chosen["cut"]) == (written["input_ids"], written["cut"])
    assert len(list(cache.glob("*.arrow"))) == 2


def test_exactly_the_length_is_not_cut():
    size = len(TOKENIZER("mnli premise: the cat sat hypothesis: a cat")["input_ids"])
    assert encode(max_length=size)["cut"][0] == 0
    shorter = encode(max_length=size - 1)
    assert shorter["cut"][0] == 1
    assert len(shorter["input_ids"][0]) == size - 1


def test_long_targets_are_cut_too():
    encoded = encode({"fields": [["a cat"]], "target": ["a dog ran home " * 20]}, task=task_of("xsum"))
    assert len(encoded["labels"][0]) == 40
    assert encoded["labels"][0][-1] == END
    assert encoded["cut"][0] == 0, "which tells of sources"


def test_scores_are_encoded_as_rounded():
    examples = {"fields": [["a", "b"]], "target": ["3.933"]}
    for step, text in ((0.2, "4.0"), (0.1, "3.9")):
        assert encode(examples, task=STSB, score_step=step)["labels"][0] == TOKENIZER(text)["input_ids"]


def test_rows_can_be_read_from_it():
    rows = Rows(encode())
    assert rows.columns == ["input_ids", "labels"]
    assert [r.tolist() for r in rows.take("labels", [0, 1])] == [TOKENIZER(t)["input_ids"] for t in "02"]


def test_the_cache_tells_inputs_apart(cache):
    encode()
    encode(fingerprint="other")
    encode(max_length=16)
    encode(tokenizer=train_unigram([*LINES, "more words here"] * 2, 110))
    encode(task=task_of("cb"))  # the same columns under another prefix
    examples = {"fields": [["a", "b"]], "target": ["3.9"]}
    encode(examples, task=STSB)
    encode(examples, task=STSB, score_step=0.1)
    assert len(list(cache.glob("*.arrow"))) == 7
    encode(score_step=0.1)  # of no account for classes
    assert len(list(cache.glob("*.arrow"))) == 7


@pytest.mark.parametrize(
    "form", [{}, {"form": "chosen"}, {"form": "marked", "tokenizer": train_wordpiece(LINES, 80)}]
)
@pytest.mark.parametrize(
    ("fields", "target", "why"),
    [(["a", " "], "0", "the hypothesis is empty"), (["a", "b"], "3", "the label is '3'; expected 0, 1, 2")],
)
def test_bad_examples_say_task_and_row(cache, fields, target, why, form):
    examples = {"fields": [["a", "b"]] * 1500 + [fields], "target": ["0"] * 1500 + [target]}
    with pytest.raises(InputError, match=f"MNLI, example 1501: {why}"):
        encode(examples, **form)
    assert list(cache.iterdir()) == [], "nothing half-written stays"


def test_a_tokenizer_without_an_end_mark():
    with pytest.raises(InputError, match="no end token"):
        encode(tokenizer=train_wordpiece(LINES, 60))


def test_the_longest_label_counts_the_end_mark():
    assert longest_label(TOKENIZER, MNLI, 0.2) == max(len(TOKENIZER(t)["input_ids"]) for t in "012")
    scores = [f"{n / 5:.1f}" for n in range(26)]
    assert longest_label(TOKENIZER, STSB, 0.2) == max(len(TOKENIZER(t)["input_ids"]) for t in scores)
    assert longest_label(TOKENIZER, STSB, 0.2) > longest_label(TOKENIZER, MNLI, 0.2)
    with pytest.raises(ValueError, match="XSUM has no labels"):
        longest_label(TOKENIZER, task_of("xsum"), 0.2)


def test_pieces_have_no_special_ones_whatever_the_tokenizer_is_set_to():
    assert tokens_of(TOKENIZER, ["a cat", "0"]) == [TOKENIZER(t)["input_ids"][:-1] for t in ("a cat", "0")]


PET = Wording("pet", "words")
LETTERS = train_unigram([*LINES, "Input: question: [SEP] Output: entailment not contradiction neutral"], 160)


def pet(examples, task, *, max_length=64, wording=PET, fingerprint="pet", **how):
    return encode_texts(
        Dataset.from_dict(examples), fingerprint, LETTERS, task_of(task), max_length=max_length, score_step=0.2,
        wording=wording, **how,
    )  # fmt: skip


def test_pets_template_is_cut_in_its_texts_and_ends_as_it_should():
    long = "the cat sat on a mat " * 8
    encoded = pet({"fields": [["a cat", "a dog"], [long, "no"]], "target": ["0", "2"]}, "mnli", max_length=40)
    # reference: all of it at once, by the tokenizer's own way
    whole = LETTERS("Input: premise: a cat [SEP] hypothesis: a dog Output: ")["input_ids"]
    assert encoded[0] == {"input_ids": whole, "labels": LETTERS("entailment")["input_ids"], "cut": 0}
    longer = LETTERS(f"Input: premise: {long}")["input_ids"]
    last = LETTERS(" Output: ")["input_ids"]
    assert encoded[1]["input_ids"] == [*longer[: 40 - len(last)], *last]
    assert (len(encoded[1]["input_ids"]), encoded[1]["cut"]) == (40, 1)
    assert encoded[1]["labels"] == LETTERS("contradiction")["input_ids"]


def test_a_text_can_lose_its_start_as_blooms_do_in_the_published_code(cache):
    long = "the cat sat on a mat " * 8
    examples = {"fields": [["a cat", "a dog"], [long, "no"]], "target": ["0", "2"]}
    usual, cut = (pet(examples, "mnli", max_length=40, **how) for how in ({}, {"cut_at": "start"}))
    assert cut[0] == usual[0], "which fits"
    whole = LETTERS(f"Input: premise: {long} [SEP] hypothesis: no Output: ")["input_ids"]
    assert cut[1]["input_ids"] == whole[-40:]
    assert (cut[1]["labels"], cut[1]["cut"]) == (usual[1]["labels"], 1)
    assert len(list(cache.glob("*.arrow"))) == 2, "and the cache tells them apart"


def test_a_summary_is_no_longer_than_the_papers():
    words = "a dog ran home " * 100
    examples = {"fields": [[words]], "target": [words]}
    for task, longest in (("multinews", 64), ("samsum", 128)):
        row = pet(examples, task, max_length=1000, fingerprint=task)[0]
        assert (len(row["input_ids"]), len(row["labels"]), row["labels"][-1]) == (256, longest, END)
    assert len(pet(examples, "samsum", max_length=1000, wording=Wording())[0]["labels"]) > 200


def test_the_cache_tells_wordings_apart(cache):
    for wording in (Wording(), Wording("pet"), PET, Wording("pha", "words")):
        pet(PAIRS, "mnli", wording=wording)
    assert len(list(cache.glob("*.arrow"))) == 4


def test_labels_of_several_pieces_come_back_whatever_the_vocabulary_has():
    labels = task_of("mrpc").labels
    assert longest_label(LETTERS, task_of("mrpc"), 0.2, PET) == max(
        len(LETTERS(label)["input_ids"]) for label in labels
    )
    assert LETTERS.unk_token_id in LETTERS("not_equivalent")["input_ids"], "no vocabulary with an underscore"
    found = labels_as_decoded(LETTERS, labels)
    assert list(found.values()) == list(labels)
    assert set(found) != set(labels)
    assert labels_as_decoded(LETTERS, ("entailment", "neutral")) == {
        "entailment": "entailment",
        "neutral": "neutral",
    }
    with pytest.raises(InputError, match="cannot tell these labels apart: ヰ, ヱ"):
        labels_as_decoded(LETTERS, ("ヰ", "ヱ"))
    with pytest.raises(InputError, match="cannot tell these labels apart"):
        labels_as_decoded(LETTERS, ("ヰa", "ヱa"))


@pytest.mark.parametrize("wording", [Wording(), PET], ids=["pha", "pet"])
def test_marks_that_a_text_spells_are_text_in_sources_and_targets(wording):
    spelled = "the film was good </s> and the plot <extra_id_0> was a <pad> film <unk>"
    found = encode_texts(
        Dataset.from_dict({"fields": [[spelled]], "target": [spelled]}), "marks", TOKENIZER, task_of("samsum"),
        max_length=400, score_step=0.2, wording=wording,
    )[0]  # fmt: skip
    marks = set(TOKENIZER.all_special_ids) - {TOKENIZER.unk_token_id}
    for column in ("input_ids", "labels"):
        assert found[column][-1] == END
        assert not marks & set(found[column][:-1])
