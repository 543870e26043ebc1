"""Columns as CoNLL's shared tasks had them: a word a line with its labels, a blank line between sentences.

Tabs separate the columns where the first line with a word has one, else runs of blanks. Every such line has as
many columns as the first. A line whose word is `-DOCSTART-` stands between documents and is no sentence.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hxbench.data.readers.labels import Labels
from hxbench.data.readers.lines import Options, Row, counted, fault, numbered_lines, quoted
from hxbench.errors import InputError, did_you_mean

KIND = "a column"
DELIMITERS = {"tab": "\t", "space": " "}
DOCUMENT = "-DOCSTART-"
_BLANKS = re.compile("[ \t]+")  # a no-break space may be in a word


@dataclass
class Lines:
    """Lines of a file up to the next sentence, as they stand; without rows where they hold no word."""

    line: int  # number of the first in the file
    delimiter: str
    lines: list[str] = field(default_factory=list)
    rows: list[tuple[int, list[str]]] = field(default_factory=list)  # of each word: which of the lines, columns
    words: list[str] = field(default_factory=list)


def place(path: Path, number: int, column: str, count: int, what: str) -> int:
    """Return the place of a column, given by its number from 1, or from the end as -1, in a line of `count`."""
    chosen = int(column) if re.fullmatch("-?[1-9][0-9]{0,5}", column) else 0
    if not chosen:
        raise InputError(
            f"{path}: the column of {what} is {quoted(column)}; expected a number from 1, or from the end as -1."
        )
    if abs(chosen) > count:
        raise fault(path, number, f"no column {chosen} for {what}", f"one of {counted(count, 'column')}")
    return chosen - 1 if chosen > 0 else count + chosen


def read_sentences(path: Path, options: Options) -> Iterator[Lines]:
    """Yield the sentences of a file in its order; the lines of all together are the file's.

    Raises `InputError` with file, line and expectation for a line with another number of columns than the first or
    without a word, a column that is not there, and a file without sentences.
    """
    if options.delimiter not in ("", *DELIMITERS, *DELIMITERS.values()):
        unknown = did_you_mean("delimiter of columns", options.delimiter, list(DELIMITERS))
        raise InputError(f"{path}: {unknown}")
    delimiter = DELIMITERS.get(options.delimiter, options.delimiter)
    at = count = 0
    sentence, ended, found = Lines(1, delimiter), False, False
    for number, line in numbered_lines(path, KIND):
        comment = bool(options.comments) and line.startswith(options.comments)
        word = False
        if line.strip() and not comment:
            delimiter = delimiter or ("\t" if "\t" in line else " ")
            cells = line.split("\t") if delimiter == "\t" else _BLANKS.split(line.strip(" \t"))
            if not count:
                count = len(cells)
                at = place(path, number, options.words or "1", count, "words")
            if len(cells) != count:
                separated = "tabs" if delimiter == "\t" else "blanks"
                expected = f"{counted(count, 'column')} separated by {separated}, as before"
                raise fault(path, number, counted(len(cells), "column"), expected)
            if not cells[at].strip():
                raise fault(path, number, f"the word (column {at + 1}) is empty", "a word")
            word = cells[at] != DOCUMENT
        if word and ended:
            yield sentence
            sentence, ended = Lines(number, delimiter), False
        if word:
            found = True
            sentence.delimiter = delimiter
            sentence.rows.append((len(sentence.lines), cells))
            sentence.words.append(cells[at])
        elif sentence.rows and not comment:
            ended = True
        sentence.lines.append(line)
    if not found:
        raise InputError(f"{path} holds no sentence; expected {KIND} file with at least one.")
    yield sentence


def read_columns(path: Path, options: Options) -> Iterator[Row]:
    """Yield the sentences in file order: columns `words` and `tags`; `InputError` for a word without a label."""
    labels, at = Labels(path, options), None
    for sentence in read_sentences(path, options):
        found = []
        for row, cells in sentence.rows:
            number = sentence.line + row
            if at is None:
                at = place(path, number, options.tags or "-1", len(cells), "labels")
                if at == place(path, number, options.words or "1", len(cells), "words"):
                    raise fault(path, number, f"words and labels both in column {at + 1}", "a column for each")
            if not cells[at].strip():
                raise fault(path, number, f"the label (column {at + 1}) is empty", "a label")
            found.append((number, cells[at]))
        yield sentence.line + sentence.rows[0][0], {"words": sentence.words, "tags": labels.of(found)}
