"""A task: what a model reads, what it has to answer, and how that is scored."""

import re
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from hxbench.closed import Closed, added

TaskType = Literal["tagging", "classification", "regression", "generation", "masked-lm"]
TEXTS: tuple[TaskType, ...] = ("classification", "regression", "generation")  # answered as a whole
METRICS: dict[str, tuple[str, ...]] = {
    "tagging": ("accuracy", "f1"),
    "classification": ("accuracy", "macro_f1", "f1", "matthews"),
    "regression": ("pearson", "spearman"),
    "generation": ("rougel", "rouge2", "bleu", "squad_f1", "exact_match"),
    "masked-lm": (),
}
METRIC_TITLES = {
    "accuracy": "accuracy", "f1": "F1", "macro_f1": "macro F1", "matthews": "Matthews correlation",
    "pearson": "Pearson correlation", "spearman": "Spearman correlation", "rougel": "ROUGE-L", "rouge2": "ROUGE-2",
    "bleu": "BLEU", "squad_f1": "F1", "exact_match": "exact match",
}  # fmt: skip
BRACED = re.compile(r"\{([^{}]*)\}")
Length = Annotated[int, Field(gt=0)]
# within what a count of thousandths can hold
End = Annotated[float, Field(ge=-1e6, le=1e6, allow_inf_nan=False, strict=True)]
_FINEST = Decimal("0.001")  # in which answers are kept
_MOST_SCORES = 1000


class Decoding(Closed):
    """How free text is searched for: its tokens, end mark included, at most and at least, and how many beams."""

    longest: Length
    shortest: Annotated[int, Field(ge=0)] = 0
    beams: Length = 1


class Scores(Closed):
    """The numbers that answers may be; what a model writes is rounded to a multiple of `step` above `low`."""

    low: End
    high: End
    step: Annotated[float, Field(gt=0, strict=True)] | None = None  # default: a twenty-fifth, as T5 has of STS-B

    @model_validator(mode="after")
    def _is_a_scale(self) -> Self:
        low, high, step = self.ends_and_step()
        if low >= high:
            raise ValueError(f"low is {low}, and high is {high}: expected a higher one")
        if step % _FINEST or (high - low) % step or (high - low) / step > _MOST_SCORES:
            raise ValueError(
                f"the step is {step}: expected one that divides {low} to {high} into {_MOST_SCORES} at most, a "
                f"multiple of {_FINEST}"
            )
        return self

    def ends_and_step(self) -> tuple[Decimal, Decimal, Decimal]:
        low, high = Decimal(f"{self.low:.15g}"), Decimal(f"{self.high:.15g}")
        return low, high, (high - low) / 25 if self.step is None else Decimal(f"{self.step:.15g}")

    def unread(self) -> int:
        """Return in thousandths what an answer counts as that is no number: below the lowest by a fifth."""
        return round(1000 * (self.low - (self.high - self.low) / 5))


_STS_B = Scores(low=0, high=5)


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
    scores: Scores | None = added(None)  # of regression; default: STS-B's, whose step is a run's `data.score_step`
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
        if self.scores and self.type != "regression":
            raise ValueError(f"scores does not apply to a task of type {self.type}")
        if self.digits and len(self.digits) != len(self.labels):
            raise ValueError("digits has one for each label")
        return self

    def __hash__(self) -> int:
        return hash(self.name)

    @property
    def metric(self) -> str:
        return self.metrics[0]

    @property
    def scale(self) -> Scores:
        """The numbers that its answers may be."""
        return self.scores or _STS_B

    @property
    def answers_texts(self) -> bool:
        """Whether an answer is to a text as a whole, and not to each of its words."""
        return self.type in TEXTS

    @property
    def has_classes(self) -> bool:
        """Whether one of its labels answers a text as a whole."""
        return self.type == "classification"
