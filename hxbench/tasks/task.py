"""A task: what a model reads, what it has to answer, and how that is scored."""

import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from hxbench.closed import Closed

TaskType = Literal["tagging", "classification", "regression", "generation", "masked-lm"]
TEXTS: tuple[TaskType, ...] = ("classification", "regression", "generation")  # answered as a whole
METRICS: dict[str, tuple[str, ...]] = {
    "tagging": ("accuracy", "f1"),
    "classification": ("accuracy", "macro_f1", "f1", "matthews"),
    "regression": ("pearson", "spearman"),
    "generation": ("rougel", "rouge2", "bleu", "squad_f1", "exact_match"),
    "masked-lm": (),
}
BRACED = re.compile(r"\{([^{}]*)\}")
Length = Annotated[int, Field(gt=0)]


class Decoding(Closed):
    """How free text is searched for: its tokens, end mark included, at most and at least, and how many beams."""

    longest: Length
    shortest: Annotated[int, Field(ge=0)] = 0
    beams: Length = 1


class Task(Closed):
    """One task.

    `labels` are the classes by id, in the words of the files. The first of `metrics` enters averages, the others
    are computed beside it. `size` is the number of training examples of the release, by which PHA's rule of splits
    goes.
    """

    name: str
    title: str
    type: TaskType
    suite: str = ""  # hyperx, glue, superglue, or by itself
    prefix: str = ""  # what PHA's source texts begin with
    fields: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    size: int = 0
    corpus: str = ""  # what the files of a tagged corpus or of raw text are called
    cut_off: str = ""  # of tagging: the label of a word that was cut off, which must not be right by chance
    several_answers: bool = False  # the target has all right answers, `APART`
    group: str = ""  # of tasks alike, between which transfer is measured
    digits: tuple[str, ...] = ()  # what stands for the classes where labels are digits; else their ids
    longest_input: Length | None = None  # in tokens, where a template limits it
    longest_answer: Length | None = None
    decoding: Decoding | None = None  # of free text
    template: str = ""  # of a text, its fields in braces, in the place of the papers' templates

    @model_validator(mode="after")
    def _has_what_its_type_needs(self) -> Self:
        if self.type in ("tagging", "classification") and len(self.labels) < 2:
            raise ValueError(f"a task of type {self.type} has two labels or more")
        if self.type != "masked-lm" and not self.metrics:
            raise ValueError("a task that is scored has a metric")
        if self.answers_texts and not self.fields:
            raise ValueError(f"a task of type {self.type} has fields")
        if wrong := set(self.metrics).difference(METRICS[self.type]):
            raise ValueError(
                f"a task of type {self.type} has the metrics {', '.join(METRICS[self.type])}, and not {min(wrong)}"
            )
        if self.template and sorted(BRACED.findall(self.template)) != sorted(self.fields):
            raise ValueError(f"the template has in braces each field once: {', '.join(self.fields)}")
        if self.digits and len(self.digits) != len(self.labels):
            raise ValueError("digits has one for each label")
        return self

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def metric(self) -> str:
        """The metric that enters averages."""
        return self.metrics[0]

    @property
    def answers_texts(self) -> bool:
        """Whether an answer is to a text as a whole, and not to each of its words."""
        return self.type in TEXTS

    @property
    def has_classes(self) -> bool:
        """Whether one of its labels answers a text as a whole."""
        return self.type == "classification"
