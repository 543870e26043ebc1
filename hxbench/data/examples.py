"""From the rows of a release to examples: the fields a model reads, and the target it has to write.

The table below is everything that is known about a format: which columns are the fields, in the order of
`Task.fields`, which is the target, and the labels as the files have them, by class id. No other form of a
label is accepted.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hxbench.data.coreference import mark_spans
from hxbench.data.readers import READERS, Options, format_of
from hxbench.data.readers.lines import quoted
from hxbench.data.readers.tables import read_parallel, read_polarity
from hxbench.errors import InputError
from hxbench.tasks import APART, Task
from hxbench.tasks.encoding.templates import HIGHEST

READER_VERSION = 1  # goes up whenever the same file would be read into other rows

Example = tuple[list[str], str]
"""The fields in the order of the task, and the target."""

# Rows of releases without one of their texts: QQP has 363,846 examples in 363,849 rows, SAMSum 14,731 in 14,732,
# and Multi-News 44,964 in 44,972.
_INCOMPLETE = {"qqp": 3, "samsum": 1, "multinews": 8}
_ONE_SIDED = ("xsum", "roen", "enro")  # releases of parallel text and of summaries have any number of such
_ARTICLES = "|||||"  # between the articles of Multi-News
_ANSWERS = "a list of at least one text"
_SPANS = ("span1_text", "span1_index", "span2_text", "span2_index")

# format, task, columns of the fields, column of the target, labels by class id
_TABLE = """
tsv     | cola    | sentence                     | label          | 0 1
tsv     | sst2    | sentence                     | label          | 0 1
tsv     | stsb    | sentence1, sentence2         | score          |
tsv     | mrpc    | #1 String, #2 String         | Quality        | 0 1
tsv     | qqp     | question1, question2         | is_duplicate   | 0 1
tsv     | mnli    | sentence1, sentence2         | gold_label     | entailment neutral contradiction
tsv     | qnli    | question, sentence           | label          | entailment not_entailment
tsv     | rte     | sentence1, sentence2         | label          | entailment not_entailment
tsv     | scitail | premise, hypothesis          | label          | entails neutral
jsonl   | boolq   | question, passage            | label          | false true
jsonl   | wic     | sentence1, sentence2, word   | label          | false true
jsonl   | cb      | premise, hypothesis          | label          | entailment contradiction neutral
jsonl   | wsc     | text                         | label          | false true
jsonl   | xsum    | document                     | summary        |
jsonl   | imdb    | text                         | label          | neg pos
polarity | rotten | text                         | label          | neg pos
jsonl   | nq      | question                     | answer         |
json    | samsum  | dialogue                     | summary        |
jsonl   | multinews | document                   | summary        |
lines   | roen    | ro                           | en             |
lines   | enro    | en                           | ro             |
parquet | cola    | sentence                     | label          | 0 1
parquet | sst2    | sentence                     | label          | 0 1
parquet | stsb    | sentence1, sentence2         | label          |
parquet | mrpc    | sentence1, sentence2         | label          | 0 1
parquet | qqp     | question1, question2         | label          | 0 1
parquet | mnli    | premise, hypothesis          | label          | 0 1 2
parquet | qnli    | question, sentence           | label          | 0 1
parquet | rte     | sentence1, sentence2         | label          | 0 1
parquet | boolq   | question, passage            | label          | 0 1
parquet | wic     | sentence1, sentence2, word   | label          | 0 1
parquet | cb      | premise, hypothesis          | label          | 0 1 2
parquet | wsc     | text                         | label          | 0 1
parquet | scitail | sentence1, sentence2         | gold_label     | entailment neutral
parquet | xsum    | document                     | summary        |
parquet | roen    | translation.ro               | translation.en |
parquet | enro    | translation.en               | translation.ro |
parquet | imdb    | text                         | label          | 0 1
parquet | rotten  | text                         | label          | 0 1
parquet | nq      | question                     | answer         |
parquet | samsum  | dialogue                     | summary        |
parquet | multinews | document                   | summary        |
"""
_HEADERS = {"cola": ("source", "label", "mark", "sentence"), "scitail": ("premise", "hypothesis", "label")}


@dataclass(frozen=True)
class Columns:
    """What the columns of a task are in one format."""

    fields: tuple[str, ...]
    target: str
    labels: tuple[str, ...]


def _columns() -> dict[tuple[str, str], Columns]:
    table = {}
    for line in _TABLE.strip().splitlines():
        form, task, fields, target, labels = (cell.strip() for cell in line.split("|"))
        table[form, task] = Columns(tuple(fields.split(", ")), target, tuple(labels.split()))
    return table


COLUMNS = _columns()


def form_of(paths: Sequence[Path]) -> str:
    """Return how files are read: the name of a reader, or `polarity` or `lines` for files that go together."""
    if paths[0].suffix in (".neg", ".pos"):
        return "polarity"
    return "lines" if (found := format_of(paths[0])) == "text" else found


def kind_of(paths: Sequence[Path]) -> str:
    """Return what messages call such files."""
    form = form_of(paths)
    return READERS[form].kind if form in READERS else {"polarity": "a text", "lines": "a parallel text"}[form]


def read_examples(task: Task, paths: Sequence[Path], *, marks: bool = True) -> Iterator[Example]:
    """Yield the examples of the files of one part, in file order, outer white space stripped.

    A target is the class id as a digit, the score as it is written, the reference text, or the answers to a
    question with a line feed between them. `marks` puts the marks of WSC around its spans. A pair for translation
    and of XSUM of which one side is empty is left out, as their releases have such. IMDB's line breaks in HTML
    become blanks, those that Multi-News spells out line feeds, and articles without text are dropped. Raises
    `InputError` with file, line and expectation for everything else that is empty or absent (beyond the few rows
    which a release is known to have), a question without answers, an unknown label, a score outside 0 to 5, a span
    that is not in its text, and files without examples.
    """
    form = form_of(paths)
    columns = COLUMNS[form, task.name] if not task.files else Columns(task.fields, task.target, task.labels)
    wanted = (*columns.fields, columns.target, *(_SPANS if task.name == "wsc" else ()))
    incomplete, found = 0, False
    for path, number, row in _records(form, task, paths, wanted):
        where = f"{path}, {'row' if form == 'parquet' else 'line'} {number}"
        texts = {name: _cleaned(task, _text(row, name, where)) for name in columns.fields}
        if task.type == "generation" and task.name != "nq":
            texts[columns.target] = _cleaned(task, _text(row, columns.target, where))
        if empty := [name for name, text in texts.items() if not text]:
            incomplete += task.name not in _ONE_SIDED
            if incomplete > _INCOMPLETE.get(task.name, 0):
                raise InputError(f"{where}: no text in column {empty[0]}; expected some.")
            continue
        fields = [texts[name] for name in columns.fields]
        if task.name == "wsc" and marks:
            fields = [_marked(fields[0], row, where)]
        found = True
        yield fields, texts.get(columns.target) or target_of(task, columns, row, where)
    if not found:
        raise InputError(f"{paths[0]} holds no example; expected {kind_of(paths)} file with at least one.")


def _records(
    form: str, task: Task, paths: Sequence[Path], wanted: tuple[str, ...]
) -> Iterator[tuple[Path, int, dict[str, Any]]]:
    """Yield every row with its file and number."""
    if form == "polarity":
        yield from ((path, *row) for path, row in read_polarity(paths))
    elif form == "lines":
        yield from ((paths[0], *row) for row in read_parallel(paths))
    else:
        options = Options(columns=wanted, header=_HEADERS.get(task.name, ()))
        for path in paths:
            yield from ((path, *row) for row in READERS[form].read(path, options))


def _cleaned(task: Task, text: str) -> str:
    """Return a text without what a release has in place of line breaks, and without empty articles."""
    if task.name == "imdb":
        return text.replace("<br />", " ").strip()
    if task.name == "samsum":
        return text.replace("\r\n", "\n")
    if task.name == "multinews":
        articles = (article.strip() for article in text.replace("NEWLINE_CHAR", "\n").split(_ARTICLES))
        return f" {_ARTICLES} ".join(article for article in articles if article)
    return text


def _text(row: dict[str, Any], column: str, where: str) -> str:
    """Return the text of a column, empty where the row has none."""
    value = row.get(column)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InputError(f"{where}: {column} is {quoted(str(value))}; expected a text.")
    return value.strip()


def target_of(task: Task, columns: Columns, row: dict[str, Any], where: str) -> str:
    """Return the class id, the score as it is written, or the answers; `InputError` for anything else."""
    value = row.get(columns.target)
    if value is None:
        raise InputError(f"{where}: no {columns.target}; expected {_expected(columns)}.")
    if task.name == "nq":
        return _answers(value, where)
    if task.type == "regression":
        # The hub keeps scores in single precision, in which 3.8 is 3.79999995.
        word = f"{value:.3f}" if isinstance(value, float) else str(value).strip()
        try:
            score = float(word)
        except ValueError:
            score = math.nan
        if not 0 <= score <= HIGHEST:
            raise InputError(f"{where}: score {quoted(word)}; expected {_expected(columns)}.")
        return word
    # JSON's true and false are no strings.
    as_boolean = columns.labels == ("false", "true")
    word = str(value).lower() if isinstance(value, bool) else str(value).strip()
    if word not in columns.labels or as_boolean != isinstance(value, bool):
        found = quoted(value) if isinstance(value, str) else value
        raise InputError(f"{where}: label {found}; expected {_expected(columns)}.")
    return str(columns.labels.index(word))


def _answers(value: Any, where: str) -> str:
    known = isinstance(value, list) and all(isinstance(answer, str) for answer in value)
    answers = [" ".join(answer.split()) for answer in value] if known else []
    if not (answers := list(dict.fromkeys(filter(None, answers)))):
        raise InputError(f"{where}: answer is {quoted(str(value))}; expected {_ANSWERS}.")
    return APART.join(answers)


def _expected(columns: Columns) -> str:
    if columns.target == "answer":
        return _ANSWERS
    return " or ".join(columns.labels) if columns.labels else f"a score from 0 to {HIGHEST}"


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
