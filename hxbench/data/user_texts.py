"""A user's file of texts to be answered: JSON lines with the fields of a task, or text where it has one field.

An object may have more than the fields, such as a label or a number of its own, which are not looked at. Of text a
line is an example. Blank lines are passed over.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from hxbench.data.readers.lines import fault, numbered_lines, quoted
from hxbench.errors import InputError, did_you_mean, reason
from hxbench.plain_data import load_json
from hxbench.tasks import Task

INPUTS = ("text", "jsonl")
_NAMES = {"text": "a text", "jsonl": "a JSON lines"}  # in messages


@dataclass(frozen=True)
class Unanswered:
    """An example before it is answered."""

    line: int
    fields: list[str]  # in the order of the task

    @property
    def size(self) -> int:
        """Its number of words."""
        return sum(len(text.split()) for text in self.fields)


def form_of(path: Path, task: Task, given: str | None = None) -> str:
    """Return `jsonl` or `text`: as given, else by whether the first line that is not blank begins an object.

    Raises `InputError` for text where a task has several fields.
    """
    if given not in (None, *INPUTS):
        raise InputError(did_you_mean("input format", str(given), list(INPUTS)))
    first = next((line for _, line in numbered_lines(path, "a text or JSON lines") if line.strip()), "")
    found = given or ("jsonl" if first.lstrip().startswith("{") else "text")
    if found == "text" and len(task.fields) > 1:
        raise InputError(
            f"{path}: an example of {task.title} has {len(task.fields)} texts, which JSON lines give: "
            f"{_object_of(task)}."
        )
    return found


def read_unanswered(path: Path, form: str, task: Task) -> Iterator[Unanswered]:
    """Yield the examples of a file in its order.

    Raises `InputError` for a line that is not UTF-8 or no object with a text for each field, for a file without
    examples, and for one that cannot be read.
    """
    found = False
    for number, line in numbered_lines(path, _NAMES[form]):
        if line.strip():
            found = True
            yield Unanswered(number, [line.strip()] if form == "text" else _fields(path, number, line, task))
    if not found:
        raise InputError(f"{path} holds no example; expected {_NAMES[form]} file with at least one.")


def _fields(path: Path, number: int, line: str, task: Task) -> list[str]:
    expected = f"one object a line, {_object_of(task)}"
    try:
        given = load_json(line, "the line")
    except ValueError as error:
        raise fault(path, number, reason(error), expected) from None
    if not isinstance(given, dict):
        raise fault(path, number, "no JSON object", expected)
    for name in task.fields:
        if not isinstance(text := given.get(name), str):
            what = f"{name} is {quoted(str(text))}" if name in given else f"no {name}"
            raise fault(path, number, what, expected)
        if not text.strip():
            raise fault(path, number, f"{name} is empty", expected)
    return [given[name].strip() for name in task.fields]


def _object_of(task: Task) -> str:
    return "{" + ", ".join(f'"{name}": "…"' for name in task.fields) + "}"
