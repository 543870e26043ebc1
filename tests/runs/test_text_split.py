"""Answering a split: every example gets its own answer, whatever the batches, and is scored as its task is."""

import pickle
from contextlib import nullcontext

import numpy as np
import pytest
import torch
from datasets import Dataset
from tiny_t5 import tiny_t5

from hxbench.backbones.vocabularies import train_unigram, train_wordpiece
from hxbench.data.texts import encode_texts, longest_label
from hxbench.methods import method_class
from hxbench.methods.method import Setup
from hxbench.runs.scoring import UNSTATED, TextSplit, score_split
from hxbench.tasks import Decoding, task_of
from hxbench.tasks.encoding.templates import PHA, Wording

CPU = torch.device("cpu")
TOKENIZER = train_unigram(
    ["the cat sat on a mat", "a dog ran home 0 1 2 3.8", "sst2 sentence: summarize:"] * 4, 130
)
WORDS = "the cat sat on a mat dog ran home".split()


class Oracle:
    """Answers with a text that stands for what it reads, so that an answer at a wrong place shows."""

    def __init__(self, says):
        self.says, self.asked = says, []

    def eval(self):
        pass

    def keeping_weights(self):
        return nullcontext()

    def generate(self, batch, longest, *, shortest, beams):
        self.asked.append((longest, shortest, beams))
        self.batch = batch
        rows = []
        for ids, mask in zip(batch.input_ids.tolist(), batch.attention_mask, strict=True):
            read = TOKENIZER.decode(ids[: int(mask.sum())], skip_special_tokens=True)
            rows.append(TOKENIZER(self.says(read))["input_ids"])
        width = max(map(len, rows))
        return torch.tensor([row + [TOKENIZER.pad_token_id] * (width - len(row)) for row in rows])


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HXBENCH_CACHE", str(tmp_path))


def texts(sizes):
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(WORDS, size)) for size in sizes]


def data_of(task, fields, targets, *, max_length=64, wording=PHA, **others):
    corpus = Dataset.from_dict({"fields": fields, "target": targets})
    encoded = encode_texts(
        corpus, str(fields), TOKENIZER, task_of(task), max_length=max_length, score_step=0.2, wording=wording
    )
    return TextSplit.of(task, "en", corpus, encoded, TOKENIZER, score_step=0.2, wording=wording, **others)


def lists(texts):
    return [[text] for text in texts]


LINES = texts([3, 9, 1, 5, 12, 2, 7])


def digit(text):
    """What the oracle makes of a sentence."""
    return str(len(text.split("sentence: ")[1].split()) % 2)


@pytest.mark.parametrize("batch_size", [1, 2, 3, 100])
def test_every_example_gets_its_own_answer(batch_size):
    gold = [str(len(line.split()) % 2) for line in LINES]
    data = data_of("sst2", [[line] for line in LINES], gold, place=5)
    oracle = Oracle(digit)
    found = score_split(oracle, data, batch_size, CPU)
    assert found.predicted == found.gold == lists(gold)
    assert set(oracle.asked) == {(longest_label(TOKENIZER, task_of("sst2"), 0.2), 0, 1)}
    assert set(oracle.batch.tasks.tolist()) == {5}
    assert (oracle.batch.task, oracle.batch.language) == ("sst2", "en")
    (row,) = found.rows("dev")
    assert row == {
        "split": "dev", "task": "sst2", "language": "en", "metric": "accuracy", "value": 100.0, "sentences": 7,
        "cut": 0, "unreadable": 0,
    }  # fmt: skip


def test_sources_that_were_cut_are_counted():
    data = data_of("sst2", [[line] for line in LINES], ["0"] * 7, max_length=10)
    assert 0 < data.cut < 7
    assert score_split(Oracle(digit), data, 4, CPU).rows("test")[0]["cut"] == data.cut


def test_scores_are_compared_with_what_was_to_be_written():
    data = data_of("stsb", [["a cat", "a dog"], ["a", "mat"]], ["3.133", "4.000"])
    assert data.gold == [["3.2"], ["4.0"]]


