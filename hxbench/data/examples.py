"""From the rows of a release to examples: the fields a model reads, and the target it has to write.

The description of a corpus says which columns these are, and which labels the files have.
"""

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from hxbench.data.described import Columns, columns_of, form_of, reading_of
from hxbench.data.readers import READERS, Options
from hxbench.data.readers.lines import quoted
from hxbench.data.readers.tables import read_parallel, read_polarity
from hxbench.errors import InputError
from hxbench.tasks import APART, Task
from hxbench.tasks.description import CorpusEntry, Reading, shipped_corpus

READER_VERSION = 1  # goes up whenever the same file would be read into other rows

Example = tuple[list[str], str]
"""The fields in the order of the task, and the target."""

_SHOWN = 40  # labels in a message
_ANSWERS = "a list of at least one text"
_WORD = re.compile(r"\S+")
_SPANS = ("span1_text", "span1_index", "span2_text", "span2_index")


def kind_of(form: str) -> str:
    return READERS[form].kind if form in READERS else {"polarity": "a text", "lines": "a parallel text"}[form]


def read_examples(
    task: Task, paths: Sequence[Path], own: CorpusEntry | None = None, *, marks: bool = True
) -> Iterator[Example]:
    """Yield the examples of the files of one part, in file order, outer white space stripped.

    `own` is how a user describes them; otherwise they are those of the task's release. `marks` puts the marks of
    WSC around its spans. What lacks a text is left out where the description says that the release has so many of
    them. Raises `InputError` with file, line and expectation for everything else that is absent or empty, an
    unknown label, a score outside of the task's scale, a span that is not in its text, and files without examples.
    """
    entry = own or shipped_corpus(task.name)
    assert entry, "a task that ships has a corpus"
    form = form_of(entry, paths[0])
    reading = reading_of(entry, form)
    columns = columns_of(reading, task)
    wanted = (*columns.fields, columns.target, *(_SPANS if task.name == "wsc" else ()))
    options = Options(columns=wanted, header=reading.header, delimiter=reading.delimiter)
    lacking, found = 0, False
    for path, number, row in _records(form, paths, options):
        where = f"{path}, {'row' if form == 'parquet' else 'line'} {number}"
        texts = {name: _cleaned(reading, _text(row, name, where)) for name in columns.fields}
        if task.type == "generation" and not task.several_answers:
            texts[columns.target] = _cleaned(reading, _text(row, columns.target, where))
        if empty := [name for name, text in texts.items() if not text]:
            lacking += 1
            if reading.incomplete != "any" and lacking > reading.incomplete:
                raise InputError(f"{where}: no text in column {empty[0]}; expected some.")
            continue
        fields = [texts[name] for name in columns.fields]
        if task.name == "wsc" and marks:
            fields = [_marked(fields[0], row, where)]
        found = True
        yield fields, texts.get(columns.target) or target_of(task, columns, row, where, form)
    if not found:
        raise InputError(f"{paths[0]} holds no example; expected {kind_of(form)} file with at least one.")


def _records(form: str, paths: Sequence[Path], options: Options) -> Iterator[tuple[Path, int, dict[str, Any]]]:
    if form == "polarity":
        yield from ((path, *row) for path, row in read_polarity(paths))
    elif form == "lines":
        yield from ((paths[0], *row) for row in read_parallel(paths))
    else:
        for path in paths:
            yield from ((path, *row) for row in READERS[form].read(path, options))


def _cleaned(reading: Reading, text: str) -> str:
    """Return a text without what a release has in place of line breaks, and without empty articles."""
    for found, meant in reading.replace.items():
        text = text.replace(found, meant)
    if mark := reading.between:
        articles = (article.strip() for article in text.split(mark))
        text = f" {mark} ".join(article for article in articles if article)
    return text.strip()


def _text(row: dict[str, Any], column: str, where: str) -> str:
    """Return the text of a column, empty where the row has none."""
    value = row.get(column)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InputError(f"{where}: {column} is {quoted(str(value))}; expected a text.")
    return value.strip()


