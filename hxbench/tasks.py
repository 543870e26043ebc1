"""The English tasks of PHA and of PET scaling: what a model reads, has to write, and how that is scored.

PHA (section 4) has sixteen and PET scaling eleven, six of them the same. How an example becomes a text
is `hxbench.encoding.templates`.
"""

from dataclasses import dataclass
from typing import Literal

from hxbench.errors import InputError, did_you_mean

Kind = Literal["classification", "regression", "generation"]
LANGUAGE = "en"  # of all of them, where a pair of task and language is asked for
SUITES = ("glue", "superglue")
APART = "\n"  # between the right answers to a question in its target; none of them has a line break


@dataclass(frozen=True)
class TextTask:
    """One task.

    `prefix` is what PHA's source texts begin with. `labels` are the classes by id, in the words of the files;
    `metric` enters the averages, `others` are computed beside it. `size` is the number of training examples of the
    release, by which the paper's rule of splits goes.
    """

    name: str
    title: str
    suite: str  # glue, superglue, or by itself
    prefix: str
    fields: tuple[str, ...]
    labels: tuple[str, ...]
    metric: str
    others: tuple[str, ...]
    size: int
    kind: Kind = "classification"


def _line(text: str) -> TextTask:
    name, title, suite, prefix, fields, labels, metrics, size, kind = (part.strip() for part in text.split("|"))
    metric, *others = metrics.split()
    return TextTask(
        name, title, suite, prefix, tuple(fields.split()), tuple(labels.split()), metric, tuple(others),
        int(size), kind,  # type: ignore[arg-type]
    )  # fmt: skip


# name, title, suite, prefix of the source text, fields in order, classes by id, metrics, training examples, kind
_TASKS = """
cola    | CoLA    | glue      | cola              | sentence            | unacceptable acceptable             | matthews         | 8551   | classification
sst2    | SST-2   | glue      | sst2              | sentence            | negative positive                   | accuracy         | 67349  | classification
stsb    | STS-B   | glue      | stsb              | sentence1 sentence2 |                                     | pearson spearman | 5749   | regression
mrpc    | MRPC    | glue      | mrpc              | sentence1 sentence2 | not_equivalent equivalent           | accuracy f1      | 3668   | classification
qqp     | QQP     | glue      | qqp               | question1 question2 | not_duplicate duplicate             | accuracy f1      | 363846 | classification
mnli    | MNLI    | glue      | mnli              | premise hypothesis  | entailment neutral contradiction    | accuracy         | 392702 | classification
qnli    | QNLI    | glue      | qnli              | question sentence   | entailment not_entailment           | accuracy         | 104743 | classification
rte     | RTE     | glue      | rte               | sentence1 sentence2 | entailment not_entailment           | accuracy         | 2490   | classification
boolq   | BoolQ   | superglue | superglue-boolq   | question passage    | false true                          | accuracy         | 9427   | classification
wic     | WiC     | superglue | superglue-wic     | sentence1 sentence2 word | false true                     | accuracy         | 5428   | classification
cb      | CB      | superglue | superglue-cb      | premise hypothesis  | entailment contradiction neutral    | accuracy         | 250    | classification
wsc     | WSC     | superglue | superglue-wsc.fixed | text              | false true                          | accuracy         | 554    | classification
scitail | SciTail | scitail   | scitail           | sentence1 sentence2 | entailment neutral                  | accuracy         | 23596  | classification
xsum    | XSUM    | xsum      | summarize:        | document            |                                     | rouge2           | 204045 | generation
roen    | Ro-En   | wmt16     | translate Romanian to English: | text   |                                     | bleu             | 610320 | generation
enro    | En-Ro   | wmt16     | translate English to Romanian: | text   |                                     | bleu             | 610320 | generation
"""  # noqa: E501
# Those that only PET scaling has: in no suite, in no running text and no vocabulary that is made for PHA.
_MORE_TASKS = """
imdb    | IMDB            | imdb            | imdb        | sentence | negative positive | accuracy             | 25000 | classification
rotten  | Rotten Tomatoes | rotten_tomatoes | rotten      | sentence | negative positive | accuracy             | 8530  | classification
nq      | NQ-Open         | nq_open         | nq question: | question |                  | squad_f1 exact_match | 87925 | generation
samsum  | SAMSum          | samsum          | summarize:  | dialogue |                   | rougel               | 14732 | generation
multinews | Multi-News    | multi_news      | summarize:  | document |                   | rougel               | 44972 | generation
"""  # noqa: E501


def _table(text: str) -> dict[str, TextTask]:
    return {task.name: task for task in map(_line, text.strip().splitlines())}


PHA_TASKS = tuple(_table(_TASKS))
TEXT_TASKS: dict[str, TextTask] = _table(_TASKS) | _table(_MORE_TASKS)


@dataclass(frozen=True)
class PetTask:
    """What PET scaling says of one of its tasks: groups and lengths in its paper, digits in its code.

    `digits` stand for the classes, by their ids, where labels are digits. `max_source` is the longest input and
    `max_answer` the longest generation in pieces; None where the paper does not say.
    """

    group: str
    digits: tuple[str, ...]
    max_source: int
    max_answer: int | None


PET_GROUPS = ("sa", "nli", "pi", "qa", "sum")
# in the paper's order: task, group, digits by class id, longest input, longest generation
_PET = """
sst2      | sa  | 0 1   | 128 | 1
imdb      | sa  | 0 1   | 128 | 1
rotten    | sa  | 0 1   | 128 | 1
mnli      | nli | 1 2 0 | 256 | 1
qnli      | nli | 1 0   | 256 | 1
rte       | nli | 1 0   | 256 | 1
mrpc      | pi  | 0 1   | 256 | 1
qqp       | pi  | 0 1   | 256 | 1
nq        | qa  |       | 256 |
samsum    | sum |       | 256 | 128
multinews | sum |       | 256 | 64
"""


def _pet() -> dict[str, PetTask]:
    rows = ([cell.strip() for cell in line.split("|")] for line in _PET.strip().splitlines())
    return {
        name: PetTask(group, tuple(digits.split()), int(source), int(answer) if answer else None)
        for name, group, digits, source, answer in rows
    }


PET_TASKS: dict[str, PetTask] = _pet()


UNIFIED_LABELS = 3  # 0, 1 and 2


def unified_label(task: TextTask, label: int) -> int:
    """Return what a class id is called in PET's transfer between tasks (its appendix E), where all tasks agree.

    0 is negative, not entailed, contradicted, not the same; 1 is positive, entailed, the same; 2 is neutral: the
    code's digits. A run has them with `data.labels: unified`, whatever its template. Raises `InputError` for a
    task that PET does not have or that has no classes.
    """
    digits = PET_TASKS[task.name].digits if task.name in PET_TASKS else ()
    if not digits:
        raise InputError(f"{task.title} has no classes in PET scaling, and so none to be unified.")
    return int(digits[label])


def text_task(name: str) -> TextTask:
    """Return the task of this name; `InputError` for another."""
    if name not in TEXT_TASKS:
        raise InputError(did_you_mean("task", name, list(TEXT_TASKS)))
    return TEXT_TASKS[name]


def right_answers(target: str) -> list[str]:
    """Return the answers to a question from its target: at least one of each non-empty target."""
    return [answer for answer in target.split(APART) if answer.strip()]


def suite_tasks(suite: str) -> tuple[str, ...]:
    """Return the tasks of a suite that are trained together, in the paper's order."""
    if suite not in SUITES:
        raise InputError(did_you_mean("suite", suite, list(SUITES)))
    return tuple(task.name for task in TEXT_TASKS.values() if task.suite == suite)