def test_free_text_is_searched_for_by_the_table_or_with_fewer_beams():
    data = data_of("xsum", [[line] for line in LINES], LINES)
    oracle = Oracle(lambda read: read.removeprefix("summarize: "))
    found = score_split(oracle, data, 3, CPU)
    assert set(oracle.asked) == {(60, 10, 6)}
    assert found.predicted == found.gold == lists(LINES)
    (row,) = found.rows("test")
    assert (row["metric"], row["unreadable"]) == ("rouge2", 0)
    few = Oracle(lambda read: "")
    found = score_split(few, data_of("xsum", [[line] for line in LINES], LINES, beams=1), 3, CPU)
    assert set(few.asked) == {(60, 10, 1)}
    assert [found.rows("test")[0][name] for name in ("value", "unreadable")] == [0.0, 7]
    for name in ("roen", "enro"):
        assert (task_of(name).decoding.longest, task_of(name).decoding.beams) == (300, 4)
    labels = Oracle(digit)
    score_split(labels, data_of("sst2", [["a cat"]], ["0"], beams=4), 3, CPU)
    assert labels.asked[0][2] == 1, "labels are searched for greedily"


def test_answers_do_not_depend_on_the_batch_size_nor_on_dropout():
    kind = method_class("text-finetune")
    method = kind(Setup(tiny_t5(tokenizer=TOKENIZER, dropout=0.3), ("xsum",)), kind.Options())
    data = data_of("xsum", [[line] for line in LINES], LINES)
    data.decoding = Decoding(longest=6)
    results = [score_split(method.train(), data, size, CPU) for size in (1, 2, 5, 100)]
    assert len({text for [text] in results[0].predicted}) > 3
    assert all(result == results[0] for result in results)
    assert not method.training


@pytest.mark.parametrize("template", ["pha", "pet"])
def test_label_words_of_several_pieces_are_scored_right(template):
    words = ("not_equivalent", "equivalent")
    lines = [(line, str(len(line.split()) % 2)) for line in LINES]
    wording = Wording(template, "words")
    data = data_of("mrpc", [[line, "a cat"] for line, _ in lines], [label for _, label in lines], wording=wording)
    pieces = [TOKENIZER(word)["input_ids"] for word in words]
    assert min(map(len, pieces)) > 2
    assert data.gold == [[words[int(label)]] for _, label in lines]

    def says(read):
        return words[len(read.split("sentence1: ")[1].split("sentence2:")[0].replace("[SEP]", "").split()) % 2]

    if template == "pha":  # the other template has marks that this vocabulary lacks
        oracle = Oracle(says)
        found = score_split(oracle, data, 3, CPU)
        assert {asked[0] for asked in oracle.asked} == {max(map(len, pieces))}
        assert found.predicted == data.gold
        assert found.rows("test")[0]["value"] == 100
        assert found.rows("test")[0]["unreadable"] == 0
    found = score_split(Oracle(lambda read: words[0]), data, 3, CPU)
    assert found.predicted == [[words[0]]] * 7
    right = sum(label == "0" for _, label in lines)
    assert found.rows("test")[0]["value"] == pytest.approx(100 * right / 7)
    assert set(found.predictions()["predicted"][0]) == {words[0]}
    assert score_split(Oracle(lambda read: "cat"), data, 3, CPU).rows("test")[0]["unreadable"] == 7


def test_pets_digits_are_not_the_class_ids():
    data = data_of("mnli", [["a cat", "a dog"]] * 3, ["0", "1", "2"], wording=Wording("pet"))
    assert data.gold == [["1"], ["2"], ["0"]]
    found = score_split(Oracle(lambda read: "1"), data, 2, CPU)
    assert list(found.sentence_counts()) == [(1, 0, 0), (0, 0, 1), (0, 0, 2)]
    rows = found.rows("dev")
    assert (rows[0]["value"], rows[0]["unreadable"]) == (pytest.approx(100 / 3), 0)
    assert pickle.loads(pickle.dumps(found)) == found


