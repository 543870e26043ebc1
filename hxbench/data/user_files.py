"""A user's file to be tagged: its sentences as a stream, and the sentences with tags as text.

Of plain text a line is a sentence and its words are what white space separates: punctuation that is to be a word
of its own must stand alone. Of CoNLL-U the words are those with the IDs 1, 2, 3, …; every line is kept as it
stands, so that all but the tags can be written again. The parser is the one that training reads with; UPOS is not
looked at.

Tags are written as CoNLL-U, tab-separated columns or JSON lines. In CoNLL-U a part of speech goes to UPOS (column
4) and a name to MISC (column 10) as `NER=B-PER`, `NER=O` outside of names; an earlier `NER=` is replaced.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hxbench.data.readers import conllu
from hxbench.data.readers.lines import numbered_lines
from hxbench.errors import InputError, did_you_mean

INPUTS = ("text", "conllu")
_TEXT = "a text"
_UPOS, _MISC = 3, 9


@dataclass(frozen=True)
class Untagged:
    """A sentence before it is tagged; of CoNLL-U also what stands between sentences, without words."""

    line: int  # of its first line in the file
    words: list[str]
    lines: list[str] = field(default_factory=list)  # of CoNLL-U: as they stand, up to the next sentence
    rows: list[int] = field(default_factory=list)  # of CoNLL-U: which of the lines have the words

    @property
    def size(self) -> int:
        """Its number of words."""
        return len(self.words)


def read_untagged(path: Path, kind: str) -> Iterator[Untagged]:
    """Yield the sentences of a file in its order.

    Raises `InputError` as `conllu.read_sentences` does; of text for a line that is not UTF-8, a file without
    sentences, and one that cannot be read.
    """
    return _read_text(path) if kind == "text" else _read_conllu(path)


def kind_of(path: Path, given: str | None = None) -> str:
    """Return `conllu` or `text`: as given, else by the first line that is neither blank nor a comment."""
    if given is not None:
        if given not in INPUTS:
            raise InputError(did_you_mean("input format", given, list(INPUTS)))
        return given
    for _, line in numbered_lines(path, "a text or CoNLL-U"):
        if line.strip() and not line.startswith("#"):
            token, tab, _ = line.partition("\t")
            return "conllu" if tab and conllu.is_id(token) else "text"
    return "text"


def _read_text(path: Path) -> Iterator[Untagged]:
    found = False
    for number, line in numbered_lines(path, _TEXT):
        if words := line.split():
            found = True
            yield Untagged(number, words)
    if not found:
        raise InputError(f"{path} holds no sentence; expected {_TEXT} file with at least one.")


def _read_conllu(path: Path) -> Iterator[Untagged]:
    for sentence in conllu.read_sentences(path):
        lines = sentence.lines
        if sentence.rows and lines[-1].strip():
            lines = [*lines, ""]  # which the format wants after every sentence
        yield Untagged(sentence.line, sentence.words, lines, [place for place, _ in sentence.rows])


def _row(columns: Sequence[str], task: str, tag: str) -> str:
    """Return a line of CoNLL-U with the tag in its column."""
    columns = list(columns)
    if task == "pos":
        columns[_UPOS] = tag
    else:
        kept = [
            item for item in columns[_MISC].split("|") if item not in ("_", "") and not item.startswith("NER=")
        ]
        columns[_MISC] = "|".join([*kept, f"NER={tag}"])
    return "\t".join(columns)


def as_conllu(sentence: Untagged, tags: Sequence[str], task: str) -> str:
    """Return the sentence as CoNLL-U: the file's own lines, or of plain text the least that is valid."""
    if sentence.lines:
        lines = list(sentence.lines)
        for place, tag in zip(sentence.rows, tags, strict=True):
            lines[place] = _row(lines[place].split("\t"), task, tag)
        return "".join(f"{line}\n" for line in lines)
    rows = [
        _row([str(number), word, *["_"] * (conllu.COLUMNS - 2)], task, tag)
        for number, (word, tag) in enumerate(zip(sentence.words, tags, strict=True), 1)
    ]
    return "\n".join([f"# sent_id = {sentence.line}", f"# text = {' '.join(sentence.words)}", *rows]) + "\n\n"


def as_tsv(sentence: Untagged, tags: Sequence[str], task: str) -> str:
    """Return a line of word, tab and tag for each word, and a blank line."""
    rows = [f"{word}\t{tag}\n" for word, tag in zip(sentence.words, tags, strict=True)]
    return "".join([*rows, "\n"]) if rows else ""


def as_jsonl(sentence: Untagged, tags: Sequence[str], task: str) -> str:
    """Return one JSON object: the number of the sentence's first line in the file, its words and their tags."""
    if not sentence.words:
        return ""
    values = {"line": sentence.line, "words": sentence.words, task: list(tags)}
    return json.dumps(values, ensure_ascii=False) + "\n"


FORMATS: dict[str, Callable[[Untagged, Sequence[str], str], str]] = {
    "conllu": as_conllu, "tsv": as_tsv, "jsonl": as_jsonl,
}  # fmt: skip
DEFAULT_FORMAT = {"conllu": "conllu", "text": "tsv"}
