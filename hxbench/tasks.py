"""The text-to-text tasks of PHA: what a model reads, what it has to write, and how that is scored (section 4).

The source text of an example is the task's prefix and its fields by name, the target text a class id, a number or
the wanted text itself.
"""

from dataclasses import dataclass
from typing import Literal

from hxbench.errors import InputError, did_you_mean

Kind = Literal["classification", "regression", "generation"]
LANGUAGE = "en"  # of all of them, where a pair of task and language is asked for
SUITES = ("glue", "superglue")


@dataclass(frozen=True)
class TextTask:
    """One task.

    `labels` are the classes by id, in the words of the files; `metric` enters the averages, `others` are computed
    beside it. `size` is the number of training examples of the release, by which the paper's rule of splits goes.
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

TEXT_TASKS: dict[str, TextTask] = {task.name: task for task in map(_line, _TASKS.strip().splitlines())}


def text_task(name: str) -> TextTask:
    """Return the task of this name; `InputError` for another."""
    if name not in TEXT_TASKS:
        raise InputError(did_you_mean("task", name, list(TEXT_TASKS)))
    return TEXT_TASKS[name]


def suite_tasks(suite: str) -> tuple[str, ...]:
    """Return the tasks of a suite that are trained together, in the paper's order."""
    if suite not in SUITES:
        raise InputError(did_you_mean("suite", suite, list(SUITES)))
    return tuple(task.name for task in TEXT_TASKS.values() if task.suite == suite)