def test_in_pets_template_an_answer_ends_with_its_line():
    data = data_of("sst2", [["a cat"]], ["1"], wording=Wording("pet", "words"))
    assert [data.read(t) for t in (" positive", "positive\nInput: a", "positive</s> and so on", "a b\n")] == [
        "positive", "positive", "positive", "a b",
    ]  # fmt: skip
    plain = data_of("sst2", [["a cat"]], ["1"])
    assert plain.read(" 1\n2") == "1\n2"


def test_a_question_has_several_right_answers():
    data = data_of("nq", [["cat"], ["dog"]], ["a cat\nthe mat", "home"], wording=Wording("pet"))
    assert TOKENIZER.decode(data.rows.take("labels", [0])[0], skip_special_tokens=True) == "a cat"
    oracle = Oracle(lambda read: "mat")
    found = score_split(oracle, data, 2, CPU)
    assert oracle.asked == [(UNSTATED, 0, 1)]
    assert [(row["metric"], row["value"]) for row in found.rows("test")] == [
        ("squad_f1", 50.0),
        ("exact_match", 50.0),
    ]
    assert found.predictions() == {
        "sentence": [0, 1], "gold": [["a cat", "the mat"], ["home"]], "predicted": [["mat"], ["mat"]],
    }  # fmt: skip


def test_summaries_are_as_long_as_the_paper_lets_them():
    for task, longest in (("samsum", 128), ("multinews", 64)):
        oracle = Oracle(lambda read: "a dog ran home")
        found = score_split(oracle, data_of(task, [["a cat"]], ["a dog ran"]), 2, CPU)
        assert oracle.asked == [(longest, 0, 1)]
        [row] = found.rows("test")
        assert (row["metric"], row["value"]) == ("rougel", pytest.approx(200 * 3 / 7))


# --- classes that are chosen ------------------------------------------------------------------------------------

PIECES = train_wordpiece(["the cat sat on a mat", "a dog ran home"] * 4, 60)


class Chooser:
    """Chooses a class by the number of pieces it reads."""

    def eval(self):
        pass

    def keeping_weights(self):
        return nullcontext()

    def generate(self, batch, longest, *, shortest, beams):
        assert (longest, shortest, beams) == (1, 0, 1)
        return (batch.attention_mask.sum(1, keepdim=True) % 3).cpu()


@pytest.mark.parametrize("wording", [PHA, Wording("pet", "words"), Wording("pet", "digits")])
def test_chosen_classes_are_called_as_the_labels_are(wording):
    task = task_of("mnli")
    fields, targets = [[a, b] for a, b in zip(LINES, reversed(LINES), strict=True)], ["0", "1", "2"] * 2 + ["0"]
    corpus = Dataset.from_dict({"fields": fields, "target": targets})
    encoded = encode_texts(
        corpus, "chosen", PIECES, task, max_length=64, score_step=0.2, wording=wording, form="marked"
    )
    data = TextSplit.of(
        "mnli", "en", corpus, encoded, PIECES, score_step=0.2, wording=wording, chooses=True, beams=4
    )
    found = score_split(Chooser(), data, 3, CPU)
    called = {"words": task.labels, "digits": ("0", "1", "2") if wording == PHA else ("1", "2", "0")}
    called = called[wording.labels]
    chosen = [len(PIECES(a, b)["input_ids"]) % 3 for a, b in fields]
    assert found.gold == [[called[int(target)]] for target in targets]
    assert found.predicted == [[called[one]] for one in chosen]
    right = sum(one == int(target) for one, target in zip(chosen, targets, strict=True))
    (row,) = found.rows("test")
    assert (row["value"], row["unreadable"]) == (pytest.approx(100 * right / 7), 0)
    assert [two[1] == two[2] for two in found.sentence_counts()] == [
        one == int(target) for one, target in zip(chosen, targets, strict=True)
    ]
