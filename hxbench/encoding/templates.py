"""Examples of a text-to-text task as the texts a model reads and writes (PHA, section 4; its published code)."""

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal, InvalidOperation

from hxbench.errors import InputError
from hxbench.tasks import TextTask

HIGHEST = 5  # STS-B scores go from 0 to here
_TENTH = Decimal("0.1")


def source_text(task: TextTask, fields: Sequence[str]) -> str:
    """Return what a model reads: the task's prefix, then every field behind its name, all joined by single blanks.

    `fields` stand in the order of `task.fields`. A text to summarise or translate stands behind the prefix without
    a name. Raises `InputError` for too few fields, too many, or an empty one.
    """
    if len(fields) != len(task.fields):
        raise InputError(f"{len(fields)} fields; expected {len(task.fields)}: {', '.join(task.fields)}.")
    words = [task.prefix]
    for name, text in zip(task.fields, fields, strict=True):
        if not text.strip():
            raise InputError(f"the {name} is empty; expected a text.")
        words += [text] if task.kind == "generation" else [f"{name}:", text]
    return " ".join(words)


def target_text(task: TextTask, target: str, score_step: float) -> str:
    """Return what a model has to write: the digits of a class id, a rounded score, or the text itself.

    A score is rounded to the nearest multiple of `score_step` and written with one decimal; one that lies half-way
    goes to the even multiple, in decimal arithmetic. Raises `InputError` for what is no target of this task.
    """
    if task.kind == "generation":
        if not target.strip():
            raise InputError("the target is empty; expected a text.")
        return target
    if task.kind == "regression":
        return _rounded_score(target, score_step)
    if target not in label_texts(task, score_step):
        raise InputError(f"the label is '{target}'; expected {', '.join(label_texts(task, score_step))}.")
    return target


def label_texts(task: TextTask, score_step: float) -> tuple[str, ...]:
    """Return every target text that the task can have, class ids in order and scores upwards; () of free text.

    Steps of 0.2 give 26 scores as in T5, the published code's 0.1 gives 51.
    """
    if task.kind == "generation":
        return ()
    if task.kind == "regression":
        step = _step(score_step)
        return tuple(_one_decimal(n * step) for n in range(int(HIGHEST / step) + 1))
    return tuple(str(label) for label in range(len(task.labels)))


def _rounded_score(text: str, score_step: float) -> str:
    step = _step(score_step)
    try:
        score = Decimal(text)
    except InvalidOperation:
        score = Decimal(-1)
    if not (score.is_finite() and 0 <= score <= HIGHEST):
        raise InputError(f"the score is '{text}'; expected a number from 0 to {HIGHEST}.")
    return _one_decimal((score / step).to_integral_value(ROUND_HALF_EVEN) * step)


def _step(score_step: float) -> Decimal:
    step = Decimal(str(score_step))
    # else two scores would be written alike, or the highest would not be among them
    if step % _TENTH or HIGHEST % step:
        raise InputError(f"score_step is {score_step}; expected a multiple of 0.1 that divides {HIGHEST}.")
    return step


def _one_decimal(value: Decimal) -> str:
    return str(value.quantize(_TENTH))
