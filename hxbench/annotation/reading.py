"""Files to be tagged, as streams of sentences: running text and CoNLL-U.

Text has one sentence a line, whose words are what white space separates: punctuation that is to be a word of its
own must stand alone. Of CoNLL-U the words are those with the IDs 1, 2, 3, …; every line is kept as it stands, so
that all but the tags can be written again. `corpora.conllu` reads gold tags; here UPOS is not even looked at.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hxbench.corpora.lines import counted, fault, numbered_lines, quoted
from hxbench.errors import InputError, did_you_mean

INPUTS = ("text", "conllu")
COLUMNS = 10
_KIND = {"text": "a text", "conllu": "a CoNLL-U"}
_WORD = re.compile("[1-9][0-9]{0,8}")
_OTHER_ROW = re.compile(r"[0-9]{1,9}[-.][0-9]{1,9}")  # a multi-word token (3-4) or an empty node (3.1)


@dataclass(frozen=True)
class Untagged:
    """A sentence before it is tagged; of CoNLL-U also what stands between sentences, without words."""

    line: int  # of its first line in the file
    words: list[str]
    lines: list[str] = field(default_factory=list)  # of CoNLL-U: as they stand, up to the next sentence
    rows: list[int] = field(default_factory=list)  # of CoNLL-U: which of the lines have the words


def read_untagged(path: Path, kind: str) -> Iterator[Untagged]:
    """Yield the sentences of a file in its order.

    Raises `InputError` with file, line and expectation for CoNLL-U with a wrong number of columns, an ID out of
    order or an empty word; for a line that is not UTF-8, a file without sentences, and one that cannot be read.
    """
    found = False
    for sentence in _read_text(path) if kind == "text" else _read_conllu(path):
        found = found or bool(sentence.words)
        yield sentence
    if not found:
        raise InputError(f"{path} holds no sentence; expected {_KIND[kind]} file with at least one.")


def kind_of(path: Path, given: str | None = None) -> str:
    """Return `conllu` or `text`: as given, else by the first line that is neither blank nor a comment."""
    if given is not None:
        if given not in INPUTS:
            raise InputError(did_you_mean("input format", given, list(INPUTS)))
        return given
    for _, line in numbered_lines(path, "a text or CoNLL-U"):
        if line.strip() and not line.startswith("#"):
            token, tab, _ = line.partition("\t")
            return "conllu" if tab and (_WORD.fullmatch(token) or _OTHER_ROW.fullmatch(token)) else "text"
    return "text"


def _read_text(path: Path) -> Iterator[Untagged]:
    for number, line in numbered_lines(path, _KIND["text"]):
        if words := line.split():
            yield Untagged(number, words)


def _read_conllu(path: Path) -> Iterator[Untagged]:
    sentence = Untagged(1, [])
    ended = False  # whether a blank line has ended the sentence
    for number, line in numbered_lines(path, _KIND["conllu"]):
        blank = not line.strip()
        if ended and not blank:
            yield sentence
            sentence, ended = Untagged(number, []), False
        sentence.lines.append(line)
        if blank:
            ended = True
        elif not line.startswith("#"):
            _read_row(path, number, line, sentence)
    if sentence.lines:
        if sentence.words and not ended:
            sentence.lines.append("")  # which the format wants after every sentence
        yield sentence


def _read_row(path: Path, number: int, line: str, sentence: Untagged) -> None:
    """Add the line last put into a sentence to its words, if it is one; raise for one that is broken."""
    columns = line.split("\t")
    if len(columns) != COLUMNS:
        raise fault(path, number, counted(len(columns), "column"), f"{COLUMNS} columns separated by tabs")
    token, form = columns[:2]
    if _WORD.fullmatch(token):
        if int(token) != len(sentence.words) + 1:
            hint = " (a blank line must stand between sentences)" if token == "1" else ""
            raise fault(path, number, f"ID {token}{hint}", f"word ID {len(sentence.words) + 1}")
        if not form.strip():
            raise fault(path, number, "the word (column 2) is empty", "a word")
        sentence.words.append(form)
        sentence.rows.append(len(sentence.lines) - 1)
    elif not _OTHER_ROW.fullmatch(token):
        raise fault(path, number, f"bad ID {quoted(token)}", "an ID such as 3, 3-4 or 3.1")
