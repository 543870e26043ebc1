"""Source and target texts as section 2 of the specification has them."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from hxbench.answering.heads import HeadAnswering
from hxbench.errors import InputError
from hxbench.spec.run_spec import DataSpec
from hxbench.tasks import right_answers, task_of, tasks_in, text_tasks
from hxbench.tasks.encoding.classes import choice_of
from hxbench.tasks.encoding.templates import Wording, label_texts, longest_texts, source_text, target_text
from hxbench.tasks.scoring.text_counts import example_counts
from hxbench.tasks.task import Scores, Task

# written out by hand, task by task
SOURCES = {
    "cola": "cola sentence: A",
    "sst2": "sst2 sentence: A",
    "mrpc": "mrpc sentence1: A sentence2: B",
    "qqp": "qqp question1: A question2: B",
    "stsb": "stsb sentence1: A sentence2: B",
    "mnli": "mnli premise: A hypothesis: B",
    "qnli": "qnli question: A sentence: B",
    "rte": "rte sentence1: A sentence2: B",
    "boolq": "superglue-boolq question: A passage: B",
    "wic": "superglue-wic sentence1: A sentence2: B word: C",
    "cb": "superglue-cb premise: A hypothesis: B",
    "wsc": "superglue-wsc.fixed text: A",
    "scitail": "scitail sentence1: A sentence2: B",
    "xsum": "summarize: A",
    "roen": "translate Romanian to English: A",
    "enro": "translate English to Romanian: A",
    "imdb": "imdb sentence: A",
    "rotten": "rotten sentence: A",
    "nq": "nq question: A",
    "samsum": "summarize: A",
    "multinews": "summarize: A",
}
# PET scaling's eleven: the line between "Input: " and " Output: "
LINES = {
    "sst2": "sentence: A",
    "imdb": "sentence: A",
    "rotten": "sentence: A",
    "mnli": "premise: A [SEP] hypothesis: B",
    "qnli": "question: A [SEP] sentence: B",
    "rte": "sentence1: A [SEP] sentence2: B",
    "mrpc": "sentence1: A [SEP] sentence2: B",
    "qqp": "question1: A [SEP] question2: B",
    "nq": "question: A",
    "samsum": "dialogue: A",
    "multinews": "document: A",
}
# classes by id, as the table of section 2 has them
WORDS = {
    "sst2": ("negative positive", "01"),
    "imdb": ("negative positive", "01"),
    "rotten": ("negative positive", "01"),
    "mnli": ("entailment neutral contradiction", "120"),
    "qnli": ("entailment not_entailment", "10"),
    "rte": ("entailment not_entailment", "10"),
    "mrpc": ("not_equivalent equivalent", "01"),
    "qqp": ("not_duplicate duplicate", "01"),
}
PET, PET_WORDS = Wording("pet"), Wording("pet", "words")


@pytest.mark.parametrize("name", text_tasks())
def test_what_a_model_reads(name):
    task = task_of(name)
    assert source_text(task, "ABC"[: len(task.fields)]) == SOURCES[name]


def test_the_text_of_a_field_stays_as_it_is():
    assert source_text(task_of("cola"), ["It's  “so”\n5 %."]) == "cola sentence: It's  “so”\n5 %."


def test_fields_have_to_be_all_there():
    with pytest.raises(InputError, match="1 fields; expected 2: premise, hypothesis"):
        source_text(task_of("mnli"), ["A"])
    with pytest.raises(InputError, match="the hypothesis is empty"):
        source_text(task_of("mnli"), ["A", " \t"])


@pytest.mark.parametrize(("name", "classes"), [("cola", 2), ("mnli", 3), ("cb", 3), ("scitail", 2)])
def test_classes_are_written_as_digits(name, classes):
    task = task_of(name)
    assert label_texts(task, 0.2) == tuple("0123"[:classes])
    assert [target_text(task, label, 0.2) for label in "0123"[:classes]] == list("0123"[:classes])
    for wrong in (str(classes), "-1", "entailment", "", "01", " 1"):
        with pytest.raises(InputError, match="expected 0, 1"):
            target_text(task, wrong, 0.2)


def test_scores_of_the_paper_and_of_the_code():
    task = task_of("stsb")
    paper, code = label_texts(task, 0.2), label_texts(task, 0.1)
    assert (len(paper), len(code)) == (26, 51)
    assert (paper[:3], paper[-2:]) == (("0.0", "0.2", "0.4"), ("4.8", "5.0"))
    assert set(paper) < set(code)
    assert [target_text(task, text, 0.2) for text in ("3.8", "3.800", "3.84", "3.91", "5", "0.000")] == [
        "3.8", "3.8", "3.8", "4.0", "5.0", "0.0",
    ]  # fmt: skip
    assert [target_text(task, text, 0.1) for text in ("3.91", "2.749", "2.751")] == ["3.9", "2.7", "2.8"]


@pytest.mark.parametrize("step", [0.2, 0.1])
def test_scores_are_rounded_as_floating_point_does_where_that_is_no_near_thing(step):
    task, known = task_of("stsb"), label_texts(task_of("stsb"), step)
    for thousandths in range(0, 5001, 7):
        text, score = f"{thousandths / 1000:.3f}", thousandths / 1000
        found = target_text(task, text, step)
        assert found in known
        assert abs(float(found) - score) <= step / 2 + 1e-9
        if abs(score / step % 1 - 0.5) > 1e-6:
            assert found == f"{np.round(score / step) * step:.1f}"


def test_half_way_goes_to_the_even_multiple():
    # in binary 3.3 / 0.2 is a little less than 16.5 and 4.3 / 0.2 is 21.5
    assert [target_text(task_of("stsb"), t, 0.2) for t in ("3.3", "4.3", "3.1", "0.1", "0.3")] == [
        "3.2", "4.4", "3.2", "0.0", "0.4",
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["", "high", "-0.2", "5.001", "nan", "inf"])
def test_what_is_no_score(text):
    with pytest.raises(InputError, match="expected a number from 0 to 5"):
        target_text(task_of("stsb"), text, 0.2)


@pytest.mark.parametrize("step", [0.25, 0.3, 0.05])
def test_steps_that_give_no_set_of_scores(step):
    with pytest.raises(InputError, match="score_step"):
        label_texts(task_of("stsb"), step)


def test_free_text_has_no_labels():
    assert label_texts(task_of("xsum"), 0.2) == ()
    assert target_text(task_of("roen"), "The text.", 0.2) == "The text."
    with pytest.raises(InputError, match="the target is empty"):
        target_text(task_of("roen"), " ", 0.2)


def test_every_task_of_pet_scaling_is_written_out():
    assert set(LINES) == set(tasks_in("pet"))
    assert set(WORDS) == {name for name in tasks_in("pet") if task_of(name).digits}


@pytest.mark.parametrize("name", LINES)
def test_what_a_model_reads_in_pets_template(name):
    task = task_of(name)
    for wording in (PET, PET_WORDS):
        assert source_text(task, "AB"[: len(task.fields)], wording) == f"Input: {LINES[name]} Output: "


def test_in_pets_template_a_text_is_one_line():
    assert source_text(task_of("samsum"), ["a: hi\r\nb:  ho "], PET) == "Input: dialogue: a: hi b: ho Output: "
    assert target_text(task_of("multinews"), "One.\n\nTwo.", 0.2, PET) == "One. Two."
    assert target_text(task_of("multinews"), "One.\n\nTwo.", 0.2) == "One.\n\nTwo.", "in PHA's it stays"
    with pytest.raises(InputError, match="the hypothesis is empty"):
        source_text(task_of("mnli"), ["a", " "], PET)


@pytest.mark.parametrize("name", WORDS)
def test_labels_of_pet_as_words_and_as_digits(name):
    task, (words, digits) = task_of(name), WORDS[name]
    assert (
        label_texts(task, 0.2, PET_WORDS)
        == label_texts(task, 0.2, Wording("pha", "words"))
        == tuple(words.split())
    )
    assert label_texts(task, 0.2, PET) == tuple(digits)
    for wording, texts in ((PET_WORDS, words.split()), (PET, digits)):
        assert [target_text(task, str(n), 0.2, wording) for n in range(len(digits))] == list(texts)
        for wrong in (str(len(digits)), words.split()[0], ""):
            with pytest.raises(InputError, match=r"the label is '.*'; expected 0, 1"):
                target_text(task, wrong, 0.2, wording)


def test_what_pet_scaling_does_not_have_keeps_its_class_ids():
    assert label_texts(task_of("cb"), 0.2, PET) == ("0", "1", "2")
    assert label_texts(task_of("cola"), 0.2, PET_WORDS) == ("unacceptable", "acceptable")
    assert target_text(task_of("stsb"), "3.91", 0.2, PET_WORDS) == "4.0"


def test_a_question_is_answered_by_the_first_of_its_answers():
    assert right_answers("New York\nthe city") == ["New York", "the city"]
    for wording in (Wording(), PET):
        assert target_text(task_of("nq"), "New York\nthe city", 0.2, wording) == "New York"


def test_lengths_are_the_papers_where_it_has_any_and_the_template_is_its_own():
    found = {name: longest_texts(task_of(name), 1000, PET) for name in LINES}
    assert found == dict.fromkeys(["sst2", "imdb", "rotten"], (128, 1000)) | dict.fromkeys(
        ["mnli", "qnli", "rte", "mrpc", "qqp", "nq"], (256, 1000)
    ) | {"samsum": (256, 128), "multinews": (256, 64)}
    assert longest_texts(task_of("multinews"), 48, PET) == (48, 48)
    assert longest_texts(task_of("multinews"), 1000) == longest_texts(task_of("cola"), 1000, PET) == (1000, 1000)


def test_a_runs_wording_is_in_its_data():
    assert Wording.of(DataSpec(origin="sandbox")) == Wording()
    assert Wording.of(DataSpec(origin="sandbox", template="pet", labels="words")) == PET_WORDS


def test_unified_labels_are_the_same_in_all_tasks_and_templates():
    wanted = {"sst2": ("0", "1"), "mrpc": ("0", "1"), "qnli": ("1", "0"), "mnli": ("1", "2", "0")}
    for template in ("pha", "pet"):
        unified = Wording(template, "unified")
        for name, digits in wanted.items():
            task = task_of(name)
            assert label_texts(task, 0.2, unified) == digits
            assert [target_text(task, str(n), 0.2, unified) for n in range(len(digits))] == list(digits)
        assert label_texts(task_of("samsum"), 0.2, unified) == ()
        assert target_text(task_of("samsum"), "a cat", 0.2, unified) == "a cat"
        with pytest.raises(InputError, match="CoLA has no classes in PET scaling"):
            label_texts(task_of("cola"), 0.2, unified)


def rated(**scores):
    return Task(
        name="r", title="R", type="regression", fields=("t",), metrics=("pearson",), scores=Scores(**scores)
    )


@pytest.mark.parametrize(
    ("scores", "target", "texts", "written", "learned", "unread"),
    [
        ({"low": 0, "high": 100}, "37.2", ("0", "4", "100"), "36", 1860, -20_000),
        ({"low": 1, "high": 10, "step": 0.5}, "4.3", ("1.0", "1.5", "10.0"), "4.5", 1833, -800),
        ({"low": -1, "high": 1}, "-0.5", ("-1.00", "-0.92", "1.00"), "-0.52", 1250, -1400),
    ],
)
def test_scores_on_a_scale_of_ones_own(scores, target, texts, written, learned, unread):
    task = rated(**scores)
    known = label_texts(task, 0.2)
    assert (known[0], known[1], known[-1]) == texts
    assert target_text(task, target, 0.2) == written
    assert written in known
    assert choice_of(task, target) == learned  # on 0 to 5, as STS-B's
    head = SimpleNamespace(task=lambda _: task)
    [answer] = HeadAnswering.chosen(head, torch.tensor([[learned / 1000]]), "r").tolist()
    assert answer / 1000 == pytest.approx(float(target), abs=0.001 * (scores["high"] - scores["low"]))
    assert list(example_counts(task, [target], ["so"])) == [(0, unread, round(1000 * float(target)))]
    with pytest.raises(InputError, match=f"expected a number from {scores['low']} to {scores['high']}"):
        target_text(task, "1000", 0.2)
