"""The table of tasks against what the papers print: PET scaling's as section 2 of its specification has it."""

import pytest

from hxbench.closed import validated
from hxbench.errors import InputError
from hxbench.spec.run_spec import DataSpec
from hxbench.tasks import (
    Task,
    read_together,
    suite_tasks,
    task_names,
    task_of,
    tasks_in,
    text_tasks,
    unified_label,
)

# task: group, what each label word is as a digit, longest input, longest generation
PRINTED = {
    "sst2": ("sa", {"positive": 1, "negative": 0}, 128, 1),
    "imdb": ("sa", {"positive": 1, "negative": 0}, 128, 1),
    "rotten": ("sa", {"positive": 1, "negative": 0}, 128, 1),
    "mnli": ("nli", {"entailment": 1, "contradiction": 0, "neutral": 2}, 256, 1),
    "qnli": ("nli", {"entailment": 1, "not_entailment": 0}, 256, 1),
    "rte": ("nli", {"entailment": 1, "not_entailment": 0}, 256, 1),
    "mrpc": ("pi", {"equivalent": 1, "not_equivalent": 0}, 256, 1),
    "qqp": ("pi", {"duplicate": 1, "not_duplicate": 0}, 256, 1),
    "nq": ("qa", {}, 256, None),
    "samsum": ("sum", {}, 256, 128),
    "multinews": ("sum", {}, 256, 64),
}


def test_pets_tasks_are_those_of_the_paper_in_its_order():
    assert list(tasks_in("pet")) == list(PRINTED)
    assert tuple(dict.fromkeys(task_of(n).group for n in tasks_in("pet"))) == (
        "sa",
        "nli",
        "pi",
        "qa",
        "sum",
    )
    for name, (group, digits, source, answer) in PRINTED.items():
        task = task_of(name)
        # of a class the paper has one token, to which no label is ever cut
        assert (task.group, task.longest_input, 1 if digits else task.longest_answer) == (group, source, answer)
        assert dict(zip(task.labels, task.digits, strict=True)) == {word: str(d) for word, d in digits.items()}


def test_metrics_of_what_pha_lacks():
    assert [(task_of(n).type, *task_of(n).metrics) for n in tasks_in("pet") if n not in tasks_in("pha")] == [
        ("classification", "accuracy"),
        ("classification", "accuracy"),
        ("generation", "squad_f1", "exact_match"),
        ("generation", "rougel"),
        ("generation", "rougel"),
    ]


@pytest.mark.parametrize("name", [name for name in PRINTED if PRINTED[name][1]])
def test_labels_are_unified_as_the_code_has_them(name):
    words = task_of(name).labels
    assert {word: unified_label(task_of(name), n) for n, word in enumerate(words)} == PRINTED[name][1]


def test_what_has_no_label_to_unify():
    for name in ("nq", "samsum", "cola", "cb"):
        with pytest.raises(InputError, match=f"{task_of(name).title} has no classes in PET scaling"):
            unified_label(task_of(name), 0)


def test_phas_tasks_and_suites_are_what_they_were():
    assert tasks_in("pha") == (
        "cola", "sst2", "stsb", "mrpc", "qqp", "mnli", "qnli", "rte", "boolq", "wic", "cb", "wsc", "scitail",
        "xsum", "roen", "enro",
    )  # fmt: skip
    assert tuple(text_tasks())[:16] == tasks_in("pha")
    assert suite_tasks("glue") == tasks_in("pha")[:8]
    assert suite_tasks("superglue") == tasks_in("pha")[8:12]


def test_pets_fields_are_not_in_the_spec_of_other_runs():
    dumped = DataSpec(origin="sandbox").model_dump()
    assert not {"template", "labels"} & set(dumped)
    assert DataSpec(origin="sandbox", template="pet", labels="words").model_dump()["template"] == "pet"


def test_every_task_is_one_of_the_catalogue():
    assert task_names()[:3] == ("ner", "pos", "mlm")
    assert suite_tasks("hyperx") == ("ner", "pos")
    types = {name: task_of(name).type for name in task_names()}
    assert {name for name, one in types.items() if one == "tagging"} == {"ner", "pos"}
    assert set(text_tasks()) == {*tasks_in("pha"), *tasks_in("pet")}
    with pytest.raises(InputError, match=r"unknown task 'sst'\. Did you mean sst2"):
        task_of("sst")


def test_a_collection_of_corpora_has_tasks_of_one_kind_and_raw_text():
    kinds = {
        name: {task_of(task).answers_texts for task in read_together(name)} for name in ("multilingual", "english")
    }
    assert read_together("multilingual") == ("ner", "pos", "mlm")
    assert read_together("english") == (*text_tasks(), "mlm")
    assert kinds == {"multilingual": {False}, "english": {True, False}}
    assert not any(task_of(task).type == "tagging" for task in read_together("english"))


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"type": "tagging", "metrics": ["f1"]}, "two labels or more"),
        ({"type": "classification", "labels": ["a", "b"], "metrics": ["f1"]}, "has fields"),
        ({"type": "generation", "fields": ["text"]}, "has a metric"),
        (
            {"type": "classification", "labels": ["a", "b"], "metrics": ["f1"], "fields": ["x"], "digits": ["0"]},
            "one for each label",
        ),
        ({"type": "tagging", "metrics": ["f1"], "label": ["a", "b"]}, "Did you mean labels"),
    ],
)
def test_an_entry_that_lacks_something_says_what(entry, said):
    with pytest.raises(InputError, match=f"task mine: .*{said}"):
        validated(Task, {"name": "mine", "title": "Mine", **entry}, "task mine")
