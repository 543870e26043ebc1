"""Examples of a text-to-text task as the texts a model reads and writes, in the template of one of the papers.

PHA (section 4; its published code): the task's prefix and its fields by name; class ids as digits.
PET scaling (its code): `Input: ` and one line in CrossFit's form, the fields by name with ` [SEP] ` between them,
then ` Output: `; a class as its word or as the digit that the code gives it. Of those lines only SST-2's
`sentence: …` is known: the other fields go by the names that PHA has for them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation
from typing import TYPE_CHECKING, Literal

from hxbench.errors import InputError
from hxbench.tasks import Task, right_answers, unified_label
from hxbench.tasks.task import BRACED

if TYPE_CHECKING:
    from hxbench.spec.run_spec import DataSpec

BEHIND = {"pha": "", "pet": " Output: "}  # the fields of an example, in each template
_TENTH = Decimal("0.1")


@dataclass(frozen=True)
class Wording:
    """Whose template an example is in, and how a class is written: `words` are those of `Task.labels`."""

    template: Literal["pha", "pet"] = "pha"
    labels: Literal["digits", "words", "unified"] = "digits"

    @classmethod
    def of(cls, data: "DataSpec") -> "Wording":
        """Return the wording that a run's data are in."""
        return cls(data.template, data.labels)


PHA = Wording()


def require_fields(task: Task, fields: Sequence[str]) -> None:
    """Raise `InputError` for too few fields, too many, or an empty one."""
    if len(fields) != len(task.fields):
        raise InputError(f"{len(fields)} fields; expected {len(task.fields)}: {', '.join(task.fields)}.")
    for name, text in zip(task.fields, fields, strict=True):
        if not text.strip():
            raise InputError(f"the {name} is empty; expected a text.")


def class_id(task: Task, target: str) -> int:
    """Return the class that an example's target says; `InputError` for what is none."""
    ids = [str(label) for label in range(len(task.labels))]
    if target not in ids:
        raise InputError(f"the label is '{target}'; expected {', '.join(ids)}.")
    return int(target)


def source_text(task: Task, fields: Sequence[str], wording: Wording = PHA) -> str:
    """Return what a model reads: the fields, in the order of `task.fields`, in the template.

    In PHA's a text to summarise or translate stands behind the prefix without a name, and all texts as they are.
    In PET's all white space becomes single blanks. Raises `InputError` as `require_fields`.
    """
    require_fields(task, fields)
    if task.template:
        texts = dict(zip(task.fields, fields, strict=True))
        return BRACED.sub(lambda name: texts[name[1]], task.template)
    if wording.template == "pet":
        return _pet_line(f"{name}: {_one_line(text)}" for name, text in zip(task.fields, fields, strict=True))
    words = [task.prefix]
    for name, text in zip(task.fields, fields, strict=True):
        words += [text] if task.type == "generation" else [f"{name}:", text]
    return " ".join(words)


def template_line(task: Task) -> str:
    """Return what PET's template puts around the fields of a task's examples."""
    return _pet_line(f"{name}:" for name in task.fields)


def target_text(task: Task, target: str, score_step: float, wording: Wording = PHA) -> str:
    """Return what a model has to write: a class, a rounded score, or the text itself; `InputError` for no target.

    A class is what `label_texts` has at its id. A score is rounded to the nearest multiple of `score_step`, half-
    way to the even one in decimal arithmetic, and written with one decimal (on a user's own scale with that of its
    step). Of several right answers it is the first, and a text in PET's template is one line.
    """
    if task.type == "generation":
        if not target.strip():
            raise InputError("the target is empty; expected a text.")
        if task.several_answers:
            target = right_answers(target)[0]
        return _one_line(target) if wording.template == "pet" else target
    if task.type == "regression":
        low, _, step = _steps(task, score_step)
        count = ((score_of(task, target) - low) / step).to_integral_value(ROUND_HALF_EVEN)
        return _written(task, low + count * step)
    return label_texts(task, score_step, wording)[class_id(task, target)]


def label_texts(task: Task, score_step: float, wording: Wording = PHA) -> tuple[str, ...]:
    """Return every target text that the task can have, classes by id and scores upwards; () of free text.

    Steps of 0.2 give 26 scores as in T5, the published code's 0.1 gives 51. PET's digits are not the class ids.
    """
    if task.type == "generation":
        return ()
    if task.type == "regression":
        low, high, step = _steps(task, score_step)
        return tuple(_written(task, low + n * step) for n in range(int((high - low) / step) + 1))
    if wording.labels == "words":
        return task.labels
    if wording.labels == "unified":
        return tuple(str(unified_label(task, label)) for label in range(len(task.labels)))
    if wording.template == "pet" and task.digits:
        return task.digits
    return tuple(str(label) for label in range(len(task.labels)))


def longest_texts(task: Task, max_length: int, wording: Wording = PHA) -> tuple[int, int]:
    """Return how many tokens a source and a target may have at most, end token included.

    In PET's template no more than the paper's longest input and summary; a label is never cut.
    """
    if wording.template != "pet":
        return max_length, max_length
    return min(max_length, task.longest_input or max_length), min(max_length, task.longest_answer or max_length)


def _pet_line(fields: Iterable[str]) -> str:
    return f"Input: {' [SEP] '.join(fields)}{BEHIND['pet']}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def score_of(task: Task, text: str) -> Decimal:
    """Return the score that a target says; `InputError` for what is none of the task's scale."""
    low, high, _ = task.scale.ends_and_step()
    try:
        score = Decimal(text)
    except InvalidOperation:
        score = Decimal("NaN")
    if not (score.is_finite() and low <= score <= high):
        raise InputError(f"the score is '{text}'; expected a number from {low} to {high}.")
    return score


def _steps(task: Task, score_step: float) -> tuple[Decimal, Decimal, Decimal]:
    """Return the lowest score, the highest, and what lies between two that are written."""
    low, high, step = task.scale.ends_and_step()
    if task.scores:
        return low, high, step
    step = Decimal(str(score_step))
    # else two scores would be written alike, or the highest would not be among them
    if step % _TENTH or high % step:
        raise InputError(f"score_step is {score_step}; expected a multiple of 0.1 that divides {high}.")
    return low, high, step


def _written(task: Task, value: Decimal) -> str:
    """Return a score with as many decimals as any of its scale: STS-B's have one."""
    low, _, step = task.scale.ends_and_step() if task.scores else (_TENTH, 0, _TENTH)
    decimals = min(int(one.normalize().as_tuple().exponent) for one in (low, step))
    return str(value.quantize(Decimal(1).scaleb(min(0, decimals))))
