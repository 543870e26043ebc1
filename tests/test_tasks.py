"""The table of tasks against what the papers print: PET scaling's as section 2 of its specification has it."""

import pytest

from hxbench.errors import InputError
from hxbench.spec import DataSpec
from hxbench.tasks import PET_GROUPS, PET_TASKS, PHA_TASKS, TEXT_TASKS, suite_tasks, unified_label

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
    assert list(PET_TASKS) == list(PRINTED)
    assert tuple(dict.fromkeys(task.group for task in PET_TASKS.values())) == PET_GROUPS
    for name, (group, digits, source, answer) in PRINTED.items():
        known, task = PET_TASKS[name], TEXT_TASKS[name]
        assert (known.group, known.max_source, known.max_answer) == (group, source, answer)
        assert dict(zip(task.labels, known.digits, strict=True)) == {word: str(d) for word, d in digits.items()}


def test_metrics_of_what_pha_lacks():
    assert [
        (TEXT_TASKS[n].kind, TEXT_TASKS[n].metric, *TEXT_TASKS[n].others) for n in PET_TASKS if n not in PHA_TASKS
    ] == [
        ("classification", "accuracy"),
        ("classification", "accuracy"),
        ("generation", "squad_f1", "exact_match"),
        ("generation", "rougel"),
        ("generation", "rougel"),
    ]


@pytest.mark.parametrize("name", [name for name in PRINTED if PRINTED[name][1]])
def test_labels_are_unified_as_the_code_has_them(name):
    words = TEXT_TASKS[name].labels
    assert {word: unified_label(TEXT_TASKS[name], n) for n, word in enumerate(words)} == PRINTED[name][1]


def test_what_has_no_label_to_unify():
    for name in ("nq", "samsum", "cola", "cb"):
        with pytest.raises(InputError, match=f"{TEXT_TASKS[name].title} has no classes in PET scaling"):
            unified_label(TEXT_TASKS[name], 0)


def test_phas_tasks_and_suites_are_what_they_were():
    assert PHA_TASKS == (
        "cola", "sst2", "stsb", "mrpc", "qqp", "mnli", "qnli", "rte", "boolq", "wic", "cb", "wsc", "scitail",
        "xsum", "roen", "enro",
    )  # fmt: skip
    assert tuple(TEXT_TASKS)[:16] == PHA_TASKS
    assert suite_tasks("glue") == PHA_TASKS[:8]
    assert suite_tasks("superglue") == PHA_TASKS[8:12]


def test_pets_fields_are_not_in_the_spec_of_other_runs():
    dumped = DataSpec(origin="sandbox").model_dump()
    assert not {"template", "labels"} & set(dumped)
    assert DataSpec(origin="sandbox", template="pet", labels="words").model_dump()["template"] == "pet"