def target_of(task: Task, columns: Columns, row: dict[str, Any], where: str, form: str) -> str:
    """Return the class id, the score as it is written, or the answers; `InputError` for anything else."""
    value = row.get(columns.target)
    if value is None:
        expected = _ANSWERS if task.several_answers else _expected(columns, task)
        raise InputError(f"{where}: no {columns.target}; expected {expected}.")
    if task.several_answers:
        return _answers(value, where)
    if task.type == "regression":
        # The hub keeps scores in single precision, in which 3.8 is 3.79999995.
        word = f"{value:.3f}" if isinstance(value, float) else str(value).strip()
        try:
            score = float(word)
        except ValueError:
            score = math.nan
        if not task.scale.low <= score <= task.scale.high:
            raise InputError(f"{where}: score {quoted(word)}; expected {_expected(columns, task)}.")
        return word
    # JSON's true and false are no strings.
    as_boolean = form not in ("tsv", "csv") and tuple(columns.labels) == ("false", "true")
    word = str(value).lower() if isinstance(value, bool) else str(value).strip()
    if word not in columns.labels or (as_boolean and not isinstance(value, bool)):
        found = quoted(value) if isinstance(value, str) else word
        raise InputError(f"{where}: label {found}; expected {_expected(columns, task)}.")
    return str(columns.labels[word])


def _answers(value: Any, where: str) -> str:
    known = isinstance(value, list) and all(isinstance(answer, str) for answer in value)
    answers = [" ".join(answer.split()) for answer in value] if known else []
    if not (answers := list(dict.fromkeys(filter(None, answers)))):
        raise InputError(f"{where}: answer is {quoted(str(value))}; expected {_ANSWERS}.")
    return APART.join(answers)


def _expected(columns: Columns, task: Task) -> str:
    labels = list(columns.labels)
    if len(labels) > _SHOWN:
        return f"one of {', '.join(labels[:_SHOWN])} …"
    return " or ".join(labels) if labels else "a score from {} to {}".format(*task.scale.ends_and_step())


def _marked(text: str, row: dict[str, Any], where: str) -> str:
    spans = []
    for name in ("span1", "span2"):
        index = row.get(f"{name}_index")
        if not isinstance(index, int) or isinstance(index, bool):
            raise InputError(f"{where}: {name}_index is {quoted(str(index))}; expected the number of a word.")
        spans.append((_text(row, f"{name}_text", where), index))
    try:
        return mark_spans(text, *spans)
    except ValueError as error:
        raise InputError(f"{where}: {error}; expected both spans to be words of the text.") from None


def mark_spans(text: str, first: tuple[str, int], second: tuple[str, int]) -> str:
    """Return a text of WSC as T5 reads it: `* … *` around the first span and `# … #` around the second.

    A span is its text and the number of its first word, from 0, where words are what white space divides. Raises
    `ValueError`, with what is wrong, for a span that is nowhere in the text.

    T5's rule (PHA, section 2 of its published code) leaves a span unmarked whose case in the text is not that of
    its field (about one first span in seven), or which stands one word away from its index. Here both are marked,
    since there is no question otherwise; the letters stay those of the text, and punctuation stays outside.
    """
    inserted = []
    for n, (start, end) in enumerate((_span(text, *first), _span(text, *second))):
        # Of two at one place, what closes comes first; then the longer span opens and the shorter closes first.
        inserted += [(start, 1, -end, n, f"{'*#'[n]} "), (end, 0, -start, -n, f" {'*#'[n]}")]
    for place, *_, sign in sorted(inserted, reverse=True):
        text = text[:place] + sign + text[place:]
    return text


def _span(text: str, span: str, index: int) -> tuple[int, int]:
    """Return where the span begins and ends, in characters: at its index, else at the nearest word."""
    words = span.split()
    if not words:
        raise ValueError("an empty span")
    pattern = re.compile(r"\s+".join(map(re.escape, words)) + r"(?!\w)", re.IGNORECASE)
    starts = [word.start() for word in _WORD.finditer(text)]
    found = {n: match.end() for n, start in enumerate(starts) if (match := pattern.match(text, start))}
    if not found:
        raise ValueError(f"no span {span!r} in the text")
    nearest = min(found, key=lambda n: (abs(n - index), n))
    return starts[nearest], found[nearest]
