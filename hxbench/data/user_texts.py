"""A user's file of texts to be answered or scored: a table with the fields of a task, or text where it has one.

A row may have more than the fields, such as a number of its own, which are not looked at; so is its label, unless
answers are scored. Of text a line is an example. Blank lines are passed over.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hxbench.data.described import Columns
from hxbench.data.examples import target_of
from hxbench.data.readers import READERS, Options, format_of
from hxbench.data.readers.lines import fault, numbered_lines, quoted
from hxbench.data.readers.tables import field_of, json_objects
from hxbench.errors import InputError, did_you_mean
from hxbench.tasks import Task

LABELLED = ("jsonl", "json", "tsv", "csv", "parquet")
INPUTS = ("text", *LABELLED)


@dataclass(frozen=True)
class Unanswered:
    """An example before it is answered."""

    line: int
    fields: list[str]  # in the order of the task
    given: dict[str, Any] | None = None  # of a table: the row
    target: str = ""  # where answers are scored: as `data.examples` has it

    @property
    def size(self) -> int:
        """Its number of words."""
        return sum(len(text.split()) for text in self.fields)


def form_of(path: Path, task: Task, given: str | None = None, *, labelled: bool = False) -> str:
    """Return the format of a file: as given, by its name, or by its first line."""
    known = LABELLED if labelled else INPUTS
    if given not in (None, *known):
        raise InputError(did_you_mean("input format", str(given), list(known)))
    if given or (named := format_of(path)) != "text":
        found = given or named
    else:
        first = next((line for _, line in numbered_lines(path, "a text or JSON lines") if line.strip()), "")
        found = "jsonl" if first.lstrip().startswith("{") else "text"
    if found == "text" and labelled:
        raise InputError(f"{path}: its format cannot be told; name it with --format: {', '.join(known)}.")
    if found == "text" and len(task.fields) > 1:
        raise InputError(
            f"{path}: an example of {task.title} has {len(task.fields)} texts, which JSON lines or a table give: "
            f"{_object_of(task)}."
        )
    return found


def read_unanswered(path: Path, form: str, task: Task, options: Options | None = None) -> Iterator[Unanswered]:
    """Yield the examples of a file in its order; with their targets where `options.tags` names a column.

    A label is one of the task's, or mapped to one. Raises `InputError` for a line without a text for each field,
    for a label or score that the task does not have, and for a file without examples.
    """
    options = options or Options()
    found, unit = False, "row" if form == "parquet" else "line"
    for number, row in _rows(path, form, task, options):
        found = True
        fields = _fields(
            path, number, row, task, unit, f"one object a line, {_object_of(task)}" if form == "jsonl" else ""
        )
        target = _target(path, number, row, task, options, unit) if options.tags else ""
        yield Unanswered(number, fields, None if form == "text" else row, target)
    if not found:
        raise InputError(f"{path} holds no example; expected {READERS[form].kind} file with at least one.")


def _rows(path: Path, form: str, task: Task, options: Options) -> Iterator[tuple[int, dict[str, Any]]]:
    if form == "text":
        for number, line in numbered_lines(path, "a text"):
            if line.strip():
                yield number, {task.fields[0]: line}
    elif form == "jsonl":
        yield from json_objects(path)
    else:
        wanted = (*task.fields, *([options.tags] if options.tags else []))
        yield from READERS[form].read(path, Options(columns=wanted, delimiter=options.delimiter))


def _fields(path: Path, number: int, row: dict[str, Any], task: Task, unit: str, expected: str) -> list[str]:
    expected = expected or f"a text in {' and '.join(task.fields)}"
    texts = []
    for name in task.fields:
        if not isinstance(text := row.get(name), str):
            what = f"{name} is {quoted(str(text))}" if name in row else f"no {name}"
            raise fault(path, number, what, expected, unit)
        if not text.strip():
            raise fault(path, number, f"{name} is empty", expected, unit)
        texts.append(text.strip())
    return texts


def _target(path: Path, number: int, row: dict[str, Any], task: Task, options: Options, unit: str) -> str:
    value, column = field_of(row, options.tags), options.tags
    if value is None:
        raise fault(
            path, number, f"no {column}", "the right answer, or --column with the name of its column", unit
        )
    if task.has_classes:
        word = str(value).lower() if isinstance(value, bool) else str(value).strip()
        label = options.label_map.get(word, word)
        if label not in task.labels:
            shown = quoted(word) if label == word else f"{word!r} mapped to {label!r}"
            expected = f"{' or '.join(task.labels)}, or a map of this one to it (--map {word}=LABEL)"
            raise fault(path, number, f"unknown label {shown}", expected, unit)
        return str(task.labels.index(label))
    if task.type == "generation" and not task.several_answers:
        if not isinstance(value, str) or not value.strip():
            raise fault(path, number, f"{column} is {quoted(str(value))}", "a text", unit)
        return value.strip()
    columns = Columns(task.fields, column, {})
    return target_of(task, columns, {**row, column: value}, f"{path}, {unit} {number}", "")


def _object_of(task: Task) -> str:
    return "{" + ", ".join(f'"{name}": "…"' for name in task.fields) + "}"
