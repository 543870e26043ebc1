"""Examples of a classification task as BERT reads them, `[CLS] a [SEP] b [SEP]`, and the id of the class.

The marks are those of the tokenizer's own template for pairs; a third text is put behind the second as that is
behind the first.

An encoder alone writes nothing, so it gets no template and no label word. PET scaling's code has its BERT read
GLUE's files directly too (sheet, section 2): the texts of the files as they are, in the order of their columns.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Literal

from hxbench.errors import InputError
from hxbench.tasks import Task
from hxbench.tasks.encoding.templates import class_id, require_fields, score_of
from hxbench.tasks.encoding.tokenizing import reader_of, tokens_of

THOUSAND = 1000  # numbers are kept as whole thousandths
# What a model gets: a template's text to write the target behind, the same text to choose a class by, or the texts
# of the files between the tokenizer's marks to choose one by.
Form = Literal["written", "chosen", "marked"]


def choice_of(task: Task, target: str) -> int:
    """Return the class id that a target says, or its number in thousandths; `InputError` for neither.

    A number is on STS-B's scale, 0 to 5, whatever the task's own: so rates that suit the one suit the other.
    """
    if task.has_classes:
        return class_id(task, target)
    low, unit = head_scale(task)
    return round(THOUSAND * (score_of(task, target) - low) / unit)


def head_scale(task: Task) -> tuple[Decimal, Decimal]:
    """Return the lowest score of a task, and how much of its own scale is 1 of what a head gives."""
    low, high, _ = task.scale.ends_and_step()
    return low, (high - low) / 5


def fitted(texts: Sequence[list[int]], room: int) -> list[list[int]]:
    """Return the tokens of the texts of one example, cut to `room` altogether: always the longest loses one, of
    several the last, as the usual truncation of pairs does.
    """
    lengths = [len(text) for text in texts]
    kept = sorted(lengths)
    longest = room  # what a text may have at most: every shorter one leaves its rest to the others
    for number, length in enumerate(kept):
        share = (room - sum(kept[:number])) // (len(kept) - number)
        if length > share:
            longest = share
            break
    spare = room - sum(min(length, longest) for length in lengths)
    cut = []
    for text in texts:
        more = int(len(text) > longest and spare > 0)
        spare -= more
        cut.append(text[: longest + more])
    return cut


def encode_choices(
    batch: dict[str, list[Any]], rows: list[int], tokenizer: Any, task: Task, max_length: int
) -> dict[str, list[Any]]:
    """Return model rows for examples, of at most `max_length` tokens; `cut` is 1 where the texts did not fit.

    Column labels has the one class id of every row, or its number in thousandths. `InputError` names task and row.
    """
    marks = reader_of(tokenizer).marks
    more = len(task.fields) - 1
    room = max_length - len(marks.before) - more * len(marks.between) - len(marks.after)
    if room < len(task.fields):
        raise InputError(
            f"max_length {max_length} leaves no room for the {len(task.fields)} texts of {task.title}."
        )
    labels = []
    for row, fields, target in zip(rows, batch["fields"], batch["target"], strict=True):
        try:
            require_fields(task, fields)
            labels.append([choice_of(task, target)])
        except InputError as error:
            raise InputError(f"{task.title}, example {row + 1}: {error}") from None
    columns = [tokens_of(tokenizer, list(column)) for column in zip(*batch["fields"], strict=True)]
    out: dict[str, list[Any]] = {"input_ids": [], "labels": labels, "cut": []}
    for texts in zip(*columns, strict=True):
        first, *others = fitted(texts, room)
        ids = [*marks.before, *first]
        for text in others:
            ids += [*marks.between, *text]
        out["input_ids"].append([*ids, *marks.after])
        out["cut"].append(int(sum(map(len, texts)) > room))
    return out
